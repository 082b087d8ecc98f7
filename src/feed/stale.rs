//! How long a channel may be silent before what it brought is stale.

use std::time::Duration;

use crate::model::{Channel, ChannelKind, Dialect};

/// The longest silence of each channel; after it a live book is [`BookState::Stale`].
///
/// By default 65 s for the books of v5, which sends a heartbeat or the same book again after 60 s
/// without change, and 60 s for those of v3. Trades are never stale: nobody may be trading.
///
/// [`BookState::Stale`]: crate::BookState::Stale
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleLimits([Option<Duration>; Channel::ALL.len()]);

impl StaleLimits {
    /// Nothing is ever stale.
    pub const NONE: Self = Self([None; Channel::ALL.len()]);

    /// The same limit for all books, none for trades.
    #[must_use]
    pub fn books(limit: Duration) -> Self {
        Self(Channel::ALL.map(|channel| (channel.kind() != ChannelKind::Trades).then_some(limit)))
    }

    /// The same limits but for one channel.
    #[must_use]
    pub fn with(mut self, channel: Channel, limit: Option<Duration>) -> Self {
        if let Some(place) = self.0.get_mut(channel as usize) {
            *place = limit;
        }
        self
    }

    /// The limit of a channel; `None` where it is never stale.
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
