//! Pauses between attempts: exponential, with jitter, and longer where the host has asked for it.

use std::time::Duration;

use super::config::BackoffConfig;
use crate::model::MonoNanos;

/// HTTP statuses that refuse an attempt for its kind or number, so that the next is to wait longer
/// even where the answer does not say how long: forbidden, too many requests, unavailable.
///
/// Source: RFC 9110 section 15, RFC 6585 section 4.
const REFUSALS: [u16; 3] = [403, 429, 503];

/// The pauses of one connection. Seeded, so that a test sees the same ones each time.
#[derive(Debug)]
pub(super) struct ReconnectBackoff {
    config: BackoffConfig,
    random: fastrand::Rng,
    /// Failures since a connection was stable.
    failures: u32,
    /// Refusals by HTTP status among them.
    refusals: u32,
    /// Whether a stable connection has just ended, so that the first attempt waits for nothing.
    at_once: bool,
    /// The pause that the host has asked for in its refusal of the last attempt.
    asked: Duration,
}

impl ReconnectBackoff {
    pub(super) fn new(config: BackoffConfig, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { config, random, failures: 0, refusals: 0, at_once: false, asked: Duration::ZERO }
    }

    /// Failures since a connection was stable.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// The pause before the next attempt. Each call counts as one more failure, except the one
    /// right after a stable connection, which gives no pause.
    pub(super) fn pause(&mut self) -> Duration {
        let asked = std::mem::take(&mut self.asked);
        if std::mem::take(&mut self.at_once) && asked.is_zero() {
            return Duration::ZERO;
        }
        let BackoffConfig { first, cap, floor, .. } = self.config;
        let doubled = first.saturating_mul(1 << self.failures.min(20));
        let most = doubled.min(cap.saturating_sub(floor));
        self.failures = self.failures.saturating_add(1);
        // Equal jitter: between half of the doubled pause and the whole of it, so that clients that
        // failed together do not come back together, and none comes back as early as at first.
        let half = most / 2;
        let pause = floor + half + self.upto(most - half);
        // On top of what was asked for, never before it.
        pause.max(asked + self.upto(asked / 10))
    }

    /// Records that the host has refused the attempt that is about to count as a failure.
    pub(super) fn refused(&mut self, status: u16, retry_after: Option<Duration>) {
        let BackoffConfig { refused_first, refused_cap, retry_after_cap, .. } = self.config;
        self.asked = match retry_after {
            Some(asked) => asked.min(retry_after_cap),
            None if REFUSALS.contains(&status) => {
                refused_first.saturating_mul(1 << self.refusals.min(20)).min(refused_cap)
            }
            None => Duration::ZERO,
        };
        self.refusals = self.refusals.saturating_add(1);
    }

    /// Starts small again, and without a pause, where the connection that was open since `opened`
    /// was stable.
    pub(super) fn closed(&mut self, opened: MonoNanos, now: MonoNanos) {
        if now.since(opened) >= self.config.stable_after {
            (self.failures, self.refusals, self.at_once) = (0, 0, true);
        }
    }

    fn upto(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.u64(0..=most))
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::SessionConfig;
    use super::*;
    use crate::model::Dialect;

    fn config() -> BackoffConfig {
        SessionConfig::new(Dialect::V5).backoff
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_and_their_lower_bound_grow_to_the_cap() {
        let config = SessionConfig::new(Dialect::V3).backoff;
        for seed in 0..50 {
            let mut backoff = ReconnectBackoff::new(config.clone(), seed);
            for failure in 0..100 {
                let pause = backoff.pause();
                let most = config.first.saturating_mul(1 << failure.min(20));
                let most = most.min(config.cap - config.floor);
                assert!(pause >= config.floor + most / 2, "{failure}: {pause:?}");
                assert!(pause <= config.floor + most, "{failure}: {pause:?}");
            }
        }
    }

    #[test]
    fn sessions_that_failed_together_reconnect_at_different_times() {
        for dialect in [Dialect::V3, Dialect::V5] {
            let config = SessionConfig::new(dialect).backoff;
            let first = |seed| ReconnectBackoff::new(config.clone(), seed).pause();
            assert!((1..20).all(|seed| first(seed) != first(0)), "{dialect}");
        }
    }

    #[test]
    fn only_a_stable_connection_resets_the_pauses() {
        let mut backoff = ReconnectBackoff::new(config(), 1);
        for _ in 0..10 {
            backoff.pause();
        }
        backoff.closed(MonoNanos::ZERO, MonoNanos::ZERO + secs(9));
        assert_eq!(backoff.failures(), 10);
        assert!(backoff.pause() >= secs(4));
        backoff.closed(MonoNanos::ZERO, MonoNanos::ZERO + secs(10));
        assert_eq!((backoff.failures(), backoff.pause()), (0, Duration::ZERO));
        let next = backoff.pause();
        assert!(next >= config().floor + config().first / 2 && next <= secs(1), "{next:?}");
    }

    #[test]
    fn retry_after_is_obeyed() {
        for seed in 0..50 {
            let mut backoff = ReconnectBackoff::new(config(), seed);
            backoff.refused(429, Some(secs(60)));
            let pause = backoff.pause();
            assert!(pause >= secs(60) && pause <= secs(66), "{pause:?}");
            // The next failure is one of its own.
            assert!(backoff.pause() <= config().cap);
            // A time that is none, and one that is out of all proportion.
            backoff.refused(503, Some(Duration::ZERO));
            assert!(backoff.pause() >= config().floor);
            backoff.refused(503, Some(Duration::MAX));
            let pause = backoff.pause();
            assert!(pause >= config().retry_after_cap && pause < config().retry_after_cap * 2);
            // Even after a stable connection.
            backoff.closed(MonoNanos::ZERO, MonoNanos::ZERO + secs(3_600));
            backoff.refused(429, Some(secs(20)));
            assert!(backoff.pause() >= secs(20));
        }
    }

    #[test]
    fn a_refusal_without_retry_after_has_a_growing_floor() {
        for status in REFUSALS {
            let mut backoff = ReconnectBackoff::new(config(), 7);
            for least in [5, 10, 20, 30, 30] {
                backoff.refused(status, None);
                let pause = backoff.pause();
                assert!(pause >= secs(least) && pause <= secs(least) * 11 / 10, "{pause:?}");
            }
        }
        let mut backoff = ReconnectBackoff::new(config(), 7);
        backoff.refused(404, None);
        assert!(backoff.pause() < secs(1));
    }
}
