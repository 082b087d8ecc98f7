//! The rows of v5.
//!
//! Source: `docs/PROTOCOL.md` 11.

use serde::Deserialize;

use super::error::RowError;
use super::rows::{BookSnapshot, DataFile, Field, HistoryCandle, Maintenance, Text};
use crate::model::{Level, Side, Trade, UnixNanos};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TradeRow<'b> {
    #[serde(borrow)]
    trade_id: Text<'b>,
    #[serde(borrow)]
    px: Text<'b>,
    #[serde(borrow)]
    sz: Text<'b>,
    #[serde(borrow)]
    side: Text<'b>,
    #[serde(borrow, default)]
    source: Text<'b>,
    #[serde(borrow)]
    ts: Text<'b>,
}

/// The fills of `trades` and `history-trades`, in their order: newest first.
pub(super) fn trades(rows: &str) -> Result<Vec<Trade>, RowError> {
    let rows: Vec<TradeRow<'_>> = serde_json::from_str(rows)?;
    let trade = |(n, row): (usize, &TradeRow<'_>)| {
        let side = Side::from_name(row.side.as_str().as_bytes());
        let side = side.ok_or_else(|| Field(n, "side").bad(&row.side))?;
        let px = Field(n, "px").decimal(&row.px)?;
        let mut trade = Trade::new(side, px, Field(n, "sz").decimal(&row.sz)?);
        trade.ts_event = Field(n, "ts").millis(&row.ts)?;
        trade.trade_id = Field(n, "tradeId").id(&row.trade_id)?;
        trade.source = row.source.as_str().parse().unwrap_or_default();
        Ok(trade)
    };
    rows.iter().enumerate().map(trade).collect()
}

/// The rows of `candles` and `history-candles`, in their order: newest first.
pub(super) fn candles(rows: &str) -> Result<Vec<HistoryCandle>, RowError> {
    let rows: Vec<Vec<Text<'_>>> = serde_json::from_str(rows)?;
    let candle = |(n, row): (usize, &Vec<Text<'_>>)| {
        let [ts, open, high, low, close, volume, rest @ ..] = row.as_slice() else {
            return Err(Field(n, "columns").bad(&Text(row.len().to_string().into())));
        };
        let [volume_ccy, volume_quote, confirm, ..] = rest else {
            return Err(Field(n, "columns").bad(&Text(row.len().to_string().into())));
        };
        Ok(HistoryCandle {
            ts: Field(n, "ts").millis(ts)?,
            open: Field(n, "o").decimal(open)?,
            high: Field(n, "h").decimal(high)?,
            low: Field(n, "l").decimal(low)?,
            close: Field(n, "c").decimal(close)?,
            volume: Field(n, "vol").digits(volume)?,
            volume_ccy: Some(Field(n, "volCcy").digits(volume_ccy)?),
            volume_quote: Some(Field(n, "volCcyQuote").digits(volume_quote)?),
            closed: match confirm.as_str() {
                "0" => Some(false),
                "1" => Some(true),
                _ => return Err(Field(n, "confirm").bad(confirm)),
            },
        })
    };
    rows.iter().enumerate().map(candle).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookRow<'b> {
    #[serde(borrow)]
    asks: Vec<Vec<Text<'b>>>,
    #[serde(borrow)]
    bids: Vec<Vec<Text<'b>>>,
    #[serde(borrow)]
    ts: Text<'b>,
    seq_id: Option<i64>,
}

/// The book of `books` and `books-full`.
pub(super) fn book(rows: &str) -> Result<BookSnapshot, RowError> {
    let rows: Vec<BookRow<'_>> = serde_json::from_str(rows)?;
    let row = rows.first().ok_or(RowError::Empty)?;
    Ok(BookSnapshot {
        ts: Field(0, "ts").millis(&row.ts)?,
        seq: row.seq_id,
        asks: levels("asks", &row.asks)?,
        bids: levels("bids", &row.bids)?,
    })
}

/// Levels whose last element is the number of orders. One without a size is not in the book.
pub(super) fn levels(side: &'static str, rows: &[Vec<Text<'_>>]) -> Result<Vec<Level>, RowError> {
    let mut levels = Vec::with_capacity(rows.len());
    for (n, row) in rows.iter().enumerate() {
        let field = Field(n, side);
        let [px, sz, .., orders] = row.as_slice() else {
            return Err(field.bad(&Text(row.len().to_string().into())));
        };
        let sz = field.decimal(sz)?;
        if !sz.is_zero() {
            levels.push(Level::new(field.decimal(px)?, sz, field.count(orders)?));
        }
    }
    Ok(levels)
}

#[derive(Deserialize)]
struct TimeRow<'b> {
    #[serde(borrow)]
    ts: Text<'b>,
}

/// The exchange's time.
pub(super) fn time(rows: &str) -> Result<UnixNanos, RowError> {
    let rows: Vec<TimeRow<'_>> = serde_json::from_str(rows)?;
    Field(0, "ts").millis(&rows.first().ok_or(RowError::Empty)?.ts)
}

#[derive(Deserialize)]
struct StatusRow<'b> {
    #[serde(borrow, default)]
    title: Text<'b>,
    #[serde(borrow)]
    state: Text<'b>,
    #[serde(borrow, default)]
    begin: Text<'b>,
    #[serde(borrow, default)]
    end: Text<'b>,
}

/// The rows of `status`.
pub(super) fn status(rows: &str) -> Result<Vec<Maintenance>, RowError> {
    let rows: Vec<StatusRow<'_>> = serde_json::from_str(rows)?;
    let maintenance = |(n, row): (usize, &StatusRow<'_>)| {
        Ok(Maintenance {
            title: row.title.as_str().to_owned(),
            state: row.state.as_str().to_owned(),
            begin: Field(n, "begin").optional_millis(&row.begin)?,
            end: Field(n, "end").optional_millis(&row.end)?,
        })
    };
    rows.iter().enumerate().map(maintenance).collect()
}

#[derive(Deserialize)]
struct FilesRow<'b> {
    #[serde(borrow, default)]
    details: Vec<FilesDetail<'b>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilesDetail<'b> {
    #[serde(borrow, default)]
    group_details: Vec<FileRow<'b>>,
}

#[derive(Deserialize)]
struct FileRow<'b> {
    #[serde(borrow)]
    filename: Text<'b>,
    // The table of the documents has one name and their example another.
    #[serde(borrow, rename = "dateTs", alias = "dataTs")]
    date_ts: Text<'b>,
    #[serde(borrow, default, rename = "sizeMB")]
    size_mb: Text<'b>,
    #[serde(borrow)]
    url: Text<'b>,
}

/// The files of `market-data-history`.
pub(super) fn files(rows: &str) -> Result<Vec<DataFile>, RowError> {
    let rows: Vec<FilesRow<'_>> = serde_json::from_str(rows)?;
    let all = rows.iter().flat_map(|row| &row.details).flat_map(|detail| &detail.group_details);
    let file = |(n, row): (usize, &FileRow<'_>)| {
        Ok(DataFile {
            name: row.filename.as_str().to_owned(),
            url: row.url.as_str().to_owned(),
            date: Field(n, "dateTs").millis(&row.date_ts)?,
            size_mb: row.size_mb.as_str().to_owned(),
        })
    };
    all.enumerate().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_documents_are_read_exactly() {
        let row = r#"[{"instId":"BTC-USDT","side":"sell","sz":"0.00001","source":"0","px":"29963.2",
            "tradeId":"242720720","ts":"1654161646974"}]"#;
        let trade = trades(row).unwrap()[0];
        assert_eq!((trade.trade_id, trade.count, trade.side()), (242_720_720, 1, Side::Sell));
        assert_eq!(
            (trade.px().to_string(), trade.sz().to_string()),
            ("29963.2".to_owned(), "0.00001".to_owned())
        );
        assert_eq!(trade.ts_event.as_millis(), 1_654_161_646_974);
        let candle = r#"[["1597026383085","3.721","3.743","3.677","3.708","12345678901234567890123.5",
            "22698348.04828491","12698348.04828491","0"]]"#;
        let candle = &candles(candle).unwrap()[0];
        assert_eq!(candle.volume, "12345678901234567890123.5");
        assert_eq!((candle.high.to_string(), candle.closed), ("3.743".to_owned(), Some(false)));
        let book = book(
            r#"[{"asks":[["41006.8","0.60038921","0","1"]],"bids":[["41006.3","0.30178218","0","2"],
            ["41006","0","0","0"]],"ts":"1629966436396","seqId":3235851742}]"#,
        )
        .unwrap();
        assert_eq!((book.seq, book.asks.len(), book.bids.len()), (Some(3_235_851_742), 1, 1));
        let files = files(
            r#"[{"details":[{"instId":"BTC-USDT","groupDetails":[{"filename":"a.zip","dateTs":"1756656000000",
            "sizeMB":"1.5","url":"https://x/a.zip"},{"filename":"b","dataTs":"1","url":"u"}]}],"ts":"1"}]"#,
        )
        .unwrap();
        assert_eq!((files.len(), files[0].size_mb.as_str()), (2, "1.5"));
    }

    #[test]
    fn what_is_no_row_is_an_error_that_says_where() {
        let message = |result: Result<Vec<Trade>, RowError>| result.unwrap_err().to_string();
        let row = |id: &str, px: &str, side: &str| {
            format!(r#"[{{"tradeId":{id},"px":{px},"sz":"1","side":"{side}","ts":"1"}}]"#)
        };
        assert!(trades(&row("7", "2", "buy")).is_ok());
        assert!(message(trades(&row("\"-7\"", "\"2\"", "buy"))).contains("tradeId of row 0"));
        assert!(message(trades(&row("7", "1.5", "buy"))).contains("text or an integer"));
        assert!(message(trades(&row("7", "\"x\"", "buy"))).contains("px of row 0"));
        assert!(message(trades(&row("7", "\"1\"", "bye"))).contains("side of row 0"));
        assert!(matches!(book("[]"), Err(RowError::Empty)));
        assert!(candles(r#"[["1","2"]]"#).is_err());
        let deep = "[".repeat(100_000);
        assert!(trades(&deep).is_err());
    }
}
