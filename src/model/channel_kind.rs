//! What channels feed, where they are served and what they are keyed by.

use std::fmt;

use super::record::RecordKind;

/// The kind of state that a channel feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// A book of at most five levels a side, replaced by each message: a
    /// [`Book5`](crate::book::Book5).
    Book5,
    /// Trades: a [`TradeRing`](super::TradeRing).
    Trades,
    /// An order book as a snapshot and updates: a [`DepthBook`](crate::book::DepthBook).
    Depth,
    /// A [`Record`](super::Record) that each message replaces, such as a ticker.
    Latest(RecordKind),
    /// Records of which none replaces another, such as liquidations.
    Stream(RecordKind),
    /// The texts of messages, of which none is kept.
    Raw,
}

impl ChannelKind {
    /// The kind of its records; `None` of books and trades.
    #[must_use]
    pub const fn record(self) -> Option<RecordKind> {
        match self {
            Self::Latest(kind) | Self::Stream(kind) => Some(kind),
            Self::Book5 | Self::Trades | Self::Depth | Self::Raw => None,
        }
    }
}

/// The path of the exchange's URL that serves a channel. A connection has one path.
///
/// Source: `docs/PROTOCOL.md` 2.2. v5 rejects subscriptions on the wrong
/// path with code 64001, 64002 or 60018.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChannelPath {
    /// `/ws/v3`: all of v3.
    V3,
    /// `/ws/v5/public`: books, merged trades, tickers, prices.
    Public,
    /// `/ws/v5/business`: candles, spreads, block trades, and what else was moved off the public
    /// path on 2023-06-20.
    Business,
    /// `/ws/v5/public-sbe`: trades, best levels and tick-by-tick books in SBE, beside the public
    /// path.
    PublicSbe,
}

impl ChannelPath {
    /// The path as in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "/ws/v3",
            Self::Public => "/ws/v5/public",
            Self::Business => "/ws/v5/business",
            Self::PublicSbe => "/ws/v5/public-sbe",
        }
    }
}

impl fmt::Display for ChannelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the exchange keys a channel by: the members of `arg` besides the channel, and what the part
/// of a subscription after the colon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelKey {
    /// `instId`: an instrument or, in index channels, an index.
    InstId,
    /// `instFamily`, such as `BTC-USD`.
    InstFamily,
    /// `instType`, such as `SWAP`.
    InstType,
    /// `instType` and `instFamily`, written `FUTURES/BTC-USD`; of `EVENTS`, `instType` and
    /// `instId`.
    /// The type alone is all of its families, where the channel allows that.
    TypeAndFamily,
    /// `instType` `OPTION` and `instFamily`, written as the family alone.
    OptionFamily,
    /// `sprdId`, such as `BTC-USDT_BTC-USDT-SWAP`.
    SprdId,
    /// v3's underlying, such as `BTC-USD`.
    Underlying,
    /// The exchange's name of a channel that this crate does not decode, and what that is keyed by:
    /// `CHANNEL`, `CHANNEL:INSTID` or `CHANNEL:NAME=VALUE`.
    Raw,
    /// Nothing: the subscription is the channel's name alone.
    Nothing,
}

/// What follows the acknowledgement of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FirstPush {
    /// The current value, at once.
    Value,
    /// The last known value, however old.
    LastKnown,
    /// Nothing: the first push is the next event, whenever that is.
    Nothing,
}
