//! Two clients as the lines of one arbiter, with the output of its sink and its readers.

use std::collections::HashSet;

use okx_feed::feed::StaleLimits;
use okx_feed::sim::SimMarket;
use okx_feed::{
    Arbiter, Book5, BookReader, BookState, Event, InstrumentId, MonoNanos, Subscription, UnixNanos,
};

use super::client::{Client, LastSeen};
use super::history::{History, Shown};

/// One trade of one instrument.
type TradeKey = (InstrumentId, u64);

pub(crate) struct Lines {
    pub(crate) arbiter: Arbiter,
    readers: Vec<(Subscription, BookReader)>,
    emitted: Emitted,
    /// The books that the readers were shown.
    read: Shown,
    /// The time of the last data of each line and subscription, as of its last check.
    last_seen: Vec<LastSeen>,
    /// Trades that some line has delivered.
    delivered: HashSet<TradeKey>,
}

/// The events of the sink.
#[derive(Default)]
struct Emitted {
    /// Books that are not verified yet.
    books: Vec<(Subscription, Book5)>,
    shown: Shown,
    trades: HashSet<TradeKey>,
}

impl Lines {
    pub(crate) fn new(count: usize, subscriptions: &[Subscription]) -> Self {
        let mut arbiter = Arbiter::new(count);
        subscriptions.iter().for_each(|subscription| arbiter.subscribe(*subscription));
        let reader = |s: &Subscription| Some((*s, arbiter.readers(s).book?));
        let readers = subscriptions.iter().filter_map(reader).collect();
        Self {
            arbiter,
            readers,
            emitted: Emitted::default(),
            read: Shown::default(),
            last_seen: vec![LastSeen::new(); count],
            delivered: HashSet::new(),
        }
    }

    /// Handles an event of a line's feed.
    pub(crate) fn on_event(&mut self, line: usize, event: &Event<'_>) {
        if let Event::Trade(update) = event {
            self.delivered.insert(key_of(update.topic.inst_id, update.trade.trade_id));
        }
        let Self { arbiter, emitted, readers, .. } = self;
        arbiter.on_event(line, event, &mut |event: &Event<'_>| emitted.note(event, readers));
    }

    /// Notes the last data of a line, and returns that of the other.
    pub(crate) fn last_seen(&mut self, line: usize, client: &Client) -> LastSeen {
        client.note(&mut self.last_seen[line]);
        self.last_seen[1 - line].clone()
    }

    /// Makes the arbiter check for silence.
    pub(crate) fn mark_stale(&mut self, limits: &StaleLimits, wall: UnixNanos) {
        let Self { arbiter, emitted, readers, .. } = self;
        arbiter.mark_stale(limits, wall, &mut |event: &Event<'_>| emitted.note(event, readers));
    }

    /// Checks that everything shown since the last check is correct and in order, and that each
    /// delivered trade was shown once. Returns the number of live books.
    pub(crate) fn verify_shown(
        &mut self,
        history: &History,
        market: &SimMarket,
        touched: &[Subscription],
    ) -> u64 {
        let Self { readers, emitted, read, delivered, .. } = self;
        let Emitted { books, shown, trades } = emitted;
        let verify = |subscription: &Subscription, book: &Book5, shown: &mut Shown| {
            let verified = history.verify(market, subscription, book, shown);
            verified.unwrap_or_else(|wrong| panic!("{wrong}"));
        };
        let mut live = 0;
        for (subscription, book) in books.drain(..) {
            verify(&subscription, &book, shown);
        }
        for (subscription, reader) in readers.iter().filter(|(s, _)| touched.contains(s)) {
            if let Some(book) = reader.live() {
                live += 1;
                verify(subscription, &book, read);
            }
        }
        assert_eq!(
            delivered.len(),
            trades.len(),
            "a trade was not shown: {:?}",
            delivered.difference(trades)
        );
        live
    }

    /// Checks that after the run every book is live and equal to the exchange's.
    pub(crate) fn check_end(&self, clients: &[Client], market: &SimMarket, now: MonoNanos) {
        for (subscription, reader) in &self.readers {
            let view = reader.snapshot();
            let lines = clients.iter().map(|client| client.feed.slots().get(subscription));
            let states: Vec<_> = lines.map(|slot| slot.unwrap().state()).collect();
            let is_live = view.state == BookState::Live;
            assert!(is_live, "{subscription} is {} at {now:?}, its lines {states:?}", view.state);
            super::world::check_five(market, subscription, &view.value);
        }
    }
}

impl Emitted {
    fn note(&mut self, event: &Event<'_>, readers: &[(Subscription, BookReader)]) {
        let (key, book) = match event {
            Event::Book(update) => {
                ((update.topic.channel, update.topic.market, update.topic.inst_id), *update.book)
            }
            Event::DepthBook(change) => {
                let update = change.update;
                let live = change.book.live().unwrap();
                ((update.topic.channel, update.topic.market, update.topic.inst_id), live.top5())
            }
            Event::Trade(update) => {
                let key = key_of(update.topic.inst_id, update.trade.trade_id);
                assert!(self.trades.insert(key), "shown twice: {key:?}");
                return;
            }
            _ => return,
        };
        let is_of = |s: &Subscription| (s.channel(), s.market(), s.inst_id().as_str()) == key;
        let subscription = readers.iter().map(|(s, _)| *s).find(is_of).unwrap();
        self.books.push((subscription, book));
    }
}

fn key_of(inst_id: &str, trade_id: u64) -> TradeKey {
    (InstrumentId::new(inst_id).unwrap(), trade_id)
}
