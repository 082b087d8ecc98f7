//! Which calls may wait, and how a queue waits for its next event.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use futures_core::Stream;
use okx_feed::client::{DroppedEvents, Events, OwnedEvent};

use crate::status::{Failure, Outcome, Status};

thread_local! {
    /// The thread is a client's. It runs its caller's code in callbacks alone.
    static IS_CLIENT_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the calling thread is a client's.
#[inline]
pub(crate) fn mark_client_thread() {
    IS_CLIENT_THREAD.set(true);
}

/// Refuses a call that waits for a client where it can't be answered.
///
/// On a client's thread no call waits, whichever client it is for: it would wait for itself, or for
/// another one whose callback waits for this one. A process that was forked has no client's thread.
pub(crate) fn check_may_wait(process: u32) -> Outcome<()> {
    check_process(process)?;
    if IS_CLIENT_THREAD.get() {
        let reason = "a client's callback can't wait for a client; call this on another thread";
        return Err(Failure::new(Status::Thread, reason));
    }
    Ok(())
}

/// Refuses a call in a process that was forked from the client's, which is `process`.
pub(crate) fn check_process(process: u32) -> Outcome<()> {
    match process == std::process::id() {
        true => Ok(()),
        false => Err(Failure::new(
            Status::Thread,
            "the client's thread is in the process that was forked; start a client here",
        )),
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a queue gave.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub(crate) enum Next {
    /// The next event, or what was dropped before it.
    Event(Result<OwnedEvent, DroppedEvents>),
    /// No event within the time.
    Nothing,
    /// The client has stopped.
    End,
}

/// Waits for at most `timeout`.
#[expect(clippy::disallowed_methods, reason = "a limit of real time, off the hot path")]
pub(crate) fn next(events: &mut Events, timeout: Duration) -> Next {
    if let Some(event) = events.try_recv() {
        return Next::Event(event);
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let begin = Instant::now();
    loop {
        match Pin::new(&mut *events).poll_next(&mut context) {
            Poll::Ready(Some(event)) => return Next::Event(event),
            Poll::Ready(None) => return Next::End,
            Poll::Pending => {}
        }
        let left = timeout.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Next::Nothing;
        }
        // It may return early, which the loop takes for no event.
        std::thread::park_timeout(left);
    }
}
