//! What a feed has shown, to be compared with what another one has.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;
use okx_feed::book::BookSync;
use okx_feed::{Event, EventSink, Level, Subscription, Trade};

/// Books by their numbers, trades in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) books: HashMap<(Subscription, i64), u64>,
    pub(crate) trades: HashMap<Subscription, Vec<Trade>>,
    /// The highest number of each book.
    last: HashMap<Subscription, i64>,
    /// Books that came after one with a higher number.
    pub(crate) backwards: Vec<String>,
    /// Of a log of the exchange: the times at which no line was there.
    pub(crate) away: Vec<RangeInclusive<u64>>,
}

/// A sink that keeps a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logger(pub(crate) Arc<Mutex<Log>>);

/// Where a feed differs from another one.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) text: String,
    /// The trade that it is about.
    pub(crate) trade: Option<Box<(Subscription, Trade)>>,
}

impl From<String> for Difference {
    fn from(text: String) -> Self {
        Self { text, trade: None }
    }
}

/// What a comparison has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) books: usize,
    pub(crate) unknown: usize,
    pub(crate) trades: usize,
    /// Trades that no line can have received.
    pub(crate) nowhere: usize,
}

impl Log {
    fn on_book(&mut self, of: Subscription, seq: i64, (asks, bids): (&[Level], &[Level])) {
        self.books.insert((of, seq), hash(asks, bids));
        let last = self.last.entry(of).or_insert(seq);
        if seq < *last {
            self.backwards.push(format!("{of}: {seq} after {last}"));
        }
        *last = seq.max(*last);
    }

    /// What comes next is of another reader, whose order books begin with the last whole ones.
    pub(crate) fn begin_again(&mut self) {
        self.last.clear();
    }

    /// Compares every book and trade with those of the exchange's own log: the same content at the
    /// same number, each trade once, none missing since the first.
    pub(crate) fn compare(&self, truth: &Self, name: &str) -> Result<Compared, Difference> {
        let mut found = Compared::default();
        for (key, book) in &self.books {
            match truth.books.get(key) {
                Some(same) if same == book => found.books += 1,
                Some(_) => return Err(format!("{name}: {} differs at {}", key.0, key.1).into()),
                None => found.unknown += 1,
            }
        }
        if let Some(first) = self.backwards.first() {
            let count = self.backwards.len();
            return Err(format!("{name}: {count} books backwards: {first}").into());
        }
        for (of, all) in &truth.trades {
            let own = self.trades.get(of).map(Vec::as_slice).unwrap_or_default();
            let Some(first) = own.iter().map(|trade| trade.trade_id).min() else {
                return Err(format!("{name}: no trades of {of}").into());
            };
            let mut left: HashMap<u64, &Trade> = HashMap::new();
            for trade in own {
                if left.insert(trade.trade_id, trade).is_some() {
                    return Err(format!("{name}: {of} {} twice", trade.trade_id).into());
                }
            }
            for trade in all.iter().filter(|trade| trade.trade_id >= first) {
                let own = left.remove(&trade.trade_id);
                let is_away = truth.away.iter().any(|span| span.contains(&trade.ts_event.0));
                if own.is_none() && is_away {
                    found.nowhere += 1;
                    continue;
                }
                let same = own.is_some_and(|own| what(own) == what(trade));
                if !same {
                    let text = format!("{name}: {of}: {own:?}, not {trade:?}");
                    return Err(Difference { text, trade: Some(Box::new((*of, *trade))) });
                }
                found.trades += 1;
            }
            let last = all.iter().map(|trade| trade.trade_id).max();
            if let Some(other) = left.keys().find(|id| Some(**id) < last) {
                return Err(format!("{name}: {of} {other} is no trade of the exchange").into());
            }
        }
        Ok(found)
    }
}

/// What two receivers of a trade have in common.
fn what(trade: &Trade) -> impl PartialEq + use<> {
    (trade.ts_event, trade.trade_id, trade.px(), trade.sz(), trade.side(), trade.count)
}

impl EventSink for Logger {
    fn on_event(&mut self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        match event {
            Event::Book(update) => {
                let of = Subscription::of(&update.topic).unwrap();
                log.on_book(of, update.book.seq, (update.book.asks(), update.book.bids()));
            }
            Event::DepthBook(change) if change.outcome.sync == BookSync::Live => {
                let of = Subscription::of(&change.update.topic).unwrap();
                let view = change.book.view();
                log.on_book(of, view.seq().unwrap(), (view.asks(), view.bids()));
            }
            Event::Trade(update) => {
                let of = Subscription::of(&update.topic).unwrap();
                log.trades.entry(of).or_default().push(*update.trade);
            }
            _ => {}
        }
    }
}

fn hash(asks: &[Level], bids: &[Level]) -> u64 {
    let hasher = FixedState::default();
    let side = |seed: u64, levels: &[Level]| {
        levels.iter().fold(seed, |hash, level| {
            hasher.hash_one((hash, level.px(), level.sz(), level.orders()))
        })
    };
    side(hasher.hash_one(side(0, asks)), bids)
}
