//! Checks what a client shows against a second market, made from the exchange's own seed.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::clock_steps::{KnownClockSteps, TIME_STEP_NS};
use okx_feed::book::BookSync;
use okx_feed::model::ChannelKind;
use okx_feed::sim::{InstIndex, MarketConfig, SimMarket};
use okx_feed::{
    Book5, BookState, Channel, Dialect, Event, EventSink, InstrumentId, Level, MonoNanos,
    Subscription, Trade, UnixNanos,
};

/// How many of an instrument's books are kept: those of most of a minute, which is longer than a
/// stalled line lags behind another that has the same instrument.
const KEPT: usize = 16_384;
/// How many of an instrument's trades are kept.
const KEPT_TRADES: usize = 2_048;
/// How many levels of an order book are compared: as many as other threads see.
const DEEP: usize = 25;

/// What a checker has found, for other threads to read.
#[derive(Debug, Default)]
pub(super) struct CheckerStats {
    /// Books that were shown as live.
    pub(super) verified: AtomicU64,
    /// Books among them that the exchange did not have at their time.
    pub(super) wrong: AtomicU64,
    /// Books among them that were older than one shown before.
    pub(super) backwards: AtomicU64,
    /// Books among them that are from before the exchange's clock was set back and came after a
    /// book from after that, on a channel without sequence numbers.
    pub(super) undecided: AtomicU64,
    /// Books among them of a time whose books are not kept any more.
    pub(super) too_old: AtomicU64,
    /// Trades that were shown.
    pub(super) trades: AtomicU64,
    /// Trades among them that were shown before, or that the exchange has not had.
    pub(super) wrong_trades: AtomicU64,
    /// How often a book became stale.
    pub(super) stale: AtomicU64,
    /// When the last message of each order book came. What readers see of it may be older, since it
    /// is published only where its best levels change.
    last_messages: Mutex<HashMap<(Channel, InstrumentId), UnixNanos>>,
    /// The first that was not as it must be, in words.
    pub(super) first: Mutex<Option<String>>,
    /// For how many milliseconds the sink stalls at the next event; 0 once it has.
    stall_ms: AtomicU64,
}

impl CheckerStats {
    pub(super) fn is_clean(&self) -> bool {
        let bad = [&self.wrong, &self.backwards, &self.too_old, &self.wrong_trades];
        bad.iter().all(|count| count.load(Ordering::Relaxed) == 0)
            && self.verified.load(Ordering::Relaxed) > 0
    }

    /// When the last message of an order book came, as far as there was one.
    pub(super) fn last_message(&self, subscription: &Subscription) -> Option<UnixNanos> {
        let last = self.last_messages.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&(subscription.channel(), *subscription.inst_id())).copied()
    }

    /// Makes the sink stall for so long at the next event.
    pub(super) fn stall_sink(&self, span: Duration) {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.stall_ms.store(ms, Ordering::Relaxed);
    }

    /// Whether the sink stalls, or will at the next event.
    pub(super) fn is_stalled(&self) -> bool {
        self.stall_ms.load(Ordering::Relaxed) > 0
    }

    fn on_message(&self, channel: Channel, inst_id: &str, at: UnixNanos) {
        let Ok(inst_id) = InstrumentId::new(inst_id) else { return };
        let mut last = self.last_messages.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert((channel, inst_id), at);
    }

    fn note(&self, count: &AtomicU64, what: &str, (channel, inst_id): (Channel, &str)) {
        count.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{channel}:{inst_id}: {what}"));
    }
}

/// One book of an instrument: from when on it was, its five best levels, and more of them.
#[derive(Clone, Copy, Debug)]
struct Version {
    from: UnixNanos,
    top5: u64,
    deep: u64,
}

/// A sink that compares every book with what the exchange had at the book's own time.
///
/// The same seed gives the same market, so a second one is stepped along with the timestamps of the
/// books. Nothing of the exchange's connections, encoders or faults is in it.
#[derive(Debug)]
pub(super) struct BookChecker {
    market: SimMarket,
    histories: Vec<VecDeque<Version>>,
    shown: HashMap<(Channel, InstIndex), UnixNanos>,
    trades: Vec<Trades>,
    clock_steps: Arc<KnownClockSteps>,
    stats: Arc<CheckerStats>,
}

impl BookChecker {
    pub(super) fn new(
        config: &MarketConfig,
        clock_steps: Arc<KnownClockSteps>,
        stats: Arc<CheckerStats>,
    ) -> Self {
        let market = SimMarket::new(config);
        let start = market.wall(MonoNanos::ZERO);
        let first = |inst| {
            let now = version(&market, inst, start);
            let filler = Version { from: UnixNanos(u64::MAX), top5: u64::MAX, deep: u64::MAX };
            let mut history = touched(KEPT, filler);
            history.extend(now);
            history
        };
        let histories = market.indices().map(first).collect();
        let trades = market.indices().map(|_| Trades::new()).collect();
        let shown = HashMap::new();
        Self { market, histories, shown, trades, clock_steps, stats }
    }

    /// Steps the market to a time.
    fn advance(&mut self, to: UnixNanos) {
        let Self { market, histories, .. } = self;
        while market.wall(market.next_at()) < to {
            let at = market.wall(market.next_at());
            let Some(inst) = market.step() else { return };
            let Some(history) = histories.get_mut(inst.number()) else { return };
            if history.len() == KEPT {
                history.pop_front();
            }
            history.extend(version(market, inst, at));
        }
    }

    /// Verifies a book with that timestamp of the exchange.
    fn verify(&mut self, name: (Channel, &str), ts: UnixNanos, is_same: impl Fn(&Version) -> bool) {
        let times = self.clock_steps.true_times(ts);
        self.advance(times.iter().copied().max().map_or(UnixNanos(0), end_of));
        let stats = &self.stats;
        stats.verified.fetch_add(1, Ordering::Relaxed);
        let inst = self.market.find(name.1);
        let Some((inst, history)) = inst.and_then(|i| Some((i, self.histories.get(i.number())?)))
        else {
            return stats.note(&stats.wrong, "no such instrument", name);
        };
        let (mut known, mut same) = (true, Vec::new());
        for at in times {
            // The time is cut to milliseconds: the book of its beginning will do, and any of it.
            let before = history.partition_point(|version| version.from <= at);
            let after = history.partition_point(|version| version.from < end_of(at));
            known &= before > 0;
            if before > 0 && history.range(before - 1..after).any(&is_same) {
                same.push(at);
            }
        }
        if same.is_empty() && !known {
            // It may have been right: nothing else can be said of it.
            return stats.note(&stats.too_old, "older than the books that are kept", name);
        }
        if same.is_empty() {
            stats.note(&stats.wrong, "not the exchange's book of its time", name);
        }
        let last = self.shown.entry((name.0, inst)).or_insert(UnixNanos(0));
        let onward = same.iter().find(|at| **at >= *last).or_else(|| same.last()).copied();
        let at = onward.unwrap_or(*last);
        if at < *last {
            // Without sequence numbers a book from before the clock was set back looks like one
            // from after it: a line that stalled in between may deliver it when no other does.
            let undecided =
                name.0.dialect() == Dialect::V3 && self.clock_steps.was_set_back(at, *last);
            if undecided {
                stats.undecided.fetch_add(1, Ordering::Relaxed);
            } else {
                stats.note(&stats.backwards, "older than the one before", name);
            }
        }
        *last = at;
    }
}

/// The end of the millisecond that a time stands for.
const fn end_of(at: UnixNanos) -> UnixNanos {
    UnixNanos(at.0.saturating_add(TIME_STEP_NS))
}

/// The ids of the last trades that were shown, in order.
#[derive(Debug)]
struct Trades(VecDeque<u64>);

impl Trades {
    fn new() -> Self {
        Self(touched(KEPT_TRADES, u64::MAX))
    }

    /// Adds a trade; false where it was shown already.
    fn insert(&mut self, id: u64) -> bool {
        // Mostly it is the newest.
        let at = self.0.iter().rposition(|known| *known <= id).map_or(0, |at| at + 1);
        if at.checked_sub(1).and_then(|at| self.0.get(at)) == Some(&id) {
            return false;
        }
        self.0.insert(at, id);
        if self.0.len() == KEPT_TRADES {
            self.0.pop_front();
        }
        true
    }
}

/// An empty queue whose memory was all written to, which zeros would not do: it must not look as if
/// it grew.
fn touched<T: Copy>(len: usize, filler: T) -> VecDeque<T> {
    let mut queue = VecDeque::from(vec![filler; len]);
    queue.clear();
    queue
}

impl BookChecker {
    /// Verifies a trade: the exchange has had it by its time, and it was not shown before.
    fn verify_trade(&mut self, name: (Channel, &str), trade: &Trade) {
        let times = self.clock_steps.true_times(trade.ts_event);
        self.advance(times.into_iter().max().map_or(UnixNanos(0), end_of));
        let stats = &self.stats;
        stats.trades.fetch_add(1, Ordering::Relaxed);
        let inst = self.market.find(name.1);
        let last = inst.and_then(|inst| self.market.last_print(inst)).map(|print| print.last_id);
        let trades = inst.and_then(|inst| self.trades.get_mut(inst.number()));
        let was_had = last.is_some_and(|last| trade.trade_id <= last);
        if !was_had {
            stats.note(&stats.wrong_trades, "a trade that there was not", name);
        } else if !trades.is_some_and(|trades| trades.insert(trade.trade_id)) {
            stats.note(&stats.wrong_trades, "a trade that was shown before", name);
        }
    }
}

impl EventSink for BookChecker {
    fn on_event(&mut self, event: &Event<'_>) {
        let still = self.stats.stall_ms.load(Ordering::Relaxed);
        if still > 0 {
            std::thread::sleep(Duration::from_millis(still));
            self.stats.stall_ms.store(0, Ordering::Relaxed);
        }
        match event {
            Event::Book(update) => {
                let (book, name) = (update.book, (update.topic.channel, update.topic.inst_id));
                let top5 = hash(book.asks().iter().copied(), book.bids().iter().copied());
                self.verify(name, book.ts_event, |version| version.top5 == top5);
            }
            Event::DepthBook(change) if change.book.sync() == BookSync::Live => {
                let (update, name) =
                    (change.update, (change.update.topic.channel, change.update.topic.inst_id));
                self.stats.on_message(name.0, name.1, update.ts_recv);
                let (asks, bids) = change.book.view().top(DEEP);
                let deep = hash(asks.iter().copied(), bids.iter().copied());
                self.verify(name, update.ts_event, |version| version.deep == deep);
            }
            Event::Trade(update) => {
                self.verify_trade((update.topic.channel, update.topic.inst_id), update.trade);
            }
            Event::State(change) if change.to == BookState::Stale => {
                let kind = change.subscription.channel().kind();
                let is_book = matches!(kind, ChannelKind::Book5 | ChannelKind::Depth);
                self.stats.stale.fetch_add(u64::from(is_book), Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// The book of an instrument as it is now.
fn version(market: &SimMarket, inst: InstIndex, from: UnixNanos) -> Option<Version> {
    let (listing, book) = (market.listing(inst)?, market.book(inst)?);
    let top =
        |levels: usize| hash(book.asks(listing).take(levels), book.bids(listing).take(levels));
    Some(Version { from, top5: top(Book5::LEVELS), deep: top(DEEP) })
}

fn hash(asks: impl Iterator<Item = Level>, bids: impl Iterator<Item = Level>) -> u64 {
    let hasher = FixedState::default();
    let side = |seed: u64, levels: &mut dyn Iterator<Item = Level>| {
        levels.fold(seed, |hash, level| {
            hasher.hash_one((hash, level.px(), level.sz(), level.orders()))
        })
    };
    side(hasher.hash_one(side(0, &mut { asks })), &mut { bids })
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::sim::Listing;
    use okx_feed::{BookUpdate, Qty, Topic};

    const INST: &str = "BTC-USDT";

    fn show(checker: &mut BookChecker, book: &Book5) {
        let topic = Topic::v5(Channel::Books5, INST);
        checker.on_event(&Event::Book(BookUpdate::new(topic, book)));
    }

    #[test]
    fn a_sink_stalls_once_and_reports_it() {
        let stats = Arc::new(CheckerStats::default());
        let config = MarketConfig { listings: Listing::defaults(), ..MarketConfig::default() };
        let mut checker = BookChecker::new(&config, Arc::default(), Arc::clone(&stats));
        assert!(!stats.is_stalled());
        stats.stall_sink(Duration::from_millis(2));
        assert!(stats.is_stalled());
        show(&mut checker, &Book5::EMPTY);
        assert!(!stats.is_stalled());
    }

    #[test]
    fn duplicate_trades_are_found_and_the_oldest_are_dropped() {
        let mut trades = Trades::new();
        assert!([5, 7, 6, 1, 8].map(|id| trades.insert(id)).iter().all(|new| *new));
        assert!(![5, 7, 6, 1, 8].map(|id| trades.insert(id)).iter().any(|new| *new));
        let many = 100 + KEPT_TRADES as u64;
        assert!((100..many).all(|id| trades.insert(id)));
        assert!((103..many).all(|id| !trades.insert(id)));
        assert_eq!(trades.0.len(), KEPT_TRADES - 1);
    }

    /// A checker that could not see a wrong book would make the soak worthless.
    #[test]
    fn only_books_of_the_exchange_are_right() {
        let listings = Listing::defaults();
        let config = MarketConfig { listings, depth: 40, ..MarketConfig::default() };
        let stats = Arc::new(CheckerStats::default());
        let mut checker = BookChecker::new(&config, Arc::default(), Arc::clone(&stats));
        let counts = || {
            [&stats.verified, &stats.wrong, &stats.backwards, &stats.too_old]
                .map(|count| count.load(Ordering::Relaxed))
        };
        let mut exchange = SimMarket::new(&config);
        let inst = exchange.find(INST).unwrap();
        let mut books: Vec<Book5> = Vec::new();
        while books.len() < 50 {
            let at = exchange.wall(exchange.next_at());
            if exchange.step() == Some(inst) {
                let mut book = exchange.book5(inst).unwrap();
                // The wire's times are in milliseconds.
                book.ts_event = UnixNanos(at.0 / TIME_STEP_NS * TIME_STEP_NS);
                books.push(book);
            }
        }
        books.iter().for_each(|book| show(&mut checker, book));
        assert_eq!(counts(), [50, 0, 0, 0]);
        assert!(stats.is_clean());

        let last = *books.last().unwrap();
        let mut levels = last.asks().to_vec();
        levels[2] = Level::new(levels[2].px(), Qty::new(1, 7).unwrap(), levels[2].orders());
        let mut wrong = Book5::new(&levels, last.bids());
        wrong.ts_event = last.ts_event;
        show(&mut checker, &wrong);
        assert_eq!(counts(), [51, 1, 0, 0]);
        // An old book under a new time, and a right one that comes too late.
        let mut old = books[0];
        old.ts_event = last.ts_event;
        show(&mut checker, &old);
        assert_eq!(counts(), [52, 2, 0, 0]);
        show(&mut checker, &books[0]);
        assert_eq!(counts(), [53, 2, 1, 0]);
        let mut ancient = books[0];
        ancient.ts_event = UnixNanos(1);
        show(&mut checker, &ancient);
        assert_eq!(counts(), [54, 2, 1, 1]);
        assert!(!stats.is_clean());
    }
}
