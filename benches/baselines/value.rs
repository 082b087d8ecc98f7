//! serde_json's `Value`: every object a map, every text a `String`. The most common use.

use okx_feed::{Book5, Decimal, DepthUpdate, Dialect, Level, Side, Trade};
use serde_json::Value;

use super::{Levels, Read, TS_RECV, make_book, time};

/// Builds the tree and extracts the members of a book or a trade.
pub(crate) fn value(dialect: Dialect, text: &[u8], book: &mut Book5) -> Read {
    let message: Value = serde_json::from_slice(text).ok()?;
    let item = message.get("data")?.get(0)?;
    let (is_book, arg_id) = match message.get("arg") {
        Some(arg) => {
            let channel = arg.get("channel")?.as_str()?;
            (matches!(channel, "books5" | "bbo-tbt"), Some(arg.get("instId")?.as_str()?))
        }
        None => (message.get("table")?.as_str()?.split_once('/')?.1 == "depth5", None),
    };
    let of = |names: &[&str]| names.iter().find_map(|name| item.get(name)?.as_str());
    let id = of(&["instId", "instrument_id"]).or(arg_id)?;
    if arg_id.is_some_and(|arg| arg != id) {
        return None;
    }
    let ts = time(dialect, of(&["ts", "timestamp"])?)?;
    let seq = item.get("seqId").map_or(Some(DepthUpdate::NO_SEQ), Value::as_i64)?;
    if is_book {
        make_book(&levels(item.get("asks")?)?, &levels(item.get("bids")?)?, ts, seq, book)?;
        return Some((id.len(), None));
    }
    let side = Side::from_name(of(&["side"])?.as_bytes())?;
    let mut trade =
        Trade::new(side, number(of(&["px", "price"])?)?, number(of(&["sz", "size", "qty"])?)?);
    (trade.ts_event, trade.ts_recv, trade.seq) = (ts, TS_RECV, seq);
    trade.trade_id = of(&["tradeId", "trade_id"])?.parse().ok()?;
    trade.count = of(&["count"]).map_or(Some(1), |count| count.parse().ok())?;
    trade.source = of(&["source"]).map_or(Some(0), |source| source.parse().ok())?;
    Some((id.len(), Some(trade)))
}

fn number(text: &str) -> Option<Decimal> {
    Decimal::parse(text.as_bytes()).ok()
}

fn levels(side: &Value) -> Option<Levels> {
    let mut levels = Levels::EMPTY;
    for level in side.as_array()? {
        let text = |at: usize| level.get(at)?.as_str();
        let (px, sz) = (number(text(0)?)?, number(text(1)?)?);
        let orders = match text(3) {
            Some(orders) => {
                number(text(2)?)?;
                orders
            }
            None => text(2)?,
        };
        levels.push(Level::new(px, sz, orders.parse().ok()?))?;
    }
    Some(levels)
}
