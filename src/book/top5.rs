//! The five-level book, and what strategies ask of it.

use std::fmt;

use super::flags::BookFlags;
use super::level_change::LevelChange;
use super::liquidity::{Sides, Sweep};
use crate::model::{Decimal, Level, NO_SEQ, Price, Qty, Side, UnixNanos};

/// The most levels a side of a [`Book5`].
pub(crate) const BOOK5_LEVELS: usize = 5;

/// Where the numbers of asks and of bids and the flags are in [`Book5::head`].
const ASKS: usize = 0;
const BIDS: usize = 1;
pub(super) const FLAGS: usize = 2;

/// A book of up to five levels a side, best first, sent whole by the exchange each time.
///
/// A decoder sorts a side that did not come best first, keeps the five best of more, and flags it.
///
/// Plain data, 272 bytes: `ts_event` (`u64` ns), `ts_recv` (`u64` ns), `seq` (`i64`) at 0, 8, 16;
/// the number of asks and bids and the flags (`u8`) at 24, 25, 26; five asks at 32, five bids at
/// 152, 24 bytes each. Unused levels are zero.
///
/// Source: v3 `depth5`, v5 `books5` and `bbo-tbt` (one level a side).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Book5 {
    /// When the exchange says that the book was so.
    pub ts_event: UnixNanos,
    /// When we received the frame.
    pub ts_recv: UnixNanos,
    /// The exchange's sequence number, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it sent none.
    pub seq: i64,
    /// The number of asks and of bids, the flags and five zeros: one word, which readers load at once.
    pub(super) head: [u8; 8],
    pub(super) asks: [Level; BOOK5_LEVELS],
    pub(super) bids: [Level; BOOK5_LEVELS],
}

impl Book5 {
    /// The most levels a side of a [`Book5`].
    pub const LEVELS: usize = BOOK5_LEVELS;
}

impl Book5 {
    /// A book with no level, no time and no sequence number.
    pub const EMPTY: Self = Self {
        ts_event: UnixNanos::UNKNOWN,
        ts_recv: UnixNanos::UNKNOWN,
        seq: NO_SEQ,
        head: [0; 8],
        asks: [Level::EMPTY; BOOK5_LEVELS],
        bids: [Level::EMPTY; BOOK5_LEVELS],
    };

    /// Makes a book of the best levels of each side, given best first, and flags what is odd.
    ///
    /// Levels past the fifth are left out.
    #[must_use]
    pub fn new(asks: &[Level], bids: &[Level]) -> Self {
        let mut book = Self::EMPTY;
        book.head[ASKS] = fill(&mut book.asks, asks);
        book.head[BIDS] = fill(&mut book.bids, bids);
        book.head[FLAGS] = BookFlags::of(book.asks(), book.bids()).bits();
        book
    }

    /// The asks, best (lowest) first: 0 to 5 levels.
    #[inline]
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        self.asks.get(..usize::from(self.head[ASKS])).unwrap_or(&self.asks)
    }

    /// The bids, best (highest) first: 0 to 5 levels.
    #[inline]
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        self.bids.get(..usize::from(self.head[BIDS])).unwrap_or(&self.bids)
    }

    /// What is odd about the book.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> BookFlags {
        BookFlags::from_bits(self.head[FLAGS])
    }

    /// The exchange's sequence number; `None` where it sent none.
    #[inline]
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        if self.seq == NO_SEQ { None } else { Some(self.seq) }
    }

    /// The best ask; `None` where the side is empty.
    #[inline]
    #[must_use]
    pub fn best_ask(&self) -> Option<&Level> {
        self.asks().first()
    }

    /// The best bid; `None` where the side is empty.
    #[inline]
    #[must_use]
    pub fn best_bid(&self) -> Option<&Level> {
        self.bids().first()
    }

    /// Both best levels, ask first; `None` where a side is empty.
    #[inline]
    #[must_use]
    pub fn top(&self) -> Option<(&Level, &Level)> {
        self.sides().top()
    }

    /// Best ask minus best bid: negative in a crossed book, `None` where a side is empty or the result
    /// does not fit.
    #[must_use]
    pub fn spread(&self) -> Option<Price> {
        self.sides().spread()
    }

    /// The middle of the best prices, exact; `None` where a side is empty or the result does not fit.
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        self.sides().mid()
    }

    /// The best prices weighted by the size of the *other* side, at `scale` decimals, rounded half
    /// to even: it leans to the side that is about to be eaten.
    ///
    /// `None` where a side is empty, both sizes are zero or the arithmetic does not fit.
    #[must_use]
    pub fn microprice(&self, scale: u8) -> Option<Price> {
        self.sides().microprice(scale)
    }

    /// `(bids - asks) / (bids + asks)` over the sizes of the best `levels` of each side: from -1 (only
    /// asks) to 1 (only bids), at [`Sweep::RATIO_SCALE`] decimals.
    ///
    /// `None` where there is no size at all or the arithmetic does not fit.
    #[must_use]
    pub fn imbalance(&self, levels: usize) -> Option<Decimal> {
        self.sides().imbalance(levels)
    }

    /// What taking `sz` from the book would cost: a buy eats the asks, a sell the bids.
    ///
    /// `None` where `sz` is not positive or the arithmetic does not fit. A book too thin for all of
    /// it gives a [`Sweep`] that is not complete.
    #[must_use]
    pub fn sweep(&self, taker: Side, sz: Qty) -> Option<Sweep> {
        self.sides().sweep(taker, sz)
    }

    /// Reports which levels changed, appeared or went from `before` to this book, asks first, each side
    /// from the best price on, and gives the number of changes.
    ///
    /// A level that has another size, number of orders or text is one change. Whoever takes every
    /// [`LevelChange::before`] out of the old levels and puts every [`LevelChange::after`] in has the
    /// new ones. Times, sequence numbers and flags are not compared. Allocates nothing.
    pub fn changes_since(&self, before: &Self, each: impl FnMut(LevelChange)) -> usize {
        self.sides().changes_since(before.sides(), each)
    }

    #[inline]
    fn sides(&self) -> Sides<'_> {
        Sides { asks: self.asks(), bids: self.bids() }
    }

    /// Empties the book, so that a decoder can fill it level by level.
    #[inline]
    pub(crate) const fn clear(&mut self) {
        *self = Self::EMPTY;
    }

    /// The places of both sides, asks first, for a scanner that writes levels where they stay.
    /// [`Book5::finish`] must follow.
    #[inline]
    pub(crate) const fn places(
        &mut self,
    ) -> (&mut [Level; BOOK5_LEVELS], &mut [Level; BOOK5_LEVELS]) {
        (&mut self.asks, &mut self.bids)
    }

    /// Makes a whole book of what was written to [`Book5::places`]: empties the places past the
    /// given numbers of levels and flags what is odd. Times and sequence are the caller's.
    #[inline]
    pub(crate) fn finish(&mut self, ask_len: u8, bid_len: u8) {
        self.head[ASKS] = ask_len;
        self.head[BIDS] = bid_len;
        if usize::from(ask_len.min(bid_len)) == BOOK5_LEVELS {
            self.head[FLAGS] = BookFlags::of_sides(&self.asks, &self.bids).bits();
            return;
        }
        for place in self.asks.iter_mut().skip(usize::from(ask_len)) {
            *place = Level::EMPTY;
        }
        for place in self.bids.iter_mut().skip(usize::from(bid_len)) {
            *place = Level::EMPTY;
        }
        self.flag(true);
    }

    /// As [`Book5::finish`], of five levels a side about which nothing is odd.
    #[inline]
    pub(crate) const fn finish_whole(&mut self) {
        const { assert!(BOOK5_LEVELS == 5) };
        self.head = [5, 5, BookFlags::NONE.bits(), 0, 0, 0, 0, 0];
    }

    /// Whether the levels as they came are not yet the book: a side is to be sorted, or a level without
    /// price and size only holds the place of one.
    #[inline]
    pub(crate) fn is_raw(&self) -> bool {
        !self.flags().is_empty() && self.holds_places()
    }

    #[cold]
    fn holds_places(&self) -> bool {
        let mut levels = self.asks().iter().chain(self.bids());
        self.flags().contains(BookFlags::UNSORTED)
            || levels.any(|level| level.px().is_zero() && level.sz().is_zero())
    }

    /// Adds an ask in its place by price; of more than five the worst is dropped. False where it came
    /// out of order: it is not worse than all before it.
    #[inline]
    pub(crate) fn insert_ask(&mut self, level: Level) -> bool {
        insert(&mut self.asks, &mut self.head[ASKS], level, |a, b| a < b)
    }

    /// As [`Book5::insert_ask`], for a bid.
    #[inline]
    pub(crate) fn insert_bid(&mut self, level: Level) -> bool {
        insert(&mut self.bids, &mut self.head[BIDS], level, |a, b| a > b)
    }

    /// Flags what is odd, once all levels are there; `sorted` tells that they came in order.
    #[inline]
    pub(crate) fn flag(&mut self, sorted: bool) {
        let flags = BookFlags::of(self.asks(), self.bids());
        self.head[FLAGS] = flags.with(BookFlags::UNSORTED, !sorted).bits();
    }
}

impl Default for Book5 {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Equal times, sequence numbers, levels and flags.
impl PartialEq for Book5 {
    fn eq(&self, other: &Self) -> bool {
        (self.ts_event, self.ts_recv, self.seq, self.head[FLAGS])
            == (other.ts_event, other.ts_recv, other.seq, other.head[FLAGS])
            && self.asks() == other.asks()
            && self.bids() == other.bids()
    }
}

impl Eq for Book5 {}

impl fmt::Debug for Book5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book5")
            .field("ts_event", &self.ts_event)
            .field("ts_recv", &self.ts_recv)
            .field("seq", &self.seq())
            .field("flags", &self.flags())
            .field("asks", &self.asks())
            .field("bids", &self.bids())
            .finish()
    }
}

fn fill(places: &mut [Level; BOOK5_LEVELS], levels: &[Level]) -> u8 {
    let mut len = 0;
    for level in levels.iter().take(BOOK5_LEVELS) {
        push(places, &mut len, *level);
    }
    len
}

#[inline]
fn push(places: &mut [Level; BOOK5_LEVELS], len: &mut u8, level: Level) -> bool {
    match places.get_mut(usize::from(*len)) {
        Some(place) => {
            *place = level;
            *len += 1;
            true
        }
        None => false,
    }
}

/// Puts a level in its place by price, behind those of the same price; false where it is not worse
/// than all that are there.
fn insert(
    places: &mut [Level; BOOK5_LEVELS],
    len: &mut u8,
    level: Level,
    is_better: impl Fn(Price, Price) -> bool,
) -> bool {
    let held = places.get(..usize::from(*len)).unwrap_or_default();
    let in_order = held.last().is_none_or(|worst| is_better(worst.px(), level.px()));
    let before = held.iter().rposition(|held| !is_better(level.px(), held.px()));
    let at = before.map_or(0, |before| before + 1);
    if let Some([first, rest @ ..]) = places.get_mut(at..) {
        // The worst falls out where the side is full.
        let mut moved = std::mem::replace(first, level);
        rest.iter_mut().for_each(|place| std::mem::swap(place, &mut moved));
        *len += u8::from(usize::from(*len) < BOOK5_LEVELS);
    }
    in_order
}

const _: () = {
    assert!(size_of::<Book5>() == 272 && align_of::<Book5>() == 8);
    assert!(std::mem::offset_of!(Book5, ts_event) == 0);
    assert!(std::mem::offset_of!(Book5, ts_recv) == 8);
    assert!(std::mem::offset_of!(Book5, seq) == 16);
    assert!(std::mem::offset_of!(Book5, head) == 24);
    assert!(std::mem::offset_of!(Book5, asks) == 32);
    assert!(std::mem::offset_of!(Book5, bids) == 152);
};

#[cfg(test)]
mod tests {
    use super::*;

    fn side(levels: &[(&str, &str)]) -> Vec<Level> {
        let level =
            |(px, sz): &(&str, &str)| Level::new(px.parse().unwrap(), sz.parse().unwrap(), 1);
        levels.iter().map(level).collect()
    }

    fn book(asks: &[(&str, &str)], bids: &[(&str, &str)]) -> Book5 {
        Book5::new(&side(asks), &side(bids))
    }

    #[test]
    fn a_whole_book_is_not_odd() {
        let book = book(&[("101", "1"), ("102.0", "2")], &[("100.5", "3"), ("100", "4")]);
        assert!(book.flags().is_empty());
        assert_eq!(book.best_ask().unwrap().px().to_string(), "101");
        assert_eq!(book.best_bid().unwrap().sz().to_string(), "3");
    }

    #[test]
    fn odd_books_are_flagged_and_left_as_they_are() {
        let crossed = book(&[("100", "1")], &[("100.0", "1")]);
        assert_eq!(crossed.flags(), BookFlags::CROSSED);
        assert_eq!(book(&[("2", "1"), ("2.0", "1")], &[]).flags(), BookFlags::UNSORTED);
        assert_eq!(book(&[], &[("2", "1"), ("3", "1")]).flags(), BookFlags::UNSORTED);
        assert_eq!(book(&[("2", "0")], &[]).flags(), BookFlags::EMPTY_LEVEL);
        assert_eq!(book(&[("2", "1"), ("1", "1")], &[]).asks()[0].px().to_string(), "2");
    }

    #[test]
    fn levels_in_any_order_leave_the_five_best() {
        let px = |levels: &[Level]| levels.iter().map(|l| l.px().to_string()).collect::<Vec<_>>();
        let fill = |prices: &[&str]| {
            let mut book = Book5::EMPTY;
            let (mut asks, mut bids) = (true, true);
            for px in prices {
                let level = Level::new(px.parse().unwrap(), Decimal::from(1), 1);
                asks &= book.insert_ask(level);
                bids &= book.insert_bid(level);
            }
            ((px(book.asks()), asks), (px(book.bids()), bids))
        };
        let (asks, bids) = fill(&["1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(asks, (["1", "2", "3", "4", "5"].map(str::to_owned).to_vec(), true));
        assert_eq!(bids, (["7", "6", "5", "4", "3"].map(str::to_owned).to_vec(), false));
        // Of equal prices the first one comes first.
        let (asks, bids) = fill(&["3", "2.0", "2", "9"]);
        assert_eq!(asks, (["2.0", "2", "3", "9"].map(str::to_owned).to_vec(), false));
        assert_eq!(bids, (["9", "3", "2.0", "2"].map(str::to_owned).to_vec(), false));
    }

    #[test]
    fn prices_between_the_sides() {
        let whole = book(&[("100.2", "1")], &[("100.1", "3")]);
        assert_eq!(whole.spread().unwrap().to_string(), "0.1");
        assert_eq!(whole.mid().unwrap().to_string(), "100.15");
        // (100.2 * 3 + 100.1 * 1) / 4
        assert_eq!(whole.microprice(4).unwrap().to_string(), "100.1750");
        assert_eq!(whole.imbalance(1).unwrap().to_string(), "0.500000000");

        assert_eq!(book(&[("3", "1")], &[("1", "1")]).mid().unwrap().to_string(), "2");
        let one_sided = book(&[("3", "1")], &[]);
        assert_eq!(
            (one_sided.mid(), one_sided.spread(), one_sided.microprice(2)),
            (None, None, None)
        );
        assert_eq!(one_sided.imbalance(5).unwrap(), Decimal::from(-1));
        assert_eq!(Book5::EMPTY.imbalance(5), None);
    }

    #[test]
    fn a_sweep_walks_the_levels() {
        let book = book(&[("10", "1"), ("11", "2"), ("20", "0.5")], &[("9", "1")]);
        let buy = |sz: &str| book.sweep(Side::Buy, sz.parse().unwrap());
        let two = buy("2").unwrap();
        assert_eq!((two.avg_px.to_string().as_str(), two.complete), ("10.500000000", true));
        assert_eq!(two.worst_px, Decimal::from(11));
        let all = buy("9").unwrap();
        assert_eq!((all.filled.to_string().as_str(), all.complete), ("3.5", false));
        assert_eq!(all.worst_px, Decimal::from(20));
        assert_eq!(buy("0"), None);
        assert_eq!(buy("-1"), None);
        assert_eq!(Book5::EMPTY.sweep(Side::Buy, Decimal::from(1)), None);
        assert_eq!(book.sweep(Side::Sell, Decimal::from(1)).unwrap().avg_px, Decimal::from(9));
    }

    #[test]
    fn extreme_numbers_do_not_panic() {
        let max = i64::MAX.to_string();
        let huge = book(&[(&max, &max), (&max, &max)], &[(&max, &max)]);
        let _ = (huge.mid(), huge.microprice(18), huge.imbalance(5), huge.spread());
        let _ = huge.sweep(Side::Buy, Decimal::from(i64::MAX));
        let min = i64::MIN.to_string();
        let low = book(&[(&min, &min)], &[(&max, &max), (&min, &min)]);
        let _ = (low.mid(), low.microprice(18), low.imbalance(5), low.spread());
        let _ = low.sweep(Side::Sell, Decimal::from(1));
    }
}
