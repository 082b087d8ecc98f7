//! A read view of an order book, with the queries that strategies need.

use std::fmt;

use super::liquidity::{Sides, Sweep};
use super::side::{BookSide, DepthSide};
use super::top5::Book5;
use crate::model::{Decimal, Level, NO_SEQ, Price, Qty, Side, UnixNanos};

/// A read view of an order book: a few references, made after each message.
///
/// Prices are compared by value: `1.0` finds the level of `1.00`. No query allocates. No query
/// returns a result past the price at which the book was cut to its capacity.
#[derive(Clone, Copy)]
pub struct BookRef<'b> {
    asks: &'b DepthSide,
    bids: &'b DepthSide,
    seq: i64,
    /// The exchange's time of the book.
    pub ts_event: UnixNanos,
    /// The receive time of the last message's frame.
    pub ts_recv: UnixNanos,
}

impl<'b> BookRef<'b> {
    #[inline]
    pub(crate) const fn new(
        asks: &'b DepthSide,
        bids: &'b DepthSide,
        seq: i64,
        ts_event: UnixNanos,
        ts_recv: UnixNanos,
    ) -> Self {
        Self { asks, bids, seq, ts_event, ts_recv }
    }

    /// The asks, best (lowest) first, contiguous.
    #[inline]
    #[must_use]
    pub fn asks(&self) -> &'b [Level] {
        self.asks.levels()
    }

    /// The bids, best (highest) first, contiguous.
    #[inline]
    #[must_use]
    pub fn bids(&self) -> &'b [Level] {
        self.bids.levels()
    }

    /// The levels of a side, best first, contiguous.
    #[inline]
    #[must_use]
    pub fn side(&self, side: BookSide) -> &'b [Level] {
        self.of(side).levels()
    }

    /// The exchange's sequence number of the last message; `None` if it had none.
    #[inline]
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        if self.seq == NO_SEQ { None } else { Some(self.seq) }
    }

    /// The best `levels` of each side, asks first; fewer if the book has fewer.
    #[inline]
    #[must_use]
    pub fn top(&self, levels: usize) -> (&'b [Level], &'b [Level]) {
        let best = |side: &'b [Level]| side.get(..levels).unwrap_or(side);
        (best(self.asks()), best(self.bids()))
    }

    /// The best ask; `None` if the side is empty.
    #[inline]
    #[must_use]
    pub fn best_ask(&self) -> Option<&'b Level> {
        self.asks().first()
    }

    /// The best bid; `None` if the side is empty.
    #[inline]
    #[must_use]
    pub fn best_bid(&self) -> Option<&'b Level> {
        self.bids().first()
    }

    /// The best five levels of each side as a [`Book5`], with this book's times, sequence number
    /// and flags.
    #[must_use]
    pub fn top5(&self) -> Book5 {
        let mut book = Book5::new(self.asks(), self.bids());
        (book.ts_event, book.ts_recv, book.seq) = (self.ts_event, self.ts_recv, self.seq);
        book
    }

    /// Best ask minus best bid; see [`Book5::spread`].
    #[must_use]
    pub fn spread(&self) -> Option<Price> {
        self.sides().spread()
    }

    /// The middle of the best prices, exact; see [`Book5::mid`].
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        self.sides().mid()
    }

    /// The best prices weighted by the size of the other side; see [`Book5::microprice`].
    #[must_use]
    pub fn microprice(&self, scale: u8) -> Option<Price> {
        self.sides().microprice(scale)
    }

    /// The ask price from which on levels were dropped because the side was full; `None` while the
    /// book has all asks that the exchange sent.
    #[inline]
    #[must_use]
    pub fn ask_limit(&self) -> Option<Price> {
        self.asks.limit()
    }

    /// The bid price from which on, downwards, levels were dropped because the side was full;
    /// `None` while the book has all bids that the exchange sent.
    #[inline]
    #[must_use]
    pub fn bid_limit(&self) -> Option<Price> {
        self.bids.limit()
    }

    /// The level at a price; `None` if there is none.
    #[must_use]
    pub fn level_at(&self, side: BookSide, px: Price) -> Option<&'b Level> {
        self.of(side).level_at(px)
    }

    /// The size from the best level to `px`, that level included; zero if `px` is better than
    /// the best.
    ///
    /// `None` if `px` is at or past the limit of the side or the sum does not fit.
    #[must_use]
    pub fn size_to(&self, side: BookSide, px: Price) -> Option<Qty> {
        let levels = self.of(side);
        if levels.is_beyond(px) {
            return None;
        }
        let mut to_px = levels.levels().iter().take(levels.count_to(px));
        to_px.try_fold(Decimal::ZERO, |sum, level| sum.checked_add(level.sz()).ok())
    }

    /// The cost of taking `sz` from the book: a buy consumes asks, a sell consumes bids.
    ///
    /// `None` if `sz` is not positive or the arithmetic does not fit. If the book is too thin, or
    /// cut too early (see [`BookRef::ask_limit`]), the [`Sweep`] is not complete.
    #[must_use]
    pub fn sweep(&self, taker: Side, sz: Qty) -> Option<Sweep> {
        self.sides().sweep(taker, sz)
    }

    /// `(bids - asks) / (bids + asks)` over the sizes of the best `levels` of each side: from -1
    /// (only asks) to 1 (only bids), at [`Sweep::RATIO_SCALE`] decimals.
    ///
    /// `None` if there is no size at all, if a side was cut before `levels`, or if the arithmetic
    /// does not fit.
    #[must_use]
    pub fn imbalance(&self, levels: usize) -> Option<Decimal> {
        let is_short = |side: &DepthSide| side.limit().is_some() && side.levels().len() < levels;
        if is_short(self.asks) || is_short(self.bids) {
            return None;
        }
        self.sides().imbalance(levels)
    }

    /// Whether the exchange may have levels of this side past the best `most` levels of this book,
    /// now or before the best `most` change next.
    pub(crate) fn may_lack(&self, side: BookSide, most: usize) -> bool {
        let side = self.of(side);
        side.is_truncated() || side.levels().len() >= most.min(side.capacity())
    }

    #[inline]
    fn sides(&self) -> Sides<'b> {
        Sides { asks: self.asks(), bids: self.bids() }
    }

    #[inline]
    const fn of(&self, side: BookSide) -> &'b DepthSide {
        match side {
            BookSide::Ask => self.asks,
            BookSide::Bid => self.bids,
        }
    }
}

/// The number of levels, the limits and the best five.
impl fmt::Debug for BookRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookRef")
            .field("asks", &self.asks().len())
            .field("bids", &self.bids().len())
            .field("ask_limit", &self.ask_limit())
            .field("bid_limit", &self.bid_limit())
            .field("top5", &self.top5())
            .finish()
    }
}
