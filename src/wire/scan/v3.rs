//! v3 messages of the usual shapes.

use super::cursor::Cursor;
use super::digits::decimal;
use super::engine::Engine;
use super::scanned::{Scanned, taker_side};
use super::{depth, time};
use crate::book::{Book5, DepthAction};
use crate::model::{Channel, Market, NO_SEQ, Trade, UnixNanos};
use crate::wire::scratch::Scratch;

/// Reads a whole message; the cursor is then behind it.
///
/// Source: `{"table":"swap/depth5","data":[{…}]}`.
#[inline(always)]
pub(super) fn scan<'t, E: Engine>(
    engine: E,
    cursor: &mut Cursor<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
) -> Option<Scanned<'t>> {
    cursor.expect(b"{\"table\":\"")?;
    let market = market(cursor)?;
    let scanned = if cursor.accept(b"depth5\",\"data\":[{") {
        let book = &mut scratch.book;
        let inst_id = read_book(engine, cursor, book)?;
        book.ts_recv = ts_recv;
        Scanned::Book { channel: Channel::Depth5, market: Some(market), inst_id }
    } else if cursor.accept(b"trade\",\"data\":[{") {
        let (inst_id, mut trade) = read_trade(engine, cursor, market)?;
        trade.ts_recv = ts_recv;
        Scanned::Trade { channel: Channel::Trade, market: Some(market), inst_id, trade }
    } else {
        // By value, so that five-level books and trades do not pay for it.
        let (behind, scanned) = read_depth(engine, *cursor, market, scratch)?;
        *cursor = behind;
        return Some(scanned);
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
    let (asks, bids) = book.levels_mut();
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
    if book.is_raw() {
        return None;
    }
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

/// Reads an order book's message from its channel on: `instrument_id,asks,bids,timestamp,checksum`,
/// or `asks,bids` and then the others in any order.
///
/// Source: `{"table":"spot/depth_l2_tbt","action":"update","data":[{…}]}`.
#[inline(never)]
fn read_depth<'t, E: Engine>(
    engine: E,
    mut cursor: Cursor<'t>,
    market: Market,
    scratch: &mut Scratch,
) -> Option<(Cursor<'t>, Scanned<'t>)> {
    let channel = if cursor.accept(b"depth_l2_tbt\",\"action\":\"") {
        Channel::DepthL2Tbt
    } else {
        cursor.expect(b"depth\",\"action\":\"")?;
        Channel::Depth
    };
    let action = if cursor.accept(b"update\",\"data\":[{") {
        DepthAction::Update
    } else {
        cursor.expect(b"partial\",\"data\":[{")?;
        DepthAction::Snapshot
    };
    let (mut id, mut ts_event, mut checksum) = (None, None, None);
    if cursor.accept(b"\"instrument_id\":\"") {
        id = Some(engine.id(&mut cursor)?);
        cursor.expect(b",")?;
    }
    depth::sides(engine, None, &mut cursor, scratch)?;
    // The usual order takes one round, any other one more for each field that comes too early.
    while !cursor.accept(b"}]}") {
        let left = cursor.rest().len();
        if cursor.accept(b",\"instrument_id\":\"") {
            depth::keep(&mut id, engine.id(&mut cursor)?)?;
        }
        if cursor.accept(b",\"timestamp\":\"") {
            depth::keep(&mut ts_event, time::iso_ms(&mut cursor)?)?;
            cursor.expect(b"\"")?;
        }
        if cursor.accept(b",\"checksum\":") {
            depth::keep(&mut checksum, depth::checksum(engine, &mut cursor)?)?;
        }
        if cursor.rest().len() == left {
            return None;
        }
    }
    let scanned = Scanned::Depth {
        channel,
        market: Some(market),
        inst_id: engine.text(&id?)?,
        action,
        ts_event: ts_event?,
        seq: NO_SEQ,
        prev_seq: NO_SEQ,
        checksum,
    };
    Some((cursor, scanned))
}
