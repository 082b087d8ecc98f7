//! Whether the feed's thread goes on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::MonoNanos;
use crate::transport::Clock;

/// The last sign of life of a client's thread, for whoever reads its books on another.
///
/// A book says `Live` for as long as the feed's thread does not say otherwise, and a sink that does
/// not return keeps it from saying anything. The thread beats before each frame and at least once a
/// second: a reader that must not trade on a stopped feed compares [`Heartbeat::age`] with a limit of
/// its own, say three seconds. Reading takes no lock and allocates nothing.
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

    /// The feed's thread goes on, at `now`.
    #[inline]
    pub(super) fn beat(&self, now: MonoNanos) {
        self.last.store(now.0, Ordering::Relaxed);
    }

    /// How long ago the feed's thread gave its last sign of life; it grows without end once the
    /// client has stopped.
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
