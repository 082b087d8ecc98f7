//! Messages that are read whole: from the levels on, one function reads all that is left of the
//! text, where it lies.

use super::engine::Avx512;
use crate::book::DepthAction;
use crate::model::{Channel, UnixNanos};
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::engine::Engine;
use crate::wire::scan::scanned::{Scanned, Target};
use crate::wire::scan::v5::CHANNEL_AT;
use crate::wire::scratch::Scratch;

/// From this length on a text of an order book has too many levels, in bytes.
const SHORT: usize = 448;

// The first eight bytes of a channel's name and what follows.
const BOOKS5: u64 = u64::from_le_bytes(*b"books5\",");
const BOOKS: u64 = u64::from_le_bytes(*b"books\",\"");
const BOOKS_L2_TBT: u64 = u64::from_le_bytes(*b"books-l2");
const BOOKS50_L2_TBT: u64 = u64::from_le_bytes(*b"books50-");

/// Whether a text may be one of these: its channel's name begins as theirs do.
#[inline(always)]
pub(super) fn may_be(text: &[u8]) -> bool {
    text.get(CHANNEL_AT..).and_then(|name| name.first_chunk()) == Some(b"bo")
}

/// Reads a v5 text and gives it to the target, if it is a book of five levels a side or a short
/// update of an order book. `None` says nothing about any other text.
#[inline(always)]
pub(super) fn scan<'t>(
    engine: Avx512,
    text: &'t [u8],
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let channel = u64::from_le_bytes(*text.get(CHANNEL_AT..)?.first_chunk()?);
    let cursor = &mut Cursor::new(text);
    match channel {
        BOOKS5 => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books5\",\"instId\":\"")?;
            book5(engine, cursor, ts_recv, scratch, target)
        }
        BOOKS_L2_TBT if text.len() < SHORT => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books-l2-tbt\",\"instId\":\"")?;
            update(engine, cursor, Channel::BooksL2Tbt, scratch, target)
        }
        BOOKS if text.len() < SHORT => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books\",\"instId\":\"")?;
            update(engine, cursor, Channel::Books, scratch, target)
        }
        BOOKS50_L2_TBT if text.len() < SHORT => {
            cursor.expect(b"{\"arg\":{\"channel\":\"books50-l2-tbt\",\"instId\":\"")?;
            update(engine, cursor, Channel::Books50L2Tbt, scratch, target)
        }
        _ => None,
    }
}

#[inline(always)]
fn book5<'t>(
    engine: Avx512,
    cursor: &mut Cursor<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let id = engine.id(cursor)?;
    cursor.expect(b"},\"data\":[{\"asks\":[")?;
    let (channel, market, inst_id) = (Channel::Books5, None, engine.text(&id)?);
    target.prefetch(channel, inst_id);
    let book = &mut scratch.book;
    let is_sound = engine.book5(cursor.rest(), &id, book)?;
    book.ts_recv = ts_recv;
    if is_sound {
        book.finish_whole();
    } else {
        book.finish(5, 5);
        if book.is_raw() {
            return None;
        }
    }
    target.take(Scanned::Book { channel, market, inst_id }, scratch);
    Some(())
}

#[inline(always)]
fn update<'t>(
    engine: Avx512,
    cursor: &mut Cursor<'t>,
    channel: Channel,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let id = engine.id(cursor)?;
    if !cursor.accept(b"},\"action\":\"update\",\"data\":[{") {
        return None;
    }
    let tail = engine.short_update(cursor.rest(), scratch)?;
    let scanned = Scanned::Depth {
        channel,
        market: None,
        inst_id: engine.text(&id)?,
        action: DepthAction::Update,
        ts_event: tail.ts_event,
        seq: tail.seq,
        prev_seq: tail.prev_seq,
        checksum: tail.checksum,
    };
    target.take(scanned, scratch);
    Some(())
}
