//! The core with a custom transport: here a recording in memory replaces the socket.
//!
//! `Session` decides what to send and when; `FeedHandler` processes received frames. Neither uses a
//! socket, a clock or a runtime, so any of them can be used.
//!
//! `cargo run --example sans_io`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use okx_feed::session::{Action, SessionConfig};
use okx_feed::{Dialect, Event, FeedHandler, Frame, MonoNanos, Session, Subscription, UnixNanos};

const RECORDING: [&str; 3] = [
    r#"{"event":"subscribe","channel":"futures/depth5:BTC-USD-190517"}"#,
    r#"{"table":"futures/depth5","data":[{"asks":[["7213","5","0","2"]],"bids":[["7212.96","149","0","27"]],"instrument_id":"BTC-USD-190517","timestamp":"2019-05-14T02:03:04.567Z"}]}"#,
    "pong",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted: Subscription = "futures/depth5:BTC-USD-190517".parse()?;
    let mut session = Session::new(SessionConfig::new(Dialect::V3), 1);
    let mut feed = FeedHandler::new(Dialect::V3);
    let mut now = MonoNanos::ZERO;
    session.subscribe(wanted, now);
    feed.subscribe(wanted)?;

    let mut frames = RECORDING.iter();
    while let Some(due) = session.poll_timeout() {
        // Time is virtual here: a program with a socket would wait for a frame until `due`.
        now = now.max(due);
        session.handle_timeout(now);
        while let Some(action) = session.poll_action() {
            println!("{:>6.1} s  {action:?}", Duration::from_nanos(now.0).as_secs_f64());
            if action == Action::Connect {
                session.handle_connected(now);
            }
        }
        let Some(frame) = frames.next() else { break };
        session.handle_inbound(now);
        feed.on_frame(Frame::Text(frame.as_bytes()), UnixNanos(now.0), &mut |event: &Event<
            '_,
        >| {
            if let Event::Control(control) = event {
                session.handle_control(control, now);
            }
        })?;
    }
    println!("{:?}", feed.book(&wanted));
    Ok(())
}
