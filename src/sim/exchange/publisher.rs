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
use super::topic::Topic;
use super::{v3, v5};
use crate::model::{Channel, ChannelKind, Dialect, MonoNanos};
use crate::sim::faults::{About, Outbound};
use crate::sim::market::{InstIndex, Listing, Print, SimMarket};

/// Sends the market's events to the connections.
pub(crate) struct Publisher {
    /// The topics of each instrument, in the order in which they are pushed.
    topics: Vec<Vec<Topic>>,
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
        (inst, channel, id): (InstIndex, Channel, ConnectionId),
        is_sbe: bool,
        now: MonoNanos,
    ) {
        let Some(topics) = self.topics.get_mut(inst.0) else { return };
        let key = |topic: &Topic| (rank(topic.channel), topic.code.is_some());
        let at = topics.partition_point(|topic| key(topic) < (rank(channel), is_sbe));
        if topics.get(at).is_none_or(|topic| key(topic) != (rank(channel), is_sbe)) {
            let form = (self.v5_checksums, is_sbe.then(|| code_of(inst)));
            let topic = Topic::new(market, inst, channel, now, form);
            let Some(mut topic) = topic else { return };
            topic.heartbeat_at = self.schedule.schedule_heartbeat(inst, channel, now);
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
        (inst, channel, id): (InstIndex, Channel, ConnectionId),
        is_sbe: bool,
        about: About,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let message = if channel.kind() == ChannelKind::Trades {
            let Some(print) = market.last_print(inst) else { return };
            // Where fills are sent one by one, the last of them.
            self.encode_print(market, inst, (channel, is_sbe), print).pop()
        } else {
            let Some(topic) = find(&mut self.topics, inst, (channel, is_sbe)) else { return };
            let body = topic.initial_snapshot(market, inst, market.stamp(now));
            body.map(|body| self.frame_body(channel.dialect(), body))
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
            let (channel, is_sbe) = (topic.channel, topic.code.is_some());
            if channel.kind() == ChannelKind::Trades {
                self.push_prints(market, inst, (channel, is_sbe), connections, now);
            } else if self.schedule.at_once(channel) {
                self.push_book(market, inst, (channel, is_sbe), connections, now);
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
            for inst in &list {
                for is_sbe in [false, true] {
                    self.push_book(market, *inst, (channel, is_sbe), connections, now);
                }
            }
            self.schedule.put_back(channel, list);
        }
        while let Some((set_for, inst, channel)) = self.schedule.poll_heartbeat(now) {
            for is_sbe in [false, true] {
                let topic = (channel, is_sbe);
                self.send_heartbeat(market, (inst, topic, set_for), connections, now);
            }
        }
    }

    fn push_prints(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        channel: (Channel, bool),
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
        channel: (Channel, bool),
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, inst, channel) else { return };
        topic.waits = false;
        let exponents = topic.exponent_update(market, inst, market.stamp(now));
        let change = topic.change(market, inst, market.stamp(now), &mut self.scratch);
        for body in exponents.into_iter().chain(change) {
            if let Some(topic) = find(&mut self.topics, inst, channel) {
                topic.last_push = now;
            }
            let message = self.frame_body(channel.0.dialect(), body);
            self.send(inst, channel, &message, connections, now);
        }
    }

    /// Sends a heartbeat, or schedules it again where the book was pushed since.
    fn send_heartbeat(
        &mut self,
        market: &SimMarket,
        (inst, channel, set_for): (InstIndex, (Channel, bool), MonoNanos),
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, inst, channel) else { return };
        if topic.heartbeat_at != set_for {
            // The topic is a new one of the same name, with a heartbeat of its own.
            return;
        }
        let silent = self.schedule.is_silent(channel.0, topic.last_push, now);
        let body = silent.then(|| topic.heartbeat(market, inst, market.stamp(now))).flatten();
        if silent {
            topic.last_push = now;
        }
        topic.heartbeat_at = self.schedule.schedule_heartbeat(inst, channel.0, topic.last_push);
        let Some(body) = body else { return };
        let message = self.frame_body(channel.0.dialect(), body);
        self.send(inst, channel, &message, connections, now);
    }

    fn send(
        &mut self,
        inst: InstIndex,
        channel: (Channel, bool),
        message: &Outbound,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, inst, channel) else { return };
        let about = match channel.0.kind() {
            ChannelKind::Depth => About::Increment(inst, channel.0),
            _ => About::Push(inst, channel.0),
        };
        for id in &topic.subscribers {
            connections.send(*id, message.clone(), about, now);
        }
    }

    fn encode_print(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        (channel, is_sbe): (Channel, bool),
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
        let channel = (Channel::Instruments, false);
        let Some(listing) = market.listing(inst) else { return };
        let Some(first) = first_of(market, Some(listing.market())) else { return };
        let text = envelope(channel.0, listing, &instrument(inst, listing));
        let message = self.frame(Dialect::V5, text);
        self.send(first, channel, &message, connections, now);
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

/// The topic of a channel, in SBE or not.
fn find(
    topics: &mut [Vec<Topic>],
    inst: InstIndex,
    (channel, is_sbe): (Channel, bool),
) -> Option<&mut Topic> {
    let mut topics = topics.get_mut(inst.0)?.iter_mut();
    topics.find(|topic| topic.channel == channel && topic.code.is_some() == is_sbe)
}
