//! Judges what a client shows by a second market, made of the exchange's own seed.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::clock::{TIME_STEP_NS, ToldClock};
use okx_feed::sim::{InstIndex, MarketConfig, SimMarket};
use okx_feed::{
    BOOK5_LEVELS, BookState, BookSync, Channel, ChannelKind, Dialect, Event, EventSink,
    InstrumentId, Level, MonoNanos, Subscription, Trade, UnixNanos,
};

/// How many of an instrument's books are remembered: those of most of a minute, more than a line that
/// stalls is behind another that brings the same instrument.
const KEPT: usize = 16_384;
/// How many of an instrument's trades are remembered.
const KEPT_TRADES: usize = 2_048;
/// How many levels of a deep book are looked at: as many as other threads see.
const DEEP: usize = 25;

/// What a witness has found, for other threads to read.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Books that were shown as live.
    pub(super) judged: AtomicU64,
    /// Books among them that the exchange did not have at their time.
    pub(super) wrong: AtomicU64,
    /// Books among them that were older than one shown before.
    pub(super) backwards: AtomicU64,
    /// Books among them from before the exchange's clock was set back, and after one from behind
    /// that, where no numbers tell.
    pub(super) undecided: AtomicU64,
    /// Books among them of a time that is not remembered any more.
    pub(super) forgotten: AtomicU64,
    /// Trades that were shown.
    pub(super) trades: AtomicU64,
    /// Trades among them that were shown before, or that the exchange has not had.
    pub(super) wrong_trades: AtomicU64,
    /// How often a book was told to be stale.
    pub(super) stale: AtomicU64,
    /// When the last message of each deep book came: what readers are shown of it may be older, since
    /// it is published only where its best levels change.
    heard: Mutex<HashMap<(Channel, InstrumentId), UnixNanos>>,
    /// The first that was not as it must be, in words.
    pub(super) first: Mutex<Option<String>>,
    /// For how many milliseconds the sink does not return at the next event; 0 once it has.
    still_ms: AtomicU64,
}

impl Verdict {
    pub(super) fn all_right(&self) -> bool {
        let bad = [&self.wrong, &self.backwards, &self.forgotten, &self.wrong_trades];
        bad.iter().all(|count| count.load(Ordering::Relaxed) == 0)
            && self.judged.load(Ordering::Relaxed) > 0
    }

    /// When the last message of a deep book came, as far as there was one.
    pub(super) fn heard(&self, subscription: &Subscription) -> Option<UnixNanos> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get(&(subscription.channel(), *subscription.inst_id())).copied()
    }

    /// Has the sink not return for so long at the next event.
    pub(super) fn stand_still(&self, span: Duration) {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.still_ms.store(ms, Ordering::Relaxed);
    }

    /// Whether it does so, or will at the next event.
    pub(super) fn stands_still(&self) -> bool {
        self.still_ms.load(Ordering::Relaxed) > 0
    }

    fn hear(&self, channel: Channel, inst_id: &str, at: UnixNanos) {
        let Ok(inst_id) = InstrumentId::new(inst_id) else { return };
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert((channel, inst_id), at);
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

/// A sink that judges every book by what the exchange had at the book's own time.
///
/// The same seed gives the same market, so a second one is stepped along with the times that the
/// books tell. Nothing of the exchange's connections, encoders or faults is in it.
#[derive(Debug)]
pub(super) struct Witness {
    market: SimMarket,
    histories: Vec<VecDeque<Version>>,
    shown: HashMap<(Channel, InstIndex), UnixNanos>,
    trades: Vec<Trades>,
    told: Arc<ToldClock>,
    verdict: Arc<Verdict>,
}

impl Witness {
    pub(super) fn new(config: &MarketConfig, told: Arc<ToldClock>, verdict: Arc<Verdict>) -> Self {
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
        Self { market, histories, shown, trades, told, verdict }
    }

    /// Lets the market come to a time.
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

    /// Judges a book of a time that the exchange told.
    fn judge(&mut self, name: (Channel, &str), ts: UnixNanos, is_same: impl Fn(&Version) -> bool) {
        let moments = self.told.moments(ts);
        self.advance(moments.iter().copied().max().map_or(UnixNanos(0), end_of));
        let verdict = &self.verdict;
        verdict.judged.fetch_add(1, Ordering::Relaxed);
        let inst = self.market.find(name.1);
        let Some((inst, history)) = inst.and_then(|i| Some((i, self.histories.get(i.number())?)))
        else {
            return verdict.note(&verdict.wrong, "no such instrument", name);
        };
        let (mut known, mut same) = (true, Vec::new());
        for at in moments {
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
            return verdict.note(&verdict.forgotten, "older than what is remembered", name);
        }
        if same.is_empty() {
            verdict.note(&verdict.wrong, "not the exchange's book of its time", name);
        }
        let last = self.shown.entry((name.0, inst)).or_insert(UnixNanos(0));
        let onward = same.iter().find(|at| **at >= *last).or_else(|| same.last()).copied();
        let at = onward.unwrap_or(*last);
        if at < *last {
            // Without numbers nobody can tell a book from before the clock was set back from one
            // after it: a line that stood still in between may bring it when no other is there.
            let undecided = name.0.dialect() == Dialect::V3 && self.told.was_set_back(at, *last);
            if undecided {
                verdict.undecided.fetch_add(1, Ordering::Relaxed);
            } else {
                verdict.note(&verdict.backwards, "older than the one before", name);
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

    /// Remembers a trade; false where it was shown already.
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

impl Witness {
    /// Judges a trade: the exchange has had it by its time, and it was not shown before.
    fn judge_trade(&mut self, name: (Channel, &str), trade: &Trade) {
        let moments = self.told.moments(trade.ts_event);
        self.advance(moments.into_iter().max().map_or(UnixNanos(0), end_of));
        let verdict = &self.verdict;
        verdict.trades.fetch_add(1, Ordering::Relaxed);
        let inst = self.market.find(name.1);
        let last = inst.and_then(|inst| self.market.last_print(inst)).map(|print| print.last_id);
        let trades = inst.and_then(|inst| self.trades.get_mut(inst.number()));
        let was_had = last.is_some_and(|last| trade.trade_id <= last);
        if !was_had {
            verdict.note(&verdict.wrong_trades, "a trade that there was not", name);
        } else if !trades.is_some_and(|trades| trades.insert(trade.trade_id)) {
            verdict.note(&verdict.wrong_trades, "a trade that was shown before", name);
        }
    }
}

impl EventSink for Witness {
    fn on_event(&mut self, event: &Event<'_>) {
        let still = self.verdict.still_ms.load(Ordering::Relaxed);
        if still > 0 {
            std::thread::sleep(Duration::from_millis(still));
            self.verdict.still_ms.store(0, Ordering::Relaxed);
        }
        match event {
            Event::Book(update) => {
                let (book, name) = (update.book, (update.channel, update.inst_id));
                let top5 = hash(book.asks().iter().copied(), book.bids().iter().copied());
                self.judge(name, book.ts_event, |version| version.top5 == top5);
            }
            Event::DepthBook(change) if change.book.sync() == BookSync::Live => {
                let (update, name) =
                    (change.update, (change.update.channel, change.update.inst_id));
                self.verdict.hear(name.0, name.1, update.ts_recv);
                let (asks, bids) = change.book.view().top(DEEP);
                let deep = hash(asks.iter().copied(), bids.iter().copied());
                self.judge(name, update.ts_event, |version| version.deep == deep);
            }
            Event::Trade(update) => {
                self.judge_trade((update.channel, update.inst_id), &update.trade);
            }
            Event::State(change) if change.to == BookState::Stale => {
                let is_book = change.subscription.channel().kind() != ChannelKind::Trades;
                self.verdict.stale.fetch_add(u64::from(is_book), Ordering::Relaxed);
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
    Some(Version { from, top5: top(BOOK5_LEVELS), deep: top(DEEP) })
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
    use okx_feed::{Book5, BookUpdate, Qty};

    const INST: &str = "BTC-USDT";

    fn show(witness: &mut Witness, book: &Book5) {
        let (channel, market) = (Channel::Books5, None);
        witness.on_event(&Event::Book(BookUpdate { channel, market, inst_id: INST, book }));
    }

    #[test]
    fn a_sink_that_is_to_stand_still_does_so_once_and_says_so() {
        let verdict = Arc::new(Verdict::default());
        let config = MarketConfig { listings: Listing::defaults(), ..MarketConfig::default() };
        let mut witness = Witness::new(&config, Arc::default(), Arc::clone(&verdict));
        assert!(!verdict.stands_still());
        verdict.stand_still(Duration::from_millis(2));
        assert!(verdict.stands_still());
        show(&mut witness, &Book5::EMPTY);
        assert!(!verdict.stands_still());
    }

    #[test]
    fn trades_are_known_again_and_the_oldest_are_forgotten() {
        let mut trades = Trades::new();
        assert!([5, 7, 6, 1, 8].map(|id| trades.insert(id)).iter().all(|new| *new));
        assert!(![5, 7, 6, 1, 8].map(|id| trades.insert(id)).iter().any(|new| *new));
        let many = 100 + KEPT_TRADES as u64;
        assert!((100..many).all(|id| trades.insert(id)));
        assert!((103..many).all(|id| !trades.insert(id)));
        assert_eq!(trades.0.len(), KEPT_TRADES - 1);
    }

    /// A witness that could not see a wrong book would make the soak worthless.
    #[test]
    fn what_the_exchange_had_is_right_and_all_else_is_not() {
        let listings = Listing::defaults();
        let config = MarketConfig { listings, depth: 40, ..MarketConfig::default() };
        let verdict = Arc::new(Verdict::default());
        let mut witness = Witness::new(&config, Arc::default(), Arc::clone(&verdict));
        let counts = || {
            [&verdict.judged, &verdict.wrong, &verdict.backwards, &verdict.forgotten]
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
        books.iter().for_each(|book| show(&mut witness, book));
        assert_eq!(counts(), [50, 0, 0, 0]);
        assert!(verdict.all_right());

        let last = *books.last().unwrap();
        let mut levels = last.asks().to_vec();
        levels[2] = Level::new(levels[2].px(), Qty::new(1, 7).unwrap(), levels[2].orders());
        let mut wrong = Book5::new(&levels, last.bids());
        wrong.ts_event = last.ts_event;
        show(&mut witness, &wrong);
        assert_eq!(counts(), [51, 1, 0, 0]);
        // An old book under a new time, and a right one that comes too late.
        let mut old = books[0];
        old.ts_event = last.ts_event;
        show(&mut witness, &old);
        assert_eq!(counts(), [52, 2, 0, 0]);
        show(&mut witness, &books[0]);
        assert_eq!(counts(), [53, 2, 1, 0]);
        let mut ancient = books[0];
        ancient.ts_event = UnixNanos(1);
        show(&mut witness, &ancient);
        assert_eq!(counts(), [54, 2, 1, 1]);
        assert!(!verdict.all_right());
    }
}
