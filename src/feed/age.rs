//! How old what comes is: what has waited on its way is not the market of now.

use std::time::Duration;

use crate::model::UnixNanos;

/// The ages of a connection's books when they are received, beside the least age of the last while.
///
/// The exchange's clock and ours are not the same, so an age means nothing by itself; but what is much
/// older than the youngest has waited, at the exchange, in the network or behind a sink that does not
/// keep up. The least is of two spans, so that clocks may drift apart ([`Ages::rotate`]). Allocates
/// nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    limit: i64,
    /// The least age in this span, in nanoseconds; negative where the exchange's clock is ahead.
    least: i64,
    /// The least age in the span before.
    before: i64,
    last: i64,
}

impl Ages {
    /// No limit, and nothing known.
    pub(super) const NONE: Self =
        Self { limit: i64::MAX, least: i64::MAX, before: i64::MAX, last: i64::MAX };

    /// Sets by how much an age may exceed the least; `None` for no limit.
    pub(super) fn set_limit(&mut self, limit: Option<Duration>) {
        let nanos = limit.and_then(|limit| i64::try_from(limit.as_nanos()).ok());
        self.limit = nanos.unwrap_or(i64::MAX);
    }

    /// Takes the times of a book; true where it is too old.
    #[inline]
    pub(super) const fn is_old(&mut self, ts_event: UnixNanos, ts_recv: UnixNanos) -> bool {
        self.last = ts_recv.0.wrapping_sub(ts_event.0).cast_signed();
        if self.last < self.least {
            self.least = self.last;
        }
        self.excess() > self.limit
    }

    /// Notes that the exchange's time has gone back so far; where that is more than half of the limit
    /// its clock was set, and the ages before say nothing. Half, since less adds up with what our own
    /// clock has drifted.
    #[cold]
    pub(super) fn ran_back(&mut self, from: UnixNanos, to: UnixNanos) {
        let back = from.0.saturating_sub(to.0);
        if i64::try_from(back).is_ok_and(|back| back > self.limit / 2) {
            self.forget();
        }
    }

    /// Has ages count by a wall clock that has gained so much on the monotonic one, or lost it: our own
    /// clock was set a little, or runs slowly, and that is no age.
    pub(super) fn shift(&mut self, nanos: i64) {
        for age in [&mut self.least, &mut self.before].into_iter().filter(|age| **age != i64::MAX) {
            *age = age.saturating_add(nanos);
        }
    }

    const fn excess(&self) -> i64 {
        let least = if self.before < self.least { self.before } else { self.least };
        self.last.saturating_sub(least)
    }

    /// By how much the last age exceeds the least.
    pub(super) const fn lag(&self) -> Duration {
        Duration::from_nanos(self.excess().unsigned_abs())
    }

    /// Begins another span: what was the least before the last one is forgotten.
    pub(super) const fn rotate(&mut self) {
        (self.before, self.least) = (self.least, i64::MAX);
    }

    /// Forgets the least age: a clock was set, and nothing waits.
    pub(super) const fn forget(&mut self) {
        (self.least, self.before, self.last) = (i64::MAX, i64::MAX, i64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_youngest_by_more_than_the_limit_is_old() {
        let second = 1_000_000_000;
        let mut ages = Ages::NONE;
        assert!(!ages.is_old(UnixNanos(1), UnixNanos(u64::MAX / 2)));
        ages.forget();
        ages.set_limit(Some(Duration::from_secs(5)));
        // The exchange's clock is three seconds ahead.
        assert!(!ages.is_old(UnixNanos(103 * second), UnixNanos(100 * second)));
        assert!(!ages.is_old(UnixNanos(103 * second), UnixNanos(105 * second)));
        assert!(ages.is_old(UnixNanos(103 * second), UnixNanos(105 * second + 1)));
        assert!(ages.lag() > Duration::from_secs(5));
        ages.forget();
        assert_eq!(ages.lag(), Duration::ZERO);
        assert!(!ages.is_old(UnixNanos(103 * second), UnixNanos(200 * second)));
    }

    #[test]
    fn clocks_may_drift_apart_and_be_set() {
        let second = 1_000_000_000;
        let mut ages = Ages::NONE;
        ages.set_limit(Some(Duration::from_secs(5)));
        // Our clock gains a second in each span.
        for span in 0..20 {
            assert!(!ages.is_old(UnixNanos(1_000 * second), UnixNanos((1_000 + span) * second)));
            ages.rotate();
        }
        // What lags is old in the span after too.
        assert!(ages.is_old(UnixNanos(1_000 * second), UnixNanos(1_030 * second)));
        ages.rotate();
        assert!(!ages.is_old(UnixNanos(1_000 * second), UnixNanos(1_030 * second)));
        // The exchange's clock is set back by ten seconds.
        ages.ran_back(UnixNanos(1_000 * second), UnixNanos(998 * second));
        assert!(ages.is_old(UnixNanos(990 * second), UnixNanos(1_030 * second)));
        ages.ran_back(UnixNanos(1_000 * second), UnixNanos(990 * second));
        assert!(!ages.is_old(UnixNanos(990 * second), UnixNanos(1_030 * second)));
    }

    #[test]
    fn what_our_own_clock_gains_or_loses_is_no_age() {
        let second = 1_000_000_000_u64;
        let mut ages = Ages::NONE;
        ages.shift(1);
        ages.set_limit(Some(Duration::from_secs(5)));
        assert!(!ages.is_old(UnixNanos(1_000 * second), UnixNanos(1_000 * second)));
        ages.shift(60 * 1_000_000_000);
        assert!(!ages.is_old(UnixNanos(1_001 * second), UnixNanos(1_061 * second)));
        assert_eq!(ages.lag(), Duration::ZERO);
        ages.shift(-20 * 1_000_000_000);
        assert!(!ages.is_old(UnixNanos(1_002 * second), UnixNanos(1_047 * second)));
        assert!(ages.is_old(UnixNanos(1_002 * second), UnixNanos(1_047 * second + 1)));
    }
}
