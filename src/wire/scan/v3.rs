//! v3 messages of the usual shapes.

use super::cursor::Cursor;
use super::digits::decimal;
use super::engine::Engine;
use super::scanner::{Scanned, taker_side};
use super::time;
use crate::model::{Book5, Channel, Market, NO_SEQ, Trade, UnixNanos};

/// Reads a whole message; the cursor is then behind it.
///
/// Source: `{"table":"swap/depth5","data":[{…}]}`.
#[inline(always)]
pub(super) fn scan<'t, E: Engine>(
    engine: E,
    cursor: &mut Cursor<'t>,
    ts_recv: UnixNanos,
    book: &mut Book5,
) -> Option<Scanned<'t>> {
    cursor.expect(b"{\"table\":\"")?;
    let market = market(cursor)?;
    let scanned = if cursor.accept(b"depth5\",\"data\":[{") {
        let inst_id = read_book(engine, cursor, book)?;
        book.ts_recv = ts_recv;
        Scanned::Book { channel: Channel::Depth5, market: Some(market), inst_id }
    } else {
        cursor.expect(b"trade\",\"data\":[{")?;
        let (inst_id, mut trade) = read_trade(engine, cursor, market)?;
        trade.ts_recv = ts_recv;
        Scanned::Trade { channel: Channel::Trade, market: Some(market), inst_id, trade }
    };
    cursor.expect(b"\"}]}")?;
    Some(scanned)
}

/// Reads the market and the slash behind it.
#[inline(always)]
fn market(cursor: &mut Cursor<'_>) -> Option<Market> {
    if cursor.accept(b"spot/") {
        Some(Market::Spot)
    } else if cursor.accept(b"swap/") {
        Some(Market::Swap)
    } else if cursor.accept(b"futures/") {
        Some(Market::Futures)
    } else if cursor.accept(b"option/") {
        Some(Market::Option)
    } else {
        None
    }
}

/// Reads the book's fields, `asks,bids,instrument_id,timestamp`, up to the last quote: the id.
#[inline(always)]
fn read_book<'t, E: Engine>(
    engine: E,
    cursor: &mut Cursor<'t>,
    book: &mut Book5,
) -> Option<&'t str> {
    let (asks, bids) = book.places();
    cursor.expect(b"\"asks\":")?;
    let ask_len = engine.side(cursor, asks)?;
    cursor.expect(b",\"bids\":")?;
    let bid_len = engine.side(cursor, bids)?;
    cursor.expect(b",\"instrument_id\":\"")?;
    let id = engine.id(cursor)?;
    cursor.expect(b",\"timestamp\":\"")?;
    book.ts_event = time::iso_ms(cursor)?;
    book.seq = NO_SEQ;
    book.finish(ask_len, bid_len);
    engine.text(&id)
}

/// Reads the trade's fields up to the last quote: the id and the trade.
#[inline(always)]
fn read_trade<'t, E: Engine>(
    engine: E,
    cursor: &mut Cursor<'t>,
    market: Market,
) -> Option<(&'t str, Trade)> {
    if !cursor.accept(b"\"side\":\"") {
        return read_alphabetical_trade(engine, cursor);
    }
    let side = taker_side(cursor)?;
    cursor.expect(b",\"trade_id\":\"")?;
    let trade_id = engine.integer(cursor)?;
    cursor.expect(b"\",\"price\":\"")?;
    let (px, sz) = match market {
        Market::Spot | Market::Swap => engine.px_sz(cursor, b"\",\"size\":\"")?,
        _ => engine.px_sz(cursor, b"\",\"qty\":\"")?,
    };
    cursor.expect(b"\",\"instrument_id\":\"")?;
    let id = engine.id(cursor)?;
    cursor.expect(b",\"timestamp\":\"")?;
    let mut trade = Trade::new(side, px, sz);
    trade.trade_id = trade_id;
    trade.ts_event = time::iso_ms(cursor)?;
    Some((engine.text(&id)?, trade))
}

/// Reads the fields in the order of 2018 and 2019, which old trades still had in 2021:
/// `instrument_id,price,side,size,timestamp,trade_id`, or `qty` before `side`.
#[cold]
fn read_alphabetical_trade<'t, E: Engine>(
    engine: E,
    cursor: &mut Cursor<'t>,
) -> Option<(&'t str, Trade)> {
    cursor.expect(b"\"instrument_id\":\"")?;
    let id = engine.id(cursor)?;
    cursor.expect(b",\"price\":\"")?;
    let px = decimal(cursor)?;
    cursor.expect(b"\",\"")?;
    let (side, sz) = if cursor.accept(b"qty\":\"") {
        let sz = decimal(cursor)?;
        cursor.expect(b"\",\"side\":\"")?;
        (taker_side(cursor)?, sz)
    } else {
        cursor.expect(b"side\":\"")?;
        let side = taker_side(cursor)?;
        cursor.expect(b",\"size\":\"")?;
        let sz = decimal(cursor)?;
        cursor.expect(b"\"")?;
        (side, sz)
    };
    cursor.expect(b",\"timestamp\":\"")?;
    let mut trade = Trade::new(side, px, sz);
    trade.ts_event = time::iso_ms(cursor)?;
    cursor.expect(b"\",\"trade_id\":\"")?;
    trade.trade_id = engine.integer(cursor)?;
    Some((engine.text(&id)?, trade))
}
