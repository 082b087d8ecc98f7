//! Waits for the next event of a queue for a limited time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use futures_core::Stream;
use okx_feed::client::{DroppedEvents, Events, OwnedEvent};

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
