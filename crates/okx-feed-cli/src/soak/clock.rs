//! When the exchange's clock told what, for whoever judges by the times that it told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use okx_feed::UnixNanos;

/// What the exchange's times are cut to.
pub(super) const TIME_STEP_NS: u64 = 1_000_000;

/// How far a line may lag behind another: more than connections stand still for.
const LAG: Duration = Duration::from_secs(30);

/// The jumps of the exchange's clock, in the order in which they happen.
#[derive(Debug, Default)]
pub(super) struct ToldClock {
    jumps: Mutex<Vec<(UnixNanos, i64)>>,
}

impl ToldClock {
    /// Notes a jump that happens now, and the one back where there is one.
    pub(super) fn jump(&self, now: UnixNanos, by: i64, back_after: Option<Duration>) {
        let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
        jumps.push((now, by));
        let later = |span: Duration| UnixNanos(now.0.saturating_add(nanos(span)));
        jumps.extend(back_after.map(|span| (later(span), -by)));
        jumps.sort_by_key(|(at, _)| *at);
    }

    /// Whether the clock was set back so near before one moment that a line may have lagged by it,
    /// or between it and the other.
    pub(super) fn was_set_back(&self, from: UnixNanos, by: UnixNanos) -> bool {
        let after = UnixNanos(from.0.saturating_sub(nanos(LAG)));
        let jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
        jumps.iter().any(|(at, jump)| *jump < 0 && after < *at && *at <= by)
    }

    /// The moments at which the clock told this time, cut to milliseconds: mostly one, but none that
    /// was jumped over, and more of one to which it came back.
    pub(super) fn moments(&self, told: UnixNanos) -> Vec<UnixNanos> {
        let jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut skew, mut from) = (0_i64, UnixNanos(0));
        let mut moments = Vec::new();
        for (until, by) in jumps.iter().copied().chain([(UnixNanos(u64::MAX), 0)]) {
            let moment = UnixNanos(told.0.saturating_add_signed(-skew));
            if moment < until && moment.0.saturating_add(TIME_STEP_NS) > from.0 {
                moments.push(moment);
            }
            (skew, from) = (skew.saturating_add(by), until);
        }
        moments
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_was_told_twice_has_two_moments_and_one_jumped_over_has_none() {
        let at = |ms: u64| UnixNanos(ms * 1_000_000);
        let clock = ToldClock::default();
        assert_eq!(clock.moments(at(500)), [at(500)]);
        clock.jump(at(1_000), -400_000_000, Some(Duration::from_millis(300)));
        // 600 to 899 are told twice; from 1,300 on it is right again, and 900 to 1,299 are not told
        // but before the jump.
        assert!(clock.was_set_back(at(999), at(1_000)) && clock.was_set_back(at(2_000), at(3_000)));
        assert!(!clock.was_set_back(at(900), at(999)));
        assert!(!clock.was_set_back(at(32_000), at(40_000)));
        assert_eq!(clock.moments(at(700)), [at(700), at(1_100)]);
        assert_eq!(clock.moments(at(950)), [at(950)]);
        assert_eq!(clock.moments(at(1_200)), []);
        assert_eq!(clock.moments(at(1_400)), [at(1_400)]);
    }
}
