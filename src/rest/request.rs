//! Requests as values: the endpoint, and the path with its query.

use std::time::Duration;

use super::endpoint::Endpoint;
use crate::model::{Bar, InstrumentId, Market, UnixNanos};

/// A `GET` request for public market data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    endpoint: Endpoint,
    target: String,
}

/// A span of time, both ends included, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan {
    /// The first time.
    pub since: UnixNanos,
    /// The last time.
    pub until: UnixNanos,
}

/// From where a page of trades goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeCursor {
    /// From the newest trade.
    Newest,
    /// From the trade below this id, which is not part of the page.
    BelowId(u64),
    /// From the last trade before this time in milliseconds, of which none is part of the page.
    BeforeMillis(u64),
}

/// What a bulk file of `market-data-history` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// Trades.
    Trades,
    /// Candles of a minute.
    Candles,
    /// Funding rates.
    FundingRates,
    /// Order books of 400 levels.
    Books400,
    /// Order books of 5 000 levels.
    Books5000,
}

impl Module {
    const fn number(self) -> u8 {
        match self {
            Self::Trades => 1,
            Self::Candles => 2,
            Self::FundingRates => 3,
            Self::Books400 => 4,
            Self::Books5000 => 5,
        }
    }
}

impl Request {
    /// The endpoint.
    #[must_use]
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The path and the query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The exchange's time.
    #[must_use]
    pub fn time() -> Self {
        Self::v5(Endpoint::Time, "public/time", &[])
    }

    /// Announced and running maintenance.
    #[must_use]
    pub fn status() -> Self {
        Self::v5(Endpoint::Status, "system/status", &[])
    }

    /// The instruments of a market. `family` is needed for options, such as `BTC-USD`.
    #[must_use]
    pub fn instruments(
        market: Market,
        family: Option<&str>,
        inst_id: Option<&InstrumentId>,
    ) -> Self {
        let market = market.name().to_ascii_uppercase();
        let mut query = vec![("instType", market)];
        query.extend(family.map(|family| ("instFamily", family.to_owned())));
        query.extend(inst_id.map(|id| ("instId", id.to_string())));
        Self::v5(Endpoint::Instruments, "public/instruments", &query)
    }

    /// An order book of up to 400 levels a side, with its sequence number.
    #[must_use]
    pub fn book(inst_id: &InstrumentId, levels: u32) -> Self {
        let levels = levels.clamp(1, Endpoint::Books.page());
        let query = [("instId", inst_id.to_string()), ("sz", levels.to_string())];
        Self::v5(Endpoint::Books, "market/books", &query)
    }

    /// An order book of 400 levels a side in SBE, by the code of its instrument. The body of the
    /// answer is a message for a [`Decoder`](crate::Decoder), or JSON where it fails: send it by
    /// [`RestClient::send`](super::RestClient::send).
    #[must_use]
    pub fn book_sbe(code: i64) -> Self {
        let query = [("instIdCode", code.to_string()), ("source", "0".to_owned())];
        Self::v5(Endpoint::BooksSbe, "market/books-sbe", &query)
    }

    /// An order book of up to 5 000 levels a side, without a sequence number.
    #[must_use]
    pub fn full_book(inst_id: &InstrumentId, levels: u32) -> Self {
        let levels = levels.clamp(1, Endpoint::BooksFull.page());
        let query = [("instId", inst_id.to_string()), ("sz", levels.to_string())];
        Self::v5(Endpoint::BooksFull, "market/books-full", &query)
    }

    /// The newest trades, at most 500.
    #[must_use]
    pub fn trades(inst_id: &InstrumentId, limit: u32) -> Self {
        let limit = limit.clamp(1, Endpoint::Trades.page());
        let query = [("instId", inst_id.to_string()), ("limit", limit.to_string())];
        Self::v5(Endpoint::Trades, "market/trades", &query)
    }

    /// A page of trades of the last three months, newest first, at most 100.
    #[must_use]
    pub fn history_trades(inst_id: &InstrumentId, cursor: TradeCursor, limit: u32) -> Self {
        let limit = limit.clamp(1, Endpoint::HistoryTrades.page());
        let mut query = vec![("instId", inst_id.to_string())];
        match cursor {
            TradeCursor::Newest => query.push(("type", "1".to_owned())),
            TradeCursor::BelowId(id) => {
                query.extend([("type", "1".to_owned()), ("after", id.to_string())]);
            }
            TradeCursor::BeforeMillis(ms) => {
                query.extend([("type", "2".to_owned()), ("after", ms.to_string())]);
            }
        }
        query.push(("limit", limit.to_string()));
        Self::v5(Endpoint::HistoryTrades, "market/history-trades", &query)
    }

    /// The bars that start in a span, newest first, at most 300.
    #[must_use]
    pub fn candles(inst_id: &InstrumentId, bar: Bar, span: TimeSpan) -> Self {
        let endpoint = Endpoint::HistoryCandles;
        Self::v5(endpoint, "market/history-candles", &bars(endpoint, inst_id, bar, span))
    }

    /// As [`Request::candles`], from the endpoint that has only the newest 1 440 bars, and those at
    /// once.
    #[must_use]
    pub fn newest_candles(inst_id: &InstrumentId, bar: Bar, span: TimeSpan) -> Self {
        let endpoint = Endpoint::Candles;
        Self::v5(endpoint, "market/candles", &bars(endpoint, inst_id, bar, span))
    }

    /// Links to bulk files of the days from `begin` to `end`, both included. `what` is an
    /// instrument on spot, and elsewhere a family, such as `BTC-USDT`.
    #[must_use]
    pub fn files(
        module: Module,
        market: Market,
        what: &str,
        begin: UnixNanos,
        end: UnixNanos,
    ) -> Self {
        let list = if market == Market::Spot { "instIdList" } else { "instFamilyList" };
        let query = [
            ("module", module.number().to_string()),
            ("instType", market.name().to_ascii_uppercase()),
            (list, what.to_owned()),
            ("dateAggrType", "daily".to_owned()),
            ("begin", begin.as_millis().to_string()),
            ("end", end.as_millis().to_string()),
        ];
        Self::v5(Endpoint::MarketDataHistory, "public/market-data-history", &query)
    }

    /// v3: the instruments of a market.
    #[must_use]
    pub fn v3_instruments(market: Market) -> Self {
        let target = format!("/api/{}/v3/instruments", market.name());
        Self { endpoint: Endpoint::V3Instruments, target }
    }

    /// v3: the newest trades, or those below an id; spot knows no ids.
    #[must_use]
    pub fn v3_trades(market: Market, inst_id: &InstrumentId, below: Option<u64>) -> Self {
        let limit = if market == Market::Spot { 60 } else { Endpoint::V3Trades.page() };
        let mut query = vec![("limit", limit.to_string())];
        query.extend(below.map(|id| ("after", id.to_string())));
        Self::v3(Endpoint::V3Trades, market, inst_id, "trades", &query)
    }

    /// v3: the bars that start in a span; at most 200.
    #[must_use]
    pub fn v3_candles(
        market: Market,
        inst_id: &InstrumentId,
        bar: Duration,
        span: TimeSpan,
    ) -> Self {
        let query = [
            ("start", span.since.iso_ms().to_string()),
            ("end", span.until.iso_ms().to_string()),
            ("granularity", bar.as_secs().to_string()),
        ];
        Self::v3(Endpoint::V3Candles, market, inst_id, "candles", &query)
    }

    /// v3: an order book of up to 200 levels a side.
    #[must_use]
    pub fn v3_book(market: Market, inst_id: &InstrumentId, levels: u32) -> Self {
        let levels = levels.clamp(1, Endpoint::V3Book.page());
        let name = if market == Market::Swap { "depth" } else { "book" };
        Self::v3(Endpoint::V3Book, market, inst_id, name, &[("size", levels.to_string())])
    }

    fn v5(endpoint: Endpoint, path: &str, query: &[(&str, String)]) -> Self {
        Self { endpoint, target: with_query(format!("/api/v5/{path}"), query) }
    }

    fn v3(
        endpoint: Endpoint,
        market: Market,
        inst_id: &InstrumentId,
        name: &str,
        query: &[(&str, String)],
    ) -> Self {
        let market = market.name();
        let mut path = format!("/api/{market}/v3/instruments/");
        escape(&mut path, inst_id.as_str());
        path.push('/');
        path.push_str(name);
        Self { endpoint, target: with_query(path, query) }
    }
}

/// The query for bars. The exchange excludes both ends.
fn bars(
    endpoint: Endpoint,
    inst_id: &InstrumentId,
    bar: Bar,
    span: TimeSpan,
) -> [(&'static str, String); 5] {
    [
        ("instId", inst_id.to_string()),
        ("bar", bar.to_string()),
        ("before", span.since.as_millis().saturating_sub(1).to_string()),
        ("after", span.until.as_millis().saturating_add(1).to_string()),
        ("limit", endpoint.page().to_string()),
    ]
}

fn with_query(mut target: String, query: &[(&str, String)]) -> String {
    for (n, (key, value)) in query.iter().enumerate() {
        target.push(if n == 0 { '?' } else { '&' });
        target.push_str(key);
        target.push('=');
        escape(&mut target, value);
    }
    target
}

/// Appends a text with all bytes escaped that may not stand in a path or a query (RFC 3986).
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_the_documents() {
        let id: InstrumentId = "BTC-USDT".parse().unwrap();
        let target = |request: Request| request.target().to_owned();
        let span = TimeSpan { since: UnixNanos(2_000_000), until: UnixNanos(4_000_000) };
        assert_eq!(
            target(Request::history_trades(&id, TradeCursor::BelowId(7), 100)),
            "/api/v5/market/history-trades?instId=BTC-USDT&type=1&after=7&limit=100"
        );
        assert_eq!(
            target(Request::history_trades(&id, TradeCursor::BeforeMillis(9), 500)),
            "/api/v5/market/history-trades?instId=BTC-USDT&type=2&after=9&limit=100"
        );
        assert_eq!(
            target(Request::candles(&id, Bar::Month1, span)),
            "/api/v5/market/history-candles?instId=BTC-USDT&bar=1M&before=1&after=5&limit=300"
        );
        assert_eq!(
            target(Request::v3_book(Market::Swap, &id, 999)),
            "/api/swap/v3/instruments/BTC-USDT/depth?size=200"
        );
        let odd: InstrumentId = "A&B=C D/é".parse().unwrap();
        assert_eq!(
            target(Request::book(&odd, 0)),
            "/api/v5/market/books?instId=A%26B%3DC%20D%2F%C3%A9&sz=1"
        );
    }
}
