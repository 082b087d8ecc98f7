//! The rows of v3.
//!
//! Source: `docs/PROTOCOL.md` 11.

use serde::Deserialize;

use super::error::RowError;
use super::rows::{BookSnapshot, Field, HistoryCandle, Text};
use super::v5::levels;
use crate::model::{Side, Trade};

#[derive(Deserialize)]
struct TradeRow<'b> {
    #[serde(borrow)]
    trade_id: Text<'b>,
    #[serde(borrow)]
    price: Text<'b>,
    // Futures and options have `qty`, others `size`.
    #[serde(borrow, alias = "qty")]
    size: Text<'b>,
    #[serde(borrow)]
    side: Text<'b>,
    #[serde(borrow)]
    timestamp: Text<'b>,
}

/// The trades, in their order: newest first.
pub(super) fn trades(rows: &str) -> Result<Vec<Trade>, RowError> {
    let rows: Vec<TradeRow<'_>> = serde_json::from_str(rows)?;
    let trade = |(n, row): (usize, &TradeRow<'_>)| {
        let side = Side::from_name(row.side.as_str().as_bytes());
        let side = side.ok_or_else(|| Field(n, "side").bad(&row.side))?;
        let px = Field(n, "price").decimal(&row.price)?;
        let mut trade = Trade::new(side, px, Field(n, "size").decimal(&row.size)?);
        trade.ts_event = Field(n, "timestamp").iso(&row.timestamp)?;
        trade.trade_id = Field(n, "trade_id").id(&row.trade_id)?;
        Ok(trade)
    };
    rows.iter().enumerate().map(trade).collect()
}

/// The candles, in their order: newest first.
pub(super) fn candles(rows: &str) -> Result<Vec<HistoryCandle>, RowError> {
    let rows: Vec<Vec<Text<'_>>> = serde_json::from_str(rows)?;
    let candle = |(n, row): (usize, &Vec<Text<'_>>)| {
        let [ts, open, high, low, close, volume, rest @ ..] = row.as_slice() else {
            return Err(Field(n, "columns").bad(&Text(row.len().to_string().into())));
        };
        let volume_ccy = rest.first().map(|text| Field(n, "currency_volume").digits(text));
        Ok(HistoryCandle {
            ts: Field(n, "time").iso(ts)?,
            open: Field(n, "open").decimal(open)?,
            high: Field(n, "high").decimal(high)?,
            low: Field(n, "low").decimal(low)?,
            close: Field(n, "close").decimal(close)?,
            volume: Field(n, "volume").digits(volume)?,
            volume_ccy: volume_ccy.transpose()?,
            volume_quote: None,
            closed: None,
        })
    };
    rows.iter().enumerate().map(candle).collect()
}

#[derive(Deserialize)]
struct BookRow<'b> {
    #[serde(borrow)]
    asks: Vec<Vec<Text<'b>>>,
    #[serde(borrow)]
    bids: Vec<Vec<Text<'b>>>,
    // Swap's `depth` calls it `time`.
    #[serde(borrow, alias = "time")]
    timestamp: Text<'b>,
}

/// The book. Spot has three elements a level, others four.
pub(super) fn book(rows: &str) -> Result<BookSnapshot, RowError> {
    let row: BookRow<'_> = serde_json::from_str(rows)?;
    Ok(BookSnapshot {
        ts: Field(0, "timestamp").iso(&row.timestamp)?,
        seq: None,
        asks: levels("asks", &row.asks)?,
        bids: levels("bids", &row.bids)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_all_markets_are_read() {
        let futures = r#"[{"trade_id":"4751","side":"sell","price":"7880.25","qty":"4",
            "timestamp":"2019-05-16T09:46:40.123Z"}]"#;
        let spot = futures.replace("qty", "size");
        for rows in [futures, &spot] {
            let trade = trades(rows).unwrap()[0];
            assert_eq!((trade.trade_id, trade.sz().to_string()), (4_751, "4".to_owned()));
        }
        // Swap's levels mix texts and numbers, and spot's have three elements.
        let swap = r#"{"asks":[["3968.5","121",0,2]],"bids":[],"time":"2019-03-25T11:12:17.905Z"}"#;
        let book = book(swap).unwrap();
        assert_eq!((book.asks[0].orders(), book.seq), (2, None));
        let spot = r#"{"asks":[["1.5","2","3"]],"bids":[],"timestamp":"2019-03-25T11:12:17.905Z"}"#;
        assert_eq!(super::book(spot).unwrap().asks[0].orders(), 3);
        let candle = r#"[["2019-03-25T11:12:00.000Z","1","2","0.5","1.5","7"]]"#;
        assert_eq!(candles(candle).unwrap()[0].volume_ccy, None);
    }
}
