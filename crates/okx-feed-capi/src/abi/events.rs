//! Queues of events.
#![expect(unsafe_code, reason = "names are exported")]

use std::time::Duration;

use okx_feed::client::Events as ClientEvents;

use crate::emit::{Held, of_dropped};
use crate::handles::{Exclusive, Handle, close, with};
use crate::pointers::{check_out, put_sized};
use crate::status::{Status, guard};
use crate::types::Event;
use crate::wait::{Next, check_may_wait, check_process, next};

/// A queue of a client's events.
#[derive(Debug)]
pub struct Events(());

impl Handle for Events {
    type Object = Exclusive<Queue>;
    const NAME: &'static str = "a queue of events";
}

/// A queue, and the event that it gave last.
#[derive(Debug)]
pub(crate) struct Queue {
    events: ClientEvents,
    held: Box<Held>,
    /// The process that has the client's thread.
    process: u32,
}

impl Queue {
    pub(crate) fn new(events: ClientEvents) -> Self {
        Self { events, held: Held::new(), process: std::process::id() }
    }
}

/// The next event. Waits for at most `timeout_ms` milliseconds; 0 does not wait. `size` is
/// sizeof(okx_event). What the event points to is valid until the next call with this queue.
///
/// OKX_STATUS_EMPTY if there is none within the time, OKX_STATUS_END once the client has stopped.
/// OKX_STATUS_THREAD in a client's callback, unless `timeout_ms` is 0.
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
            queue.with(|Queue { events, held, process }| {
                match timeout_ms {
                    0 => check_process(*process)?,
                    _ => check_may_wait(*process)?,
                }
                let event = match next(events, Duration::from_millis(timeout_ms.into())) {
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
