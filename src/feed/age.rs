//! Ages of books at receipt: a book that was queued on its way does not show the current market.

use std::fmt;
use std::time::Duration;

use crate::model::UnixNanos;

/// What the check for silence did to the ages, which no frame shows. A recording has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgeChange {
    /// [`Ages::forget`].
    Forget,
    /// [`Ages::shift`], in nanoseconds.
    Shift(i64),
    /// [`Ages::rotate`].
    Rotate,
}

impl fmt::Display for AgeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forget => f.write_str("forget"),
            Self::Shift(nanos) => write!(f, "shift={nanos}"),
            Self::Rotate => f.write_str("rotate"),
        }
    }
}

#[cfg(feature = "capture")]
impl AgeChange {
    /// The change of a text; `None` where it is another one.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        match text {
            "forget" => Some(Self::Forget),
            "rotate" => Some(Self::Rotate),
            _ => text.strip_prefix("shift=")?.parse().ok().map(Self::Shift),
        }
    }
}

/// The ages of a connection's books at receipt, compared with the smallest age of late.
///
/// The exchange's clock and the local clock differ, so an age alone has no meaning. A book whose
/// age exceeds the least age by much was queued: at the exchange, in the network, or behind a slow
/// sink. The least age is taken over two periods, so that the clocks may drift apart
/// ([`Ages::rotate`]). Allocates nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    limit: i64,
    /// The least age in this period, in nanoseconds; negative if the exchange's clock is ahead.
    least: i64,
    /// The least age in the previous period.
    before: i64,
    last: i64,
}

impl Ages {
    /// No limit and no age.
    pub(super) const NONE: Self =
        Self { limit: i64::MAX, least: i64::MAX, before: i64::MAX, last: i64::MAX };

    /// Sets by how much an age may exceed the least; `None` for no limit.
    pub(super) fn set_limit(&mut self, limit: Option<Duration>) {
        let nanos = limit.and_then(|limit| i64::try_from(limit.as_nanos()).ok());
        self.limit = nanos.unwrap_or(i64::MAX);
    }

    /// Records the age of a book. Returns true if it exceeds the least age by more than the limit.
    #[inline]
    pub(super) const fn is_old(&mut self, ts_event: UnixNanos, ts_recv: UnixNanos) -> bool {
        self.last = ts_recv.0.wrapping_sub(ts_event.0).cast_signed();
        if self.last < self.least {
            self.least = self.last;
        }
        self.excess() > self.limit
    }

    /// Handles an exchange time that went back from `from` to `to`. A step of more than half of the
    /// limit means that the exchange's clock was set, so earlier ages are dropped. The threshold is
    /// half of the limit because the drift of the local clock adds to the step.
    #[cold]
    pub(super) fn on_clock_step_back(&mut self, from: UnixNanos, to: UnixNanos) {
        let back = from.0.saturating_sub(to.0);
        if i64::try_from(back).is_ok_and(|back| back > self.limit / 2) {
            self.forget();
        }
    }

    /// Adjusts the least age by the nanoseconds that the local wall clock gained on the monotonic
    /// clock. A small step or a drift of the local clock then does not look like an age.
    pub(super) fn shift(&mut self, nanos: i64) {
        for age in [&mut self.least, &mut self.before].into_iter().filter(|age| **age != i64::MAX) {
            *age = age.saturating_add(nanos);
        }
    }

    const fn excess(&self) -> i64 {
        let least = if self.before < self.least { self.before } else { self.least };
        self.last.saturating_sub(least)
    }

    /// The excess of the last age over the least age.
    pub(super) const fn lag(&self) -> Duration {
        Duration::from_nanos(self.excess().unsigned_abs())
    }

    /// Starts a new period and drops the least age of the period before the last.
    pub(super) const fn rotate(&mut self) {
        (self.before, self.least) = (self.least, i64::MAX);
    }

    /// Makes a change.
    pub(super) fn change(&mut self, change: AgeChange) {
        match change {
            AgeChange::Forget => self.forget(),
            AgeChange::Shift(nanos) => self.shift(nanos),
            AgeChange::Rotate => self.rotate(),
        }
    }

    /// Drops all ages, after a clock was set and when nothing is queued.
    pub(super) const fn forget(&mut self) {
        (self.least, self.before, self.last) = (i64::MAX, i64::MAX, i64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_that_exceeds_the_least_age_by_more_than_the_limit_is_old() {
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
        // The local clock gains a second in each period.
        for period in 0..20 {
            assert!(!ages.is_old(UnixNanos(1_000 * second), UnixNanos((1_000 + period) * second)));
            ages.rotate();
        }
        // A lagging book is old in the next period too.
        assert!(ages.is_old(UnixNanos(1_000 * second), UnixNanos(1_030 * second)));
        ages.rotate();
        assert!(!ages.is_old(UnixNanos(1_000 * second), UnixNanos(1_030 * second)));
        // The exchange's clock is set back by ten seconds.
        ages.on_clock_step_back(UnixNanos(1_000 * second), UnixNanos(998 * second));
        assert!(ages.is_old(UnixNanos(990 * second), UnixNanos(1_030 * second)));
        ages.on_clock_step_back(UnixNanos(1_000 * second), UnixNanos(990 * second));
        assert!(!ages.is_old(UnixNanos(990 * second), UnixNanos(1_030 * second)));
    }

    #[test]
    fn a_gain_or_loss_of_the_local_clock_is_not_an_age() {
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
