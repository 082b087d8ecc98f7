//! Events of the library as events of C. Allocates nothing.

use okx_feed::client::OwnedEvent;
use okx_feed::event::StateChange;
use okx_feed::model::{Origin, SubscriptionId};
use okx_feed::{
    Book5, Event as FeedEvent, EventSink, Level as FeedLevel, Malformed, Subscription, Topic,
    Trade as FeedTrade,
};

use crate::pointers::Callback;
use crate::types::names::subscription_number;
use crate::types::{Book, Event, EventKind, Level, Record, State, Text, Trade};
use crate::wait::mark_client_thread;

/// A sink that calls a function of the caller.
#[derive(Debug)]
pub(crate) struct Emitter {
    callback: Option<Callback>,
    /// The record of an event: it is too large to be made for each.
    record: Box<Record>,
    /// The best five levels of the order book of an event.
    best: Book5,
    /// A client's thread calls the function, not the caller's own.
    is_of_client: bool,
}

impl Emitter {
    /// Of a call that calls back.
    pub(crate) fn new(callback: Option<Callback>) -> Self {
        let record = Box::new(Record::EMPTY);
        Self { callback, record, best: Book5::EMPTY, is_of_client: false }
    }

    /// Of a client.
    pub(crate) fn of_client(callback: Option<Callback>) -> Self {
        Self { is_of_client: true, ..Self::new(callback) }
    }
}

impl EventSink for Emitter {
    #[inline]
    fn on_event(&mut self, event: &FeedEvent<'_>) {
        let Some(callback) = self.callback else { return };
        if self.is_of_client {
            mark_client_thread();
        }
        if let Some(event) = of_event(event, &mut self.record, &mut self.best) {
            callback.call(&event);
        }
    }
}

/// The event of C, which points into `event`, `record` and `best`.
fn of_event(event: &FeedEvent<'_>, record: &mut Record, best: &mut Book5) -> Option<Event> {
    let mut to = match event {
        FeedEvent::Book(update) => {
            let mut to = of_topic(EventKind::Book, &update.topic);
            to.book = book(update.book);
            to
        }
        FeedEvent::Trade(update) => {
            let mut to = of_topic(EventKind::Trade, &update.topic);
            to.trade = trade(update.trade);
            (to.missed, to.is_replayed) = (update.missed, update.replayed);
            to.is_history = update.origin == Origin::History;
            to
        }
        FeedEvent::DepthBook(change) => {
            let mut to = of_levels(change.update);
            *best = change.book.view().top5();
            to.book = book(best);
            to.is_live = change.book.live().is_some();
            to.is_history = change.origin == Origin::History;
            to
        }
        FeedEvent::Depth(update) => of_levels(update),
        FeedEvent::Record(update) => {
            let mut to = of_topic(EventKind::Record, &update.topic);
            record.set(update.record);
            to.record = record;
            to
        }
        FeedEvent::Raw(message) => {
            let mut to = of_topic(EventKind::Raw, &message.topic);
            to.text = Text::of(message.text);
            to
        }
        FeedEvent::Control(control) => {
            let mut to = Event::new(EventKind::Control);
            to.channel = control.channel.map_or(Text::NONE, Text::of);
            to.market = control.market.map_or(Text::NONE, Text::of);
            to.inst_id = control.inst_id.map_or(Text::NONE, Text::of);
            to.code = control.code.unwrap_or(0);
            to.text = Text::of(control.message.unwrap_or_else(|| control.kind.name()));
            to
        }
        FeedEvent::Skipped(skipped) => {
            let mut to = Event::new(EventKind::Skipped);
            to.channel = Text::of(skipped.channel);
            to
        }
        FeedEvent::State(change) => of_state(change),
        FeedEvent::Malformed(fault) => of_fault(fault),
        FeedEvent::Gap(gap) => {
            let mut to = Event::new(EventKind::Gap);
            (to.missed, to.text) = (gap.lines, Text::of(gap.reason));
            to
        }
        // Of a later version of the library.
        _ => return None,
    };
    to.subscription = subscription_number(event.subscription_id());
    to.ts_recv = event.ts_recv().0;
    Some(to)
}

/// Where C finds what an event of a queue points to.
#[derive(Debug)]
pub(crate) struct Held {
    event: Option<OwnedEvent>,
    record: Record,
}

impl Held {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self { event: None, record: Record::EMPTY })
    }

    /// Holds an event, and gives it as C's, which points into this.
    pub(crate) fn hold(&mut self, event: OwnedEvent) -> Event {
        of_owned(self.event.insert(event), &mut self.record)
    }
}

fn of_owned(event: &OwnedEvent, record: &mut Record) -> Event {
    match event {
        OwnedEvent::Book { subscription, id, book: of } => {
            let mut to = of_subscription(EventKind::Book, subscription, *id);
            (to.ts_recv, to.book) = (of.ts_recv.0, book(of));
            to
        }
        OwnedEvent::Trade { subscription, id, trade: of, replayed, missed, origin } => {
            let mut to = of_subscription(EventKind::Trade, subscription, *id);
            (to.ts_recv, to.trade) = (of.ts_recv.0, trade(of));
            (to.missed, to.is_replayed) = (*missed, *replayed);
            to.is_history = *origin == Origin::History;
            to
        }
        OwnedEvent::DepthBook { subscription, id, action, sync, best } => {
            let mut to = of_subscription(EventKind::Depth, subscription, *id);
            (to.ts_recv, to.book, to.seq) = (best.ts_recv.0, book(best), best.seq);
            to.is_snapshot = *action != okx_feed::book::DepthAction::Update;
            to.is_live = *sync == okx_feed::book::BookSync::Live;
            to
        }
        OwnedEvent::Record { subscription, id, record: of } => {
            let mut to = of_subscription(EventKind::Record, subscription, *id);
            record.set(of);
            (to.ts_recv, to.record) = (of.ts_recv.0, record);
            to
        }
        OwnedEvent::State { subscription, id, from, to, ts_recv } => {
            let mut event = of_subscription(EventKind::State, subscription, *id);
            (event.ts_recv, event.state_before) = (ts_recv.0, State::of(*from));
            event.state = State::of(*to);
            event
        }
        OwnedEvent::Control { kind, code, message, ts_recv } => {
            let mut to = Event::new(EventKind::Control);
            (to.ts_recv, to.code) = (ts_recv.0, code.unwrap_or(0));
            let text = if message.as_str().is_empty() { kind } else { message };
            to.text = Text::of(text.as_str());
            to
        }
        OwnedEvent::Skipped { channel, ts_recv } => {
            let mut to = Event::new(EventKind::Skipped);
            (to.ts_recv, to.channel) = (ts_recv.0, Text::of(channel.as_str()));
            to
        }
        OwnedEvent::Malformed(fault) => {
            let mut to = of_fault(fault);
            to.ts_recv = fault.ts_recv.0;
            to
        }
        // Of a later version of the library.
        _ => Event::new(EventKind::Skipped),
    }
}

/// The event that says what a full queue has dropped.
pub(crate) const fn of_dropped(count: u64) -> Event {
    let mut to = Event::new(EventKind::Dropped);
    to.missed = count;
    to
}

const fn book(book: &Book5) -> *const Book {
    std::ptr::from_ref(book).cast()
}

const fn trade(trade: &FeedTrade) -> *const Trade {
    std::ptr::from_ref(trade).cast()
}

const fn levels(levels: &[FeedLevel]) -> (*const Level, usize) {
    (levels.as_ptr().cast(), levels.len())
}

fn of_topic(kind: EventKind, topic: &Topic<'_>) -> Event {
    let mut to = Event::new(kind);
    to.channel = Text::of(topic.channel.name());
    to.market = topic.market.map_or(Text::NONE, |market| Text::of(market.name()));
    to.inst_id = Text::of(topic.inst_id);
    to
}

fn of_subscription(kind: EventKind, subscription: &Subscription, id: SubscriptionId) -> Event {
    let mut to = of_topic(kind, &subscription.topic());
    to.subscription = subscription_number(id);
    to
}

fn of_levels(update: &okx_feed::DepthUpdate<'_>) -> Event {
    let mut to = of_topic(EventKind::Depth, &update.topic);
    (to.asks, to.asks_len) = levels(update.asks);
    (to.bids, to.bids_len) = levels(update.bids);
    (to.seq, to.prev_seq) = (update.seq, update.prev_seq);
    to.is_snapshot = update.action != okx_feed::book::DepthAction::Update;
    to
}

fn of_state(change: &StateChange<'_>) -> Event {
    let mut to = of_topic(EventKind::State, &change.subscription.topic());
    (to.state_before, to.state) = (State::of(change.from), State::of(change.to));
    to
}

fn of_fault(fault: &Malformed) -> Event {
    let mut to = match &fault.subscription {
        Some(subscription) => of_topic(EventKind::Malformed, &subscription.topic()),
        None => Event::new(EventKind::Malformed),
    };
    (to.text, to.code) = (Text::of(fault.kind), i64::from(fault.offset));
    to
}
