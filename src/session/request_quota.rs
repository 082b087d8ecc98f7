//! How many requests the exchange takes in an hour.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::MonoNanos;

const HOUR: Duration = Duration::from_secs(3600);

/// How many requests may still be sent: at most so many in any hour.
///
/// The times of the last hour are kept rather than a bucket that refills, since a bucket of 480
/// lets nearly twice as many through in the hour after it was full.
#[derive(Debug)]
pub(super) struct RequestQuota {
    per_hour: usize,
    sent: VecDeque<MonoNanos>,
}

impl RequestQuota {
    pub(super) fn new(per_hour: usize) -> Self {
        // With none at all nothing could ever be requested.
        Self { per_hour: per_hour.max(1), sent: VecDeque::new() }
    }

    /// Starts over, as each connection does.
    pub(super) fn reset(&mut self) {
        self.sent.clear();
    }

    /// Acquires one request; false where the hour has none left.
    pub(super) fn try_acquire(&mut self, now: MonoNanos) -> bool {
        while self.sent.front().is_some_and(|at| now.since(*at) >= HOUR) {
            self.sent.pop_front();
        }
        let some_left = self.sent.len() < self.per_hour;
        if some_left {
            self.sent.push_back(now);
        }
        some_left
    }

    /// How many may still be sent at `now`.
    pub(super) fn left(&self, now: MonoNanos) -> usize {
        let recent = self.sent.iter().filter(|at| now.since(**at) < HOUR).count();
        self.per_hour.saturating_sub(recent)
    }

    /// When the next request may be sent that leaves `reserve` more for others.
    pub(super) fn ready_at(&self, reserve: usize) -> MonoNanos {
        let limit = self.per_hour.saturating_sub(reserve).max(1);
        // The one that must be an hour old before there is room.
        let oldest = self.sent.len().checked_sub(limit).and_then(|at| self.sent.get(at));
        oldest.map_or(MonoNanos::ZERO, |at| *at + HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> MonoNanos {
        MonoNanos::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn no_hour_has_more_requests_than_allowed() {
        let mut budget = RequestQuota::new(3);
        assert!(
            budget.try_acquire(at(0)) && budget.try_acquire(at(10)) && budget.try_acquire(at(20))
        );
        assert!(!budget.try_acquire(at(3599)));
        assert_eq!(budget.ready_at(0), at(3600));
        assert_eq!(budget.ready_at(1), at(3610));
        assert!(
            budget.try_acquire(at(3600))
                && !budget.try_acquire(at(3609))
                && budget.try_acquire(at(3610))
        );
        budget.reset();
        assert!(budget.try_acquire(at(3611)));
    }
}
