//! Who gets what, when: topics, their push intervals, and one encoding a message for all.

use std::fmt;
use std::time::Duration;

use super::connection::{ConnectionId, Connections, Outbound};
use super::deflate::Deflate;
use super::market::{InstIndex, Print, SimMarket};
use super::{v3, v5};
use crate::model::{Book5, Channel, ChannelKind, Dialect, MonoNanos, UnixNanos};

/// How often the channels push what has changed. Zero pushes at every change.
///
/// Pushes fall on multiples of the interval in wall-clock time, as on the real exchange.
#[derive(Clone, Copy, Debug)]
pub struct PushIntervals {
    /// v5 `bbo-tbt`; the exchange's is 10 ms.
    pub bbo_tbt: Duration,
    /// v3 `depth5` and v5 `books5`; the exchange's is 100 ms.
    pub book5: Duration,
}

impl Default for PushIntervals {
    /// The intervals of the real exchange.
    fn default() -> Self {
        Self { bbo_tbt: Duration::from_millis(10), book5: Duration::from_millis(100) }
    }
}

impl PushIntervals {
    /// No waiting: every change is pushed at once.
    pub const EVERY_CHANGE: Self = Self { bbo_tbt: Duration::ZERO, book5: Duration::ZERO };
}

/// One channel of one instrument that somebody listens to.
#[derive(Debug)]
struct Topic {
    channel: Channel,
    subscribers: Vec<ConnectionId>,
    /// The book that all subscribers have; `None` where they may have different ones.
    sent: Option<Book5>,
    dirty: bool,
}

/// The books that wait for the next multiple of one interval.
#[derive(Debug)]
struct Cadence {
    interval: u64,
    due: MonoNanos,
    dirty: Vec<(InstIndex, Channel)>,
}

impl Cadence {
    fn new(interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Self { interval, due: MonoNanos(u64::MAX), dirty: Vec::new() }
    }
}

/// Carries the market's events to the connections.
pub(crate) struct Publisher {
    /// The topics of each instrument, in the order in which they are pushed.
    topics: Vec<Vec<Topic>>,
    /// `bbo-tbt`, then the five-level books: the order in which the exchange pushes them.
    cadences: [Cadence; 2],
    deflate: Deflate,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("cadences", &self.cadences).finish_non_exhaustive()
    }
}

impl Publisher {
    pub(crate) fn new(market: &SimMarket, intervals: &PushIntervals) -> Self {
        Self {
            topics: market.indices().map(|_| Vec::new()).collect(),
            cadences: [Cadence::new(intervals.bbo_tbt), Cadence::new(intervals.book5)],
            deflate: Deflate::new(),
        }
    }

    /// Whether the channel can be subscribed.
    pub(crate) const fn serves(channel: Channel) -> bool {
        !matches!(channel.kind(), ChannelKind::Depth)
    }

    pub(crate) fn subscribe(&mut self, inst: InstIndex, channel: Channel, id: ConnectionId) {
        let Some(topics) = self.topics.get_mut(inst.0) else { return };
        let at = topics.partition_point(|topic| rank(topic.channel) < rank(channel));
        if topics.get(at).is_none_or(|topic| topic.channel != channel) {
            topics.insert(at, Topic { channel, subscribers: vec![], sent: None, dirty: false });
        }
        let Some(topic) = topics.get_mut(at) else { return };
        if !topic.subscribers.contains(&id) {
            topic.subscribers.push(id);
        }
    }

    pub(crate) fn unsubscribe(&mut self, inst: InstIndex, channel: Channel, id: ConnectionId) {
        let Some(topics) = self.topics.get_mut(inst.0) else { return };
        for topic in topics.iter_mut().filter(|topic| topic.channel == channel) {
            topic.subscribers.retain(|subscriber| *subscriber != id);
        }
        topics.retain(|topic| !topic.subscribers.is_empty());
    }

    /// Sends one connection what follows the acknowledgement: the book as it is, or the last trade.
    pub(crate) fn greet(
        &mut self,
        market: &SimMarket,
        (inst, channel, id): (InstIndex, Channel, ConnectionId),
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        if channel.kind() == ChannelKind::Trades {
            let Some(print) = market.last_print(inst) else { return };
            // Where fills are sent one by one, the last of them.
            let last = self.encode_print(market, inst, channel, print).pop();
            last.into_iter().for_each(|message| connections.send(id, message, now));
            return;
        }
        let Some(book) = top(market, inst, channel) else { return };
        if let Some(topic) = self.topic(inst, channel) {
            // Whoever came before may have an older book: the next push goes to all of them.
            let alone = topic.subscribers.len() == 1;
            let same = topic.sent.is_some_and(|sent| same_levels(&sent, &book));
            topic.sent = (alone || same).then_some(book);
        }
        let message = self.encode_book(market, inst, channel, &book, market.wall(now));
        message.into_iter().for_each(|message| connections.send(id, message, now));
    }

    /// Carries on what the market's last step did to an instrument.
    pub(crate) fn on_event(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let count = self.topics.get(inst.0).map_or(0, Vec::len);
        for at in 0..count {
            let topic = self.topics.get_mut(inst.0).and_then(|topics| topics.get_mut(at));
            let Some(topic) = topic else { return };
            let channel = topic.channel;
            if channel.kind() == ChannelKind::Trades {
                self.push_prints(market, inst, channel, connections, now);
                continue;
            }
            let Some(cadence) = self.cadences.get_mut(cadence_of(channel)) else { continue };
            if cadence.interval == 0 {
                self.push_book(market, inst, channel, connections, now);
            } else if !topic.dirty {
                topic.dirty = true;
                cadence.dirty.push((inst, channel));
                if cadence.dirty.len() == 1 {
                    cadence.due = next_multiple(market, now, cadence.interval);
                }
            }
        }
    }

    /// When the next books are due; the end of time where none waits.
    pub(crate) fn due(&self) -> MonoNanos {
        self.cadences.iter().map(|cadence| cadence.due).min().unwrap_or(MonoNanos(u64::MAX))
    }

    /// Pushes the books that are due.
    pub(crate) fn on_due(
        &mut self,
        market: &SimMarket,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        for at in 0..self.cadences.len() {
            let cadence = self.cadences.get_mut(at).filter(|cadence| cadence.due <= now);
            let Some(cadence) = cadence else { continue };
            cadence.due = MonoNanos(u64::MAX);
            let mut dirty = std::mem::take(&mut cadence.dirty);
            for (inst, channel) in dirty.drain(..) {
                self.push_book(market, inst, channel, connections, now);
            }
            // The list's memory is used again.
            if let Some(cadence) = self.cadences.get_mut(at) {
                cadence.dirty = dirty;
            }
        }
    }

    fn push_prints(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        channel: Channel,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        for print in market.prints() {
            for message in self.encode_print(market, inst, channel, print) {
                self.send(inst, channel, &message, connections, now);
            }
        }
    }

    fn push_book(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        channel: Channel,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(book) = top(market, inst, channel) else { return };
        let Some(topic) = self.topic(inst, channel) else { return };
        topic.dirty = false;
        if topic.sent.is_some_and(|sent| same_levels(&sent, &book)) {
            return;
        }
        topic.sent = Some(book);
        let message = self.encode_book(market, inst, channel, &book, market.wall(now));
        message.into_iter().for_each(|m| self.send(inst, channel, &m, connections, now));
    }

    fn send(
        &mut self,
        inst: InstIndex,
        channel: Channel,
        message: &Outbound,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = self.topic(inst, channel) else { return };
        for id in &topic.subscribers {
            connections.send(*id, message.clone(), now);
        }
    }

    fn topic(&mut self, inst: InstIndex, channel: Channel) -> Option<&mut Topic> {
        self.topics.get_mut(inst.0)?.iter_mut().find(|topic| topic.channel == channel)
    }

    fn encode_book(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        channel: Channel,
        book: &Book5,
        ts: UnixNanos,
    ) -> Option<Outbound> {
        let listing = market.listing(inst)?;
        let (asks, bids) = (book.asks(), book.bids());
        let text = match channel.dialect() {
            Dialect::V3 => v3::book5(listing, asks, bids, ts),
            Dialect::V5 => v5::book5(channel, listing, [asks, bids], ts, book.seq),
        };
        Some(self.frame(channel.dialect(), text))
    }

    fn encode_print(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        channel: Channel,
        print: &Print,
    ) -> Vec<Outbound> {
        let Some(listing) = market.listing(inst) else { return Vec::new() };
        match channel {
            Channel::Trade => {
                v3::trades(listing, print).map(|text| self.frame(Dialect::V3, text)).collect()
            }
            Channel::TradesAll => {
                v5::trades_all(listing, print).map(|text| self.frame(Dialect::V5, text)).collect()
            }
            _ => vec![self.frame(Dialect::V5, v5::trade(listing, print))],
        }
    }

    /// A message as its dialect frames it: v3 compresses everything, replies and pongs too.
    pub(crate) fn frame(&mut self, dialect: Dialect, text: String) -> Outbound {
        match dialect {
            Dialect::V3 => Outbound::Binary(self.deflate.frame(text.as_bytes()).into()),
            Dialect::V5 => Outbound::Text(text.into()),
        }
    }
}

/// The order in which the channels of one instrument are pushed.
const fn rank(channel: Channel) -> u8 {
    match channel.kind() {
        ChannelKind::Trades => channel as u8,
        _ if matches!(channel, Channel::BboTbt) => 64,
        ChannelKind::Depth => 96 + channel as u8,
        ChannelKind::Book5 => 128 + channel as u8,
    }
}

const fn cadence_of(channel: Channel) -> usize {
    if matches!(channel, Channel::BboTbt) { 0 } else { 1 }
}

/// What the channel shows of the book.
fn top(market: &SimMarket, inst: InstIndex, channel: Channel) -> Option<Book5> {
    market.top(inst, if channel == Channel::BboTbt { 1 } else { 5 })
}

fn same_levels(a: &Book5, b: &Book5) -> bool {
    a.asks() == b.asks() && a.bids() == b.bids()
}

/// The first time not before `now` whose wall-clock time is a multiple of the interval.
fn next_multiple(market: &SimMarket, now: MonoNanos, interval: u64) -> MonoNanos {
    let wall = market.wall(now).0;
    market.mono(UnixNanos(wall.div_ceil(interval).saturating_mul(interval)))
}
