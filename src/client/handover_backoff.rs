//! How often the connections of a group may be replaced.

use std::time::Duration;

use crate::model::MonoNanos;

/// The shortest and the longest pause between handovers of one group, after the first. The longest
/// is less than the half minute that an announcement comes ahead at least.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// The pauses between handovers of one group: none the first time, then doubling, as an exchange
/// may announce an upgrade on each connection; none again after four times the longest pause
/// without a handover.
#[derive(Debug, Default)]
pub(super) struct HandoverBackoff {
    last: Option<MonoNanos>,
    pause: Duration,
}

impl HandoverBackoff {
    /// Records a handover at `now`.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub(super) fn try_acquire(&mut self, now: MonoNanos) -> Result<(), Duration> {
        let (shortest, longest) = PAUSES;
        let passed = self.last.map_or(Duration::MAX, |last| now.since(last));
        if passed < self.pause {
            return Err(self.pause - passed);
        }
        if passed >= longest * 4 {
            self.pause = Duration::ZERO;
        }
        self.pause = (self.pause * 2).clamp(shortest, longest);
        self.last = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_handovers_double_and_start_again_after_a_quiet_time() {
        let mut backoff = HandoverBackoff::default();
        let mut taken = Vec::new();
        for second in 0..600 {
            if backoff.try_acquire(MonoNanos::ZERO + Duration::from_secs(second)).is_ok() {
                taken.push(second);
            }
        }
        assert_eq!(taken[..8], [0, 1, 3, 7, 15, 30, 45, 60]);
        let later = MonoNanos::ZERO + Duration::from_secs(10_000);
        assert_eq!(backoff.try_acquire(later), Ok(()));
        assert_eq!(backoff.try_acquire(later), Err(Duration::from_secs(1)));
    }
}
