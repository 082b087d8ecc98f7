//! The values of a message: levels, trades, times, into scratch memory.

use super::message::{Group, Message, Template};
use super::number::{Exponent, NULL, int8, int16, int32, int64};
use super::schema::{bbo, level, root, snapshot, trade, update};
use crate::book::{Book5, DepthAction};
use crate::model::{Decimal, Level, NO_SEQ, Side, Trade, UnixNanos};
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
    Depth(DepthValues),
    /// A message of a channel that is not decoded.
    OtherChannel,
}

/// What an order book's message holds besides its levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthValues {
    pub(super) action: DepthAction,
    pub(super) ts_event: UnixNanos,
    pub(super) seq: i64,
    pub(super) prev_seq: i64,
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
                read_trade(block(message)?, ts_recv, trade, unread).map(|()| Self::Trade)
            }
            Template::BookUpdate | Template::ExponentUpdate => {
                let root: &[u8; update::LEN] = block(message)?;
                let exponents = exponents(root, update::PX_EXPONENT, update::SZ_EXPONENT);
                read_side(message.asks, exponents, asks, unread)?;
                read_side(message.bids, exponents, bids, unread)?;
                Ok(Self::Depth(DepthValues {
                    action: DepthAction::Update,
                    ts_event: time(root)?,
                    seq: seq(int64(root, update::SEQ_ID))?,
                    prev_seq: seq(int64(root, update::PREV_SEQ_ID))?,
                }))
            }
            Template::Snapshot => {
                let root: &[u8; snapshot::LEN] = block(message)?;
                let exponents = exponents(root, snapshot::PX_EXPONENT, snapshot::SZ_EXPONENT);
                read_side(message.asks, exponents, asks, unread)?;
                read_side(message.bids, exponents, bids, unread)?;
                Ok(Self::Depth(DepthValues {
                    action: DepthAction::RestSnapshot,
                    ts_event: time(root)?,
                    seq: seq(int64(root, snapshot::SEQ_ID))?,
                    prev_seq: NO_SEQ,
                }))
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
fn exponents<const N: usize>(root: &[u8; N], px: usize, sz: usize) -> Exponents {
    Exponents { px: Exponent(int8(root, px)), sz: Exponent(int8(root, sz)) }
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

#[inline(always)]
fn read_bbo(
    root: &[u8; bbo::LEN],
    ts_recv: UnixNanos,
    book: &mut Book5,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    let exponents = exponents(root, bbo::PX_EXPONENT, bbo::SZ_EXPONENT);
    let ask = RawLevel {
        px: int64(root, bbo::ASK_PX),
        sz: int64(root, bbo::ASK_SZ),
        orders: int32(root, bbo::ASK_ORDERS),
    };
    let bid = RawLevel {
        px: int64(root, bbo::BID_PX),
        sz: int64(root, bbo::BID_SZ),
        orders: int32(root, bbo::BID_ORDERS),
    };
    let [ask, bid] = levels([ask, bid], exponents, unread)?;
    book.ts_event = time(root)?;
    book.ts_recv = ts_recv;
    book.seq = seq(int64(root, bbo::SEQ_ID))?;
    // As in JSON, a level with neither price nor size is none.
    let is_some = |level: &Level| !level.px().is_zero() | !level.sz().is_zero();
    book.set_best(Some(ask).filter(is_some), Some(bid).filter(is_some));
    Ok(())
}

/// A level as received: mantissas, and the number of orders.
#[derive(Clone, Copy)]
struct RawLevel {
    px: i64,
    sz: i64,
    orders: i32,
}

/// The exponents of a message's prices and sizes.
#[derive(Clone, Copy)]
struct Exponents {
    px: Exponent,
    sz: Exponent,
}

/// The decimals of a message's prices and sizes.
#[derive(Clone, Copy)]
struct Scales {
    px: u8,
    sz: u8,
}

impl Exponents {
    /// `None` if a mantissa must be changed to be a [`Decimal`].
    #[inline(always)]
    fn scales(self) -> Option<Scales> {
        Some(Scales { px: self.px.scale()?, sz: self.sz.scale()? })
    }
}

/// The levels of received values.
#[inline(always)]
fn levels<const N: usize>(
    raw: [RawLevel; N],
    exponents: Exponents,
    unread: &mut UnreadCounts,
) -> Result<[Level; N], Kind> {
    let Some(scales) = exponents.scales() else {
        return unusual_levels(raw, exponents, unread);
    };
    let is_unusual = raw.iter().fold(false, |any, raw| any | is_unusual(*raw));
    if is_unusual {
        return unusual_levels(raw, exponents, unread);
    }
    Ok(raw.map(|raw| usual_level(raw, scales)))
}

/// Whether a value is null, or a count negative.
#[inline(always)]
const fn is_unusual(raw: RawLevel) -> bool {
    (raw.px == NULL) | (raw.sz == NULL) | (raw.orders < 0)
}

/// The level of values that are not unusual.
#[inline(always)]
const fn usual_level(raw: RawLevel, scales: Scales) -> Level {
    let px = Decimal::from_parts(raw.px, scales.px);
    let sz = Decimal::from_parts(raw.sz, scales.sz);
    Level::new(px, sz, raw.orders.cast_unsigned())
}

/// The levels of any values.
#[cold]
#[inline(never)]
fn unusual_levels<const N: usize>(
    raw: [RawLevel; N],
    exponents: Exponents,
    unread: &mut UnreadCounts,
) -> Result<[Level; N], Kind> {
    let mut levels = [Level::EMPTY; N];
    for (to, raw) in levels.iter_mut().zip(raw) {
        *to = unusual_level(raw, exponents, unread)?;
    }
    Ok(levels)
}

/// The level of any values; a negative number of orders is not readable.
fn unusual_level(
    raw: RawLevel,
    exponents: Exponents,
    unread: &mut UnreadCounts,
) -> Result<Level, Kind> {
    let (px, sz) = (exponents.px.decimal(raw.px)?, exponents.sz.decimal(raw.sz)?);
    let orders = u32::try_from(raw.orders).unwrap_or_else(|_| {
        unread.count(OptionalField::Orders);
        0
    });
    Ok(Level::new(px, sz, orders))
}

#[inline(always)]
fn read_trade(
    root: &[u8; trade::LEN],
    ts_recv: UnixNanos,
    to: &mut Trade,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    let side = match int8(root, trade::SIDE) {
        trade::SELL => Side::Sell,
        trade::BUY => Side::Buy,
        _ => return Err(Kind::Side),
    };
    let exponents = exponents(root, trade::PX_EXPONENT, trade::SZ_EXPONENT);
    let raw = RawLevel { px: int64(root, trade::PX), sz: int64(root, trade::SZ), orders: 0 };
    let [level] = levels([raw], exponents, unread)?;
    let mut trade = Trade::new(side, level.px(), level.sz());
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
    *to = trade;
    Ok(())
}

/// Reads the levels of a side in the order of the message.
#[inline(always)]
fn read_side(
    group: Group<'_>,
    exponents: Exponents,
    side: &mut DepthLevels,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    if group.count > MAX_DEPTH_LEVELS {
        return Err(Kind::TooManyLevels);
    }
    if let (level::LEN, Some(scales)) = (group.entry_len, exponents.scales()) {
        let (entries, _) = group.entries.as_chunks::<{ level::LEN }>();
        if side.fill(|levels| read_usual(entries, scales, levels)).is_some() {
            return Ok(());
        }
    }
    read_unusual(group, exponents, side, unread)
}

#[inline(always)]
fn raw_level(entry: &[u8; level::LEN]) -> RawLevel {
    RawLevel {
        px: int64(entry, level::PX),
        sz: int64(entry, level::SZ),
        orders: int32(entry, level::ORDERS),
    }
}

/// Reads entries of the schema's length. `None` if one is unusual; what was written is of no use
/// then.
#[inline(always)]
fn read_usual(
    entries: &[[u8; level::LEN]],
    scales: Scales,
    levels: &mut [Level; MAX_DEPTH_LEVELS],
) -> Option<usize> {
    let mut any_unusual = false;
    for (entry, to) in entries.iter().zip(levels.iter_mut()) {
        let raw = raw_level(entry);
        any_unusual |= is_unusual(raw);
        *to = usual_level(raw, scales);
    }
    (!any_unusual).then_some(entries.len())
}

/// Reads entries of any length with any values.
#[cold]
#[inline(never)]
fn read_unusual(
    group: Group<'_>,
    exponents: Exponents,
    side: &mut DepthLevels,
    unread: &mut UnreadCounts,
) -> Result<(), Kind> {
    side.clear(false);
    let entries = group.entries.chunks_exact(group.entry_len.max(level::LEN));
    for entry in entries.filter_map(|entry| entry.first_chunk()) {
        side.push(unusual_level(raw_level(entry), exponents, unread)?, None);
    }
    Ok(())
}

/// The code of the instrument of a message.
#[inline(always)]
pub(super) fn code(root: &[u8]) -> i64 {
    root.get(root::INST_ID_CODE..)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(NULL, |bytes| i64::from_le_bytes(*bytes))
}
