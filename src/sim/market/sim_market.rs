//! The market behind the exchange: instruments, their books and trades, moved by a virtual clock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::book::{Fill, SimBook};
use super::listing::{Listing, ListingState};
use super::order_flow::OrderFlow;
use super::past::{Past, SingleFill};
use super::print::Print;
use super::rng::Rng;
use crate::book::{BOOK5_LEVELS, Book5};
use crate::model::{InstrumentId, Level, MonoNanos, Side, Trade, UnixNanos};

/// The position of an instrument in the exchange's list, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstIndex(pub(crate) usize);

impl InstIndex {
    /// The position as a number.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

/// What a [`SimMarket`] is made of.
#[derive(Clone, Debug)]
pub struct MarketConfig {
    /// Fixes everything that happens: the same seed and configuration give the same market.
    pub seed: u64,
    /// The instruments. Where two have the same id, the later one can't be found by it.
    pub listings: Vec<Listing>,
    /// The levels a side that are kept filled, at least 1; a book grows to an eighth more. A level
    /// takes 24 bytes: 10 000 instruments of 400 levels take 210 MB, of 25 levels 14 MB.
    pub depth: usize,
    /// Orders, cancels and takers per second over all instruments; 0 stops the market.
    pub events_per_sec: u32,
    /// The wall-clock time at which the virtual clock is zero.
    pub start: UnixNanos,
    /// How many prints are kept for the REST interface, over all instruments; 56 bytes each. Where
    /// an instrument has more than its share, the oldest are gone, and all before the opening.
    pub history: usize,
}

impl Default for MarketConfig {
    /// The default listings, 400 levels, 1 000 events a second, from 2026-09-26T00:00:00Z, and
    /// 65 536 prints.
    fn default() -> Self {
        Self {
            seed: 1,
            listings: Listing::defaults(),
            depth: 400,
            events_per_sec: 1_000,
            start: UnixNanos(1_790_380_800_000_000_000),
            history: 1 << 16,
        }
    }
}

/// A seeded market of any number of instruments, sans I/O and clock.
#[derive(Debug)]
pub struct SimMarket {
    instruments: Vec<Instrument>,
    by_id: HashMap<InstrumentId, InstIndex>,
    /// The weights of the instruments summed up to and including each.
    weights: Vec<u64>,
    rng: Rng,
    start: UnixNanos,
    /// How far the clock that stamps messages is off, in nanoseconds.
    skew: i64,
    /// The mean time between events in ns; 0 where the market stands still.
    mean_gap: u64,
    next_at: MonoNanos,
    events: u64,
    fills: Vec<Fill>,
    prints: Vec<Print>,
    /// How many prints each instrument keeps.
    kept: usize,
}

#[derive(Debug)]
struct Instrument {
    listing: Listing,
    book: SimBook,
    flow: OrderFlow,
    seq: i64,
    last: Print,
    /// The prints since the opening, oldest first, and the last one before it.
    kept: VecDeque<Print>,
    /// What was traded before that.
    past: Past,
}

/// A book and its sequence number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberedBook<'m> {
    /// What the book is of.
    pub(crate) listing: &'m Listing,
    pub(crate) book: &'m SimBook,
    pub(crate) seq: i64,
}

impl SimMarket {
    /// Opens the market with full books and a last trade on each instrument.
    #[must_use]
    pub fn new(config: &MarketConfig) -> Self {
        let mut rng = Rng::new(config.seed);
        let listed = config.listings.iter();
        let instruments: Vec<_> =
            listed.map(|listing| Instrument::open(*listing, config, &mut rng)).collect();
        let mut by_id = HashMap::with_capacity(instruments.len());
        for (index, instrument) in instruments.iter().enumerate() {
            by_id.entry(*instrument.listing.inst_id()).or_insert(InstIndex(index));
        }
        let weights = instruments.iter().scan(0, |sum, instrument| {
            *sum += u64::from(instrument.listing.weight());
            Some(*sum)
        });
        let mut market = Self {
            weights: weights.collect(),
            instruments,
            by_id,
            rng,
            start: config.start,
            skew: 0,
            mean_gap: 1_000_000_000 / u64::from(config.events_per_sec.max(1)),
            next_at: MonoNanos::ZERO,
            events: 0,
            fills: Vec::new(),
            prints: Vec::new(),
            kept: (config.history / config.listings.len().max(1)).max(16),
        };
        if config.events_per_sec == 0 || market.weights.last().is_none_or(|sum| *sum == 0) {
            market.mean_gap = 0;
        }
        market.schedule();
        market
    }

    /// When the next event happens; the end of time where the market stands still.
    #[must_use]
    pub const fn next_at(&self) -> MonoNanos {
        self.next_at
    }

    /// Runs the next event and gives its instrument; `None` where the market stands still.
    pub fn step(&mut self) -> Option<InstIndex> {
        let total = *self.weights.last().filter(|_| self.mean_gap > 0)?;
        let drawn = self.rng.below(total);
        let index = self.weights.partition_point(|sum| *sum <= drawn);
        let ts = self.stamp(self.next_at);
        self.schedule();
        self.events += 1;
        self.prints.clear();
        self.fills.clear();
        let instrument = self.instruments.get_mut(index)?;
        instrument.act(ts, &mut self.rng, &mut self.fills, &mut self.prints);
        instrument.keep(&self.prints, self.kept);
        Some(InstIndex(index))
    }

    /// How many events there were: orders, cancels and takers.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// What the last [`SimMarket::step`] traded, one print a price.
    #[must_use]
    pub fn prints(&self) -> &[Print] {
        &self.prints
    }

    /// The wall-clock time of a virtual time.
    #[must_use]
    pub const fn wall(&self, at: MonoNanos) -> UnixNanos {
        UnixNanos(self.start.0.saturating_add(at.0))
    }

    /// What the exchange's clock shows at a virtual time: the wall-clock time, but for its faults.
    pub(crate) const fn stamp(&self, at: MonoNanos) -> UnixNanos {
        UnixNanos(self.wall(at).0.saturating_add_signed(self.skew))
    }

    /// Steps the exchange's clock by so many nanoseconds.
    pub(crate) const fn step_clock(&mut self, by: i64) {
        self.skew = self.skew.saturating_add(by);
    }

    /// The virtual time of a wall-clock time, zero for one before the start.
    pub(crate) const fn mono(&self, wall: UnixNanos) -> MonoNanos {
        MonoNanos(wall.0.saturating_sub(self.start.0))
    }

    /// The instrument of an id; `None` where it is not listed, not yet or not any more.
    #[must_use]
    pub fn find(&self, inst_id: &str) -> Option<InstIndex> {
        let is_live = |inst: &InstIndex| {
            self.listing(*inst).is_some_and(|listing| listing.state() == ListingState::Live)
        };
        self.find_any(inst_id).filter(is_live)
    }

    /// The instrument of an id, listed or not.
    #[must_use]
    pub(crate) fn find_any(&self, inst_id: &str) -> Option<InstIndex> {
        self.by_id.get(&InstrumentId::new(inst_id).ok()?).copied()
    }

    /// Lists or delists an instrument.
    pub(crate) fn set_state(&mut self, inst: InstIndex, state: ListingState) {
        if let Some(instrument) = self.instruments.get_mut(inst.0) {
            instrument.listing = instrument.listing.with_state(state);
        }
    }

    /// The number of instruments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.instruments.len()
    }

    /// Whether nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }

    /// The indices of all instruments.
    pub fn indices(&self) -> impl Iterator<Item = InstIndex> + use<> {
        (0..self.instruments.len()).map(InstIndex)
    }

    /// What is listed at an index; `None` for an index of another market.
    #[must_use]
    pub fn listing(&self, inst: InstIndex) -> Option<&Listing> {
        Some(&self.instruments.get(inst.0)?.listing)
    }

    /// The exchange's own book, every level of it.
    #[must_use]
    pub fn book(&self, inst: InstIndex) -> Option<&SimBook> {
        Some(&self.instruments.get(inst.0)?.book)
    }

    /// The sequence number of the last event on the instrument: it grows with each.
    #[must_use]
    pub fn seq(&self, inst: InstIndex) -> Option<i64> {
        Some(self.instruments.get(inst.0)?.seq)
    }

    /// The book of an instrument, with its number.
    pub(crate) fn numbered(&self, inst: InstIndex) -> Option<NumberedBook<'_>> {
        let Instrument { listing, book, seq, .. } = self.instruments.get(inst.0)?;
        Some(NumberedBook { listing, book, seq: *seq })
    }

    /// Resets the sequence numbers of an instrument to 1, as maintenance does.
    pub(crate) fn reset_seq(&mut self, inst: InstIndex) {
        if let Some(instrument) = self.instruments.get_mut(inst.0) {
            instrument.seq = 1;
        }
    }

    /// The five best levels of the exchange's own book, with its sequence number and no times.
    #[must_use]
    pub fn book5(&self, inst: InstIndex) -> Option<Book5> {
        self.top(inst, BOOK5_LEVELS)
    }

    /// At most that many of the five best levels a side.
    pub(crate) fn top(&self, inst: InstIndex, depth: usize) -> Option<Book5> {
        let Instrument { listing, book, seq, .. } = self.instruments.get(inst.0)?;
        let mut sides = [[Level::EMPTY; BOOK5_LEVELS]; 2];
        let [asks, bids] = &mut sides;
        let asks = fill(asks, book.asks(listing).take(depth));
        let bids = fill(bids, book.bids(listing).take(depth));
        let mut top = Book5::new(asks, bids);
        top.seq = *seq;
        Some(top)
    }

    /// The last print of the instrument: there always is one, if an old one.
    #[must_use]
    pub fn last_print(&self, inst: InstIndex) -> Option<&Print> {
        Some(&self.instruments.get(inst.0)?.last)
    }

    /// The first id of a fill that is remembered, and the id after the last fill.
    pub(crate) fn fill_ids(&self, inst: InstIndex) -> Option<(u64, u64)> {
        Some(self.instruments.get(inst.0)?.ids())
    }

    /// The fill of an id, from up to 90 days before the opening on; `None` where it is forgotten.
    pub(crate) fn fill(&self, inst: InstIndex, id: u64) -> Option<SingleFill> {
        self.instruments.get(inst.0)?.fill(id)
    }

    /// The first id of a fill that is not before `ts`; the id after the last where all are.
    pub(crate) fn first_fill_at(&self, inst: InstIndex, ts: UnixNanos) -> Option<u64> {
        Some(self.instruments.get(inst.0)?.first_at(ts))
    }

    /// The price and size of a print of this instrument.
    #[must_use]
    pub fn trade(&self, inst: InstIndex, print: &Print) -> Option<Trade> {
        Some(print.trade(self.listing(inst)?))
    }

    fn schedule(&mut self) {
        self.next_at = if self.mean_gap == 0 {
            MonoNanos(u64::MAX)
        } else {
            self.next_at + Duration::from_nanos(self.rng.exponential(self.mean_gap).max(1))
        };
    }
}

impl Instrument {
    fn open(listing: Listing, config: &MarketConfig, rng: &mut Rng) -> Self {
        let flow = OrderFlow::new(&listing, config.depth);
        let book = flow.open(rng);
        // Beyond 2^38, as on the real wire.
        let seq = (1 << 38) + rng.below_signed(1 << 30);
        let last_id = 1_000_000 + rng.below(1 << 30);
        // From seconds to most of a day old: an illiquid instrument's last trade is.
        let age = rng.exponential(3_600_000_000_000).min(80_000_000_000_000);
        let last = Print {
            ts: UnixNanos(config.start.0.saturating_sub(age)),
            side: if rng.percent(50) { Side::Buy } else { Side::Sell },
            last_id,
            count: 1,
            seq: seq - 1 - rng.below_signed(1000),
            ticks: listing.start_ticks(),
            lots: listing.typical_lots(),
        };
        // From the instrument's own draws, so that those of all others stay as they are.
        let past = Past::new(config.seed ^ last_id, last, &listing);
        Self { listing, book, flow, seq, last, kept: VecDeque::from([last]), past }
    }

    fn keep(&mut self, prints: &[Print], most: usize) {
        self.kept.extend(prints);
        while self.kept.len() > most {
            self.kept.pop_front();
        }
    }

    /// The first id that is not forgotten, and the id after the last.
    fn ids(&self) -> (u64, u64) {
        let first = self.kept.front().map_or(0, |print| print.last_id + 1 - u64::from(print.count));
        let end = self.last.last_id + 1;
        if first == self.past.end() { (self.past.begin(), end) } else { (first, end) }
    }

    fn fill(&self, id: u64) -> Option<SingleFill> {
        let at = self.kept.partition_point(|print| print.last_id < id);
        let print = self.kept.get(at)?;
        let (ts, side, ticks) = (print.ts, print.side, print.ticks);
        let found = print.fills().find(|(of, _)| *of == id);
        let found = found.map(|(id, lots)| SingleFill { id, ts, side, ticks, lots });
        found.or_else(|| self.past.fill(id).filter(|_| id >= self.ids().0))
    }

    fn first_at(&self, ts: UnixNanos) -> u64 {
        let (first, end) = self.ids();
        let at = self.kept.partition_point(|print| print.ts < ts);
        match self.kept.get(at) {
            None => end,
            Some(_) if at == 0 => self.past.first_at(ts).max(first),
            Some(print) => print.last_id + 1 - u64::from(print.count),
        }
    }

    fn act(&mut self, ts: UnixNanos, rng: &mut Rng, fills: &mut Vec<Fill>, out: &mut Vec<Print>) {
        let taker = self.flow.act(&mut self.book, rng, fills);
        self.seq += 1 + rng.below_signed(4);
        for fill in fills {
            let Some(side) = taker else { continue };
            let Fill { ticks, lots, orders } = *fill;
            let last_id = self.last.last_id + u64::from(orders);
            self.last = Print { ts, side, last_id, count: orders, seq: self.seq, ticks, lots };
            out.push(self.last);
        }
    }
}

/// Fills the slots and gives back those that were.
fn fill(slots: &mut [Level], levels: impl Iterator<Item = Level>) -> &[Level] {
    let filled = slots.iter_mut().zip(levels).map(|(slot, level)| *slot = level).count();
    slots.get(..filled).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(seed: u64, depth: usize) -> SimMarket {
        SimMarket::new(&MarketConfig { seed, depth, ..MarketConfig::default() })
    }

    /// Runs `steps` events and checks every touched book: sorted, never crossed, never empty.
    fn check(seed: u64, depth: usize, steps: usize) -> SimMarket {
        let mut market = market(seed, depth);
        for _ in 0..steps {
            let inst = market.step().unwrap();
            let book = &market.instruments[inst.0].book;
            let (ask, bid) = (book.asks.best().unwrap(), book.bids.best().unwrap());
            assert!(ask.key > -bid.key, "crossed at seed {seed}");
            assert!(-book.bids.worst().unwrap().key >= 1);
            for side in [&book.asks, &book.bids] {
                assert!(side.len() <= depth + depth / 8);
            }
            for print in market.prints() {
                assert!(print.lots > 0 && i64::from(print.count) <= print.lots);
                assert_eq!(print.fills().map(|(_, lots)| lots).sum::<i64>(), print.lots);
                assert_eq!(print.fills().last().unwrap().0, print.last_id);
            }
        }
        for instrument in &market.instruments {
            for side in [&instrument.book.asks, &instrument.book.bids] {
                let levels: Vec<_> = side.resting().collect();
                assert!(levels.is_sorted_by(|a, b| a.key < b.key));
                assert!(levels.iter().all(|l| l.orders >= 1 && l.lots >= i64::from(l.orders)));
            }
        }
        market
    }

    #[test]
    fn books_are_never_crossed_over_many_seeds() {
        for seed in 0..8 {
            check(seed, 12, 100_000);
        }
        check(99, 400, 100_000);
        check(100, 1, 20_000);
    }

    #[test]
    fn prices_and_sizes_stay_plausible() {
        let market = check(5, 40, 300_000);
        for instrument in &market.instruments {
            let Instrument { listing, book, .. } = instrument;
            let start = listing.start_ticks();
            let (ask, bid) = (book.asks.best().unwrap().key, -book.bids.best().unwrap().key);
            assert!((bid - start).abs() * 10 < start.max(200), "{} at {bid}", listing.inst_id());
            assert!(ask - bid <= 3 + start / 2_000, "{} {bid} {ask}", listing.inst_id());
            for level in book.asks.resting().chain(book.bids.resting()).take(50) {
                assert!(level.orders <= MAX_ORDERS_SEEN);
                assert!(level.lots < listing.typical_lots() * 4_000);
            }
        }
    }

    const MAX_ORDERS_SEEN: u32 = 121;

    #[test]
    fn the_seed_fixes_the_market_and_its_times() {
        let run = |seed| {
            let mut market = market(seed, 20);
            let mut log = Vec::new();
            for _ in 0..2_000 {
                let at = market.next_at();
                let inst = market.step().unwrap();
                log.push((at, inst, market.seq(inst), market.prints().to_vec()));
            }
            log
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn events_come_at_the_chosen_rate_and_trades_among_them() {
        let mut market = market(2, 20);
        let mut prints = 0;
        for _ in 0..50_000 {
            market.step();
            prints += market.prints().len();
        }
        let seconds = market.next_at().0 / 1_000_000_000;
        assert!((48..=52).contains(&seconds), "{seconds}");
        assert!((2_000..15_000).contains(&prints), "{prints}");
    }

    #[test]
    fn a_market_without_events_stands_still() {
        let config = MarketConfig { events_per_sec: 0, ..MarketConfig::default() };
        let mut market = SimMarket::new(&config);
        assert_eq!((market.step(), market.next_at()), (None, MonoNanos(u64::MAX)));
        assert!(market.indices().all(|inst| market.last_print(inst).is_some()));
    }
}
