//! The options of a replay.

use std::time::Duration;

use crate::feed::{DepthOptions, StaleLimits};
use crate::model::UnixNanos;
use crate::publish::TradeOptions;
use crate::wire::DecodeLimits;

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Speed {
    /// As fast as possible.
    #[default]
    Max,
    /// So many times as fast as it was recorded; 1 is the recorded pace. Must be above 0.
    Times(f64),
}

/// What becomes of redundant connections (lines) of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lines {
    /// They are merged as a client merges them: each update is emitted once.
    #[default]
    Arbitrated,
    /// Each is played for itself: the sink gets what every line has delivered.
    Apart,
    /// Only the line of this number of each group is played.
    Only(u16),
}

/// The options of a replay. Where a client has the same option, the default is the same.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReplayConfig {
    /// How fast it is played.
    pub speed: Speed,
    /// What becomes of redundant lines.
    pub lines: Lines,
    /// Frames before this are left out. The subscriptions are known nevertheless; an order book
    /// needs the next snapshot.
    pub from: UnixNanos,
    /// Frames from here on are left out.
    pub to: UnixNanos,
    /// The limits of a frame.
    pub limits: DecodeLimits,
    /// How order books are kept.
    pub depth: DepthOptions,
    /// How trades are kept.
    pub trades: TradeOptions,
    /// The silence after which books are stale. In a capture of a client it is recorded which books
    /// were, and this is only used to arbitrate lines.
    pub stale: StaleLimits,
    /// How much older a book may be at receipt than the youngest was; 5 s. `None` for no limit.
    pub age_limit: Option<Duration>,
    /// How many subscriptions are added by themselves where none is named; 10,000. Further ones are
    /// counted.
    pub max_subscriptions: usize,
}

impl ReplayConfig {
    /// Whether what comes at `now` is left out, and all after it.
    pub(super) const fn is_over(&self, now: UnixNanos) -> bool {
        // Without an end no time of a file is one.
        now.0 >= self.to.0 && self.to.0 != u64::MAX
    }

    /// Whether a part of the time alone is played.
    pub(super) fn has_times(&self) -> bool {
        self.from != UnixNanos::UNKNOWN || self.to != UnixNanos(u64::MAX)
    }
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self {
            speed: Speed::default(),
            lines: Lines::default(),
            from: UnixNanos::UNKNOWN,
            to: UnixNanos(u64::MAX),
            limits: DecodeLimits::default(),
            depth: DepthOptions::default(),
            trades: TradeOptions::default(),
            stale: StaleLimits::default(),
            age_limit: Some(Duration::from_secs(5)),
            max_subscriptions: 10_000,
        }
    }
}
