//! Who gets what: one encoding a message for all subscribers of a topic.

use std::fmt;

use super::connection::ConnectionId;
use super::connections::Connections;
use super::deflate::Deflate;
use super::depth::DepthScratch;
use super::push_schedule::{PushIntervals, PushSchedule, rank};
use super::topic::Topic;
use super::{v3, v5};
use crate::model::{Channel, ChannelKind, Dialect, MonoNanos};
use crate::sim::faults::{About, Outbound};
use crate::sim::market::{InstIndex, Print, SimMarket};

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
        now: MonoNanos,
    ) {
        let Some(topics) = self.topics.get_mut(inst.0) else { return };
        let at = topics.partition_point(|topic| rank(topic.channel) < rank(channel));
        if topics.get(at).is_none_or(|topic| topic.channel != channel) {
            let topic = Topic::new(market, inst, channel, now, self.v5_checksums);
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
        about: About,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let message = if channel.kind() == ChannelKind::Trades {
            let Some(print) = market.last_print(inst) else { return };
            // Where fills are sent one by one, the last of them.
            self.encode_print(market, inst, channel, print).pop()
        } else {
            let Some(topic) = find(&mut self.topics, inst, channel) else { return };
            let text = topic.initial_snapshot(market, inst, market.stamp(now));
            text.map(|text| self.frame(channel.dialect(), text))
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
            if channel.kind() == ChannelKind::Trades {
                self.push_prints(market, inst, channel, connections, now);
            } else if self.schedule.at_once(channel) {
                self.push_book(market, inst, channel, connections, now);
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
                self.push_book(market, *inst, channel, connections, now);
            }
            self.schedule.put_back(channel, list);
        }
        while let Some((set_for, inst, channel)) = self.schedule.poll_heartbeat(now) {
            self.send_heartbeat(market, (inst, channel, set_for), connections, now);
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
        let Some(topic) = find(&mut self.topics, inst, channel) else { return };
        topic.waits = false;
        let text = topic.change(market, inst, market.stamp(now), &mut self.scratch);
        let Some(text) = text else { return };
        topic.last_push = now;
        let message = self.frame(channel.dialect(), text);
        self.send(inst, channel, &message, connections, now);
    }

    /// Sends a heartbeat, or schedules it again where the book was pushed since.
    fn send_heartbeat(
        &mut self,
        market: &SimMarket,
        (inst, channel, set_for): (InstIndex, Channel, MonoNanos),
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, inst, channel) else { return };
        if topic.heartbeat_at != set_for {
            // The topic is a new one of the same name, with a heartbeat of its own.
            return;
        }
        let silent = self.schedule.is_silent(channel, topic.last_push, now);
        let text = silent.then(|| topic.heartbeat(market, inst, market.stamp(now))).flatten();
        if silent {
            topic.last_push = now;
        }
        topic.heartbeat_at = self.schedule.schedule_heartbeat(inst, channel, topic.last_push);
        let Some(text) = text else { return };
        let message = self.frame(channel.dialect(), text);
        self.send(inst, channel, &message, connections, now);
    }

    fn send(
        &mut self,
        inst: InstIndex,
        channel: Channel,
        message: &Outbound,
        connections: &mut Connections,
        now: MonoNanos,
    ) {
        let Some(topic) = find(&mut self.topics, inst, channel) else { return };
        let about = match channel.kind() {
            ChannelKind::Depth => About::Increment(inst, channel),
            _ => About::Push(inst, channel),
        };
        for id in &topic.subscribers {
            connections.send(*id, message.clone(), about, now);
        }
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

fn find(topics: &mut [Vec<Topic>], inst: InstIndex, channel: Channel) -> Option<&mut Topic> {
    topics.get_mut(inst.0)?.iter_mut().find(|topic| topic.channel == channel)
}
