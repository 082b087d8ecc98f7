//! The endpoints of the REST interface: dialect, rate limit and page of each.
//!
//! Source: `docs/PROTOCOL.md` 11.

use std::time::Duration;

use crate::model::Dialect;

/// An endpoint for public market data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// v5 `public/instruments`.
    Instruments,
    /// v5 `public/time`.
    Time,
    /// v5 `system/status`.
    Status,
    /// v5 `market/books`: up to 400 levels a side with a sequence number.
    Books,
    /// v5 `market/books-sbe`: 400 levels a side with a sequence number, in SBE.
    BooksSbe,
    /// v5 `market/books-full`: up to 5 000 levels a side without one.
    BooksFull,
    /// v5 `market/trades`: the newest 500 trades.
    Trades,
    /// v5 `market/history-trades`: three months of trades.
    HistoryTrades,
    /// v5 `market/candles`: the newest 1 440 bars.
    Candles,
    /// v5 `market/history-candles`: bars of years.
    HistoryCandles,
    /// v5 `public/market-data-history`: links to files.
    MarketDataHistory,
    /// v3 `instruments`.
    V3Instruments,
    /// v3 `instruments/ID/trades`: the newest 300 trades, on spot the newest 60.
    V3Trades,
    /// v3 `instruments/ID/candles`: the newest 1 440 bars.
    V3Candles,
    /// v3 `instruments/ID/book`, on swap `depth`: up to 200 levels a side.
    V3Book,
}

/// How many requests an endpoint takes in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number of requests.
    pub requests: usize,
    /// The length of the window.
    pub per: Duration,
}

const fn rate(requests: usize, secs: u64) -> Rate {
    Rate { requests, per: Duration::from_secs(secs) }
}

impl Endpoint {
    /// The dialect.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::V3Instruments | Self::V3Trades | Self::V3Candles | Self::V3Book => Dialect::V3,
            _ => Dialect::V5,
        }
    }

    /// The exchange's limit for one client, counted by its address.
    ///
    /// The exchange counts `public/instruments` by market too. Where documents disagree this is
    /// the stricter one.
    #[must_use]
    pub const fn rate(self) -> Rate {
        match self {
            Self::Trades => rate(100, 2),
            Self::Books | Self::Candles => rate(40, 2),
            Self::BooksFull | Self::Time => rate(10, 2),
            // Of an instrument.
            Self::BooksSbe => rate(10, 10),
            Self::Status => rate(1, 5),
            Self::MarketDataHistory => rate(2, 5),
            Self::Instruments
            | Self::HistoryTrades
            | Self::HistoryCandles
            | Self::V3Instruments
            | Self::V3Trades
            | Self::V3Candles
            | Self::V3Book => rate(20, 2),
        }
    }

    /// The most rows of one reply, or levels a side; 0 where all come at once.
    #[must_use]
    pub const fn page(self) -> u32 {
        match self {
            Self::Books | Self::BooksSbe => 400,
            Self::BooksFull => 5_000,
            Self::Trades => 500,
            Self::HistoryTrades | Self::V3Trades => 100,
            Self::Candles | Self::HistoryCandles => 300,
            Self::V3Candles | Self::V3Book => 200,
            Self::Instruments
            | Self::Time
            | Self::Status
            | Self::MarketDataHistory
            | Self::V3Instruments => 0,
        }
    }
}
