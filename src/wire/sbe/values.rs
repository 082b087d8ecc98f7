//! The values of a message: levels, trades, times, into scratch memory.

use super::message::{Group, Message, Template};
use super::number::{Exponent, NULL, int8, int16, int32, int64};
use super::schema::{bbo, level, root, snapshot, trade, update};
use crate::book::{Book5, DepthAction};
use crate::model::{Level, NO_SEQ, Side, Trade, UnixNanos};
use crate::wire::error::DecodeErrorKind as Kind;
use crate::wire::scratch::{DepthLevels, MAX_DEPTH_LEVELS, Scratch};
use crate::wire::unread::{OptionalField, UnreadCounts};

/// What a message holds besides what it wrote to the scratch memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// [`Scratch::book`] holds the best levels.
    Book,
    /// [`Scratch::trade`] holds the trade.
    Trade,
    /// [`Scratch::asks`] and [`Scratch::bids`] hold the levels.
    Depth { action: DepthAction, ts_event: UnixNanos, seq: i64, prev_seq: i64 },
    /// A message of a channel that is not decoded.
    OtherChannel,
}

impl Values {
    /// Reads the values of a message.
    ///
    /// # Errors
    /// The kind of a value that does not fit.
    #[inline(always)]
    pub(super) fn read(
        message: &Message<'_>,
        ts_recv: UnixNanos,
        scratch: &mut Scratch,
    ) -> Result<Self, Kind> {
        let Scratch { book, trade, asks, bids, unread, .. } = scratch;
        match message.template {
            Template::Bbo => read_bbo(block(message)?, ts_recv, book, unread).map(|()| Self::Book),
            Template::Trade => {
                *trade = read_trade(block(message)?, ts_recv, unread)?;
                Ok(Self::Trade)
            }
            Template::BookUpdate | Template::ExponentUpdate => {
                let root: &[u8; update::LEN] = block(message)?;
                let exponents = exponents(root, update::PX_EXPONENT, update::SZ_EXPONENT);
                read_side(message.asks, exponents, asks, unread)?;
                read_side(message.bids, exponents, bids, unread)?;
                Ok(Self::Depth {
                    action: DepthAction::Update,
                    ts_event: time(root)?,
                    seq: seq(int64(root, update::SEQ_ID))?,
                    prev_seq: seq(int64(root, update::PREV_SEQ_ID))?,
                })
            }
            Template::Snapshot => {
                let root: &[u8; snapshot::LEN] = block(message)?;
                let exponents = exponents(root, snapshot::PX_EXPONENT, snapshot::SZ_EXPONENT);
                read_side(message.asks, exponents, asks, unread)?;
                read_side(message.bids, exponents, bids, unread)?;
                Ok(Self::Depth {
                    action: DepthAction::RestSnapshot,
                    ts_event: time(root)?,
                    seq: seq(int64(root, snapshot::SEQ_ID))?,
                    prev_seq: NO_SEQ,
                })
            }
            Template::ElpBookUpdate | Template::ElpExponentUpdate => Ok(Self::OtherChannel),
        }
    }
}

/// The fields of the root block that the schema has.
#[inline(always)]
fn block<'f, const N: usize>(message: &Message<'f>) -> Result<&'f [u8; N], Kind> {
    message.root.first_chunk().ok_or(Kind::BlockLength)
}

#[inline(always)]
fn exponents<const N: usize>(root: &[u8; N], px: usize, sz: usize) -> (Exponent, Exponent) {
    (Exponent(int8(root, px)), Exponent(int8(root, sz)))
}

/// The exchange's time, in microseconds on the wire.
#[inline(always)]
fn time<const N: usize>(root: &[u8; N]) -> Result<UnixNanos, Kind> {
    let micros = u64::try_from(int64(root, root::TS_US)).map_err(|_| Kind::Timestamp)?;
    micros.checked_mul(1_000).map(UnixNanos).ok_or(Kind::Timestamp)
}

/// A sequence number. The one that stands for none is refused.
#[inline(always)]
const fn seq(number: i64) -> Result<i64, Kind> {
    if number == NO_SEQ { Err(Kind::NumberOverflow) } else { Ok(number) }
}

#[inline]
fn read_bbo(
    root: &[u8; bbo::LEN],
    ts_recv: UnixNanos,
    book: &mut Book5,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    let (px, sz) = exponents(root, bbo::PX_EXPONENT, bbo::SZ_EXPONENT);
    let mut side = |px_at, sz_at, orders_at| {
        let (px_mantissa, sz_mantissa) = (int64(root, px_at), int64(root, sz_at));
        let has_level = (px_mantissa | sz_mantissa) != 0;
        let orders = orders(int32(root, orders_at), unread);
        let level = Level::new(px.decimal(px_mantissa)?, sz.decimal(sz_mantissa)?, orders);
        Ok::<_, Kind>((level, u8::from(has_level)))
    };
    // As in JSON, a level with neither price nor size is none.
    let (ask, asks) = side(bbo::ASK_PX, bbo::ASK_SZ, bbo::ASK_ORDERS)?;
    let (bid, bids) = side(bbo::BID_PX, bbo::BID_SZ, bbo::BID_ORDERS)?;
    book.ts_event = time(root)?;
    book.ts_recv = ts_recv;
    book.seq = seq(int64(root, bbo::SEQ_ID))?;
    let ([best_ask, ..], [best_bid, ..]) = book.levels_mut();
    (*best_ask, *best_bid) = (ask, bid);
    book.finish(asks, bids);
    Ok(())
}

#[inline]
fn read_trade(
    root: &[u8; trade::LEN],
    ts_recv: UnixNanos,
    unread: &mut UnreadCounts,
) -> Result<Trade, Kind> {
    let side = match int8(root, trade::SIDE) {
        trade::SELL => Side::Sell,
        trade::BUY => Side::Buy,
        _ => return Err(Kind::Side),
    };
    let (px, sz) = exponents(root, trade::PX_EXPONENT, trade::SZ_EXPONENT);
    let px = px.decimal(int64(root, trade::PX))?;
    let sz = sz.decimal(int64(root, trade::SZ))?;
    let mut trade = Trade::new(side, px, sz);
    trade.ts_event = time(root)?;
    trade.ts_recv = ts_recv;
    trade.trade_id = u64::try_from(int64(root, trade::TRADE_ID)).map_err(|_| Kind::Number)?;
    trade.seq = seq(int64(root, trade::SEQ_ID))?;
    match u32::try_from(int16(root, trade::COUNT)) {
        Ok(count) if count > 0 => trade.count = count,
        _ => unread.count(OptionalField::Count),
    }
    match u8::try_from(int8(root, trade::SOURCE)) {
        Ok(source) => trade.source = source,
        Err(_) => unread.count(OptionalField::Source),
    }
    Ok(trade)
}

/// The number of orders; a negative one is not readable.
#[inline(always)]
fn orders(count: i32, unread: &mut UnreadCounts) -> u32 {
    u32::try_from(count).unwrap_or_else(|_| {
        unread.count(OptionalField::Orders);
        0
    })
}

/// Reads the levels of a side in the order of the message.
#[inline]
fn read_side(
    group: Group<'_>,
    exponents: (Exponent, Exponent),
    side: &mut DepthLevels,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    if group.count > MAX_DEPTH_LEVELS {
        return Err(Kind::TooManyLevels);
    }
    if group.entry_len == level::LEN {
        let (entries, _) = group.entries.as_chunks::<{ level::LEN }>();
        return read_entries(entries.iter(), exponents, side, unread);
    }
    let entries = group.entries.chunks_exact(group.entry_len.max(level::LEN));
    read_entries(entries.filter_map(|entry| entry.first_chunk()), exponents, side, unread)
}

#[inline(always)]
fn read_entries<'f>(
    entries: impl Iterator<Item = &'f [u8; level::LEN]>,
    (px, sz): (Exponent, Exponent),
    side: &mut DepthLevels,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    let mut result = Ok(());
    side.fill(|levels| {
        let mut written = 0;
        for (entry, to) in entries.zip(levels.iter_mut()) {
            let (px_mantissa, sz_mantissa) = (int64(entry, level::PX), int64(entry, level::SZ));
            let orders = orders(int32(entry, level::ORDERS), unread);
            match (px.decimal(px_mantissa), sz.decimal(sz_mantissa)) {
                (Ok(px), Ok(sz)) => *to = Level::new(px, sz, orders),
                (Err(kind), _) | (_, Err(kind)) => {
                    result = Err(kind);
                    return None;
                }
            }
            written += 1;
        }
        Some(written)
    });
    result
}

/// The code of the instrument of a message.
#[inline(always)]
pub(super) fn code(root: &[u8]) -> i64 {
    root.get(root::INST_ID_CODE..)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(NULL, |bytes| i64::from_le_bytes(*bytes))
}
