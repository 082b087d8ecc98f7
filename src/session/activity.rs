//! When the last frame of a connection came, and the usual gap between its frames.

use std::time::Duration;

use super::config::SessionConfig;
use crate::model::MonoNanos;

/// How many frames the usual gap is an average of.
const FRAMES: u64 = 64;

/// When the last frame came, and the usual gap between frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    at: MonoNanos,
    /// The moving average of the gaps, in nanoseconds.
    gap: u64,
}

impl Activity {
    /// A connection that has just opened. Until its usual gap is known, it may be silent for as
    /// long as one without data.
    pub(super) fn new(now: MonoNanos, ping_interval: Duration) -> Self {
        Self { at: now, gap: u64::try_from(ping_interval.as_nanos()).unwrap_or(u64::MAX) / FRAMES }
    }

    /// When the last frame came.
    pub(super) const fn at(&self) -> MonoNanos {
        self.at
    }

    /// Records a frame. Pongs count too: each probe makes the next one later until data comes.
    #[inline]
    pub(super) const fn frame(&mut self, now: MonoNanos) {
        let gap = now.0.saturating_sub(self.at.0);
        self.gap = self.gap - self.gap / FRAMES + gap / FRAMES;
        self.at = now;
    }

    /// The silence after which a ping is sent.
    pub(super) fn limit(&self, config: &SessionConfig) -> Duration {
        let usual = Duration::from_nanos(self.gap.saturating_mul(config.probe_gaps.into()));
        match config.probe_gaps {
            0 => config.ping_interval,
            _ => usual.max(config.probe_silence).min(config.ping_interval),
        }
    }
}
