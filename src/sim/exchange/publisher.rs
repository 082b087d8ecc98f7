//! Who gets what: one encoding a message for all subscribers of a topic.

use std::fmt;

use super::access::first_of;
use super::body::Body;
use super::connection::ConnectionId;
use super::connections::Connections;
use super::deflate::Deflate;
use super::depth::DepthScratch;
use super::push_schedule::{PushIntervals, PushSchedule, rank};
use super::record_text::{envelope, instrument};
use super::sbe::{Instrument, code_of};
use super::topic::{TopicKey, TopicState};
use super::{v3, v5};
use crate::model::{Channel, ChannelKind, Dialect, MonoNanos};
use crate::sim::faults::{About, Outbound};
use crate::sim::market::{InstIndex, Listing, Print, SimMarket};

/// Sends the market's events to the connections.
pub(crate) struct Publisher {
    /// The topics of each instrument, in the order in which they are pushed.
    topics: Vec<Vec<TopicState>>,
    schedule: PushSchedule,
    v5_checksums: bool,
    scratch: DepthScratch,
    deflate: Deflate,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Publisher {
    pub(crate) fn new(market: &SimMarket, intervals: &PushIntervals, v5_checksums: bool) -> Self {
        Self {
            topics: market.indices().map(|_| Vec::new()).collect(),
            schedule: PushSchedule::new(intervals),
            v5_checksums,
            scratch: DepthScratch::default(),
            deflate: Deflate::new(),
        }
    }

    pub(crate) fn subscribe(
        &mut self,
        market: &SimMarket,
        key: TopicKey,
        id: ConnectionId,
        now: MonoNanos,
    ) {
        let Some(topics) = self.topics.get_mut(key.inst.0) else { return };
        let order = |channel, is_sbe| (rank(channel), is_sbe);
        let of = |topic: &TopicState| order(topic.channel, topic.code.is_some());
        let wanted = order(key.channel, key.is_sbe);
        let at = topics.partition_point(|topic| of(topic) < wanted);
        if topics.get(at).is_none_or(|topic| of(topic) != wanted) {
            let topic = TopicState::new(market, key, now, self.v5_checksums);
            let Some(mut topic) = topic else { return };
            topic.heartbeat_at = self.schedule.schedule_heartbeat(key.inst, key.channel, now);
            topics.insert(at, topic);
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

    /// Sends one connection what follows the acknowledgement: the book or the last trade.
    pub(crate) fn send_initial_snapshot(
        &mut self,
        market: &SimMarket,
        key: TopicKey,
        id: ConnectionId,
        about: About,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let message = if key.channel.kind() == ChannelKind::Trades {
            let Some(print) = market.last_print(key.inst) else { return };
            // Where fills are sent one by one, the last of them.
            self.encode_print(market, key, print).pop()
        } else {
            let Some(topic) = find(&mut self.topics, key) else { return };
            let body = topic.initial_snapshot(market, key.inst, market.stamp(now));
            body.map(|body| self.frame_body(key.channel.dialect(), body))
        };
        message.into_iter().for_each(|message| connections.send(id, message, about, now));
    }

    /// Pushes what the market's last step did to an instrument, or schedules it.
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
            let key = TopicKey { inst, channel, is_sbe: topic.code.is_some() };
            if channel.kind() == ChannelKind::Trades {
                self.push_prints(market, key, connections, now);
            } else if self.schedule.at_once(channel) {
                self.push_book(market, key, connections, now);
            } else if !topic.waits {
                topic.waits = true;
                self.schedule.wait(market, inst, channel, now);
            }
        }
    }

    /// Notes that the REST interface has shown a book as it is: the next increments have whatever
    /// has changed since, so that a client can join the two.
    pub(crate) fn note_shown(&mut self, market: &SimMarket, inst: InstIndex) {
        for topic in self.topics.get_mut(inst.0).into_iter().flatten() {
            topic.note_shown(market, inst);
        }
    }

    /// When the next books are due; the end of time where none waits.
    pub(crate) fn due(&self) -> MonoNanos {
        self.schedule.due()
    }

    /// Pushes the books that are due, and the heartbeats.
    pub(crate) fn on_due(
        &mut self,
        market: &SimMarket,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        while let Some((channel, list)) = self.schedule.poll_pushes(now) {
            for inst in list.iter().copied() {
                for is_sbe in [false, true] {
                    let key = TopicKey { inst, channel, is_sbe };
                    self.push_book(market, key, connections, now);
                }
            }
            self.schedule.put_back(channel, list);
        }
        while let Some((set_for, inst, channel)) = self.schedule.poll_heartbeat(now) {
            for is_sbe in [false, true] {
                let key = TopicKey { inst, channel, is_sbe };
                let topic = find(&mut self.topics, key);
                // Otherwise it is a new one of the same name, with a heartbeat of its own.
                if topic.is_some_and(|topic| topic.heartbeat_at == set_for) {
                    self.send_heartbeat(market, key, connections, now);
                }
            }
        }
    }

    fn push_prints(
        &mut self,
        market: &SimMarket,
        key: TopicKey,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        for print in market.prints() {
            for message in self.encode_print(market, key, print) {
                self.send(key, &message, connections, now);
            }
        }
    }

    fn push_book(
        &mut self,
        market: &SimMarket,
        key: TopicKey,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, key) else { return };
        topic.waits = false;
        let exponents = topic.exponent_update(market, key.inst, market.stamp(now));
        let change = topic.change(market, key.inst, market.stamp(now), &mut self.scratch);
        for body in exponents.into_iter().chain(change) {
            if let Some(topic) = find(&mut self.topics, key) {
                topic.last_push = now;
            }
            let message = self.frame_body(key.channel.dialect(), body);
            self.send(key, &message, connections, now);
        }
    }

    /// Sends a heartbeat, or schedules it again where the book was pushed since.
    fn send_heartbeat(
        &mut self,
        market: &SimMarket,
        key: TopicKey,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let TopicKey { inst, channel, .. } = key;
        let Some(topic) = find(&mut self.topics, key) else { return };
        let silent = self.schedule.is_silent(channel, topic.last_push, now);
        let body = silent.then(|| topic.heartbeat(market, inst, market.stamp(now))).flatten();
        if silent {
            topic.last_push = now;
        }
        topic.heartbeat_at = self.schedule.schedule_heartbeat(inst, channel, topic.last_push);
        let Some(body) = body else { return };
        let message = self.frame_body(channel.dialect(), body);
        self.send(key, &message, connections, now);
    }

    fn send(
        &mut self,
        key: TopicKey,
        message: &Outbound,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, key) else { return };
        let about = match key.channel.kind() {
            ChannelKind::Depth => About::Increment(key.inst, key.channel),
            _ => About::Push(key.inst, key.channel),
        };
        for id in &topic.subscribers {
            connections.send(*id, message.clone(), about, now);
        }
    }

    fn encode_print(
        &mut self,
        market: &SimMarket,
        TopicKey { inst, channel, is_sbe }: TopicKey,
        print: &Print,
    ) -> Vec<Outbound> {
        let Some(listing) = market.listing(inst) else { return Vec::new() };
        if is_sbe {
            let of = Instrument { code: code_of(inst), listing, more_decimals: 0 };
            return vec![Outbound::Binary(of.trade(print).into())];
        }
        match channel.kind() {
            ChannelKind::Trades => self.encode_print_of(channel, listing, print),
            ChannelKind::Book5
            | ChannelKind::Depth
            | ChannelKind::Latest(_)
            | ChannelKind::Stream(_)
            | ChannelKind::Raw => Vec::new(),
        }
    }

    fn encode_print_of(
        &mut self,
        channel: Channel,
        listing: &Listing,
        print: &Print,
    ) -> Vec<Outbound> {
        match channel {
            Channel::Trade => {
                v3::trades(listing, print).map(|text| self.frame(Dialect::V3, text)).collect()
            }
            Channel::Trades => vec![self.frame(Dialect::V5, v5::trade(listing, print))],
            Channel::SprdPublicTrades => {
                v5::sprd_trades(listing, print).map(|text| self.frame(Dialect::V5, text)).collect()
            }
            Channel::TradesAll => {
                v5::trades_all(listing, print).map(|text| self.frame(Dialect::V5, text)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Pushes the row of an instrument that was listed or delisted, and no other row.
    pub(crate) fn push_instrument(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let channel = Channel::Instruments;
        let Some(listing) = market.listing(inst) else { return };
        let Some(first) = first_of(market, Some(listing.market())) else { return };
        let text = envelope(channel, listing, &instrument(inst, listing));
        let message = self.frame(Dialect::V5, text);
        let key = TopicKey { inst: first, channel, is_sbe: false };
        self.send(key, &message, connections, now);
    }

    /// Changes the decimals of the prices of an instrument's books in SBE.
    pub(crate) fn change_decimals(&mut self, inst: InstIndex, more_decimals: u8) {
        for topic in self.topics.get_mut(inst.0).into_iter().flatten() {
            topic.change_decimals(more_decimals);
        }
    }

    fn frame_body(&mut self, dialect: Dialect, body: Body) -> Outbound {
        match body {
            Body::Text(text) => self.frame(dialect, text),
            Body::Sbe(bytes) => Outbound::Binary(bytes.into()),
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

fn find(topics: &mut [Vec<TopicState>], key: TopicKey) -> Option<&mut TopicState> {
    let mut topics = topics.get_mut(key.inst.0)?.iter_mut();
    topics.find(|topic| topic.channel == key.channel && topic.code.is_some() == key.is_sbe)
}
