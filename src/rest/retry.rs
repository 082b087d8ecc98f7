//! When a failed request is sent again.

use std::time::Duration;

/// The pauses before a request is sent again, and how long that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// The pause after the first failure; each further failure doubles it.
    pub first: Duration,
    /// The longest pause, unless the exchange asks for a longer one.
    pub cap: Duration,
    /// How long a request may fail in a row before it is given up.
    pub give_up_after: Duration,
}

impl Default for RetryConfig {
    /// 250 ms, doubled up to 30 s, for five minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            cap: Duration::from_secs(30),
            give_up_after: Duration::from_secs(300),
        }
    }
}

impl RetryConfig {
    /// The pause after so many failures in a row, of which the second half is random, and at least
    /// what the exchange asks for.
    pub(super) fn pause(
        &self,
        failures: u32,
        floor: Duration,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let pause = doubled.min(self.cap).max(Duration::from_millis(1));
        let half = pause / 2;
        let random = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        (half + Duration::from_nanos(rng.u64(0..=random))).max(floor)
    }
}
