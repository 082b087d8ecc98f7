//! Recovery times: how long books are not live.

use std::collections::HashMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::event::StateChange;
use crate::model::{BookState, Subscription, UnixNanos};

/// The longest recorded time, in microseconds: one hour. Longer times are recorded as this.
const LONGEST_US: u64 = 3_600_000_000;

/// The times until a book is live again, in microseconds, by the state before.
///
/// Part of the control plane: it allocates, and is called only when a state changes.
#[derive(Clone, Debug)]
pub struct Recovery {
    since: HashMap<Subscription, (UnixNanos, bool)>,
    /// From [`BookState::Resyncing`] to [`BookState::Live`], in microseconds.
    pub resync_us: Histogram<u64>,
    /// From the end of [`BookState::Live`] to its next start, for any reason, in microseconds.
    pub any_us: Histogram<u64>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { since: HashMap::new(), resync_us: histogram(), any_us: histogram() }
    }
}

impl Recovery {
    /// Records a change of state.
    #[cold]
    pub fn note(&mut self, change: &StateChange<'_>) {
        match (change.from, change.to) {
            (_, BookState::Live) => {
                let Some((since, resync)) = self.since.remove(change.subscription) else { return };
                let took = change.ts_recv.since(since).unwrap_or(Duration::ZERO);
                let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).clamp(1, LONGEST_US);
                self.any_us.saturating_record(us);
                if resync {
                    self.resync_us.saturating_record(us);
                }
            }
            (_, BookState::Down(_)) => {
                self.since.remove(change.subscription);
            }
            // The time to the first book is not a recovery.
            (from, to) => {
                let resync = to == BookState::Resyncing;
                let known = self.since.get_mut(change.subscription);
                match known {
                    Some((_, resyncs)) => *resyncs |= resync,
                    None if from == BookState::Live || resync => {
                        self.since.insert(*change.subscription, (change.ts_recv, resync));
                    }
                    None => {}
                }
            }
        }
    }

    /// Adopts another feed's times, where it has more. Allocates nothing.
    #[cfg(feature = "client")]
    pub(crate) fn copy_times_from(&mut self, other: &Self) {
        if self.any_us.len() == other.any_us.len() {
            return;
        }
        self.resync_us.reset();
        self.any_us.reset();
        self.merge(other);
    }

    /// Adds another feed's times to these.
    pub fn merge(&mut self, other: &Self) {
        // Both histograms have the same bounds, so no value is out of range.
        let _ = self.resync_us.add(&other.resync_us);
        let _ = self.any_us.add(&other.any_us);
    }
}

#[expect(clippy::expect_used, reason = "constant bounds, covered by a test")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 2).expect("bounds are in order")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DownReason, SubscriptionId};

    #[test]
    fn recovery_times_run_from_the_end_of_live_to_its_next_start() {
        let subscription: Subscription = "books:BTC-USDT".parse().unwrap();
        let mut recovery = Recovery::default();
        let mut note = |from, to, ms: u64| {
            let ts_recv = UnixNanos(ms * 1_000_000);
            let change = StateChange {
                subscription: &subscription,
                subscription_id: SubscriptionId::NONE,
                from,
                to,
                ts_recv,
            };
            recovery.note(&change);
            (recovery.any_us.len(), recovery.resync_us.len())
        };
        use BookState::{AwaitingSnapshot, Connecting, Down, Live, Resyncing, Stale};
        assert_eq!(note(Connecting, AwaitingSnapshot, 1), (0, 0));
        assert_eq!(note(AwaitingSnapshot, Live, 2), (0, 0));
        assert_eq!(note(Live, Stale, 10), (0, 0));
        assert_eq!(note(Stale, Live, 30), (1, 0));
        assert_eq!(note(Live, Resyncing, 40), (1, 0));
        assert_eq!(note(Resyncing, Connecting, 50), (1, 0));
        assert_eq!(note(Connecting, Live, 100), (2, 1));
        assert_eq!(note(Live, Connecting, 110), (2, 1));
        assert_eq!(note(Connecting, Down(DownReason::Rejected), 120), (2, 1));
        assert_eq!(note(Down(DownReason::Rejected), Live, 130), (2, 1));
        assert!((59_000..=61_000).contains(&recovery.resync_us.max()));
    }
}
