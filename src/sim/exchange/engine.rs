//! Market, connections and publisher together: what the exchange does to a client.

use super::access::TbtAccess;
use super::connection::{ConnectionId, Endpoint, Limits};
use super::connections::Connections;
use super::error_replies;
use super::publisher::Publisher;
use super::request::{Arg, ErrorReply, Op};
use super::sbe::code_of;
use super::topic::TopicKey;
use super::{record_key, v3, v5};
use crate::model::{Channel, ChannelKey, Dialect, MonoNanos};
use crate::sim::faults::{About, FaultAction, Named, ReplyId, StrayError};
use crate::sim::market::{InstIndex, ListingState, SimMarket};

/// An instrument that no exchange lists.
const UNLISTED: &str = "NO-SUCH";

/// The exchange without its own faults.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) market: SimMarket,
    pub(crate) connections: Connections,
    pub(crate) publisher: Publisher,
    pub(crate) limits: Limits,
    pub(crate) accept_logins: bool,
    pub(crate) tbt_access: TbtAccess,
    pub(crate) now: MonoNanos,
}

impl Engine {
    /// Sends a reply.
    pub(crate) fn reply(&mut self, id: ConnectionId, about: About, text: String) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        let message = self.publisher.frame(connection.dialect(), text);
        self.connections.send(id, message, about, self.now);
    }

    /// Sends an error.
    pub(crate) fn refuse(&mut self, id: ConnectionId, refusal: &ErrorReply) {
        self.error(id, About::Reply, refusal);
    }

    fn error(&mut self, id: ConnectionId, about: About, refusal: &ErrorReply) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        let message = match connection.dialect() {
            Dialect::V3 => v3::error(refusal),
            Dialect::V5 => v5::error(refusal, &connection.conn_id),
        };
        self.reply(id, about, message);
    }

    /// Puts a subscription into force, without a message.
    pub(crate) fn subscribe(&mut self, id: ConnectionId, inst: InstIndex, channel: Channel) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        connection.subscriptions.insert((inst, channel));
        let is_sbe = connection.endpoint == Endpoint::V5Sbe;
        let key = TopicKey { inst, channel, is_sbe };
        self.publisher.subscribe(&self.market, key, id, self.now);
    }

    /// Ends a subscription, without a message.
    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, inst: InstIndex, channel: Channel) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        connection.subscriptions.remove(&(inst, channel));
        self.publisher.unsubscribe(inst, channel, id);
    }

    /// Sends the book or the last trade, as after a subscription.
    pub(crate) fn send_initial_snapshot(
        &mut self,
        id: ConnectionId,
        inst: InstIndex,
        channel: Channel,
        about: About,
    ) {
        let is_sbe = self.connections.endpoint(id) == Some(Endpoint::V5Sbe);
        let Self { market, connections, publisher, now, .. } = self;
        let key = TopicKey { inst, channel, is_sbe };
        publisher.send_initial_snapshot(market, key, id, about, connections, *now);
    }

    /// Does what faults make the exchange do.
    pub(crate) fn run_fault_actions(&mut self) {
        while let Some((id, action)) = self.connections.poll_action() {
            match action {
                FaultAction::Snapshot(inst, channel) => {
                    self.send_initial_snapshot(id, inst, channel, About::Added);
                }
                FaultAction::Forget { inst, channel, acknowledged } => {
                    self.unsubscribe(id, inst, channel);
                    if acknowledged {
                        self.acknowledge_end(id, inst, channel);
                    }
                }
                FaultAction::Stray(stray) => self.stray(id, None, None, stray),
            }
        }
    }

    /// Lists or delists an instrument: its row is pushed, and what is subscribed of one that is
    /// gone ends.
    pub(crate) fn set_listing(&mut self, inst: InstIndex, state: ListingState) {
        self.market.set_state(inst, state);
        let Self { market, connections, publisher, now, .. } = self;
        publisher.push_instrument(market, inst, connections, *now);
        if state != ListingState::Delisted {
            return;
        }
        for id in self.connections.ids() {
            let Some(connection) = self.connections.open_mut(id) else { continue };
            // What is kept with the instrument but keyed by something else goes on.
            let is_over = |(of, channel): &&(InstIndex, Channel)| {
                *of == inst && channel.key() == ChannelKey::InstId
            };
            let over: Vec<_> = connection.subscriptions.iter().filter(is_over).copied().collect();
            for (inst, channel) in over {
                self.unsubscribe(id, inst, channel);
                self.acknowledge_end(id, inst, channel);
            }
        }
    }

    /// Acknowledges an unsubscribe that nobody has requested.
    fn acknowledge_end(&mut self, id: ConnectionId, inst: InstIndex, channel: Channel) {
        let Some(arg) = self.arg_on(id, inst, channel) else { return };
        let Some(connection) = self.connections.open_mut(id) else { return };
        let text = match connection.dialect() {
            Dialect::V3 => v3::ack(Op::Unsubscribe, &arg),
            Dialect::V5 => v5::ack(None, Op::Unsubscribe, &arg, &connection.conn_id),
        };
        self.reply(id, About::Added, text);
    }

    /// Sends an error that is not about what it seems to be about. `answered` is the argument that
    /// is being answered, and `request_id` the id of its request.
    pub(crate) fn stray(
        &mut self,
        id: ConnectionId,
        answered: Option<&Arg>,
        request_id: Option<&str>,
        StrayError { code, named, id: reply_id }: StrayError,
    ) {
        let named = match named {
            Named::Nothing => None,
            Named::One(inst, channel) => self.arg_on(id, inst, channel),
            Named::Other => self.other_arg(id, answered),
        };
        let Some(connection) = self.connections.open_mut(id) else { return };
        let refusal = match named {
            Some(arg) => error_replies::naming(connection.dialect(), code, &arg),
            None => error_replies::naming_nothing(code),
        };
        let reply_id = self.reply_id(id, reply_id, request_id);
        self.error(id, About::Added, &refusal.with_id(reply_id.as_deref()));
    }

    /// The id that an error has, where it has one.
    pub(crate) fn reply_id(
        &mut self,
        id: ConnectionId,
        which: ReplyId,
        own: Option<&str>,
    ) -> Option<String> {
        match which {
            ReplyId::Own => own.map(str::to_owned),
            ReplyId::Other => {
                let last = self.connections.open_mut(id).and_then(|of| of.last_id.clone());
                Some(last.unwrap_or_else(|| "0".to_owned()))
            }
            ReplyId::None => None,
        }
    }

    /// The argument with which a connection asks for a channel of an instrument.
    fn arg_on(&self, id: ConnectionId, inst: InstIndex, channel: Channel) -> Option<Arg> {
        let is_sbe = self.connections.endpoint(id) == Some(Endpoint::V5Sbe);
        let arg = self.arg_of(inst, channel)?;
        Some(Arg { code: is_sbe.then(|| code_of(inst)), ..arg })
    }

    fn arg_of(&self, inst: InstIndex, channel: Channel) -> Option<Arg> {
        let listing = self.market.listing(inst)?;
        let market = match channel.dialect() {
            Dialect::V3 => listing.market().name(),
            Dialect::V5 => "",
        };
        let (inst_id, members) = record_key::key_of(channel, listing);
        Some(Arg {
            market: market.to_owned(),
            channel: record_key::wire_name(channel).to_owned(),
            inst_id,
            members,
            code: None,
            bytes: 0,
        })
    }

    /// An argument that asks for what a connection does not have and is not asking for.
    fn other_arg(&mut self, id: ConnectionId, answered: Option<&Arg>) -> Option<Arg> {
        let connection = self.connections.open_mut(id)?;
        let usual = match connection.dialect() {
            Dialect::V3 => Channel::Depth5,
            Dialect::V5 if connection.endpoint == Endpoint::V5Sbe => Channel::BboTbt,
            Dialect::V5 => Channel::Books5,
        };
        let of_answered = answered
            .and_then(|arg| Channel::from_name(connection.dialect(), arg.channel.as_bytes()));
        let channel = of_answered.unwrap_or(usual);
        let subscribed = connection.subscriptions.clone();
        let mut insts = self.market.indices();
        let free = insts.find(|inst| {
            let listing = self.market.listing(*inst);
            let id = listing.map(|listing| listing.inst_id().as_str());
            !subscribed.contains(&(*inst, channel)) && id != answered.map(|arg| &*arg.inst_id)
        });
        match free {
            Some(inst) => self.arg_on(id, inst, channel),
            None => {
                let arg = self.arg_of(self.market.indices().next()?, channel)?;
                let mut members = arg.members;
                if let Some((_, value)) = members.last_mut() {
                    UNLISTED.clone_into(value);
                }
                Some(Arg { inst_id: UNLISTED.to_owned(), code: None, members, ..arg })
            }
        }
    }
}
