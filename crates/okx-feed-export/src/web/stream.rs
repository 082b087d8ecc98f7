//! The stream of one page: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::stream::{Stream, unfold};
use serde_json::{Map, Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::sampler::{Shared, TICK};
use super::target::Target;
use super::view;
use okx_feed::publish::TradeReader;

/// The most pages at a time.
const MAX_PAGES: usize = 16;

/// The most trades of one message.
const MAX_TRADES: usize = 50;

/// An open page; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Page {
    shared: Arc<Shared>,
    target: Target,
    ticks: Interval,
    is_new: bool,
    book_version: u64,
    next_trade: u64,
    list: u64,
    stats: u64,
    next_loss: u64,
}

impl Page {
    /// Opens a page; `None` where there are too many.
    pub(super) fn open(shared: &Arc<Shared>, target: Target) -> Option<Self> {
        let before = shared.pages.fetch_add(1, Ordering::Relaxed);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let trades = target.trades.as_ref();
        let next_trade = trades.map_or(0, |of| of.next().saturating_sub(MAX_TRADES as u64));
        let page = Self {
            shared: Arc::clone(shared),
            target,
            ticks,
            is_new: true,
            book_version: u64::MAX,
            next_trade,
            list: 0,
            stats: 0,
            next_loss: 0,
        };
        (before < MAX_PAGES).then_some(page)
    }

    /// The events of the page, until it is closed.
    pub(super) fn events(self) -> impl Stream<Item = Result<String, Infallible>> {
        unfold(self, |mut page| async move {
            page.ticks.tick().await;
            Some((Ok(page.message()), page))
        })
    }

    /// Everything that is new. It is never empty: a page sees by it that its connection lives.
    fn message(&mut self) -> String {
        let mut text = String::new();
        if std::mem::take(&mut self.is_new) {
            let Target { feed, name, .. } = &self.target;
            let hello = json!({
                "version": env!("CARGO_PKG_VERSION"),
                "feed": feed,
                "sub": name,
                "has_book": self.target.book.is_some(),
                "has_trades": self.target.trades.is_some(),
            });
            push(&mut text, "hello", &hello.to_string());
        }
        if self.target.has_returned() {
            // What was ended and subscribed again has other readers.
            self.target.renew();
            self.book_version = u64::MAX;
            self.next_trade = self.target.trades.as_ref().map_or(0, TradeReader::next);
        }
        push(&mut text, "tick", &self.tick());
        let Self { shared, list, stats, next_loss, .. } = self;
        shared.with(|made| {
            if let Some(list) = made.list.since(list) {
                push(&mut text, "list", list);
            }
            if let Some(stats) = made.stats.since(stats) {
                push(&mut text, "stats", stats);
            }
            let (losses, next) = made.losses.since(*next_loss);
            losses.for_each(|loss| push(&mut text, "loss", loss));
            *next_loss = next;
        });
        text
    }

    fn tick(&mut self) -> String {
        let reader = &self.target.reader;
        let beat_age = u64::try_from(reader.heartbeat().age().as_millis()).unwrap_or(u64::MAX);
        let mut tick = Map::new();
        let mut put = |name: &str, value: Value| drop(tick.insert(name.to_owned(), value));
        put("now", reader.clock().now().1.as_millis().into());
        put("beat_age", beat_age.into());
        if let Some(book) = &self.target.book
            && view::version(book) != self.book_version
        {
            let (version, value) = view::book(book);
            self.book_version = version;
            put("book", value);
        }
        if let Some(trades) = &self.target.trades {
            let next = trades.next();
            let from = self.next_trade.max(next.saturating_sub(MAX_TRADES as u64));
            let new: Vec<_> = trades.since(from).map(|(_, trade)| view::trade(&trade)).collect();
            put("left_out", (from - self.next_trade).into());
            put("trades", new.into());
            self.next_trade = next;
        }
        Value::Object(tick).to_string()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.shared.pages.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Adds one event. JSON has no line ends of its own.
fn push(text: &mut String, event: &str, data: &str) {
    for part in ["event: ", event, "\ndata: ", data, "\n\n"] {
        text.push_str(part);
    }
}
