//! The rate limits of the endpoints.

use std::collections::{HashMap, VecDeque};

use super::endpoint::Endpoint;
use crate::model::MonoNanos;

/// Keeps the requests of one client within the limits of every endpoint.
///
/// A request counts from the time at which its reply was received, or from when it was given up:
/// the exchange has counted it no later. So no window of the exchange has more requests than are
/// allowed, however long each was on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestLimits {
    windows: HashMap<Endpoint, VecDeque<MonoNanos>>,
}

impl RequestLimits {
    /// When the next request to an endpoint may be sent; in the past where it may now.
    #[must_use]
    pub(super) fn free_at(&self, endpoint: Endpoint) -> MonoNanos {
        let rate = endpoint.rate();
        let Some(window) = self.windows.get(&endpoint) else { return MonoNanos::ZERO };
        let oldest = window.len().checked_sub(rate.requests).and_then(|at| window.get(at));
        oldest.map_or(MonoNanos::ZERO, |at| *at + rate.per)
    }

    /// Counts a request whose reply was received at `now`.
    pub(super) fn note(&mut self, endpoint: Endpoint, now: MonoNanos) {
        let window = self.windows.entry(endpoint).or_default();
        window.push_back(now);
        while window.len() > endpoint.rate().requests {
            window.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_window_has_more_requests_than_the_exchange_allows() {
        let mut limits = RequestLimits::default();
        let mut now = MonoNanos::ZERO + Duration::from_secs(1);
        let mut sent = Vec::new();
        for _ in 0..200 {
            now = now.max(limits.free_at(Endpoint::HistoryTrades));
            sent.push(now);
            now = now + Duration::from_millis(7);
            limits.note(Endpoint::HistoryTrades, now);
        }
        for window in sent.windows(21) {
            assert!(window[20].since(window[0]) >= Duration::from_secs(2));
        }
        // Another endpoint has a window of its own, and the rate is nearly used.
        assert_eq!(limits.free_at(Endpoint::Trades), MonoNanos::ZERO);
        assert!(now.0 < 21_500_000_000 + 1_000_000_000, "{now:?}");
    }
}
