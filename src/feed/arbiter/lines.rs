//! Redundant connections, and what each of them delivers.

use std::time::Duration;

use super::entry::Entry;
use super::line_stats::LineStats;
use crate::event::{Event, EventSink};
use crate::feed::handler::FeedHandler;
use crate::feed::numbers::SubscriptionNumbers;
use crate::feed::slots::parts;
use crate::feed::stale::StaleLimits;
use crate::model::{BookState, DownReason, Subscription, SubscriptionId, Topic, UnixNanos};
use crate::publish::{Publishers, Readers, TradeOptions};

/// Merges redundant connections ("lines") with the same subscriptions: each update is emitted once,
/// when the first line delivers it.
///
/// Each line has a [`FeedHandler`] of its own, which keeps its own books and finds its own gaps: so
/// a book is always one that some line knows to be whole, whichever line delivered its last update.
/// The arbiter stands between them and the sink. A subscription is live while one of its lines is.
///
/// The exchange sends all lines the same updates in the same order. A book is accepted only from a
/// line that has delivered the last accepted one; one that was accepted before is a duplicate, and
/// shows where its line is. What a new connection delivers is held until something of it was
/// accepted from another, or no other line goes on. See "Redundant lines" in
/// `docs/ARCHITECTURE.md`.
///
/// # Example
/// ```
/// use okx_feed::{Arbiter, Dialect, Event, FeedHandler, Frame, Subscription, UnixNanos};
///
/// let books: Subscription = "bbo-tbt:BTC-USDT".parse()?;
/// let mut arbiter = Arbiter::new(2);
/// arbiter.subscribe(books);
/// let mut lines = [FeedHandler::new(Dialect::V5), FeedHandler::new(Dialect::V5)];
/// let text = br#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7",
///     "0.14","0","3"]],"bids":[],"ts":"1654032991947","seqId":7}]}"#;
/// let mut emitted = 0;
/// for (line, handler) in lines.iter_mut().enumerate() {
///     handler.subscribe(books)?;
///     handler.on_frame(Frame::Text(text), UnixNanos(1), &mut |event: &Event<'_>| {
///         arbiter.on_event(line, event, &mut |event: &Event<'_>| {
///             emitted += u32::from(matches!(event, Event::Book(_)));
///         });
///     })?;
/// }
/// // Both lines have delivered it; it is emitted once.
/// assert_eq!(emitted, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Arbiter {
    /// The entries by the numbers of their subscriptions.
    entries: Vec<Option<Box<Entry>>>,
    stats: Vec<LineStats>,
    /// Which lines there are now.
    open: Vec<bool>,
    trades: TradeOptions,
    numbers: SubscriptionNumbers,
}

impl Arbiter {
    /// Makes an arbiter of so many lines, at least one.
    #[must_use]
    pub fn new(lines: usize) -> Self {
        Self {
            entries: Vec::new(),
            stats: vec![LineStats::new(); lines.max(1)],
            open: vec![true; lines.max(1)],
            trades: TradeOptions::default(),
            numbers: SubscriptionNumbers::default(),
        }
    }

    /// Makes an arbiter for a line that was alone until now: it takes over what publishes the books
    /// and trades of `handler`, and knows what they have delivered last.
    #[must_use]
    pub fn adopt(handler: &mut FeedHandler, line: usize) -> Self {
        let mut arbiter = Self::new(line + 1);
        arbiter.trades = handler.trade_options();
        arbiter.numbers = handler.numbers().clone();
        arbiter.open = (0..=line).map(|other| other == line).collect();
        let slots = handler.slots_mut();
        for slot in slots.iter_mut() {
            arbiter.insert(Box::new(Entry::adopt(slot, line, &arbiter.open)));
        }
        slots.reindex();
        arbiter
    }

    /// Sets how the trades of later subscriptions are kept.
    pub const fn set_trade_options(&mut self, options: TradeOptions) {
        self.trades = options;
    }

    /// Sets from where later subscriptions get their numbers: the handlers of the lines need the
    /// same.
    pub fn set_numbers(&mut self, numbers: SubscriptionNumbers) {
        self.numbers = numbers;
    }

    /// Makes room for a line of that number, of which nothing has come yet.
    pub fn open_line(&mut self, line: usize) {
        let lines = self.stats.len().max(line + 1);
        self.stats.resize_with(lines, LineStats::new);
        self.open.resize(lines, false);
        if let Some(open) = self.open.get_mut(line) {
            *open = true;
        }
        self.entries.iter_mut().flatten().for_each(|entry| entry.filter.open_line(line));
    }

    /// Forgets a line that has ended: what it was no longer matters for any state.
    pub fn close_line(&mut self, line: usize, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        if let Some(open) = self.open.get_mut(line) {
            *open = false;
        }
        let entries = self.entries.iter_mut().flatten();
        entries.for_each(|entry| entry.on_state(line, None, ts_recv, sink));
    }

    /// Makes a place for a subscription. Does nothing where there is one.
    pub fn subscribe(&mut self, subscription: Subscription) {
        let id = self.numbers.number(subscription);
        if self.entry(&subscription).is_none() {
            let publishers = Publishers::new(subscription.channel().kind(), self.trades);
            self.insert(Box::new(Entry::new(subscription, id, &self.open, publishers)));
        }
    }

    /// Forgets a subscription; readers see [`DownReason::Unsubscribed`].
    pub fn unsubscribe(
        &mut self,
        subscription: &Subscription,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        if let Some(mut entry) = self.remove(subscription) {
            entry.change(BookState::Down(DownReason::Unsubscribed), ts_recv, sink);
        }
    }

    /// Gives some of the subscriptions to an arbiter of other connections, so many of them, with
    /// their readers and what is known of them. Nothing is live until one of those delivers it.
    #[must_use]
    pub fn split_off(
        &mut self,
        subscriptions: &[Subscription],
        lines: usize,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Self {
        let mut other = Self::new(lines);
        other.trades = self.trades;
        other.numbers = self.numbers.clone();
        for mut entry in subscriptions.iter().filter_map(|moved| self.remove(moved)) {
            entry.filter.set_lines(&other.open);
            entry.change(BookState::Connecting, ts_recv, sink);
            other.insert(entry);
        }
        other
    }

    /// Processes an event of a line, and emits what is new by it. Allocates nothing.
    ///
    /// Replies and notices and messages that are not decoded go through; what nobody subscribed
    /// does not.
    #[inline]
    pub fn on_event(&mut self, line: usize, event: &Event<'_>, sink: &mut impl EventSink) {
        let topic = match event {
            Event::State(change) => Some(change.subscription.topic()),
            _ => event.topic(),
        };
        let Some(topic) = topic else { return sink.on_event(event) };
        // What nobody wants any more may still be on its way, on each line.
        let Some(entry) = self.find(event.subscription_id(), &topic) else { return };
        match event {
            // What has ended was ended here too, and may have been subscribed again since.
            Event::State(change) if change.to == BookState::Down(DownReason::Unsubscribed) => {}
            Event::State(change) => entry.on_state(line, Some(change.to), change.ts_recv, sink),
            // Its line has no book for it.
            Event::Depth(_) => {}
            _ => {
                let at = event.ts_recv();
                let arbitration = entry.on_update(line, event, at, sink);
                if let Some(stats) = self.stats.get_mut(line) {
                    stats.count(line, arbitration, at);
                }
            }
        }
    }

    /// Marks as stale what is live and has been silent on all lines for longer than its channel may
    /// be.
    ///
    /// A line's own silence does not show that: one that stood still may just have come to where
    /// another was long before. To be called about each second; what a line that joins has
    /// delivered and need not wait any longer is emitted by it as well.
    pub fn mark_stale(&mut self, limits: &StaleLimits, now: UnixNanos, sink: &mut impl EventSink) {
        for entry in self.entries.iter_mut().flatten() {
            let limit = limits.of(entry.subscription.channel()).unwrap_or(Duration::MAX);
            entry.mark_stale(limit, now, sink);
        }
    }

    /// The readers of a subscription for other threads, at once all that its channel has; none
    /// without such a subscription.
    #[must_use]
    pub fn readers(&self, subscription: &Subscription) -> Readers {
        self.entry(subscription).map(|entry| entry.publishers.readers()).unwrap_or_default()
    }

    /// The state of a subscription: the best that any line has.
    #[must_use]
    pub fn state(&self, subscription: &Subscription) -> Option<BookState> {
        Some(self.entry(subscription)?.state)
    }

    /// What each line has delivered, by its number.
    #[must_use]
    pub fn stats(&self) -> &[LineStats] {
        &self.stats
    }

    fn entry(&self, subscription: &Subscription) -> Option<&Entry> {
        self.entries.get(self.numbers.find(subscription)?.index()?)?.as_deref()
    }

    fn remove(&mut self, subscription: &Subscription) -> Option<Box<Entry>> {
        self.entries.get_mut(self.numbers.find(subscription)?.index()?)?.take()
    }

    fn insert(&mut self, entry: Box<Entry>) {
        let Some(number) = entry.id.index() else { return };
        self.entries.resize_with(self.entries.len().max(number + 1), || None);
        if let Some(place) = self.entries.get_mut(number) {
            *place = Some(entry);
        }
    }

    /// The entry of a topic. The handlers of a client number its subscriptions as its arbiter does,
    /// so the number finds it; where they do not, the names do.
    #[inline]
    fn find(&mut self, id: SubscriptionId, topic: &Topic<'_>) -> Option<&mut Entry> {
        let names = (topic.channel, topic.market, topic.inst_id.as_bytes());
        let is_it = |number: &usize| {
            let entry = self.entries.get(*number).and_then(Option::as_deref);
            entry.is_some_and(|entry| parts(&entry.subscription) == names)
        };
        let by_name = || self.numbers.find(&Subscription::of(topic).ok()?)?.index();
        let number = id.index().filter(is_it).or_else(by_name)?;
        self.entries.get_mut(number)?.as_deref_mut()
    }
}
