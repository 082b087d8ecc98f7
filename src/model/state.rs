//! The state of a book or of a stream of trades.

use std::fmt;

/// The state of a subscription's book or trades.
///
/// Only [`BookState::Live`] means that the book matches the exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum BookState {
    /// No connection, or the subscription is not acknowledged yet.
    #[default]
    Connecting,
    /// The subscription is acknowledged and no data has arrived yet.
    AwaitingSnapshot,
    /// The book matches the exchange's, as of its `ts_event`.
    Live,
    /// The book may be outdated: the channel exceeds its stale limit, the last message was delayed
    /// or older than the book, or a message was lost.
    Stale,
    /// The book failed verification (sequence gap, checksum) and is being resynchronised.
    Resyncing,
    /// No data arrives. The client requests again only what was refused.
    Down(DownReason),
}

/// Why a subscription is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DownReason {
    /// The exchange refused the subscription.
    Rejected,
    /// The subscription was cancelled by the caller.
    Unsubscribed,
    /// The client was stopped.
    Stopped,
}

impl BookState {
    /// All states, each once.
    pub const ALL: [Self; 8] = [
        Self::Connecting,
        Self::AwaitingSnapshot,
        Self::Live,
        Self::Stale,
        Self::Resyncing,
        Self::Down(DownReason::Rejected),
        Self::Down(DownReason::Unsubscribed),
        Self::Down(DownReason::Stopped),
    ];

    /// Whether the state is [`BookState::Live`]: the book may be traded on.
    #[inline]
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// The state's name in lower case, such as `awaiting_snapshot` or `down_rejected`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::AwaitingSnapshot => "awaiting_snapshot",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Resyncing => "resyncing",
            Self::Down(DownReason::Rejected) => "down_rejected",
            Self::Down(DownReason::Unsubscribed) => "down_unsubscribed",
            Self::Down(DownReason::Stopped) => "down_stopped",
        }
    }

    /// The state of a [`BookState::name`].
    #[cfg(feature = "capture")]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state as a number, for publication in atomics.
    pub(crate) const fn to_code(self) -> u8 {
        match self {
            Self::Connecting => 0,
            Self::AwaitingSnapshot => 1,
            Self::Live => 2,
            Self::Stale => 3,
            Self::Resyncing => 4,
            Self::Down(DownReason::Rejected) => 5,
            Self::Down(DownReason::Unsubscribed) => 6,
            Self::Down(DownReason::Stopped) => 7,
        }
    }

    /// The state of [`BookState::to_code`].
    pub(crate) const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::AwaitingSnapshot,
            2 => Self::Live,
            3 => Self::Stale,
            4 => Self::Resyncing,
            5 => Self::Down(DownReason::Rejected),
            6 => Self::Down(DownReason::Unsubscribed),
            7 => Self::Down(DownReason::Stopped),
            _ => Self::Connecting,
        }
    }
}

impl fmt::Display for BookState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_states_have_codes_that_round_trip() {
        for (code, state) in (0..).zip(BookState::ALL) {
            assert_eq!((state.to_code(), BookState::from_code(code)), (code, state));
        }
        // The code after the last one is none.
        let after = (0..).nth(BookState::ALL.len()).unwrap();
        assert_eq!(BookState::from_code(after), BookState::Connecting);
    }
}
