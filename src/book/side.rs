//! One sorted side of an order book: levels best first, contiguous, in memory allocated once.

use crate::model::{Level, MAX_SCALE, Price};

/// The best levels of each side that the checksum covers.
///
/// Source: `docs/PROTOCOL.md` 8.2, the same in v3 and v5.
pub(crate) const CHECKSUM_LEVELS: usize = 25;

/// A side of a book, by the resting orders, not by the taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum BookSide {
    /// Offers to sell; the best is the lowest price.
    Ask = 0,
    /// Offers to buy; the best is the highest price.
    Bid = 1,
}

impl BookSide {
    /// The side's name: `ask` or `bid`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Bid => "bid",
        }
    }

    /// The sort key of a price: smaller for better prices on this side, equal for equal prices.
    ///
    /// It is the price in units of `10^-18`, negated for a bid, so that one code serves both
    /// sides and prices of different scales compare by one number. `|mantissa| * 10^18 < 2^123`.
    #[inline]
    fn key(self, px: Price) -> i128 {
        let [.., finest] = UNITS;
        let unit = UNITS.get(usize::from(px.scale())).copied().unwrap_or(finest);
        let key = i128::from(px.mantissa()) * i128::from(unit);
        if matches!(self, Self::Ask) { key } else { -key }
    }
}

/// `10^(18 - scale)`, the units of [`BookSide::key`] in one unit of a scale.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, so a bad index fails to build"
)]
const UNITS: [i64; MAX_SCALE as usize + 1] = {
    let mut units = [1i64; MAX_SCALE as usize + 1];
    let mut scale = units.len() - 1;
    while scale > 0 {
        units[scale - 1] = units[scale] * 10;
        scale -= 1;
    }
    units
};

/// The best levels that are searched first, as a power of two, and all of a book of the usual
/// capacity.
const NEAR: u32 = 6;
const FAR: u32 = 9;

/// The number of sorted keys below a key, which is at most `2^BITS`.
///
/// Without a branch for a comparison, since nothing predicts where an update changes a book: a
/// branch that is mispredicted costs more than all steps here.
#[inline(always)]
fn count_below<const BITS: u32>(keys: &[i128], key: i128) -> usize {
    // Keys have less than 124 bits, so the difference has the sign.
    let is_below = |k: &i128| (k.wrapping_sub(key).cast_unsigned() >> 127) as usize;
    let count = (0..BITS).rev().fold(0, |count, bit| {
        count + (keys.get(count + (1 << bit) - 1).map_or(0, is_below) << bit)
    });
    count + keys.get(count).map_or(0, is_below)
}

/// The effect of one level on a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SideChange {
    /// A new level is at this index; `full` if the worst level was dropped for it.
    Inserted { at: usize, full: bool },
    /// The level at this index has a new size.
    Replaced(usize),
    /// The level at this index was removed.
    Removed(usize),
    /// A deletion of a price that the side does not have.
    Missing,
    /// The price is past the limit of the side: nothing changed.
    Beyond,
}

/// One side of an order book, at most `capacity` levels.
///
/// The levels are stored best first in the middle of a larger array, and their keys at the same
/// indices of a second one. An insertion or a deletion moves the shorter of the two parts around
/// it, so changes near the best level and at the far end are cheap. In recorded tick-by-tick
/// messages, half of the changes are in the best 13 levels, and a tenth at level 399 or 400, the
/// end of the exchange's window.
#[derive(Clone, Debug)]
pub(crate) struct DepthSide {
    levels: Box<[Level]>,
    keys: Box<[i128]>,
    /// The index of the best level. `start + len <= levels.len()`.
    start: usize,
    /// `0..=capacity`, and `capacity < levels.len()`.
    len: usize,
    capacity: usize,
    side: BookSide,
    /// The best price that was dropped because the side was full, since the last snapshot. Every
    /// kept level is better.
    limit: Option<(i128, Price)>,
}

impl DepthSide {
    /// Allocates a side of `capacity` levels, at least one.
    pub(crate) fn new(side: BookSide, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        // The spare room is the number of insertions at one end before all levels move.
        let room = capacity + capacity / 4 + 16;
        Self {
            levels: vec![Level::EMPTY; room].into(),
            keys: vec![0; room].into(),
            start: (room - capacity) / 2,
            len: 0,
            capacity,
            side,
            limit: None,
        }
    }

    /// The levels, best first, contiguous.
    #[inline]
    pub(crate) fn levels(&self) -> &[Level] {
        self.levels.get(self.start..self.start + self.len).unwrap_or_default()
    }

    /// The limit: the best price from which on the side may lack levels of the exchange. `None`
    /// while no level was dropped because the side was full.
    #[inline]
    pub(crate) fn limit(&self) -> Option<Price> {
        self.limit.map(|(_, px)| px)
    }

    /// Whether a level was dropped because the side was full, since the last snapshot.
    #[inline]
    pub(crate) const fn is_truncated(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether the exchange's book may have levels that the checksum covers and this side lacks.
    #[inline]
    pub(crate) const fn lacks_checksum_levels(&self) -> bool {
        self.limit.is_some() && self.len < CHECKSUM_LEVELS
    }

    /// Whether a cut side has too few levels left to be useful.
    #[inline]
    pub(crate) fn is_starved(&self) -> bool {
        self.limit.is_some() && self.len < CHECKSUM_LEVELS.min(self.capacity / 2).max(1)
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether `px` is at or past the limit.
    #[inline]
    pub(crate) fn is_beyond(&self, px: Price) -> bool {
        self.limit.is_some_and(|(limit, _)| self.side.key(px) >= limit)
    }

    /// Removes all levels and the limit.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.start = (self.levels.len() - self.capacity) / 2;
        self.limit = None;
    }

    /// The level at a price; scales may differ.
    pub(crate) fn level_at(&self, px: Price) -> Option<&Level> {
        self.find(self.side.key(px)).ok().and_then(|at| self.levels().get(at))
    }

    /// The number of levels at `px` or better.
    pub(crate) fn count_to(&self, px: Price) -> usize {
        match self.find(self.side.key(px)) {
            Ok(at) => at + 1,
            Err(at) => at,
        }
    }

    /// Appends levels to an empty side while they are sorted best first, have a size and fit.
    /// Returns the rest, which is empty in every recorded snapshot.
    pub(crate) fn append_sorted<'f>(&mut self, levels: &'f [Level]) -> &'f [Level] {
        debug_assert!(self.len == 0 && self.limit.is_none());
        let entries = self.levels.iter_mut().zip(&mut self.keys).skip(self.start);
        let mut worst = None;
        for (level, (entry, slot)) in levels.iter().zip(entries.take(self.capacity)) {
            let key = self.side.key(level.px());
            if worst.is_some_and(|worst| key <= worst) || level.sz().is_zero() {
                break;
            }
            (*entry, *slot) = (*level, key);
            worst = Some(key);
            self.len += 1;
        }
        levels.get(self.len..).unwrap_or_default()
    }

    /// As [`DepthSide::set`] for each level, in their order; passes on what each has changed.
    pub(crate) fn set_all(&mut self, levels: &[Level], mut each: impl FnMut(SideChange)) {
        for level in levels {
            each(self.set(*level));
        }
    }

    /// Sets the size at a price: zero deletes the level. The size is not negative.
    #[inline]
    pub(crate) fn set(&mut self, level: Level) -> SideChange {
        let key = self.side.key(level.px());
        if self.limit.is_some_and(|(limit, _)| key >= limit) {
            return SideChange::Beyond;
        }
        match (self.find(key), level.sz().is_zero()) {
            (Ok(at), false) => {
                // The key is the same; the text of the price may differ (`1.0` after `1.00`).
                if let Some(entry) = self.levels.get_mut(self.start + at) {
                    *entry = level;
                }
                SideChange::Replaced(at)
            }
            (Ok(at), true) => {
                self.remove(at);
                SideChange::Removed(at)
            }
            (Err(_), true) => SideChange::Missing,
            (Err(at), false) => self.insert(at, key, level),
        }
    }

    /// Finds a key: `Ok(index)`, or `Err(index)` with its insertion index.
    #[inline]
    fn find(&self, key: i128) -> Result<usize, usize> {
        let keys = self.keys.get(self.start..self.start + self.len).unwrap_or_default();
        // A tenth of the recorded changes is at the far end of the window.
        if keys.last().is_none_or(|&worst| worst < key) {
            return Err(keys.len());
        }
        // Half of the recorded changes are in the best 13 levels: those nearest to the best are
        // searched first.
        let at = if keys.get(1 << NEAR).is_none_or(|&k| k >= key) {
            count_below::<NEAR>(keys, key)
        } else if keys.len() <= 1 << FAR {
            count_below::<FAR>(keys, key)
        } else {
            keys.partition_point(|&k| k < key)
        };
        if keys.get(at) == Some(&key) { Ok(at) } else { Err(at) }
    }

    #[inline]
    fn insert(&mut self, at: usize, key: i128, level: Level) -> SideChange {
        let full = self.len == self.capacity;
        if full {
            if at == self.len {
                self.limit = Some((key, level.px()));
                return SideChange::Beyond;
            }
            self.drop_worst();
        }
        let index = self.open(at);
        if let (Some(slot), Some(k)) = (self.levels.get_mut(index), self.keys.get_mut(index)) {
            (*slot, *k) = (level, key);
        }
        SideChange::Inserted { at, full }
    }

    /// Drops the worst level and sets the limit to its price.
    fn drop_worst(&mut self) {
        let Some(last) = self.len.checked_sub(1) else { return };
        let index = self.start + last;
        if let (Some(level), Some(key)) = (self.levels.get(index), self.keys.get(index)) {
            self.limit = Some((*key, level.px()));
        }
        self.len = last;
    }

    /// Makes room for one level before the one at `at`. Returns its array index.
    #[inline]
    fn open(&mut self, at: usize) -> usize {
        let near_best = at < self.len / 2;
        let no_room = if near_best { self.start == 0 } else { self.end() == self.levels.len() };
        if no_room {
            // Rare: once in (spare room / 2) insertions at one end.
            self.shift(self.start, self.end(), (self.levels.len() - self.len) / 2);
            self.start = (self.levels.len() - self.len) / 2;
        }
        if near_best {
            self.shift(self.start, self.start + at, self.start - 1);
            self.start -= 1;
        } else {
            self.shift(self.start + at, self.end(), self.start + at + 1);
        }
        self.len += 1;
        self.start + at
    }

    /// Removes the level at `at`, which is less than `len`, and closes the gap.
    #[inline]
    fn remove(&mut self, at: usize) {
        if at < self.len / 2 {
            self.shift(self.start, self.start + at, self.start + 1);
            self.start += 1;
        } else {
            self.shift(self.start + at + 1, self.end(), self.start + at);
        }
        self.len -= 1;
    }

    #[inline]
    fn shift(&mut self, from: usize, to: usize, dest: usize) {
        self.levels.copy_within(from..to, dest);
        self.keys.copy_within(from..to, dest);
    }

    #[inline]
    const fn end(&self) -> usize {
        self.start + self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Decimal;

    fn level(px: &str, sz: i64) -> Level {
        Level::new(px.parse().unwrap(), Decimal::from(sz), 1)
    }

    fn prices(side: &DepthSide) -> Vec<String> {
        side.levels().iter().map(|level| level.px().to_string()).collect()
    }

    #[test]
    fn both_sides_keep_the_best_level_first() {
        let mut asks = DepthSide::new(BookSide::Ask, 8);
        let mut bids = DepthSide::new(BookSide::Bid, 8);
        for px in ["2", "1.5", "-3", "1.25", "10"] {
            asks.set(level(px, 1));
            bids.set(level(px, 1));
        }
        assert_eq!(prices(&asks), ["-3", "1.25", "1.5", "2", "10"]);
        assert_eq!(prices(&bids), ["10", "2", "1.5", "1.25", "-3"]);
        assert_eq!(asks.count_to("1.5".parse().unwrap()), 3);
        assert_eq!(bids.count_to("1.4".parse().unwrap()), 3);
    }

    #[test]
    fn prices_of_different_scales_are_one_level() {
        let mut side = DepthSide::new(BookSide::Ask, 4);
        assert_eq!(side.set(level("1.0", 1)), SideChange::Inserted { at: 0, full: false });
        assert_eq!(side.set(level("1.00", 2)), SideChange::Replaced(0));
        assert_eq!(prices(&side), ["1.00"], "the newest text is kept");
        assert_eq!(side.set(level("1", 0)), SideChange::Removed(0));
        assert_eq!(side.set(level("1", 0)), SideChange::Missing);
    }

    #[test]
    fn a_full_side_drops_the_worst_level_and_reports_the_limit() {
        let mut side = DepthSide::new(BookSide::Bid, 2);
        side.set(level("5", 1));
        side.set(level("4", 1));
        assert_eq!(side.limit(), None);
        assert_eq!(side.set(level("3.0", 1)), SideChange::Beyond);
        assert_eq!(side.limit().unwrap().to_string(), "3.0");
        assert_eq!(side.set(level("6", 1)), SideChange::Inserted { at: 0, full: true });
        assert_eq!((prices(&side).join(" ").as_str(), side.limit()), ("6 5", "4".parse().ok()));
        // There is room again, but levels past the limit may be incomplete.
        assert_eq!(side.set(level("5", 0)), SideChange::Removed(1));
        assert_eq!(side.set(level("4.0", 7)), SideChange::Beyond);
        assert_eq!(side.set(level("2", 0)), SideChange::Beyond);
        assert!(side.is_beyond("4".parse().unwrap()) && !side.is_beyond("4.1".parse().unwrap()));
        side.clear();
        assert_eq!((side.levels().len(), side.limit()), (0, None));
    }

    #[test]
    fn levels_stay_in_order_when_all_are_inserted_at_one_end() {
        for side in [BookSide::Ask, BookSide::Bid] {
            let mut book = DepthSide::new(side, 40);
            for px in 0..1000 {
                book.set(Level::new(Decimal::from(px), Decimal::from(1), 0));
            }
            let got: Vec<i64> = book.levels().iter().map(|level| level.px().mantissa()).collect();
            let want: Vec<i64> = match side {
                BookSide::Ask => (0..40).collect(),
                BookSide::Bid => (960..1000).rev().collect(),
            };
            assert_eq!(got, want);
        }
    }

    #[test]
    fn a_price_is_found_in_a_side_of_any_length() {
        for len in [1, 2, 15, 16, 17, 63, 64, 65, 66, 511, 512, 513, 600] {
            let mut side = DepthSide::new(BookSide::Ask, 600);
            for n in 0..len {
                side.set(level(&(2 * n).to_string(), 1));
            }
            for px in -1..=2 * len {
                let found = side.find(side.side.key(Price::from(px)));
                let at = usize::try_from((px + 1) / 2).unwrap();
                let expected = if px % 2 == 0 && px < 2 * len { Ok(at) } else { Err(at) };
                assert_eq!(found, if px < 0 { Err(0) } else { expected }, "{px} of {len}");
            }
        }
    }

    #[test]
    fn extreme_prices_have_a_key() {
        let max = Decimal::from(i64::MAX);
        let min = Decimal::from(i64::MIN);
        let tiny: Price = "0.000000000000000001".parse().unwrap();
        let mut side = DepthSide::new(BookSide::Bid, 4);
        for px in [tiny, min, max] {
            side.set(Level::new(px, Decimal::from(1), 0));
        }
        let got: Vec<Price> = side.levels().iter().map(Level::px).collect();
        assert_eq!(got, [max, tiny, min]);
    }
}
