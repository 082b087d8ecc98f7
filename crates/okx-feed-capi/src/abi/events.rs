//! Queues of events.
#![expect(unsafe_code, reason = "names are exported")]

use std::time::Duration;

use okx_feed::client::Events as Queue;

use crate::emit::{Held, of_dropped};
use crate::handles::{Exclusive, Handle, close, with};
use crate::pointers::{check_out, put_sized};
use crate::status::{Status, guard};
use crate::types::Event;
use crate::wait::{Next, next};

/// A queue of a client's events.
#[derive(Debug)]
pub struct Events(());

impl Handle for Events {
    type Object = Exclusive<(Queue, Box<Held>)>;
    const NAME: &'static str = "a queue of events";
}

/// The next event. Waits for at most `timeout_ms` milliseconds; 0 does not wait. `size` is
/// sizeof(okx_event). What the event points to is valid until the next call with this queue.
///
/// OKX_STATUS_EMPTY if there is none within the time, OKX_STATUS_END once the client has stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_events_next(
    events: *mut Events,
    timeout_ms: u32,
    out: *mut Event,
    size: usize,
) -> Status {
    guard(|| {
        check_out(out, "out")?;
        with(events, |queue| {
            queue.with(|(queue, held)| {
                let event = match next(queue, Duration::from_millis(timeout_ms.into())) {
                    Next::Event(Ok(event)) => held.hold(event),
                    Next::Event(Err(dropped)) => of_dropped(dropped.total()),
                    Next::Nothing => return Ok(Status::Empty),
                    Next::End => return Ok(Status::End),
                };
                put_sized(out, size, event, "out")?;
                Ok(Status::Ok)
            })
        })
    })
}

/// Closes a queue; the client fills it no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_events_close(events: *mut Events) -> Status {
    guard(|| close(events, Exclusive::end))
}
