//! The clocks of this machine, read once per frame.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the client that reads a clock"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{MonoNanos, UnixNanos};

/// How often the wall clock is looked at again.
const ANCHOR_EVERY: Duration = Duration::from_secs(10);

/// A monotonic clock, and a wall clock that is driven by it and so never runs backwards.
///
/// One look at the monotonic clock gives both. The wall clock's own value is fetched every ten
/// seconds; where it has stepped back, time goes on from where it was. Clones agree on the wall
/// clock's time, whichever of them has fetched it.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    anchored: MonoNanos,
    /// What the wall clock would have shown at the start, in nanoseconds since 1970. It only grows.
    wall_at_start: Arc<AtomicU64>,
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start() -> Self {
        let (start, anchored) = (Instant::now(), MonoNanos::ZERO);
        let mut clock = Self { start, anchored, wall_at_start: Arc::default() };
        clock.anchor(MonoNanos::ZERO);
        clock
    }

    /// The monotonic time since the start.
    #[inline]
    #[must_use]
    pub fn mono(&self) -> MonoNanos {
        MonoNanos::ZERO + self.start.elapsed()
    }

    /// The monotonic time, and the wall-clock time of the same moment.
    #[inline]
    pub fn now(&mut self) -> (MonoNanos, UnixNanos) {
        let mono = self.mono();
        if mono.since(self.anchored) >= ANCHOR_EVERY {
            self.anchor(mono);
        }
        (mono, self.wall_at(mono))
    }

    /// The point of tokio's clock that is `at` on this one.
    #[must_use]
    pub(crate) fn deadline(&self, at: MonoNanos) -> tokio::time::Instant {
        let start = tokio::time::Instant::from_std(self.start);
        // A deadline that can't be expressed is one that never comes: a day is as good.
        start.checked_add(Duration::from_nanos(at.0)).unwrap_or(start + Duration::from_secs(86_400))
    }

    fn wall_at(&self, mono: MonoNanos) -> UnixNanos {
        UnixNanos(self.wall_at_start.load(Ordering::Relaxed).saturating_add(mono.0))
    }

    fn anchor(&mut self, mono: MonoNanos) {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let system = u64::try_from(system.as_nanos()).unwrap_or(u64::MAX);
        self.wall_at_start.fetch_max(system.saturating_sub(mono.0), Ordering::Relaxed);
        self.anchored = mono;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_steps_back_does_not_run_backwards() {
        let mut clock = Clock::start();
        let hour = 3_600_000_000_000;
        let future = UnixNanos(clock.wall_at_start.fetch_add(hour, Ordering::Relaxed) + hour);
        clock.anchor(MonoNanos(5));
        assert_eq!(clock.wall_at(MonoNanos(5)), UnixNanos(future.0 + 5));
        let (mono, wall) = clock.now();
        let (later, wall_later) = clock.now();
        assert!(later >= mono && wall_later >= wall);
    }

    #[test]
    fn clones_agree_on_the_time_whichever_has_seen_the_wall_clock_step() {
        let clock = Clock::start();
        let other = clock.clone();
        clock.wall_at_start.fetch_add(60_000_000_000, Ordering::Relaxed);
        assert_eq!(clock.wall_at(MonoNanos(7)), other.wall_at(MonoNanos(7)));
    }
}
