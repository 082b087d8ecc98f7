//! The known steps of the exchange's clock, to find the true time of a timestamp.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use okx_feed::UnixNanos;

/// What the exchange's times are cut to.
pub(super) const TIME_STEP_NS: u64 = 1_000_000;

/// How far a line may lag behind another: longer than connections stall.
const LAG: Duration = Duration::from_secs(30);

/// The steps of the exchange's clock, in the order in which they happen. Times without a further
/// word are true ones: what the clock would show without its steps.
#[derive(Debug, Default)]
pub(super) struct KnownClockSteps {
    /// When, and by how many nanoseconds.
    steps: Mutex<Vec<(UnixNanos, i64)>>,
}

impl KnownClockSteps {
    /// Adds a step that happens now, and the one back where there is one.
    pub(super) fn add(&self, now: UnixNanos, by: i64, back_after: Option<Duration>) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push((now, by));
        let later = |span: Duration| UnixNanos(now.0.saturating_add(nanos(span)));
        steps.extend(back_after.map(|span| (later(span), -by)));
        steps.sort_by_key(|(at, _)| *at);
    }

    /// Whether the clock was set back between two times, or so shortly before the first that a line
    /// may have lagged by it.
    pub(super) fn was_set_back(&self, from: UnixNanos, to: UnixNanos) -> bool {
        let after = UnixNanos(from.0.saturating_sub(nanos(LAG)));
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.iter().any(|(at, by)| *by < 0 && after < *at && *at <= to)
    }

    /// The true times at which the clock showed a timestamp, which is cut to milliseconds. Mostly
    /// one; none for a timestamp that the clock skipped, several for one to which it came back.
    pub(super) fn true_times(&self, shown: UnixNanos) -> Vec<UnixNanos> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut skew, mut from) = (0_i64, UnixNanos(0));
        let mut times = Vec::new();
        for (until, by) in steps.iter().copied().chain([(UnixNanos(u64::MAX), 0)]) {
            let time = UnixNanos(shown.0.saturating_add_signed(-skew));
            if time < until && time.0.saturating_add(TIME_STEP_NS) > from.0 {
                times.push(time);
            }
            (skew, from) = (skew.saturating_add(by), until);
        }
        times
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_shown_twice_has_two_true_times_and_a_skipped_one_has_none() {
        let at = |ms: u64| UnixNanos(ms * 1_000_000);
        let clock = KnownClockSteps::default();
        assert_eq!(clock.true_times(at(500)), [at(500)]);
        clock.add(at(1_000), -400_000_000, Some(Duration::from_millis(300)));
        // 600 to 899 are shown twice; from 1,300 on the clock is right again, and 900 to 1,299 are
        // shown only before the step.
        assert!(clock.was_set_back(at(999), at(1_000)) && clock.was_set_back(at(2_000), at(3_000)));
        assert!(!clock.was_set_back(at(900), at(999)));
        assert!(!clock.was_set_back(at(32_000), at(40_000)));
        assert_eq!(clock.true_times(at(700)), [at(700), at(1_100)]);
        assert_eq!(clock.true_times(at(950)), [at(950)]);
        assert_eq!(clock.true_times(at(1_200)), []);
        assert_eq!(clock.true_times(at(1_400)), [at(1_400)]);
    }
}
