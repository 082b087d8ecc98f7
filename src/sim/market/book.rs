//! The exchange's own book of one instrument: every level, in ticks and lots.

use std::collections::VecDeque;

use super::listing::Listing;
use crate::model::Level;

/// The exchange's book of one instrument. Never crossed, and no side is ever empty.
#[derive(Clone, Debug)]
pub struct SimBook {
    pub(crate) asks: SimSide,
    pub(crate) bids: SimSide,
}

impl SimBook {
    pub(crate) fn new(depth: usize) -> Self {
        Self { asks: SimSide::new(1, depth), bids: SimSide::new(-1, depth) }
    }

    /// The asks, best (lowest) first, as the exchange prints them.
    pub fn asks(&self, listing: &Listing) -> impl Iterator<Item = Level> {
        self.asks.levels(*listing)
    }

    /// The bids, best (highest) first, as the exchange prints them.
    pub fn bids(&self, listing: &Listing) -> impl Iterator<Item = Level> {
        self.bids.levels(*listing)
    }
}

/// What rests at one price: whole lots of one or more orders, of at least one lot each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// The price in ticks, negated on the bid side: a smaller key is a better price on either.
    pub(crate) key: i64,
    pub(crate) lots: i64,
    pub(crate) orders: u32,
}

/// What a taker got at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    /// The number of resting orders that gave it.
    pub(crate) orders: u32,
}

/// One side of a book, best first.
#[derive(Clone, Debug)]
pub(crate) struct SimSide {
    sign: i64,
    levels: VecDeque<Resting>,
}

impl SimSide {
    fn new(sign: i64, depth: usize) -> Self {
        Self { sign, levels: VecDeque::with_capacity(depth + depth / 8 + 2) }
    }

    /// The key of a price in ticks, and back: the sign is its own inverse.
    pub(crate) const fn key(&self, ticks: i64) -> i64 {
        self.sign * ticks
    }

    pub(crate) fn len(&self) -> usize {
        self.levels.len()
    }

    pub(crate) fn best(&self) -> Option<&Resting> {
        self.levels.front()
    }

    pub(crate) fn worst(&self) -> Option<&Resting> {
        self.levels.back()
    }

    pub(crate) fn at(&self, index: usize) -> Option<&Resting> {
        self.levels.get(index)
    }

    pub(crate) fn resting(&self) -> impl Iterator<Item = &Resting> {
        self.levels.iter()
    }

    fn levels(&self, listing: Listing) -> impl Iterator<Item = Level> {
        self.levels.iter().map(move |resting| self.level(&listing, resting))
    }

    pub(crate) fn level(&self, listing: &Listing, resting: &Resting) -> Level {
        Level::new(listing.px(self.key(resting.key)), listing.sz(resting.lots), resting.orders)
    }

    /// Adds `orders` orders of `lots` lots together.
    pub(crate) fn place(&mut self, key: i64, lots: i64, orders: u32) {
        let index = self.levels.partition_point(|level| level.key < key);
        match self.levels.get_mut(index) {
            Some(level) if level.key == key => {
                level.lots = level.lots.saturating_add(lots);
                level.orders = level.orders.saturating_add(orders);
            }
            _ => self.levels.insert(index, Resting { key, lots, orders }),
        }
    }

    /// Removes that many average orders of a level, and the level with its last order. The last
    /// level of a side stays.
    pub(crate) fn cancel(&mut self, index: usize, orders: u32) {
        let alone = self.levels.len() == 1;
        let Some(level) = self.levels.get_mut(index) else { return };
        if level.orders > orders {
            level.lots -= level.lots / i64::from(level.orders) * i64::from(orders);
            level.orders -= orders;
        } else if !alone {
            self.levels.remove(index);
        }
    }

    /// Fills a taker's order of `lots` lots, best level first, from at most `max_levels` levels
    /// that are not behind the key `reach`. Adds what each level gave to `fills`. One lot always
    /// stays.
    pub(crate) fn fill(
        &mut self,
        mut lots: i64,
        max_levels: usize,
        reach: i64,
        fills: &mut Vec<Fill>,
    ) {
        for _ in 0..max_levels {
            let alone = self.levels.len() == 1;
            let Some(best) = self.levels.front_mut() else { return };
            let there = if alone { best.lots - 1 } else { best.lots };
            let taken = there.min(lots);
            if taken <= 0 || best.key > reach {
                return;
            }
            let orders = share(best.orders, taken, best.lots);
            fills.push(Fill { ticks: self.sign * best.key, lots: taken, orders });
            lots -= taken;
            if taken == best.lots {
                self.levels.pop_front();
            } else {
                best.lots -= taken;
                // An order that was filled in part still rests.
                best.orders = (best.orders - orders).max(1);
            }
        }
    }

    pub(crate) fn drop_worst(&mut self) {
        self.levels.pop_back();
    }
}

/// How many of a level's orders give `taken` of its `lots`: 1 to `orders`, and at most `taken`.
fn share(orders: u32, taken: i64, lots: i64) -> u32 {
    let given = i128::from(orders) * i128::from(taken);
    let count = (given + i128::from(lots) - 1) / i128::from(lots.max(1));
    u32::try_from(count.min(i128::from(taken))).unwrap_or(orders).clamp(1, orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(levels: &[(i64, i64, u32)]) -> SimSide {
        let mut side = SimSide::new(1, 4);
        for (key, lots, orders) in levels {
            side.place(*key, *lots, *orders);
        }
        side
    }

    fn rows(side: &SimSide) -> Vec<(i64, i64, u32)> {
        side.resting().map(|l| (l.key, l.lots, l.orders)).collect()
    }

    #[test]
    fn levels_are_kept_best_first_and_merge() {
        let side = asks(&[(12, 1, 1), (10, 2, 1), (11, 3, 1), (10, 5, 2)]);
        assert_eq!(rows(&side), [(10, 7, 3), (11, 3, 1), (12, 1, 1)]);
    }

    #[test]
    fn a_taker_is_filled_level_by_level_and_leaves_the_last_lot() {
        let mut side = asks(&[(10, 4, 2), (11, 6, 3)]);
        let mut fills = Vec::new();
        side.fill(6, 8, 11, &mut fills);
        assert_eq!(
            fills,
            [Fill { ticks: 10, lots: 4, orders: 2 }, Fill { ticks: 11, lots: 2, orders: 1 }]
        );
        assert_eq!(rows(&side), [(11, 4, 2)]);
        side.fill(100, 8, 11, &mut fills);
        assert_eq!(rows(&side), [(11, 1, 1)]);
        fills.clear();
        side.fill(100, 8, 11, &mut fills);
        assert!(fills.is_empty());
    }

    #[test]
    fn a_cancel_removes_one_order_and_never_the_last_level() {
        let mut side = asks(&[(10, 5, 2), (11, 6, 1)]);
        side.cancel(0, 1);
        assert_eq!(rows(&side), [(10, 3, 1), (11, 6, 1)]);
        side.cancel(0, 1);
        assert_eq!(rows(&side), [(11, 6, 1)]);
        side.cancel(0, 1);
        side.cancel(9, 1);
        assert_eq!(rows(&side), [(11, 6, 1)]);
    }
}
