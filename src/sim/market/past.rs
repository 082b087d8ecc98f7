//! What was traded before the market opened: a function of the id, so that it needs no memory.

use super::listing::Listing;
use super::print::Print;
use crate::model::{Side, UnixNanos};

/// The trades before the opening go back so far: 90 days.
const DAYS: u64 = 90;
/// Four fills have one time, of one or two taker orders.
const GROUP: u64 = 4;
/// The time from group to group.
const GAP_MS: u64 = 10_000;
const GROUPS: u64 = DAYS * 86_400_000 / GAP_MS;

/// One fill of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SingleFill {
    pub(crate) id: u64,
    pub(crate) ts: UnixNanos,
    pub(crate) side: Side,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
}

/// The trades of one instrument before its opening.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    seed: u64,
    /// The first print that is no part of it.
    end: Print,
    start_ticks: i64,
    typical_lots: i64,
}

impl Past {
    pub(crate) const fn new(seed: u64, end: Print, listing: &Listing) -> Self {
        Self { seed, end, start_ticks: listing.start_ticks(), typical_lots: listing.typical_lots() }
    }

    /// The first id after it.
    pub(crate) const fn end(&self) -> u64 {
        self.end.last_id + 1 - self.end.count as u64
    }

    /// The first id.
    pub(crate) fn begin(&self) -> u64 {
        self.end().saturating_sub(GROUPS * GROUP).max(1)
    }

    /// The fill of an id; `None` for one that it does not have.
    pub(crate) fn fill(&self, id: u64) -> Option<SingleFill> {
        if id < self.begin() || id >= self.end() {
            return None;
        }
        let back = self.end() - 1 - id;
        let (group, place) = (back / GROUP, GROUP - 1 - back % GROUP);
        let drawn = self.hash(group, 0);
        // The first fills of a group may be of another taker order than the last ones.
        let second = place >= drawn % GROUP;
        let of_order = self.hash(group, 1 + u64::from(second));
        let lots = self.hash(group, 8 + place) % (2 * self.typical_lots.unsigned_abs().max(1));
        Some(SingleFill {
            id,
            ts: self.time(group),
            side: if of_order.is_multiple_of(2) { Side::Buy } else { Side::Sell },
            ticks: (self.price(group) + i64::from(second)).max(1),
            lots: 1 + i64::try_from(lots).unwrap_or_default(),
        })
    }

    /// The first id of a fill that is not before `ts`; [`Past::end`] where all are.
    pub(crate) fn first_at(&self, ts: UnixNanos) -> u64 {
        let (mut low, mut high) = (self.begin(), self.end());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.fill(middle) {
                Some(fill) if fill.ts < ts => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    fn time(&self, group: u64) -> UnixNanos {
        let jitter = self.hash(group, 3) % GAP_MS;
        let back = (group + 1).saturating_mul(GAP_MS).saturating_sub(jitter);
        let millis = self.end.ts.as_millis().saturating_sub(back);
        UnixNanos::from_millis(millis).unwrap_or_default()
    }

    /// The starting price and waves of it, of five lengths.
    fn price(&self, group: u64) -> i64 {
        let mut ticks = self.start_ticks;
        let mut height = (self.start_ticks / 40).max(2);
        for bits in [15_u32, 12, 9, 6, 3] {
            let (cell, inside) = (group >> bits, group & ((1 << bits) - 1));
            let corner = |cell| {
                let span = 2 * height.unsigned_abs() + 1;
                let drawn = self.hash(cell, 100 + u64::from(bits)) % span;
                i64::try_from(drawn).unwrap_or_default() - height
            };
            let (a, b) = (i128::from(corner(cell)), i128::from(corner(cell + 1)));
            let between = a + (b - a) * i128::from(inside) / (1 << bits);
            ticks += i64::try_from(between).unwrap_or_default();
            height = (height / 3).max(1);
        }
        ticks
    }

    /// A mixing function with good bits everywhere (splitmix64).
    fn hash(&self, of: u64, what: u64) -> u64 {
        let mut z = self.seed ^ of.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ what.rotate_left(48);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Market;

    #[test]
    fn times_grow_with_ids_and_several_fills_share_one() {
        let listing = Listing::new("A-B", Market::Spot, ["0.1", "0.01", "500", "2"]).unwrap();
        let end = Print {
            ts: UnixNanos(1_790_380_800_000_000_000),
            side: Side::Buy,
            last_id: 50_000_000,
            count: 3,
            seq: 1,
            ticks: 5_000,
            lots: 3,
        };
        let past = Past::new(7, end, &listing);
        assert_eq!((past.end(), past.fill(past.end())), (49_999_998, None));
        assert_eq!(past.fill(past.begin() - 1), None);
        let fills: Vec<_> =
            (past.end() - 4_000..past.end()).map(|id| past.fill(id).unwrap()).collect();
        assert!(fills.is_sorted_by_key(|fill| fill.ts) && fills.last().unwrap().ts < end.ts);
        assert!(fills.chunks(4).all(|group| group.iter().all(|fill| fill.ts == group[0].ts)));
        assert!(fills.iter().all(|fill| fill.lots > 0 && (4_000..6_000).contains(&fill.ticks)));
        let (buys, all) = (fills.iter().filter(|fill| fill.side == Side::Buy).count(), 4_000);
        assert!((all / 3..all * 2 / 3).contains(&buys), "{buys}");
        for at in [past.begin(), past.end().midpoint(past.begin()), past.end() - 1] {
            let first = past.first_at(past.fill(at).unwrap().ts);
            assert!(first <= at && at - first < 4);
        }
    }
}
