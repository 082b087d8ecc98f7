//! The connections of a capture: each has a handler, and those of a group may have an arbiter.

use std::sync::Arc;

use super::config::{Lines, ReplayConfig};
use super::discovery::Discovery;
use crate::capture::ConnectionLabel;
use crate::event::{Event, EventSink};
use crate::feed::{Arbiter, FeedHandler, Stats, SubscriptionNumbers};
use crate::model::{BookState, Dialect, InstrumentCodes, Subscription, SubscriptionId, UnixNanos};
use crate::publish::{BookReader, DepthReader, TradeReader};

/// The most connections that are kept at a time. A client has far fewer; a file may say anything.
const MAX_CONNECTIONS: usize = 256;

/// The most lines of a group that are prepared at once.
const MAX_LINES: usize = 64;

/// Which connection: the recording, and what the recording calls it.
pub(super) type Key = (usize, ConnectionLabel);

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    key: Key,
    /// Its number among the lines of the arbiter.
    line: usize,
    pub(super) handler: FeedHandler,
}

/// Connections with the same subscriptions.
#[derive(Debug)]
struct Group {
    number: u16,
    arbiter: Option<Arbiter>,
    connections: Vec<Connection>,
    /// The number of the next line.
    next_line: usize,
}

/// All connections of a replay.
#[derive(Debug)]
pub(super) struct Connections {
    dialect: Dialect,
    config: ReplayConfig,
    /// The codes of the instruments, if binary frames are SBE.
    pub(super) codes: Option<Arc<InstrumentCodes>>,
    numbers: SubscriptionNumbers,
    groups: Vec<Group>,
    /// Whether the lines of several recordings are those of one group.
    is_merged: bool,
    pub(super) discovery: Discovery,
    /// Where the last connection was found.
    last: (usize, usize),
    /// The counters of connections that have ended.
    ended: Stats,
}

/// Passes a connection's events on: to the arbiter, where there is one, else to the sink.
pub(super) struct LineSink<'s, S> {
    arbiter: Option<&'s mut Arbiter>,
    line: usize,
    dialect: Dialect,
    discovery: &'s mut Discovery,
    sink: &'s mut S,
}

impl<S: EventSink> EventSink for LineSink<'_, S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if !self.discovery.passes(event, self.dialect) {
            return;
        }
        match &mut self.arbiter {
            Some(arbiter) => arbiter.on_event(self.line, event, self.sink),
            None => self.sink.on_event(event),
        }
    }
}

impl Connections {
    pub(super) fn new(dialect: Dialect, config: ReplayConfig, is_merged: bool) -> Self {
        Self {
            dialect,
            config,
            codes: None,
            numbers: SubscriptionNumbers::default(),
            groups: Vec::new(),
            is_merged,
            discovery: Discovery::default(),
            last: (0, 0),
            ended: Stats::default(),
        }
    }

    /// The dialect of all of them.
    pub(super) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Calls `f` with the handler of a connection and the sink of its events; `None` where there is
    /// no such connection.
    #[inline]
    pub(super) fn with<R, S: EventSink>(
        &mut self,
        key: Key,
        sink: &mut S,
        f: impl FnOnce(&mut FeedHandler, &mut LineSink<'_, S>) -> R,
    ) -> Option<R> {
        let (group, at) = self.find(key)?;
        let Self { groups, discovery, dialect, .. } = self;
        let Group { arbiter, connections, .. } = groups.get_mut(group)?;
        let Connection { line, handler, .. } = connections.get_mut(at)?;
        let sink = &mut LineSink {
            arbiter: arbiter.as_mut(),
            line: *line,
            dialect: *dialect,
            discovery,
            sink,
        };
        Some(f(handler, sink))
    }

    #[inline]
    fn find(&mut self, key: Key) -> Option<(usize, usize)> {
        let (group, at) = self.last;
        let connection = self.groups.get(group).and_then(|group| group.connections.get(at));
        if connection.is_some_and(|connection| connection.key == key) {
            return Some(self.last);
        }
        let number = self.group_number(key);
        let group = self.groups.iter().position(|group| group.number == number)?;
        let connections = &self.groups.get(group)?.connections;
        let at = connections.iter().position(|connection| connection.key == key)?;
        self.last = (group, at);
        Some(self.last)
    }

    /// The number of the group that a connection is of.
    const fn group_number(&self, (_, label): Key) -> u16 {
        if self.is_merged { 0 } else { label.group }
    }

    /// Makes sure that there is a connection, one of so many lines. False where there are too many,
    /// or it is of a line that is not played.
    pub(super) fn open(&mut self, key: Key, lines: usize) -> bool {
        if matches!(self.config.lines, Lines::Only(line) if line != key.1.line) {
            return false;
        }
        if self.find(key).is_some() {
            return true;
        }
        if self.all().count() >= MAX_CONNECTIONS {
            return false;
        }
        let handler = self.new_handler();
        let is_arbitrated = self.config.lines == Lines::Arbitrated;
        let number = self.group_number(key);
        let at = self.groups.iter().position(|group| group.number == number);
        let at = at.unwrap_or(self.groups.len());
        if at == self.groups.len() {
            let lines = if self.is_merged { 2 } else { lines.min(MAX_LINES) };
            let arbiter = (lines > 1 && is_arbitrated).then(|| self.new_arbiter(lines));
            self.groups.push(Group { number, arbiter, connections: Vec::new(), next_line: 0 });
        }
        let Some(group) = self.groups.get_mut(at) else { return false };
        // As a client does it, lines are numbered as they are; those of several recordings by their
        // order.
        let line = if self.is_merged { group.next_line } else { usize::from(key.1.line) };
        group.next_line += 1;
        if is_arbitrated && group.arbiter.is_none() {
            let first = group.connections.first_mut();
            group.arbiter = first.map(|first| Arbiter::adopt(&mut first.handler, first.line));
        }
        if let Some(arbiter) = &mut group.arbiter {
            arbiter.open_line(line);
        }
        group.connections.push(Connection { key, line, handler });
        true
    }

    fn new_handler(&self) -> FeedHandler {
        let mut handler = FeedHandler::with_limits(self.dialect, self.config.limits);
        if let Some(codes) = &self.codes {
            handler.set_sbe(Arc::clone(codes));
        }
        handler.set_numbers(self.numbers.clone());
        handler.set_depth_options(self.config.depth);
        handler.set_trade_options(self.config.trades);
        handler.set_age_limit(self.config.age_limit);
        handler
    }

    fn new_arbiter(&self, lines: usize) -> Arbiter {
        let mut arbiter = Arbiter::new(lines);
        arbiter.set_trade_options(self.config.trades);
        arbiter.set_numbers(self.numbers.clone());
        arbiter
    }

    /// Adds a subscription of a connection.
    pub(super) fn subscribe(&mut self, key: Key, subscription: Subscription) {
        let Some((group, at)) = self.find(key) else { return };
        let Some(group) = self.groups.get_mut(group) else { return };
        if let Some(arbiter) = &mut group.arbiter {
            arbiter.subscribe(subscription);
        }
        if let Some(connection) = group.connections.get_mut(at) {
            // The names of a capture are of its dialect.
            let _ = connection.handler.subscribe(subscription);
        }
    }

    /// Ends a subscription for a group, where lines are merged.
    pub(super) fn unsubscribe_group<S: EventSink>(
        &mut self,
        key: Key,
        subscription: &Subscription,
        ts: UnixNanos,
        sink: &mut S,
    ) {
        if let Some(arbiter) = self.arbiter(key) {
            arbiter.unsubscribe(subscription, ts, sink);
        }
    }

    /// Checks for silence, as a client does once a second.
    pub(super) fn mark_stale<S: EventSink>(&mut self, key: Key, ts: UnixNanos, sink: &mut S) {
        let limits = self.config.stale;
        if let Some(arbiter) = self.arbiter(key) {
            arbiter.mark_stale(&limits, ts, sink);
        }
    }

    fn arbiter(&mut self, key: Key) -> Option<&mut Arbiter> {
        let number = self.group_number(key);
        self.groups.iter_mut().find(|group| group.number == number)?.arbiter.as_mut()
    }

    /// Ends a connection.
    pub(super) fn end<S: EventSink>(&mut self, key: Key, ts: UnixNanos, sink: &mut S) {
        let Some((group, at)) = self.find(key) else { return };
        let Some(group) = self.groups.get_mut(group) else { return };
        let Some(line) = group.connections.get(at).map(|connection| connection.line) else {
            return;
        };
        if let Some(arbiter) = &mut group.arbiter {
            arbiter.close_line(line, ts, sink);
            let connection = group.connections.remove(at);
            self.ended.merge(connection.handler.stats());
        }
        // One that is alone stays, so that its books can be read.
    }

    /// The connections of a recording.
    pub(super) fn of_recording(&self, recording: usize) -> Vec<Key> {
        self.all().map(|connection| connection.key).filter(|key| key.0 == recording).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Connection> {
        self.groups.iter().flat_map(|group| &group.connections)
    }

    /// How many subscriptions there are.
    pub(super) fn subscription_count(&self) -> usize {
        self.all().map(|connection| connection.handler.slots().len()).sum()
    }

    /// The counters of all connections.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.ended;
        self.all().for_each(|connection| stats.merge(connection.handler.stats()));
        stats
    }

    /// What is subscribed.
    pub(super) fn subscriptions(&self) -> Vec<Subscription> {
        let mut all: Vec<Subscription> = Vec::new();
        for slot in self.all().flat_map(|connection| connection.handler.slots().iter()) {
            if !all.contains(slot.subscription()) {
                all.push(*slot.subscription());
            }
        }
        all
    }

    /// The number of a subscription.
    pub(super) fn subscription_id(&self, subscription: &Subscription) -> Option<SubscriptionId> {
        self.numbers.find(subscription)
    }

    /// The state of a subscription.
    pub(super) fn state(&self, subscription: &Subscription) -> Option<BookState> {
        self.groups.iter().find_map(|group| match &group.arbiter {
            Some(arbiter) => arbiter.state(subscription),
            None => Some(group.connections.first()?.handler.slots().get(subscription)?.state()),
        })
    }

    /// A reader of a book.
    pub(super) fn book_reader(&mut self, subscription: &Subscription) -> Option<BookReader> {
        self.groups.iter_mut().find_map(|group| match &group.arbiter {
            Some(arbiter) => arbiter.readers(subscription).book,
            None => group.connections.first_mut()?.handler.book_reader(subscription),
        })
    }

    /// A reader of an order book.
    pub(super) fn depth_reader(&mut self, subscription: &Subscription) -> Option<DepthReader> {
        self.groups.iter_mut().find_map(|group| match &group.arbiter {
            Some(arbiter) => arbiter.readers(subscription).depth,
            None => group.connections.first_mut()?.handler.depth_reader(subscription),
        })
    }

    /// A reader of trades.
    pub(super) fn trade_reader(&mut self, subscription: &Subscription) -> Option<TradeReader> {
        self.groups.iter_mut().find_map(|group| match &group.arbiter {
            Some(arbiter) => arbiter.readers(subscription).trades,
            None => group.connections.first_mut()?.handler.trade_reader(subscription),
        })
    }
}
