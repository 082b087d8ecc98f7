//! Counters of what each of several redundant connections delivers.

use hdrhistogram::Histogram;

use super::filter::Arbitration;
use crate::model::UnixNanos;

/// The longest delay that is distinguished, in microseconds: ten seconds. Longer ones are recorded
/// as this.
const LONGEST_US: u64 = 10_000_000;

/// What a line has delivered, of all its subscriptions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LineStats {
    /// Updates that this line delivered first.
    pub accepted: u64,
    /// Updates that another line had delivered before.
    pub duplicates: u64,
    /// Books that this line itself had delivered before. Trades that it has delivered before a line
    /// does not emit again.
    pub self_duplicates: u64,
    /// Updates that were older than what was shown.
    pub outdated: u64,
    /// Updates that were held while the line joined. They are emitted later, or found to be
    /// duplicates, and are in no other counter.
    pub held: u64,
    /// How long after the accepted ones the duplicates came, in microseconds: 1 to ten million.
    pub lag_us: Histogram<u64>,
}

impl LineStats {
    #[expect(clippy::expect_used, reason = "constant bounds, which a test makes too")]
    pub(crate) fn new() -> Self {
        let lag_us = Histogram::new_with_bounds(1, LONGEST_US, 2);
        let lag_us = lag_us.expect("bounds are in order");
        Self { accepted: 0, duplicates: 0, self_duplicates: 0, outdated: 0, held: 0, lag_us }
    }

    /// Adds another group's counters to these.
    pub fn merge(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.self_duplicates += other.self_duplicates;
        self.outdated += other.outdated;
        self.held += other.held;
        // Both have the same bounds, so nothing can be out of them.
        let _ = self.lag_us.add(&other.lag_us);
    }

    /// Becomes a copy of another line's counters. Allocates nothing.
    #[cfg(feature = "client")]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        (self.accepted, self.duplicates, self.self_duplicates) = (0, 0, 0);
        (self.outdated, self.held) = (0, 0);
        self.lag_us.reset();
        self.merge(other);
    }

    /// Counts what became of an update of the line of that number.
    #[inline]
    pub(super) fn count(&mut self, line: usize, arbitration: Arbitration, ts_recv: UnixNanos) {
        match arbitration {
            Arbitration::Accepted => self.accepted += 1,
            Arbitration::Duplicate { first, .. } if first.line == line => self.self_duplicates += 1,
            Arbitration::Duplicate { first, .. } => {
                self.duplicates += 1;
                let lag = ts_recv.since(first.at).unwrap_or_default().as_micros();
                let lag = u64::try_from(lag).unwrap_or(u64::MAX).clamp(1, LONGEST_US);
                self.lag_us.saturating_record(lag);
            }
            Arbitration::Outdated => self.outdated += 1,
            Arbitration::Held => self.held += 1,
        }
    }
}
