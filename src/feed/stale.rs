//! Stale limits: how long a channel may be silent before its book is stale.

use std::time::Duration;

use crate::model::{Channel, ChannelKind};

/// The longest silence of each channel. After it, a live book becomes [`BookState::Stale`].
///
/// The defaults are those of [`Channel::max_silence`]:
/// - v5 books: 65 s, because v5 sends a heartbeat or repeats the book after 60 s without a change.
/// - v3 books: 60 s.
/// - Records that the exchange repeats without a change: a little more than two periods.
/// - Trades and all others: no limit, because a market without trades is normal.
///
/// [`BookState::Stale`]: crate::BookState::Stale
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleLimits([Option<Duration>; Channel::INDICES]);

impl StaleLimits {
    /// No limits: no book becomes stale by silence.
    pub const NONE: Self = Self([None; Channel::INDICES]);

    /// The same limit for all books, none for trades and records.
    #[must_use]
    pub fn books(limit: Duration) -> Self {
        let is_book = |channel: Channel| match channel.kind() {
            ChannelKind::Book5 | ChannelKind::Depth => true,
            ChannelKind::Trades
            | ChannelKind::Latest(_)
            | ChannelKind::Stream(_)
            | ChannelKind::Raw => false,
        };
        Self::of_all(|channel| is_book(channel).then_some(limit))
    }

    fn of_all(limit: impl Fn(Channel) -> Option<Duration>) -> Self {
        let all = Channel::ALL.into_iter();
        all.fold(Self::NONE, |limits, channel| limits.with(channel, limit(channel)))
    }

    /// The same limits with one channel's limit replaced.
    #[must_use]
    pub fn with(mut self, channel: Channel, limit: Option<Duration>) -> Self {
        if let Some(entry) = self.0.get_mut(usize::from(channel.index())) {
            *entry = limit;
        }
        self
    }

    /// The limit of a channel; `None` if it has no limit.
    #[must_use]
    pub fn of(&self, channel: Channel) -> Option<Duration> {
        self.0.get(usize::from(channel.index())).copied().flatten()
    }
}

impl Default for StaleLimits {
    fn default() -> Self {
        Self::of_all(Channel::max_silence)
    }
}
