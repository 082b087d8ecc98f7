//! The five-level book and its queries.

use std::fmt;

use super::flags::BookFlags;
use super::level_change::LevelChange;
use super::liquidity::{Sides, Sweep};
use crate::model::{Decimal, Level, NO_SEQ, Price, Qty, Side, UnixNanos};

/// The most levels a side of a [`Book5`].
pub(crate) const BOOK5_LEVELS: usize = 5;

/// The indices of the numbers of asks and bids and of the flags in [`Book5::head`].
const ASKS: usize = 0;
const BIDS: usize = 1;
pub(super) const FLAGS: usize = 2;

/// A book of up to five levels a side, best first. Every message of the exchange replaces it.
///
/// A decoder sorts a side that is not sorted best first, and flags it. Of more than five levels it
/// keeps the best five.
///
/// Plain data, 272 bytes: `ts_event` (`u64` ns), `ts_recv` (`u64` ns), `seq` (`i64`) at 0, 8, 16;
/// the number of asks and bids and the flags (`u8`) at 24, 25, 26; five asks at 32, five bids at
/// 152, 24 bytes each. Unused levels are zero.
///
/// Source: v3 `depth5`, v5 `books5` and `bbo-tbt` (one level a side).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Book5 {
    /// The exchange's time of the book.
    pub ts_event: UnixNanos,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
    /// The exchange's sequence number, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) if it
    /// sent none.
    pub seq: i64,
    /// The number of asks and of bids, the flags and five zeros: one word, which readers load at
    /// once.
    pub(super) head: [u8; 8],
    pub(super) asks: [Level; BOOK5_LEVELS],
    pub(super) bids: [Level; BOOK5_LEVELS],
}

impl Book5 {
    /// The most levels a side of a [`Book5`].
    pub const LEVELS: usize = BOOK5_LEVELS;
}

impl Book5 {
    /// A book without levels, times and sequence number.
    pub const EMPTY: Self = Self {
        ts_event: UnixNanos::UNKNOWN,
        ts_recv: UnixNanos::UNKNOWN,
        seq: NO_SEQ,
        head: [0; 8],
        asks: [Level::EMPTY; BOOK5_LEVELS],
        bids: [Level::EMPTY; BOOK5_LEVELS],
    };

    /// Makes a book of the best levels of each side, which are sorted best first, and sets its
    /// flags.
    ///
    /// Levels past the fifth are omitted.
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

    /// The flags of the book.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> BookFlags {
        BookFlags::from_bits(self.head[FLAGS])
    }

    /// The exchange's sequence number; `None` if it sent none.
    #[inline]
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        if self.seq == NO_SEQ { None } else { Some(self.seq) }
    }

    /// The best ask; `None` if the side is empty.
    #[inline]
    #[must_use]
    pub fn best_ask(&self) -> Option<&Level> {
        self.asks().first()
    }

    /// The best bid; `None` if the side is empty.
    #[inline]
    #[must_use]
    pub fn best_bid(&self) -> Option<&Level> {
        self.bids().first()
    }

    /// Both best levels, ask first; `None` if a side is empty.
    #[inline]
    #[must_use]
    pub fn top(&self) -> Option<(&Level, &Level)> {
        self.sides().top()
    }

    /// Best ask minus best bid: negative in a crossed book, `None` if a side is empty or the
    /// result does not fit.
    #[must_use]
    pub fn spread(&self) -> Option<Price> {
        self.sides().spread()
    }

    /// The middle of the best prices, exact; `None` if a side is empty or the result does not
    /// fit.
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        self.sides().mid()
    }

    /// The best prices weighted by the size of the *other* side, at `scale` decimals, rounded half
    /// to even. It is closer to the price of the thinner side.
    ///
    /// `None` if a side is empty, both sizes are zero or the arithmetic does not fit.
    #[must_use]
    pub fn microprice(&self, scale: u8) -> Option<Price> {
        self.sides().microprice(scale)
    }

    /// `(bids - asks) / (bids + asks)` over the sizes of the best `levels` of each side: from -1
    /// (only asks) to 1 (only bids), at [`Sweep::RATIO_SCALE`] decimals.
    ///
    /// `None` if there is no size at all or the arithmetic does not fit.
    #[must_use]
    pub fn imbalance(&self, levels: usize) -> Option<Decimal> {
        self.sides().imbalance(levels)
    }

    /// The cost of taking `sz` from the book: a buy consumes asks, a sell consumes bids.
    ///
    /// `None` if `sz` is not positive or the arithmetic does not fit. If the book is too thin,
    /// the [`Sweep`] is not complete.
    #[must_use]
    pub fn sweep(&self, taker: Side, sz: Qty) -> Option<Sweep> {
        self.sides().sweep(taker, sz)
    }

    /// Reports the levels that changed, appeared or disappeared from `before` to this book, asks
    /// first, each side best price first. Returns the number of changes.
    ///
    /// A level with another size, number of orders or text is one change. Removing every
    /// [`LevelChange::before`] from the old levels and adding every [`LevelChange::after`] gives
    /// the new levels. Times, sequence numbers and flags are not compared. Allocates nothing.
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

    /// The level arrays of both sides, asks first, so that a scanner writes levels in place.
    /// [`Book5::finish`] must follow.
    #[inline]
    pub(crate) const fn levels_mut(
        &mut self,
    ) -> (&mut [Level; BOOK5_LEVELS], &mut [Level; BOOK5_LEVELS]) {
        (&mut self.asks, &mut self.bids)
    }

    /// Completes a book after levels were written to [`Book5::levels_mut`]: clears the levels past
    /// the given lengths and sets the flags. The caller sets times and sequence number.
    #[inline]
    pub(crate) fn finish(&mut self, ask_len: u8, bid_len: u8) {
        self.head[ASKS] = ask_len;
        self.head[BIDS] = bid_len;
        if usize::from(ask_len.min(bid_len)) == BOOK5_LEVELS {
            self.head[FLAGS] = BookFlags::of_sides(&self.asks, &self.bids).bits();
            return;
        }
        for entry in self.asks.iter_mut().skip(usize::from(ask_len)) {
            *entry = Level::EMPTY;
        }
        for entry in self.bids.iter_mut().skip(usize::from(bid_len)) {
            *entry = Level::EMPTY;
        }
        self.flag(true);
    }

    /// Sets the best level of each side, `None` for an empty one, as its only level, and the flags.
    /// The caller sets times and sequence number.
    #[inline]
    pub(crate) fn set_best(&mut self, ask: Option<Level>, bid: Option<Level>) {
        let one = |level: Option<Level>| {
            let mut side = [Level::EMPTY; BOOK5_LEVELS];
            if let (Some(level), [best, ..]) = (level, &mut side) {
                *best = level;
            }
            side
        };
        (self.asks, self.bids) = (one(ask), one(bid));
        let both = ask.zip(bid);
        let flags = BookFlags::NONE
            .with(BookFlags::CROSSED, both.is_some_and(|(ask, bid)| bid.px() >= ask.px()))
            .with(BookFlags::EMPTY_LEVEL, [ask, bid].iter().flatten().any(|best| !best.has_sz()));
        self.head = [ask.is_some().into(), bid.is_some().into(), flags.bits(), 0, 0, 0, 0, 0];
    }

    /// As [`Book5::finish`], for five levels a side without flags.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) const fn finish_whole(&mut self) {
        const { assert!(BOOK5_LEVELS == 5) };
        self.head = [5, 5, BookFlags::NONE.bits(), 0, 0, 0, 0, 0];
    }

    /// Whether the received levels are not a valid book yet: a side must be sorted, or a level
    /// without price and size is a placeholder.
    #[inline]
    pub(crate) fn is_raw(&self) -> bool {
        !self.flags().is_empty() && self.has_placeholders()
    }

    #[cold]
    fn has_placeholders(&self) -> bool {
        let mut levels = self.asks().iter().chain(self.bids());
        self.flags().contains(BookFlags::UNSORTED)
            || levels.any(|level| level.px().is_zero() && level.sz().is_zero())
    }

    /// Inserts an ask by price; of more than five the worst is dropped. Returns false if it is out
    /// of order: not worse than all before it.
    #[inline]
    pub(crate) fn insert_ask(&mut self, level: Level) -> bool {
        insert(&mut self.asks, &mut self.head[ASKS], level, |a, b| a < b)
    }

    /// As [`Book5::insert_ask`], for a bid.
    #[inline]
    pub(crate) fn insert_bid(&mut self, level: Level) -> bool {
        insert(&mut self.bids, &mut self.head[BIDS], level, |a, b| a > b)
    }

    /// Sets the flags after the last level; `sorted` if the levels were received in order.
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

fn fill(side: &mut [Level; BOOK5_LEVELS], levels: &[Level]) -> u8 {
    let mut len = 0;
    for level in levels.iter().take(BOOK5_LEVELS) {
        push(side, &mut len, *level);
    }
    len
}

#[inline]
fn push(side: &mut [Level; BOOK5_LEVELS], len: &mut u8, level: Level) -> bool {
    match side.get_mut(usize::from(*len)) {
        Some(entry) => {
            *entry = level;
            *len += 1;
            true
        }
        None => false,
    }
}

/// Inserts a level by price, after those of the same price. Returns false if it is not worse than
/// all existing ones.
fn insert(
    side: &mut [Level; BOOK5_LEVELS],
    len: &mut u8,
    level: Level,
    is_better: impl Fn(Price, Price) -> bool,
) -> bool {
    let held = side.get(..usize::from(*len)).unwrap_or_default();
    let in_order = held.last().is_none_or(|worst| is_better(worst.px(), level.px()));
    let before = held.iter().rposition(|held| !is_better(level.px(), held.px()));
    let at = before.map_or(0, |before| before + 1);
    if let Some([first, rest @ ..]) = side.get_mut(at..) {
        // If the side is full, the worst level is dropped.
        let mut moved = std::mem::replace(first, level);
        rest.iter_mut().for_each(|entry| std::mem::swap(entry, &mut moved));
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
    fn a_regular_book_has_no_flags() {
        let book = book(&[("101", "1"), ("102.0", "2")], &[("100.5", "3"), ("100", "4")]);
        assert!(book.flags().is_empty());
        assert_eq!(book.best_ask().unwrap().px().to_string(), "101");
        assert_eq!(book.best_bid().unwrap().sz().to_string(), "3");
    }

    #[test]
    fn anomalies_are_flagged_and_not_changed() {
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
        // Equal prices keep their order.
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
