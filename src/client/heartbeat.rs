//! Whether the feed's thread is running.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::MonoNanos;
use crate::transport::Clock;

/// The heartbeat of a client's thread, for readers on other threads.
///
/// A book stays `Live` until the feed's thread changes it, and a sink that does not return keeps
/// the thread from doing so. The thread beats before each frame and at least once a second. A
/// reader that must not trade on a stopped feed compares [`Heartbeat::age`] with a limit of its
/// own, say three seconds. Reading takes no lock and does not allocate.
#[derive(Clone)]
pub struct Heartbeat {
    clock: Clock,
    last: Arc<AtomicU64>,
}

impl Heartbeat {
    pub(super) fn new(clock: Clock) -> Self {
        let last = AtomicU64::new(clock.mono().0);
        Self { clock, last: Arc::new(last) }
    }

    /// Records that the feed's thread runs at `now`.
    #[inline]
    pub(super) fn beat(&self, now: MonoNanos) {
        self.last.store(now.0, Ordering::Relaxed);
    }

    /// How long ago the last beat was; it grows without end once the client has stopped.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.clock.mono().since(MonoNanos(self.last.load(Ordering::Relaxed)))
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat").field("age", &self.age()).finish()
    }
}
