//! The cost of redundant lines: frame to sink of one line alone, and of the first and the second of
//! two lines behind an arbiter.
//!
//! `cargo bench --no-default-features --bench redundant_lines` prints nanoseconds a message,
//! medians of the rounds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench reads a clock and prints"
)]

use std::time::Instant;

use okx_feed::{Arbiter, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};

const ROUNDS: usize = 4_000;
/// Messages a round; the second line is so far behind the first.
const MESSAGES: usize = 16;

fn main() {
    println!("{:<10} {:>8} {:>8} {:>10}", "channel", "alone", "first", "duplicate");
    for channel in ["books5", "bbo-tbt", "trades", "books"] {
        let [alone, first, duplicate] = medians(channel);
        println!("{channel:<10} {alone:>8.1} {first:>8.1} {duplicate:>10.1}");
    }
}

/// The medians of one line alone, of first copies, and of duplicates.
fn medians(channel: &str) -> [f64; 3] {
    let subscription: Subscription = format!("{channel}:BTC-USDT").parse().unwrap();
    let mut handlers: [_; 3] = std::array::from_fn(|_| FeedHandler::new(Dialect::V5));
    handlers.iter_mut().for_each(|handler| handler.subscribe(subscription).unwrap());
    // A line alone is read as well.
    let alone = &mut handlers[0];
    let _readers = (
        alone.book_reader(&subscription),
        alone.depth_reader(&subscription),
        alone.trade_reader(&subscription),
    );
    let mut arbiter = Arbiter::new(2);
    arbiter.subscribe(subscription);
    let mut emitted = 0_u64;
    let mut times: [Vec<f64>; 3] = std::array::from_fn(|_| Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS {
        let numbers = (round * MESSAGES..(round + 1) * MESSAGES).map(|n| n as u64);
        let texts: Vec<_> = numbers.map(|n| text(channel, n)).collect();
        for (which, (handler, times)) in handlers.iter_mut().zip(&mut times).enumerate() {
            let begin = Instant::now();
            for text in &texts {
                let sink = &mut |_: &Event<'_>| emitted += 1;
                let ts_recv = UnixNanos(1_790_000_000_000_000_000 + round as u64);
                let frame = Frame::Text(text.as_bytes());
                let result = match which {
                    0 => handler.on_frame(frame, ts_recv, sink),
                    _ => handler.on_frame(frame, ts_recv, &mut |event: &Event<'_>| {
                        arbiter.on_event(which - 1, event, sink);
                    }),
                };
                result.unwrap();
            }
            times.push(begin.elapsed().as_nanos() as f64 / MESSAGES as f64);
        }
    }
    // All of one line, all once of the two, and one state change of each subscription.
    assert_eq!(emitted, 2 * (ROUNDS * MESSAGES) as u64 + 2, "{channel}");
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}

fn text(channel: &str, n: u64) -> String {
    let ts = 1_790_000_000_000 + n;
    let arg = format!(r#""arg":{{"channel":"{channel}","instId":"BTC-USDT"}}"#);
    let side = |px: u64, count: u64| -> String {
        let level = |at: u64| format!(r#"["{}.{}","0.0{}","0","3"]"#, px + at, n % 10, 1 + n % 89);
        (0..count).map(level).collect::<Vec<_>>().join(",")
    };
    let seq = n + 1;
    match channel {
        "trades" => format!(
            r#"{{{arg},"data":[{{"instId":"BTC-USDT","tradeId":"{seq}","px":"84093.5","sz":"0.01","side":"buy","ts":"{ts}","count":"1"}}]}}"#
        ),
        "books" => {
            let (action, prev) = if n == 0 { ("snapshot", -1) } else { ("update", n as i64) };
            let asks = format!(r#"["841{}","0.{seq}","0","2"]"#, 10 + n % 80);
            format!(
                r#"{{{arg},"action":"{action}","data":[{{"asks":[{asks}],"bids":[],"ts":"{ts}","checksum":0,"prevSeqId":{prev},"seqId":{seq}}}]}}"#
            )
        }
        _ => {
            let count = if channel == "books5" { 5 } else { 1 };
            let bids: Vec<_> = (0..count).map(|at| side(84_000 - at, 1)).collect();
            let seq =
                if channel == "books5" { format!(r#","seqId":{seq}"#) } else { String::new() };
            format!(
                r#"{{{arg},"data":[{{"asks":[{}],"bids":[{}],"instId":"BTC-USDT","ts":"{ts}"{seq}}}]}}"#,
                side(84_100, count),
                bids.join(",")
            )
        }
    }
}
