//! v5 messages of the usual shapes.

use super::cursor::{Cursor, declined};
use super::depth;
use super::engine::Engine;
use super::inst_id::Id;
use super::record;
use super::scanned::{Scanned, Target, taker_side};
use super::text::PaddedText;
use crate::book::{Book5, DepthAction};
use crate::model::{Channel, NO_SEQ, Trade, UnixNanos};
use crate::wire::scratch::Scratch;

// The first eight bytes of a channel's name and what follows: one comparison a channel.
const BOOKS5: u64 = u64::from_le_bytes(*b"books5\",");
const TRADES: u64 = u64::from_le_bytes(*b"trades\",");
const BBO_TBT: u64 = u64::from_le_bytes(*b"bbo-tbt\"");
const TRADES_ALL: u64 = u64::from_le_bytes(*b"trades-a");
const BOOKS: u64 = u64::from_le_bytes(*b"books\",\"");
const BOOKS_L2_TBT: u64 = u64::from_le_bytes(*b"books-l2");
const BOOKS50_L2_TBT: u64 = u64::from_le_bytes(*b"books50-");
const BOOKS_RPI: u64 = u64::from_le_bytes(*b"books-rp");
const BOOKS_ELP: u64 = u64::from_le_bytes(*b"books-el");

/// Reads a whole message and gives it to the target.
///
/// Source: `{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{…}]}`.
#[inline(always)]
pub(super) fn scan<'t, E: Engine>(
    engine: E,
    text: PaddedText<'t>,
    mut at: Cursor<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let cursor = &mut at;
    let Some(channel) = channel(cursor) else {
        scratch.record.ts_recv = ts_recv;
        return engine.read_v5_depth(text, at, scratch, target);
    };
    let id = engine.id(cursor)?;
    let inst_id = engine.text(&id)?;
    let market = None;
    let scanned = match channel {
        Channel::Books5 | Channel::BboTbt => {
            target.prefetch(channel, inst_id);
            let book = &mut scratch.book;
            read_book(engine, text, cursor, &id, book)?;
            book.ts_recv = ts_recv;
            Scanned::Book { channel, market, inst_id }
        }
        Channel::Trades | Channel::TradesAll => {
            let mut trade = read_trade(engine, text, cursor, &id)?;
            trade.ts_recv = ts_recv;
            Scanned::Trade { channel, market, inst_id, trade }
        }
        _ => return declined(),
    };
    cursor.expect(b"}]}")?;
    if !text.is_read(*cursor) {
        return None;
    }
    target.take(scanned, scratch);
    Some(())
}

/// Where the channel's name begins.
pub(super) const CHANNEL_AT: usize = 19;

/// The first eight bytes of the channel's name and what follows.
#[inline(always)]
fn channel_word(cursor: &Cursor<'_>) -> Option<u64> {
    match cursor.rest().get(CHANNEL_AT..).and_then(|name| name.first_chunk()) {
        Some(word) => Some(u64::from_le_bytes(*word)),
        None => declined(),
    }
}

/// Reads the head of a message up to the instrument's id. What is of none of these channels does
/// not move the cursor.
#[inline(always)]
fn channel(cursor: &mut Cursor<'_>) -> Option<Channel> {
    match channel_word(cursor)? {
        BOOKS5 => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books5\",\"instId\":\"")?;
            Some(Channel::Books5)
        }
        TRADES => {
            cursor.expect(b"{\"arg\":{\"channel\":\"trades\",\"instId\":\"")?;
            Some(Channel::Trades)
        }
        BBO_TBT => {
            cursor.expect(b"{\"arg\":{\"channel\":\"bbo-tbt\",\"instId\":\"")?;
            Some(Channel::BboTbt)
        }
        TRADES_ALL => {
            cursor.expect(b"{\"arg\":{\"channel\":\"trades-all\",\"instId\":\"")?;
            Some(Channel::TradesAll)
        }
        _ => None,
    }
}

/// Reads the book's fields: `asks,bids,ts` of `bbo-tbt`, `asks,bids,instId,ts` of `books5`, either
/// with `seqId` behind (since 2023).
#[inline(always)]
fn read_book<'t, E: Engine>(
    engine: E,
    text: PaddedText<'t>,
    cursor: &mut Cursor<'t>,
    id: &Id<'_>,
    book: &mut Book5,
) -> Option<()> {
    let (asks, bids) = book.levels_mut();
    cursor.expect(b"},\"data\":[{\"asks\":")?;
    let ask_len = engine.side(cursor, asks)?;
    cursor.expect(b",\"bids\":")?;
    text.to_end_if_near(cursor);
    let bid_len = engine.side(cursor, bids)?;
    text.to_end(cursor)?;
    if cursor.accept(b",\"instId\":\"") {
        engine.same_id(cursor, id)?;
    }
    cursor.expect(b",\"ts\":\"")?;
    book.ts_event = engine.millis(cursor)?;
    cursor.expect(b"\"")?;
    book.seq = seq(engine, cursor)?;
    book.finish(ask_len, bid_len);
    if book.is_raw() {
        return None;
    }
    Some(())
}

/// Reads the trade's fields: `instId,tradeId,px,sz,side,ts` and then what the years have added,
/// `count`, `source`, `seqId`; `trades-all` is documented with `source` before `ts`.
#[inline(always)]
fn read_trade<'t, E: Engine>(
    engine: E,
    text: PaddedText<'t>,
    cursor: &mut Cursor<'t>,
    id: &Id<'_>,
) -> Option<Trade> {
    cursor.expect(b"},\"data\":[{\"instId\":\"")?;
    engine.same_id(cursor, id)?;
    cursor.expect(b",\"tradeId\":\"")?;
    let trade_id = engine.integer(cursor)?;
    cursor.expect(b"\",\"px\":\"")?;
    let (px, sz) = engine.px_sz(cursor, b"\",\"sz\":\"")?;
    cursor.expect(b"\",\"side\":\"")?;
    let mut trade = Trade::new(taker_side(cursor)?, px, sz);
    trade.trade_id = trade_id;
    let source_first = cursor.accept(b",\"source\":\"");
    if source_first {
        trade.source = source(cursor)?;
    }
    cursor.expect(b",\"ts\":\"")?;
    trade.ts_event = engine.millis(cursor)?;
    cursor.expect(b"\"")?;
    // Up to here no load is longer than what every trade still has.
    text.to_end(cursor)?;
    if cursor.accept(b",\"count\":\"") {
        trade.count = u32::try_from(engine.integer(cursor)?).ok().filter(|count| *count > 0)?;
        cursor.expect(b"\"")?;
    }
    if !source_first && cursor.accept(b",\"source\":\"") {
        trade.source = source(cursor)?;
    }
    trade.seq = seq(engine, cursor)?;
    Some(trade)
}

/// Reads the source, one digit, and the quote behind it.
#[inline(always)]
fn source(cursor: &mut Cursor<'_>) -> Option<u8> {
    let source = cursor.byte()?.wrapping_sub(b'0');
    cursor.expect(b"\"")?;
    if source > 9 {
        return declined();
    }
    Some(source)
}

/// Reads the sequence number where there is one.
#[inline(always)]
fn seq<E: Engine>(engine: E, cursor: &mut Cursor<'_>) -> Option<i64> {
    if !cursor.accept(b",\"seqId\":") {
        return Some(NO_SEQ);
    }
    engine.integer(cursor).map(u64::cast_signed)
}

/// Reads an order book's message: `asks,bids` and then `ts`, `checksum` (until 2026, where the
/// channel has one), `seqId` and `prevSeqId` (since 2023), in any order.
///
/// Source: `{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{…}]}`.
#[inline(always)]
pub(super) fn read_depth<'t, E: Engine>(
    engine: E,
    text: PaddedText<'t>,
    mut cursor: Cursor<'t>,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let Some(channel) = depth_channel(&mut cursor) else {
        return record::read(text, scratch, target);
    };
    let id = engine.id(&mut cursor)?;
    cursor.expect(b"},\"action\":\"")?;
    let action = if cursor.accept(b"update\",\"data\":[{") {
        DepthAction::Update
    } else {
        cursor.expect(b"snapshot\",\"data\":[{")?;
        DepthAction::Snapshot
    };
    if channel.has_non_rpi() {
        cursor = depth::sides_with_non_rpi(cursor, scratch)?;
    } else {
        depth::sides(engine, Some(text), &mut cursor, scratch)?;
    }
    text.to_end(&mut cursor)?;
    let (mut ts_event, mut checksum, mut seq, mut prev_seq) = (None, None, None, None);
    // The usual order takes one round, any other one more for each field that comes too early.
    while !cursor.accept(b"}]}") {
        let left = cursor.rest().len();
        if cursor.accept(b",\"ts\":\"") {
            depth::keep(&mut ts_event, engine.millis(&mut cursor)?)?;
            cursor.expect(b"\"")?;
        }
        if cursor.accept(b",\"checksum\":") {
            depth::keep(&mut checksum, depth::checksum(engine, &mut cursor)?)?;
        }
        if cursor.accept(b",\"seqId\":") {
            depth::keep(&mut seq, depth::signed(engine, &mut cursor)?)?;
        }
        if cursor.accept(b",\"prevSeqId\":") {
            depth::keep(&mut prev_seq, depth::signed(engine, &mut cursor)?)?;
        }
        if cursor.rest().len() == left {
            return None;
        }
    }
    if !text.is_read(cursor) {
        return None;
    }
    let scanned = Scanned::Depth {
        channel,
        market: None,
        inst_id: engine.text(&id)?,
        action,
        ts_event: ts_event?,
        seq: seq.unwrap_or(NO_SEQ),
        prev_seq: prev_seq.unwrap_or(NO_SEQ),
        checksum,
    };
    target.take(scanned, scratch);
    Some(())
}

/// Reads the head of an order book's message up to the instrument's id.
#[inline(always)]
fn depth_channel(cursor: &mut Cursor<'_>) -> Option<Channel> {
    match channel_word(cursor)? {
        BOOKS_L2_TBT => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books-l2-tbt\",\"instId\":\"")?;
            Some(Channel::BooksL2Tbt)
        }
        BOOKS => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books\",\"instId\":\"")?;
            Some(Channel::Books)
        }
        BOOKS50_L2_TBT => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books50-l2-tbt\",\"instId\":\"")?;
            Some(Channel::Books50L2Tbt)
        }
        BOOKS_RPI => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books-rpi\",\"instId\":\"")?;
            Some(Channel::BooksRpi)
        }
        BOOKS_ELP => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books-elp\",\"instId\":\"")?;
            Some(Channel::BooksElp)
        }
        _ => None,
    }
}
