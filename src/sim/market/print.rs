//! What a taker order traded at one price.

use super::listing::Listing;
use crate::model::{Side, Trade, UnixNanos};

/// The part of a taker order that one price gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// When it happened.
    pub ts: UnixNanos,
    /// The taker's side.
    pub side: Side,
    /// The id of the last of the resting orders' fills; the others have the ids before it.
    pub last_id: u64,
    /// The number of resting orders that were filled, at least 1.
    pub count: u32,
    /// The instrument's sequence number after the taker order.
    pub seq: i64,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
}

impl Print {
    /// The fills of the resting orders one by one, as an id and a size in lots.
    pub(crate) fn fills(&self) -> impl Iterator<Item = (u64, i64)> {
        let Self { last_id, count, lots, .. } = *self;
        let share = lots / i64::from(count.max(1));
        let first = last_id + 1 - u64::from(count);
        (0..count).map(move |n| {
            let rest = if n + 1 == count { lots - share * i64::from(count) } else { 0 };
            (first + u64::from(n), share + rest)
        })
    }

    /// The print as a trade of the model.
    #[must_use]
    pub fn trade(&self, listing: &Listing) -> Trade {
        let mut trade = Trade::new(self.side, listing.px(self.ticks), listing.sz(self.lots));
        trade.ts_event = self.ts;
        trade.trade_id = self.last_id;
        trade.seq = self.seq;
        trade.count = self.count;
        trade
    }
}
