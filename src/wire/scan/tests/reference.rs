//! What a message means, read slowly and with nothing of the scanner's code: `serde_json` for the
//! syntax, the model's own parsers for numbers and times.

use serde_json::{Map, Value};

use super::TS_RECV;
use crate::book::{Book5, BookFlags, DepthAction, DepthUpdate, NonRpiSizes};
use crate::model::{
    Channel, ChannelKind, Decimal, Dialect, Level, MAX_ID_LEN, Market, NO_SEQ, Qty, Side, Topic,
    Trade, UnixNanos,
};
use crate::wire::scratch::MAX_DEPTH_LEVELS;

/// A message read whole. Books are compared by their words, so that unused places count as well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    channel: Channel,
    market: Option<Market>,
    inst_id: String,
    pub(super) book: Option<Book5>,
    words: Option<[u64; Book5::WORDS]>,
    pub(super) trade: Option<Trade>,
    pub(super) depth: Option<Depth>,
}

/// What a message of an order book says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Depth {
    pub(super) action: DepthAction,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    pub(super) seq: i64,
    pub(super) prev_seq: i64,
    pub(super) checksum: Option<i32>,
    pub(super) asks: Vec<Level>,
    pub(super) bids: Vec<Level>,
    /// What of the sizes of asks and bids is not of RPI orders.
    pub(super) non_rpi: Option<[Vec<Qty>; 2]>,
}

impl Outcome {
    pub(super) fn book(
        channel: Channel,
        market: Option<Market>,
        inst_id: &str,
        book: &Book5,
    ) -> Self {
        let inst_id = inst_id.to_owned();
        Self {
            channel,
            market,
            inst_id,
            book: Some(*book),
            words: Some(book.words(0)),
            trade: None,
            depth: None,
        }
    }

    pub(super) fn trade(
        channel: Channel,
        market: Option<Market>,
        inst_id: &str,
        trade: &Trade,
    ) -> Self {
        let inst_id = inst_id.to_owned();
        let trade = Some(*trade);
        Self { channel, market, inst_id, book: None, words: None, trade, depth: None }
    }

    pub(super) fn depth(update: &DepthUpdate<'_>) -> Self {
        let depth = Depth {
            action: update.action,
            ts_event: update.ts_event,
            ts_recv: update.ts_recv,
            seq: update.seq,
            prev_seq: update.prev_seq,
            checksum: update.checksum,
            asks: update.asks.to_vec(),
            bids: update.bids.to_vec(),
            non_rpi: update.non_rpi.map(|sizes| [sizes.asks.to_vec(), sizes.bids.to_vec()]),
        };
        let &DepthUpdate { topic: Topic { channel, market, inst_id }, .. } = update;
        let inst_id = inst_id.to_owned();
        Self { channel, market, inst_id, book: None, words: None, trade: None, depth: Some(depth) }
    }
}

/// A book with something in every place.
pub(super) fn full_book() -> Book5 {
    let level = |px: i64| Level::new(Decimal::from(px), Decimal::from(px), 9);
    let mut book = Book5::new(&[5, 4, 3, 2, 1].map(level), &[1, 2, 3, 4, 5].map(level));
    (book.ts_event, book.ts_recv, book.seq) = (UnixNanos(1), UnixNanos(2), 3);
    book
}

/// Reads a message of one book, one trade or one order book; `None` for anything else.
pub(super) fn read(dialect: Dialect, text: &[u8]) -> Option<Outcome> {
    let message: Value = serde_json::from_slice(text).ok()?;
    let message = message.as_object()?;
    if message.contains_key("event") {
        return None;
    }
    let (market, channel, arg_id) = match dialect {
        Dialect::V3 => {
            let (market, channel) = message.get("table")?.as_str()?.split_once('/')?;
            (Some(Market::from_name(market.as_bytes())?), channel, None)
        }
        Dialect::V5 => {
            let arg = message.get("arg")?.as_object()?;
            (None, arg.get("channel")?.as_str()?, Some(arg.get("instId")?.as_str()?))
        }
    };
    let channel = Channel::from_name(dialect, channel.as_bytes())?;
    let [item] = message.get("data")?.as_array()?.as_slice() else { return None };
    let item = item.as_object()?;
    let own_id = match any(item, &["instId", "instrument_id"]) {
        Some(id) => Some(id.as_str()?),
        None => None,
    };
    let inst_id = match (arg_id, own_id) {
        (Some(arg), Some(own)) if arg != own => return None,
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => return None,
    };
    if inst_id.is_empty() || inst_id.len() > MAX_ID_LEN {
        return None;
    }
    if message.contains_key("action") != (channel.kind() == ChannelKind::Depth) {
        return None;
    }
    match channel.kind() {
        ChannelKind::Book5 => Some(Outcome::book(channel, market, inst_id, &book(dialect, item)?)),
        ChannelKind::Trades => {
            Some(Outcome::trade(channel, market, inst_id, &trade(dialect, item)?))
        }
        ChannelKind::Latest(_) | ChannelKind::Stream(_) | ChannelKind::Raw => None,
        ChannelKind::Depth => {
            let (asks, bids) = (levels(item.get("asks")?)?, levels(item.get("bids")?)?);
            let thirds = if channel == Channel::BooksRpi {
                Some((thirds(item.get("asks")?)?, thirds(item.get("bids")?)?))
            } else {
                None
            };
            let non_rpi = thirds.as_ref().map(|(asks, bids)| NonRpiSizes { asks, bids });
            Some(Outcome::depth(&DepthUpdate {
                topic: Topic { channel, market, inst_id },
                action: match (dialect, message.get("action")?.as_str()?) {
                    (Dialect::V3, "partial") | (Dialect::V5, "snapshot") => DepthAction::Snapshot,
                    (_, "update") => DepthAction::Update,
                    _ => return None,
                },
                ts_event: time(dialect, item)?,
                ts_recv: TS_RECV,
                seq: integer(item.get("seqId"), NO_SEQ)?,
                prev_seq: integer(item.get("prevSeqId"), NO_SEQ)?,
                checksum: match item.get("checksum") {
                    None => None,
                    checksum => Some(integer(checksum, 0)?),
                },
                asks: &asks,
                bids: &bids,
                non_rpi,
            }))
        }
    }
}

fn levels(value: &Value) -> Option<Vec<Level>> {
    let levels = value.as_array()?;
    if levels.len() > MAX_DEPTH_LEVELS {
        return None;
    }
    levels.iter().map(level).collect()
}

/// The third elements of levels that have four.
fn thirds(side: &Value) -> Option<Vec<Qty>> {
    let third = |level: &Value| {
        let [_, _, third, _] = level.as_array()?.as_slice() else { return None };
        Decimal::parse(text(third)?.as_bytes()).ok()
    };
    side.as_array()?.iter().map(third).collect()
}

/// An integer that is a JSON number; `absent` where there is none.
fn integer<T: std::str::FromStr>(value: Option<&Value>, absent: T) -> Option<T> {
    match value {
        None => Some(absent),
        Some(Value::Number(number)) => number.to_string().parse().ok(),
        Some(_) => None,
    }
}

fn book(dialect: Dialect, item: &Map<String, Value>) -> Option<Book5> {
    let (asks, bids) = (side(item.get("asks")?)?, side(item.get("bids")?)?);
    let mut book = Book5::new(&asks, &bids);
    book.ts_event = time(dialect, item)?;
    book.ts_recv = TS_RECV;
    book.seq = integer(item.get("seqId"), NO_SEQ)?;
    assert_eq!(book.flags().bits(), flags(&asks, &bids), "flags of {book:?}");
    // What has to be sorted, and what only holds the place of a level, is not for the scanner.
    let holds_place = |level: &Level| level.px().is_zero() && level.sz().is_zero();
    let is_raw =
        book.flags().contains(BookFlags::UNSORTED) || asks.iter().chain(&bids).any(holds_place);
    (!is_raw).then_some(book)
}

fn side(value: &Value) -> Option<Vec<Level>> {
    let levels = value.as_array()?;
    if levels.len() > 5 {
        return None;
    }
    levels.iter().map(level).collect()
}

fn level(value: &Value) -> Option<Level> {
    let elements = value.as_array()?;
    let number = |at: usize| Decimal::parse(text(&elements[at])?.as_bytes()).ok();
    let orders = match elements.len() {
        3 => &elements[2],
        4 => {
            number(2)?;
            &elements[3]
        }
        _ => return None,
    };
    Some(Level::new(number(0)?, number(1)?, plain_integer(&text(orders)?)?))
}

fn flags(asks: &[Level], bids: &[Level]) -> u8 {
    let crossed = !asks.is_empty() && !bids.is_empty() && bids[0].px() >= asks[0].px();
    let unsorted = asks.windows(2).any(|pair| pair[0].px() >= pair[1].px())
        || bids.windows(2).any(|pair| pair[0].px() <= pair[1].px());
    let empty = asks.iter().chain(bids).any(|level| level.sz() <= Decimal::ZERO);
    let bit = |on: bool, flag: BookFlags| if on { flag.bits() } else { 0 };
    bit(crossed, BookFlags::CROSSED)
        | bit(unsorted, BookFlags::UNSORTED)
        | bit(empty, BookFlags::EMPTY_LEVEL)
}

fn trade(dialect: Dialect, item: &Map<String, Value>) -> Option<Trade> {
    let number = |names: &[&str]| Decimal::parse(text(any(item, names)?)?.as_bytes()).ok();
    let side = Side::from_name(item.get("side")?.as_str()?.as_bytes())?;
    let mut trade = Trade::new(side, number(&["px", "price"])?, number(&["sz", "size", "qty"])?);
    trade.ts_event = time(dialect, item)?;
    trade.ts_recv = TS_RECV;
    trade.trade_id = plain_integer(any(item, &["tradeId", "trade_id"])?.as_str()?)?;
    trade.seq = integer(item.get("seqId"), NO_SEQ)?;
    if let Some(count) = item.get("count") {
        trade.count = plain_integer(count.as_str()?)?;
    }
    if let Some(source) = item.get("source") {
        trade.source = plain_integer(source.as_str()?)?;
    }
    Some(trade)
}

fn any<'a>(item: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| item.get(*name))
}

fn time(dialect: Dialect, item: &Map<String, Value>) -> Option<UnixNanos> {
    match dialect {
        Dialect::V3 => UnixNanos::parse_iso_ms(item.get("timestamp")?.as_str()?.as_bytes()),
        Dialect::V5 => UnixNanos::parse_millis(item.get("ts")?.as_str()?.as_bytes()),
    }
}

/// The text of a string or of a number, which `serde_json` keeps as it stood.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn plain_integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero { text.parse().ok() } else { None }
}
