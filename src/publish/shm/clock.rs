//! The clock that all processes of a machine share.

use nix::time::{ClockId, clock_gettime};

/// A time of the system's monotonic clock in nanoseconds; the same clock for all processes.
///
/// It never steps, so the age of a heartbeat is right also when the time of day is corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonotonicNanos(pub u64);

impl MonotonicNanos {
    /// The present time; 0 if the system has no such clock.
    #[must_use]
    pub fn now() -> Self {
        let Ok(time) = clock_gettime(ClockId::CLOCK_MONOTONIC) else { return Self(0) };
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
}
