//! Dialects and markets.

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
