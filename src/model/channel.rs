//! Dialects, markets and channels.

use std::fmt;

/// The protocol of a connection. Fixed for the connection, never detected per frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// The "OKEX" protocol of 2018 to 2022: binary frames of raw DEFLATE around JSON.
    V3,
    /// The "OKX" protocol of 2021 to today: text frames of JSON.
    V5,
}

impl Dialect {
    /// The dialect's short name: `v3` or `v5`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V5 => "v5",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The prefix of a v3 channel, the part before the slash of `futures/depth5`. v5 has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Market {
    /// Spot pairs; sizes are in base currency.
    Spot = 0,
    /// Perpetual swaps; sizes are in contracts.
    Swap = 1,
    /// Dated futures; sizes are in contracts.
    Futures = 2,
    /// Options; sizes are in contracts.
    Option = 3,
    /// Indices.
    Index = 4,
}

impl Market {
    /// All markets, in declaration order.
    pub const ALL: [Self; 5] = [Self::Spot, Self::Swap, Self::Futures, Self::Option, Self::Index];

    /// The market's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Swap => "swap",
            Self::Futures => "futures",
            Self::Option => "option",
            Self::Index => "index",
        }
    }

    /// The market of a wire name; `None` if there is no such market.
    #[inline]
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"spot" => Some(Self::Spot),
            b"swap" => Some(Self::Swap),
            b"futures" => Some(Self::Futures),
            b"option" => Some(Self::Option),
            b"index" => Some(Self::Index),
            _ => None,
        }
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

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
}

/// A channel that this crate decodes. Messages of other channels are skipped and counted by name.
///
/// Source: `docs/PROTOCOL.md` 5.1. No name exists in both dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Channel {
    /// v3 `depth5`: five levels, replaced by each message.
    Depth5 = 0,
    /// v3 `trade`.
    Trade = 1,
    /// v3 `depth`: up to 400 levels, then updates about every 100 ms.
    Depth = 2,
    /// v3 `depth_l2_tbt`: up to 400 levels, then updates tick by tick.
    DepthL2Tbt = 3,
    /// v5 `books5`: five levels, replaced by each message, every 100 ms.
    Books5 = 4,
    /// v5 `bbo-tbt`: the best level of each side, replaced by each message, every 10 ms.
    BboTbt = 5,
    /// v5 `trades`: one message per taker order, price and source.
    Trades = 6,
    /// v5 `trades-all`: one message per fill.
    TradesAll = 7,
    /// v5 `books`: 400 levels, then updates every 100 ms.
    Books = 8,
    /// v5 `books-l2-tbt`: 400 levels, then updates every 10 ms.
    BooksL2Tbt = 9,
    /// v5 `books50-l2-tbt`: 50 levels, then updates every 10 ms.
    Books50L2Tbt = 10,
    /// v5 `books-rpi`: 400 levels, then updates; the third element of a level is the part of its
    /// size without RPI orders.
    BooksRpi = 11,
    /// v5 `books-elp`: 400 levels of ELP orders, then increments.
    BooksElp = 12,
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
    /// `/ws/v5/public`: books and merged trades.
    Public,
    /// `/ws/v5/business`: the channels that were moved off the public path on 2023-06-20.
    Business,
}

impl ChannelPath {
    /// The path as in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "/ws/v3",
            Self::Public => "/ws/v5/public",
            Self::Business => "/ws/v5/business",
        }
    }
}

impl fmt::Display for ChannelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Channel {
    /// All channels, in declaration order.
    pub const ALL: [Self; 13] = [
        Self::Depth5,
        Self::Trade,
        Self::Depth,
        Self::DepthL2Tbt,
        Self::Books5,
        Self::BboTbt,
        Self::Trades,
        Self::TradesAll,
        Self::Books,
        Self::BooksL2Tbt,
        Self::Books50L2Tbt,
        Self::BooksRpi,
        Self::BooksElp,
    ];

    /// The channel's name on the wire (in v3, the part after the slash).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Depth5 => "depth5",
            Self::Trade => "trade",
            Self::Depth => "depth",
            Self::DepthL2Tbt => "depth_l2_tbt",
            Self::Books5 => "books5",
            Self::BboTbt => "bbo-tbt",
            Self::Trades => "trades",
            Self::TradesAll => "trades-all",
            Self::Books => "books",
            Self::BooksL2Tbt => "books-l2-tbt",
            Self::Books50L2Tbt => "books50-l2-tbt",
            Self::BooksRpi => "books-rpi",
            Self::BooksElp => "books-elp",
        }
    }

    /// The channel of a wire name in a dialect; `None` if this crate does not decode it.
    #[inline]
    #[must_use]
    pub fn from_name(dialect: Dialect, name: &[u8]) -> Option<Self> {
        let channel = match name {
            b"depth5" => Self::Depth5,
            b"trade" => Self::Trade,
            b"depth" => Self::Depth,
            b"depth_l2_tbt" => Self::DepthL2Tbt,
            b"books5" => Self::Books5,
            b"bbo-tbt" => Self::BboTbt,
            b"trades" => Self::Trades,
            b"trades-all" => Self::TradesAll,
            b"books" => Self::Books,
            b"books-l2-tbt" => Self::BooksL2Tbt,
            b"books50-l2-tbt" => Self::Books50L2Tbt,
            b"books-rpi" => Self::BooksRpi,
            b"books-elp" => Self::BooksElp,
            _ => return None,
        };
        (channel.dialect() == dialect).then_some(channel)
    }

    /// The dialect that has this channel.
    #[inline]
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Depth5 | Self::Trade | Self::Depth | Self::DepthL2Tbt => Dialect::V3,
            Self::Books5
            | Self::BboTbt
            | Self::Trades
            | Self::TradesAll
            | Self::Books
            | Self::BooksL2Tbt
            | Self::Books50L2Tbt
            | Self::BooksRpi
            | Self::BooksElp => Dialect::V5,
        }
    }

    /// The path of the exchange's URL that serves this channel.
    #[must_use]
    pub const fn path(self) -> ChannelPath {
        match self {
            Self::Depth5 | Self::Trade | Self::Depth | Self::DepthL2Tbt => ChannelPath::V3,
            Self::Books5
            | Self::BboTbt
            | Self::Trades
            | Self::Books
            | Self::BooksL2Tbt
            | Self::Books50L2Tbt
            | Self::BooksRpi
            | Self::BooksElp => ChannelPath::Public,
            Self::TradesAll => ChannelPath::Business,
        }
    }

    /// Whether the third element of its levels is the part of the size without RPI orders.
    #[inline]
    #[must_use]
    pub const fn has_non_rpi(self) -> bool {
        matches!(self, Self::BooksRpi)
    }

    /// The kind of state that this channel feeds.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> ChannelKind {
        match self {
            Self::Depth5 | Self::Books5 | Self::BboTbt => ChannelKind::Book5,
            Self::Trade | Self::Trades | Self::TradesAll => ChannelKind::Trades,
            Self::Depth
            | Self::DepthL2Tbt
            | Self::Books
            | Self::BooksL2Tbt
            | Self::Books50L2Tbt
            | Self::BooksRpi
            | Self::BooksElp => ChannelKind::Depth,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_in_its_own_dialect_only() {
        for channel in Channel::ALL {
            let name = channel.name().as_bytes();
            assert_eq!(Channel::from_name(channel.dialect(), name), Some(channel));
            let other = if channel.dialect() == Dialect::V3 { Dialect::V5 } else { Dialect::V3 };
            assert_eq!(Channel::from_name(other, name), None);
        }
        for market in Market::ALL {
            assert_eq!(Market::from_name(market.name().as_bytes()), Some(market));
        }
    }
}
