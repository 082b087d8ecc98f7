//! Stale limits: how long a channel may be silent before its book is stale.

use std::time::Duration;

use crate::model::{Channel, ChannelKind, Dialect};

/// The longest silence of each channel. After it, a live book becomes [`BookState::Stale`].
///
/// Defaults:
/// - v5 books: 65 s, because v5 sends a heartbeat or repeats the book after 60 s without a change.
/// - v3 books: 60 s.
/// - Trades: no limit, because a market without trades is normal.
///
/// [`BookState::Stale`]: crate::BookState::Stale
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleLimits([Option<Duration>; Channel::ALL.len()]);

impl StaleLimits {
    /// No limits: no book becomes stale by silence.
    pub const NONE: Self = Self([None; Channel::ALL.len()]);

    /// The same limit for all books, none for trades.
    #[must_use]
    pub fn books(limit: Duration) -> Self {
        Self(Channel::ALL.map(|channel| (channel.kind() != ChannelKind::Trades).then_some(limit)))
    }

    /// The same limits with one channel's limit replaced.
    #[must_use]
    pub fn with(mut self, channel: Channel, limit: Option<Duration>) -> Self {
        if let Some(entry) = self.0.get_mut(channel as usize) {
            *entry = limit;
        }
        self
    }

    /// The limit of a channel; `None` if it has no limit.
    #[must_use]
    pub fn of(&self, channel: Channel) -> Option<Duration> {
        self.0.get(channel as usize).copied().flatten()
    }
}

impl Default for StaleLimits {
    fn default() -> Self {
        Self(Channel::ALL.map(|channel| match (channel.kind(), channel.dialect()) {
            (ChannelKind::Trades, _) => None,
            (_, Dialect::V3) => Some(Duration::from_secs(60)),
            (_, Dialect::V5) => Some(Duration::from_secs(65)),
        }))
    }
}
