//! Seeded order flow: what the next order on one instrument is.
//!
//! A fair price walks at random and is pulled to where the book stands and, slowly, to where it
//! started. Takers and quotes lean to it, so prices trend for a while and sizes thin out on the
//! side that is about to be eaten. Every act is one limit order, one cancel or one taker order.

use super::book::{Fill, SimBook, SimSide};
use super::listing::Listing;
use super::rng::Rng;
use crate::model::Side;

/// The most levels that one taker order eats.
const MAX_SWEEP: usize = 8;
/// The most orders at one price; above it the next order there is a cancel.
const MAX_ORDERS: u32 = 120;
/// The fair price is kept in parts of a tick.
const PARTS: i64 = 65_536;

/// The order flow of one instrument. Its randomness comes in as an argument.
#[derive(Clone, Debug)]
pub(crate) struct OrderFlow {
    /// The fair price, in 1/65 536 ticks.
    fair: i64,
    /// The price that the fair price returns to in the long run, in 1/65 536 ticks.
    anchor: i64,
    /// How far the fair price walks per act, in 1/65 536 ticks.
    step: i64,
    /// The typical distance of neighbouring levels, in ticks.
    gap: i64,
    typical_lots: i64,
    depth: usize,
}

impl OrderFlow {
    pub(crate) fn new(listing: &Listing, depth: usize) -> Self {
        let anchor = listing.start_ticks() * PARTS;
        Self {
            fair: anchor,
            anchor,
            // A millionth of the price per act, or a thirtieth of a tick where ticks are coarse.
            step: (anchor / 1_000_000).max(PARTS / 30),
            gap: (listing.start_ticks() / 100_000).max(1),
            typical_lots: listing.typical_lots(),
            depth: depth.max(1),
        }
    }

    /// The book as it is before the first act: full depth, one tick wide.
    pub(crate) fn open(&self, rng: &mut Rng) -> SimBook {
        let mut book = SimBook::new(self.depth);
        let start = self.anchor / PARTS;
        for (side, best) in [(&mut book.asks, start + 1), (&mut book.bids, start)] {
            let best = side.key(best);
            side.place(best, self.order(rng), 1);
            self.deepen(side, rng);
        }
        book
    }

    /// Does one thing to the book. What a taker got is left in `fills`, and the taker's side given.
    pub(crate) fn act(
        &mut self,
        book: &mut SimBook,
        rng: &mut Rng,
        fills: &mut Vec<Fill>,
    ) -> Option<Side> {
        let (bid, ask) = best_ticks(book)?;
        let (mid, half_spread) = ((bid + ask) * PARTS / 2, (ask - bid) * PARTS / 2);
        self.walk(mid, rng);
        let lean = self.fair - mid;
        let eager = lean.abs() > half_spread;
        let dice = rng.below(100);
        let taker = if dice < if eager { 18 } else { 7 } {
            Some(self.send_taker(book, lean, half_spread, rng, fills))
        } else {
            // Who expects higher prices bids more and offers less.
            let on_bid = rng.percent(if !eager {
                50
            } else if lean > 0 {
                65
            } else {
                35
            });
            // A wide spread is an offer to quote inside it; a tight one holds the balance.
            let wide = half_spread > 5 * self.gap * PARTS;
            if wide || dice < if half_spread > PARTS { 78 } else { 60 } {
                self.quote(book, on_bid, rng);
            } else {
                Self::cancel(if on_bid { &mut book.asks } else { &mut book.bids }, rng);
            }
            None
        };
        self.deepen(&mut book.asks, rng);
        self.deepen(&mut book.bids, rng);
        taker
    }

    fn walk(&mut self, mid: i64, rng: &mut Rng) {
        // The sum of two even draws is a fair stand-in for a normal one.
        let draw = rng.below_signed(2 * self.step + 1) + rng.below_signed(2 * self.step + 1);
        self.fair += draw - 2 * self.step;
        self.fair += (mid - self.fair) / 64;
        self.fair += (self.anchor - self.fair) / 16_384;
    }

    /// A taker order: it tends to go to where the fair price is, and is now and then a large one.
    fn send_taker(
        &self,
        book: &mut SimBook,
        lean: i64,
        half_spread: i64,
        rng: &mut Rng,
        fills: &mut Vec<Fill>,
    ) -> Side {
        let bias = (lean.saturating_mul(30) / half_spread.max(1)).clamp(-38, 38);
        let side = if 50 + bias > rng.below_signed(100) { Side::Buy } else { Side::Sell };
        let lots = self.order(rng).saturating_mul(if rng.percent(6) { 12 } else { 1 });
        let eaten = if side == Side::Buy { &mut book.asks } else { &mut book.bids };
        let reach = eaten.best().map_or(0, |best| best.key) + 12 * self.gap;
        eaten.fill(lots, MAX_SWEEP, reach, fills);
        side
    }

    /// A limit order: inside a wide spread, near the best price or, seldom, anywhere.
    fn quote(&self, book: &mut SimBook, on_bid: bool, rng: &mut Rng) {
        let (own, other) =
            if on_bid { (&mut book.bids, &book.asks) } else { (&mut book.asks, &book.bids) };
        let (Some(best), Some(opposite)) = (own.best(), other.best()) else { return };
        // The best key that does not cross: one tick behind the other side's best price.
        let (best, limit) = (best.key, 1 - opposite.key);
        let room = best - limit;
        let wide = room > 10 * self.gap;
        let key = if wide || (room > 0 && rng.percent(65)) {
            let reach = if rng.percent(60) { room } else { room.min(self.gap) };
            if rng.percent(35) { limit } else { best - 1 - rng.below_signed(reach) }
        } else if rng.percent(40) {
            best
        } else if rng.percent(12) {
            let index = usize::try_from(rng.below_signed(count(own))).unwrap_or_default();
            own.at(index).map_or(best, |level| level.key) + rng.below_signed(self.gap)
        } else {
            best + rng.exponential_signed(2 * self.gap)
        };
        let key = key.max(limit).min(own.worst().map_or(key, |worst| worst.key));
        let crowded = own.resting().take_while(|level| level.key <= key);
        if crowded.last().is_some_and(|level| level.key == key && level.orders >= MAX_ORDERS) {
            return;
        }
        own.place(key, self.order(rng), 1);
    }

    /// A cancel, mostly near the best price: the more orders rest there, the more of them leave.
    fn cancel(side: &mut SimSide, rng: &mut Rng) {
        let far = rng.percent(30);
        let drawn = if far { rng.below_signed(count(side)) } else { rng.exponential_signed(4) };
        let index = usize::try_from(drawn.min(count(side) - 1)).unwrap_or_default();
        let Some(level) = side.at(index) else { return };
        let leaving = 1 + rng.below(u64::from(level.orders / 5 + 1));
        side.cancel(index, u32::try_from(leaving).unwrap_or(1));
    }

    /// Brings a side back to its depth: quotes behind the worst price, or none past the depth. Bids
    /// end at one tick. A hole near the best price gets an order too, so that takers never fall
    /// through to where the price was long ago.
    fn deepen(&self, side: &mut SimSide, rng: &mut Rng) {
        let near = side.resting().zip(side.resting().skip(1)).take(MAX_SWEEP);
        let hole = near.map(|(a, b)| (a.key, b.key)).find(|(a, b)| b - a > 4 * self.gap);
        if let Some((key, _)) = hole {
            side.place(key + 1 + rng.below_signed(2 * self.gap), self.order(rng), 1);
        }
        while side.len() < self.depth {
            let Some(worst) = side.worst() else { return };
            let key = worst.key + 1 + rng.below_signed(2 * self.gap - 1);
            if side.key(key) < 1 {
                return;
            }
            let orders = 1 + u32::try_from(rng.exponential(2)).unwrap_or_default().min(20);
            let lots = (0..orders).map(|_| self.order(rng)).sum();
            side.place(key, lots, orders);
        }
        while side.len() > self.depth + self.depth / 8 {
            side.drop_worst();
        }
    }

    /// The lots of one order: half of them round, as people type them, some large. At least one.
    fn order(&self, rng: &mut Rng) -> i64 {
        if rng.percent(50) {
            let unit = (self.typical_lots / 10).max(1);
            return unit * (1 + rng.below_signed(20).min(rng.below_signed(40)));
        }
        let mean = if rng.percent(7) { self.typical_lots * 5 } else { self.typical_lots };
        1 + rng.exponential_signed(mean)
    }
}

fn count(side: &SimSide) -> i64 {
    i64::try_from(side.len()).unwrap_or(i64::MAX)
}

/// The best bid and ask in ticks.
fn best_ticks(book: &SimBook) -> Option<(i64, i64)> {
    let (bid, ask) = (book.bids.best()?, book.asks.best()?);
    Some((book.bids.key(bid.key), book.asks.key(ask.key)))
}
