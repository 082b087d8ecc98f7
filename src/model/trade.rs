//! A trade, and a ring of the last trades of an instrument.

use std::fmt;

use super::decimal::{Decimal, MAX_SCALE, Price, Qty};
use super::time::UnixNanos;

/// The value of a missing sequence number of a trade or book.
pub(crate) const NO_SEQ: i64 = i64::MIN;

/// The bit of a trade's side byte that says that its count could not be read.
const UNREAD_COUNT: u8 = 2;

/// The side of a trade's taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// The taker bought.
    Buy = 0,
    /// The taker sold.
    Sell = 1,
}

impl Side {
    /// The side's name on the wire: `buy` or `sell`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// The side of a wire name; `None` if there is no such side.
    #[inline]
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"buy" => Some(Self::Buy),
            b"sell" => Some(Self::Sell),
            _ => None,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One trade as the exchange reported it.
///
/// Plain data, 56 bytes: `ts_event`, `ts_recv`, `trade_id` (`u64`), `seq`, `px` and `sz` mantissas
/// (`i64`) at offsets 0 to 40, `count` (`u32`) at 48, the two scales, `side` and `source` (`u8`) at
/// 52 to 55.
///
/// Source: v3 `{"side":"buy","trade_id":"5430565","price":"60059.7","qty":"20",…}` (`size` on spot
/// and swap), v5 `{"instId":…,"tradeId":"206","px":"0.0065","sz":"2","side":"sell","ts":…}`, since
/// 2023 with `count`, since 2025 with `source` and `seqId`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Trade {
    /// The exchange's time of the trade.
    pub ts_event: UnixNanos,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
    /// The exchange's id: in a merged v5 `trades` message the last of `count` ids.
    pub trade_id: u64,
    /// The exchange's sequence number, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) if it
    /// sent none.
    pub seq: i64,
    px: i64,
    sz: i64,
    /// The number of maker fills merged into this trade, at least 1; 1 if the exchange does not
    /// send it, and if what it sent cannot be read.
    pub count: u32,
    px_scale: u8,
    sz_scale: u8,
    side: u8,
    /// v5's `source`: 0 for a normal order, 1 for an ELP or RPI order; 0 if it was not sent or
    /// cannot be read.
    pub source: u8,
}

impl Trade {
    /// No trade: the value of unused ring entries.
    pub const EMPTY: Self = Self::new(Side::Buy, Decimal::ZERO, Decimal::ZERO);

    /// The placeholder for a lost trade.
    pub(crate) const LOST: Self = Self { count: 0, ..Self::EMPTY };

    /// Whether this is a trade, not a placeholder.
    #[inline]
    pub(crate) const fn is_some(&self) -> bool {
        self.count > 0
    }

    /// The first of the ids that are merged into this trade: `trade_id` if there is one id, and if
    /// their number is not known.
    #[inline]
    #[must_use]
    pub const fn first_id(&self) -> u64 {
        self.trade_id.saturating_sub(self.count.saturating_sub(1) as u64)
    }

    /// The number of ids between `last` and the ids that are merged into this trade; 0 if their
    /// number is not known.
    #[inline]
    #[must_use]
    pub const fn missing_since(&self, last: u64) -> u64 {
        match self.side & UNREAD_COUNT {
            0 => self.first_id().saturating_sub(last.saturating_add(1)),
            _ => 0,
        }
    }

    /// Notes that the count could not be read, so that no ids seem to be missing before it.
    pub(crate) const fn set_count_unread(&mut self) {
        self.side |= UNREAD_COUNT;
    }

    /// The id before this trade's first id. A slot compares it with the id of its last trade.
    #[inline]
    pub(crate) const fn id_before(&self) -> i64 {
        self.trade_id.wrapping_sub(self.count as u64).cast_signed()
    }

    /// Makes a trade without times, id and sequence number, and with a count of one.
    #[inline]
    #[must_use]
    pub const fn new(side: Side, px: Price, sz: Qty) -> Self {
        Self {
            ts_event: UnixNanos::UNKNOWN,
            ts_recv: UnixNanos::UNKNOWN,
            trade_id: 0,
            seq: NO_SEQ,
            px: px.mantissa(),
            sz: sz.mantissa(),
            count: 1,
            px_scale: px.scale(),
            sz_scale: sz.scale(),
            side: side as u8,
            source: 0,
        }
    }

    /// The price.
    #[inline]
    #[must_use]
    pub const fn px(&self) -> Price {
        Decimal::from_parts(self.px, self.px_scale)
    }

    /// The size: base currency on spot, contracts on derivatives.
    #[inline]
    #[must_use]
    pub const fn sz(&self) -> Qty {
        Decimal::from_parts(self.sz, self.sz_scale)
    }

    /// The side of the taker.
    #[inline]
    #[must_use]
    pub const fn side(&self) -> Side {
        if self.side & 1 == Side::Buy as u8 { Side::Buy } else { Side::Sell }
    }

    /// The exchange's sequence number; `None` if it sent none.
    #[inline]
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        if self.seq == NO_SEQ { None } else { Some(self.seq) }
    }

    /// The number of words of [`Trade::to_words`].
    pub(crate) const WORDS: usize = 7;

    /// The trade as words, for publication in atomics.
    #[inline]
    pub(crate) const fn to_words(self) -> [u64; Self::WORDS] {
        let [c0, c1, c2, c3] = self.count.to_le_bytes();
        let tail = [c0, c1, c2, c3, self.px_scale, self.sz_scale, self.side, self.source];
        [
            self.ts_event.0,
            self.ts_recv.0,
            self.trade_id,
            self.seq.cast_unsigned(),
            self.px.cast_unsigned(),
            self.sz.cast_unsigned(),
            u64::from_le_bytes(tail),
        ]
    }

    /// The trade of [`Trade::to_words`].
    #[inline]
    pub(crate) const fn from_words(words: [u64; Self::WORDS]) -> Self {
        let [ts_event, ts_recv, trade_id, seq, px, sz, tail] = words;
        let [c0, c1, c2, c3, px_scale, sz_scale, side, source] = tail.to_le_bytes();
        Self {
            ts_event: UnixNanos(ts_event),
            ts_recv: UnixNanos(ts_recv),
            trade_id,
            seq: seq.cast_signed(),
            px: px.cast_signed(),
            sz: sz.cast_signed(),
            count: u32::from_le_bytes([c0, c1, c2, c3]),
            px_scale: if px_scale > MAX_SCALE { MAX_SCALE } else { px_scale },
            sz_scale: if sz_scale > MAX_SCALE { MAX_SCALE } else { sz_scale },
            side,
            source,
        }
    }
}

impl Default for Trade {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for Trade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trade")
            .field("trade_id", &self.trade_id)
            .field("side", &self.side())
            .field("px", &self.px())
            .field("sz", &self.sz())
            .field("count", &self.count)
            .field("source", &self.source)
            .field("seq", &self.seq())
            .field("ts_event", &self.ts_event)
            .field("ts_recv", &self.ts_recv)
            .finish()
    }
}

const _: () = {
    assert!(size_of::<Trade>() == Trade::WORDS * 8 && align_of::<Trade>() == 8);
    assert!(std::mem::offset_of!(Trade, ts_event) == 0);
    assert!(std::mem::offset_of!(Trade, ts_recv) == 8);
    assert!(std::mem::offset_of!(Trade, trade_id) == 16);
    assert!(std::mem::offset_of!(Trade, seq) == 24);
    assert!(std::mem::offset_of!(Trade, px) == 32);
    assert!(std::mem::offset_of!(Trade, sz) == 40);
    assert!(std::mem::offset_of!(Trade, count) == 48);
    assert!(std::mem::offset_of!(Trade, px_scale) == 52);
    assert!(std::mem::offset_of!(Trade, side) == 54);
};

/// The last `N` trades of an instrument; a new one overwrites the oldest.
///
/// The ring numbers the trades from 0. A reader that keeps the next number it needs can count the
/// trades that it missed. Fixed size, no heap; `N` must not be 0.
#[derive(Clone, Debug)]
pub struct TradeRing<const N: usize> {
    trades: [Trade; N],
    next: u64,
}

impl<const N: usize> TradeRing<N> {
    /// Makes an empty ring.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N > 0, "a trade ring holds at least one trade") };
        Self { trades: [Trade::EMPTY; N], next: 0 }
    }

    /// Adds a trade. Returns its number.
    #[inline]
    pub fn push(&mut self, trade: Trade) -> u64 {
        let number = self.next;
        if let Some(slot) = self.trades.get_mut(Self::index(number)) {
            *slot = trade;
        }
        self.next = number + 1;
        number
    }

    /// Skips a number for a lost trade. A reader by numbers sees that one is missing.
    #[cold]
    pub fn lose(&mut self) {
        self.push(Trade::LOST);
    }

    /// Removes all trades and restarts at number 0. Only for a ring without readers.
    #[inline]
    pub(crate) const fn clear(&mut self) {
        self.next = 0;
    }

    /// The entry that the next trade will overwrite, for a prefetch.
    #[inline]
    pub(crate) fn next_entry(&self) -> Option<&Trade> {
        self.trades.get(Self::index(self.next))
    }

    /// The number of the next trade, which is the count of trades ever pushed or lost.
    #[inline]
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The number of the oldest trade still held.
    #[inline]
    #[must_use]
    pub const fn oldest(&self) -> u64 {
        self.next.saturating_sub(N as u64)
    }

    /// The count of numbers held, 0 to `N`, lost trades included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.next - self.oldest()).unwrap_or(N)
    }

    /// Whether no trade was ever pushed.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// The trade of a number; `None` if it was overwritten, was lost or is not pushed yet.
    #[inline]
    #[must_use]
    pub fn at(&self, number: u64) -> Option<&Trade> {
        if number < self.oldest() || number >= self.next {
            return None;
        }
        self.trades.get(Self::index(number)).filter(|trade| trade.is_some())
    }

    /// The newest trade.
    #[inline]
    #[must_use]
    pub fn last(&self) -> Option<&Trade> {
        (self.oldest()..self.next).rev().find_map(|number| self.at(number))
    }

    /// The number of trades from `from` on that were overwritten, and the trades still held, oldest
    /// first.
    pub fn since(&self, from: u64) -> (u64, impl Iterator<Item = (u64, &Trade)>) {
        let first = from.max(self.oldest());
        let missed = first - from.min(first);
        (missed, (first..self.next).filter_map(|number| Some((number, self.at(number)?))))
    }

    /// All trades held, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Trade> {
        self.since(0).1.map(|(_, trade)| trade)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the remainder is below N, a usize")]
    const fn index(number: u64) -> usize {
        (number % N as u64) as usize
    }
}

impl<const N: usize> Default for TradeRing<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(id: u64) -> Trade {
        Trade { trade_id: id, ..Trade::new(Side::Sell, Decimal::from(7), Decimal::from(2)) }
    }

    #[test]
    fn words_carry_the_whole_trade() {
        let trade = Trade {
            ts_event: UnixNanos(1),
            ts_recv: UnixNanos(2),
            seq: -5,
            count: u32::MAX,
            source: 1,
            ..trade(u64::MAX)
        };
        assert_eq!(Trade::from_words(trade.to_words()), trade);
    }

    #[test]
    fn the_ring_keeps_the_last_n_and_numbers_them() {
        let mut ring = TradeRing::<3>::new();
        assert!(ring.is_empty() && ring.last().is_none());
        for id in 0..5 {
            assert_eq!(ring.push(trade(id)), id);
        }
        assert_eq!((ring.len(), ring.oldest(), ring.next()), (3, 2, 5));
        assert_eq!(ring.iter().map(|t| t.trade_id).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(ring.last().map(|t| t.trade_id), Some(4));
        assert!(ring.at(1).is_none() && ring.at(5).is_none());
    }

    #[test]
    fn a_lost_trade_skips_its_number() {
        let mut ring = TradeRing::<3>::new();
        ring.push(trade(1));
        ring.lose();
        assert_eq!((ring.last().map(|t| t.trade_id), ring.next()), (Some(1), 2));
        ring.push(trade(3));
        let numbers: Vec<_> = ring.since(0).1.map(|(number, t)| (number, t.trade_id)).collect();
        assert_eq!(numbers, [(0, 1), (2, 3)]);
        (0..3).for_each(|_| ring.lose());
        assert!(ring.last().is_none() && ring.iter().next().is_none());
    }

    #[test]
    fn a_reader_counts_missed_trades() {
        let mut ring = TradeRing::<3>::new();
        (0..5).for_each(|id| {
            ring.push(trade(id));
        });
        let read = |from| {
            let (missed, trades) = ring.since(from);
            (missed, trades.map(|(number, _)| number).collect::<Vec<_>>())
        };
        assert_eq!(read(0), (2, vec![2, 3, 4]));
        assert_eq!(read(4), (0, vec![4]));
        assert_eq!(read(5), (0, vec![]));
        assert_eq!(read(9), (0, vec![]));
    }
}
