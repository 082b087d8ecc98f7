//! The pauses between resynchronisations of one subscription.

use std::time::Duration;

use super::config::ResyncConfig;
use crate::model::MonoNanos;

/// The pauses of one subscription: none the first time, then doubling to a cap, and none again once
/// it was healthy for long enough.
#[derive(Clone, Debug)]
pub(super) struct ResyncBackoff {
    pause: Duration,
    healthy_since: Option<MonoNanos>,
}

impl ResyncBackoff {
    pub(super) const NEW: Self = Self { pause: Duration::ZERO, healthy_since: None };

    /// The pause before the next resynchronisation. Each call counts as one.
    pub(super) fn next_pause(&mut self, config: &ResyncConfig, now: MonoNanos) -> Duration {
        let healthy = self.healthy_since.take();
        if healthy.is_some_and(|since| now.since(since) >= config.stable_after) {
            self.pause = Duration::ZERO;
        }
        let pause = self.pause;
        self.grow(config);
        pause
    }

    /// A pause that is never zero and grows from one call to the next, until the subscription was
    /// healthy for long enough.
    pub(super) fn next_nonzero_pause(&mut self, config: &ResyncConfig, now: MonoNanos) -> Duration {
        let healthy = self.healthy_since.take();
        if healthy.is_some_and(|since| now.since(since) >= config.stable_after) {
            self.pause = Duration::ZERO;
        }
        self.grow(config)
    }

    /// The next larger pause, which is never zero.
    pub(super) fn grow(&mut self, config: &ResyncConfig) -> Duration {
        self.pause = self.pause.saturating_mul(2).min(config.cap).max(config.first);
        self.pause
    }

    /// Records that the subscription is healthy now.
    pub(super) const fn mark_healthy(&mut self, now: MonoNanos) {
        if self.healthy_since.is_none() {
            self.healthy_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_cap_and_start_again_after_a_healthy_time() {
        let secs = Duration::from_secs;
        let config = ResyncConfig { first: secs(1), cap: secs(5), stable_after: secs(60) };
        let at = |s| MonoNanos::ZERO + secs(s);
        let mut pace = ResyncBackoff::NEW;
        let pauses: Vec<_> = (0..6).map(|_| pace.next_pause(&config, at(1)).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 5, 5]);
        pace.mark_healthy(at(10));
        assert_eq!(pace.next_pause(&config, at(69)), secs(5));
        pace.mark_healthy(at(70));
        pace.mark_healthy(at(129));
        assert_eq!(pace.next_pause(&config, at(130)), secs(0));
    }
}
