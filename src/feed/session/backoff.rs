//! Pauses between attempts: exponential, with full jitter, a floor and a cap.

use std::time::Duration;

use super::config::BackoffConfig;
use crate::model::MonoNanos;

/// The pauses of one connection. Seeded, so that a test sees the same ones each time.
#[derive(Debug)]
pub(super) struct Backoff {
    config: BackoffConfig,
    random: fastrand::Rng,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(config: BackoffConfig, seed: u64) -> Self {
        Self { config, random: fastrand::Rng::with_seed(seed), failures: 0 }
    }

    /// The pause before the next attempt. Each call counts as one more failure.
    pub(super) fn pause(&mut self) -> Duration {
        let BackoffConfig { first, cap, floor, .. } = self.config;
        let doubled = first.saturating_mul(1 << self.failures.min(20));
        // Above the floor, so that the first pauses differ too where that is the longer one.
        let longest = doubled.min(cap.saturating_sub(floor)).as_nanos();
        let longest = u64::try_from(longest).unwrap_or(u64::MAX);
        self.failures = self.failures.saturating_add(1);
        // Full jitter: clients that were dropped together must not come back together.
        floor + Duration::from_nanos(self.random.u64(0..=longest))
    }

    /// Starts small again where the connection that was open since `opened` has proved stable.
    pub(super) fn closed(&mut self, opened: MonoNanos, now: MonoNanos) {
        if now.since(opened) >= self.config.stable_after {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::SessionConfig;
    use super::*;
    use crate::model::Dialect;

    #[test]
    fn pauses_grow_to_the_cap_and_never_fall_below_the_floor() {
        let config = SessionConfig::new(Dialect::V3).backoff;
        for seed in 0..50 {
            let mut backoff = Backoff::new(config.clone(), seed);
            for failure in 0..100 {
                let pause = backoff.pause();
                let longest = config.first.saturating_mul(1 << failure.min(20)) + config.floor;
                assert!(pause >= config.floor && pause <= longest.min(config.cap));
            }
        }
    }

    #[test]
    fn two_that_were_dropped_together_do_not_come_back_together() {
        for dialect in [Dialect::V3, Dialect::V5] {
            let config = SessionConfig::new(dialect).backoff;
            let first = |seed| Backoff::new(config.clone(), seed).pause();
            assert!((1..20).all(|seed| first(seed) != first(0)), "{dialect}");
        }
    }

    #[test]
    fn only_a_stable_connection_resets_the_pauses() {
        let config = SessionConfig::new(Dialect::V5).backoff;
        let mut backoff = Backoff::new(config, 1);
        for _ in 0..10 {
            backoff.pause();
        }
        backoff.closed(MonoNanos::ZERO, MonoNanos::ZERO + Duration::from_secs(9));
        assert_eq!(backoff.failures, 10);
        backoff.closed(MonoNanos::ZERO, MonoNanos::ZERO + Duration::from_secs(10));
        assert_eq!(backoff.failures, 0);
    }
}
