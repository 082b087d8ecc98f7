//! The part of a book without RPI orders.

use super::book_ref::BookRef;
use super::side::{BookSide, DepthSide};
use super::update::{DepthAction, DepthUpdate};
use crate::model::{Decimal, Level, Qty, UnixNanos};

/// The sizes of a book without RPI orders, as a second book beside that of all sizes.
#[derive(Clone, Debug)]
pub(super) struct NonRpiBook {
    asks: DepthSide,
    bids: DepthSide,
}

impl NonRpiBook {
    /// Allocates a book of `capacity` levels a side.
    pub(super) fn new(capacity: usize) -> Self {
        let side = |side| DepthSide::new(side, capacity);
        Self { asks: side(BookSide::Ask), bids: side(BookSide::Bid) }
    }

    pub(super) const fn view(
        &self,
        seq: i64,
        ts_event: UnixNanos,
        ts_recv: UnixNanos,
    ) -> BookRef<'_> {
        BookRef::new(&self.asks, &self.bids, seq, ts_event, ts_recv)
    }

    /// Applies a message that the book of all sizes has applied. If it has no such sizes, its full
    /// sizes are used.
    #[cold]
    pub(super) fn apply(&mut self, update: &DepthUpdate<'_>) {
        if update.action != DepthAction::Update {
            self.asks.clear();
            self.bids.clear();
        }
        let (asks, bids) = update.non_rpi.map_or((None, None), |s| (Some(s.asks), Some(s.bids)));
        set_all(&mut self.asks, update.asks, asks);
        set_all(&mut self.bids, update.bids, bids);
    }
}

fn set_all(side: &mut DepthSide, levels: &[Level], sizes: Option<&[Qty]>) {
    for (at, level) in levels.iter().enumerate() {
        let sz = match sizes {
            Some(sizes) => sizes.get(at).copied(),
            None => Some(level.sz()),
        };
        // A deleted level has no size of either kind.
        let sz = sz.filter(|sz| !level.sz().is_zero() && *sz > Decimal::ZERO);
        side.set(Level::new(level.px(), sz.unwrap_or(Decimal::ZERO), level.orders()));
    }
}
