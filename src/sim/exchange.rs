//! The exchange, sans I/O and clock: requests in, frames out, time as an argument.

use std::collections::VecDeque;

use super::access::{self, TbtAccess};
use super::cadence::PushIntervals;
use super::connection::{ConnectionId, Ending, Endpoint, Limits};
use super::connections::Connections;
use super::faults::{Admission, FaultLog, FaultPlan, FaultRule, VenueAct, VenueFaults};
use super::market::{InstIndex, MarketConfig, SimMarket};
use super::outbound::{About, Outbound};
use super::publisher::Publisher;
use super::request::{Arg, Op, Refusal, Request};
use super::rng::Rng;
use super::{v3, v5};
use crate::model::{Channel, Dialect, MonoNanos};

/// What an [`Exchange`] is made of.
#[derive(Clone, Debug, Default)]
pub struct ExchangeConfig {
    /// Instruments, seed and activity.
    pub market: MarketConfig,
    /// How often books are pushed.
    pub intervals: PushIntervals,
    /// What clients may do.
    pub limits: Limits,
    /// Whether any login succeeds; else every login is refused.
    pub accept_logins: bool,
    /// Who may subscribe v5's `books-l2-tbt` and `books50-l2-tbt`.
    pub tbt_access: TbtAccess,
    /// Whether v5's books carry real checksums, as they did until 2026-06-23; else the field is 0.
    /// v3's checksums are always real.
    pub v5_checksums: bool,
    /// What shall go wrong; by default nothing.
    pub faults: FaultPlan,
}

/// An OKX that lives in this process.
///
/// It does nothing by itself: a caller opens connections, passes in what clients send and what the
/// time is, and takes out what is to be sent. The same configuration and the same calls give the
/// same bytes. Times must not run backwards; a time before the last one is taken as the last one.
#[derive(Debug)]
pub struct Exchange {
    market: SimMarket,
    connections: Connections,
    publisher: Publisher,
    venue: VenueFaults,
    limits: Limits,
    accept_logins: bool,
    tbt_access: TbtAccess,
    /// For connection ids only, so that clients do not change the market.
    rng: Rng,
    now: MonoNanos,
}

impl Exchange {
    /// Opens the exchange at [`MonoNanos::ZERO`], which is the market's start.
    #[must_use]
    pub fn new(config: &ExchangeConfig) -> Self {
        let market = SimMarket::new(&config.market);
        Self {
            connections: Connections::new(&config.limits, &config.faults),
            publisher: Publisher::new(&market, &config.intervals, config.v5_checksums),
            venue: VenueFaults::new(&config.faults, &market),
            limits: config.limits,
            accept_logins: config.accept_logins,
            tbt_access: config.tbt_access,
            rng: Rng::new(!config.market.seed),
            now: MonoNanos::ZERO,
            market,
        }
    }

    /// The market behind the exchange: what its books really are, for tests to compare with.
    #[must_use]
    pub const fn market(&self) -> &SimMarket {
        &self.market
    }

    /// The time up to which everything has happened.
    #[must_use]
    pub const fn now(&self) -> MonoNanos {
        self.now
    }

    /// The number of connections that are not yet disconnected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// The connections that are not yet disconnected, oldest first.
    #[must_use]
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.connections.ids()
    }

    /// Where a connection came in; `None` where it is disconnected.
    #[must_use]
    pub fn endpoint(&self, id: ConnectionId) -> Option<Endpoint> {
        self.connections.endpoint(id)
    }

    /// The faults that were injected so far.
    #[must_use]
    pub const fn faults(&self) -> &FaultLog {
        &self.connections.log
    }

    /// Says whether an attempt to connect succeeds, for whoever does the handshake. Without rules
    /// for it, it always does.
    pub fn admit(&mut self, now: MonoNanos) -> Admission {
        self.advance(now);
        self.venue.admit(self.now, &mut self.connections.log)
    }

    /// Opens a connection.
    pub fn connect(&mut self, endpoint: Endpoint, now: MonoNanos) -> ConnectionId {
        self.advance(now);
        let conn_id = format!("{:08x}", self.rng.bits());
        self.connections.open(endpoint, conn_id, &self.market, self.now)
    }

    /// Forgets a connection that the client or the transport has closed.
    pub fn disconnect(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(id) else { return };
        for (inst, channel) in connection.subscriptions {
            self.publisher.unsubscribe(inst, channel, id);
        }
    }

    /// When the next thing happens that is not a client's doing.
    #[must_use]
    pub fn next_at(&self) -> MonoNanos {
        let Self { market, publisher, connections, venue, .. } = self;
        let faults = connections.fault_at().min(venue.next_at());
        market.next_at().min(publisher.due()).min(connections.idle_at()).min(faults)
    }

    /// Lets everything happen that is due by `now`.
    pub fn advance(&mut self, now: MonoNanos) {
        while self.step(now).is_some() {}
        self.now = self.now.max(now);
    }

    /// Lets one thing happen if it is due by `until`, and gives its time: one event of the market,
    /// one round of pushes, a fault or the end of silent connections. A test that compares the
    /// market's books with what was pushed looks after every step.
    pub fn step(&mut self, until: MonoNanos) -> Option<MonoNanos> {
        let at = self.next_at();
        if at > until {
            return None;
        }
        self.now = self.now.max(at);
        let Self { market, connections, publisher, venue, .. } = self;
        // Events first: a push at the same time tells of them.
        if market.next_at() <= at {
            let inst = market.step()?;
            publisher.on_event(market, inst, connections, at);
        } else if publisher.due() <= at {
            publisher.on_due(market, connections, at);
        } else if connections.fault_at() <= at {
            connections.on_faults(at);
        } else if venue.next_at() <= at {
            let act = venue.poll(at, &mut connections.log);
            act.into_iter().for_each(|act| self.on_act(act));
        } else {
            connections.end_idle(at);
        }
        self.send_wanted();
        Some(at)
    }

    fn on_act(&mut self, act: VenueAct) {
        let Self { market, .. } = self;
        match act {
            VenueAct::Jump(by) => market.jump(by),
            VenueAct::ResetSeq(inst) => market.reset_seq(inst),
            VenueAct::ResetAll => market.indices().for_each(|inst| market.reset_seq(inst)),
        }
    }

    /// Sends the snapshots that faults ask for.
    fn send_wanted(&mut self) {
        let Self { market, connections, publisher, now, .. } = self;
        while let Some(greeting) = connections.poll_wanted() {
            publisher.greet(market, greeting, About::Added, connections, *now);
        }
    }

    /// Adds a fault to one connection. A rule that does not say when happens once: at once, or to
    /// the next message that it fits. Where the rule says on which connections it happens, that is
    /// left aside.
    pub fn inject(&mut self, id: ConnectionId, rule: &FaultRule, now: MonoNanos) {
        self.advance(now);
        self.connections.inject(id, rule, &self.market, self.now);
        self.advance(now);
    }

    /// Adds a fault to the exchange itself: `refuse`, `clock` or `resetseq`. A rule that does not say
    /// when happens once: at once, or to the next attempt to connect. Other kinds do nothing here.
    pub fn inject_venue(&mut self, rule: &FaultRule, now: MonoNanos) {
        self.advance(now);
        if rule.kind().is_of_venue() {
            self.venue.add(rule, &self.market, self.now);
        }
        self.advance(now);
    }

    /// Lets the sequence numbers of an instrument start anew, as after maintenance: the next update
    /// of each of its books has a `seqId` below its `prevSeqId`, which still is the last `seqId`.
    pub fn reset_seq(&mut self, inst: InstIndex, now: MonoNanos) {
        self.advance(now);
        self.market.reset_seq(inst);
    }

    /// Takes what a client sent in one text or binary message.
    pub fn receive(&mut self, id: ConnectionId, message: &[u8], now: MonoNanos) {
        self.advance(now);
        self.connections.heard(id, self.now);
        self.take(id, message);
        self.send_wanted();
    }

    fn take(&mut self, id: ConnectionId, message: &[u8]) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        let dialect = connection.dialect();
        let text = String::from_utf8_lossy(message);
        let request = match dialect {
            Dialect::V3 => v3::parse_request(&text),
            Dialect::V5 => v5::parse_request(&text),
        };
        if request == Ok(Request::Ping) {
            self.reply(id, About::Reply, "pong".to_owned());
            return;
        }
        if self.connections.ignores(id, self.now) {
            return;
        }
        let Some(connection) = self.connections.open_mut(id) else { return };
        if !connection.admit(&self.limits, self.now) {
            self.refuse(id, &too_many(dialect));
            return;
        }
        match request {
            Ok(Request::Channels { id: request_id, op, args }) => {
                self.on_channels(id, request_id.as_deref(), op, &args);
            }
            Ok(Request::Login { id: request_id }) => self.on_login(id, request_id.as_deref()),
            Ok(Request::Ping) => {}
            Err(refusal) => self.refuse(id, &refusal),
        }
    }

    /// A connection that has something to send and had nothing before. Each is given once; then
    /// [`Exchange::poll_transmit`] or [`Exchange::drain`] take all of it.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        self.connections.poll_ready()
    }

    /// The next message to a client.
    pub fn poll_transmit(&mut self, id: ConnectionId) -> Option<Outbound> {
        self.connections.poll_transmit(id)
    }

    /// Takes all messages to a client at once, in exchange for an empty queue.
    pub fn drain(&mut self, id: ConnectionId, empty: &mut VecDeque<Outbound>) {
        self.connections.drain(id, empty);
    }

    /// Subscribes or unsubscribes: first one reply an argument, in their order, then the data.
    fn on_channels(&mut self, id: ConnectionId, request_id: Option<&str>, op: Op, args: &[Arg]) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        let (endpoint, conn_id) = (connection.endpoint, connection.conn_id.clone());
        if !self.args_fit(id, endpoint, args) {
            return;
        }
        let mut greetings = Vec::new();
        for arg in args {
            let Some(connection) = self.connections.open_mut(id) else { return };
            match access::check(&self.market, self.tbt_access, connection, op, arg) {
                Ok((inst, channel)) => {
                    let about = About::Ack(inst, channel);
                    if let Some(code) = self.connections.refuses(id, about, self.now) {
                        let refusal = Refusal::new(code.into(), "Internal system error");
                        self.refuse(id, &refusal.with_id(request_id));
                        continue;
                    }
                    let text = match endpoint.dialect() {
                        Dialect::V3 => v3::ack(op, arg),
                        Dialect::V5 => v5::ack(request_id, op, arg, &conn_id),
                    };
                    self.reply(id, about, text);
                    self.apply(id, op, inst, channel);
                    greetings.push((inst, channel, id));
                }
                Err(refusal) => self.refuse(id, &refusal.with_id(request_id)),
            }
        }
        if op == Op::Subscribe {
            for greeting in greetings {
                let Self { market, connections, publisher, now, .. } = self;
                let about = About::Push(greeting.0, greeting.1);
                publisher.greet(market, greeting, about, connections, *now);
            }
        }
    }

    fn apply(&mut self, id: ConnectionId, op: Op, inst: InstIndex, channel: Channel) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        match op {
            Op::Subscribe => {
                connection.subscriptions.insert((inst, channel));
                self.publisher.subscribe(&self.market, (inst, channel, id), self.now);
            }
            Op::Unsubscribe => {
                connection.subscriptions.remove(&(inst, channel));
                self.publisher.unsubscribe(inst, channel, id);
            }
        }
    }

    /// Whether the request's arguments are short enough; where not, that has been said.
    fn args_fit(&mut self, id: ConnectionId, endpoint: Endpoint, args: &[Arg]) -> bool {
        let dialect = endpoint.dialect();
        let limit = match dialect {
            Dialect::V3 => self.limits.v3_args_bytes,
            Dialect::V5 => self.limits.v5_args_bytes,
        };
        let bytes: usize = args.iter().map(|arg| arg.bytes).sum();
        if limit.is_none_or(|limit| bytes <= limit) {
            return true;
        }
        match dialect {
            // What v3 said is not known; that it had the limit is.
            Dialect::V3 => self.refuse(id, &Refusal::new(v3::BAD_REQUEST, "Request too long")),
            Dialect::V5 => self.connections.end(id, Ending::RequestTooLong, self.now),
        }
        false
    }

    fn on_login(&mut self, id: ConnectionId, request_id: Option<&str>) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        connection.logged_in = self.accept_logins;
        match (connection.dialect(), self.accept_logins) {
            (Dialect::V3, true) => self.reply(id, About::Reply, v3::login()),
            (Dialect::V3, false) => {
                self.refuse(id, &Refusal::new(v3::LOGIN_FAILED, "login failure"));
            }
            (Dialect::V5, true) => {
                let message = v5::login(request_id, &connection.conn_id);
                self.reply(id, About::Reply, message);
            }
            (Dialect::V5, false) => self.refuse(id, &v5::no_key().with_id(request_id)),
        }
    }

    fn refuse(&mut self, id: ConnectionId, refusal: &Refusal) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        let message = match connection.dialect() {
            Dialect::V3 => v3::error(refusal),
            Dialect::V5 => v5::error(refusal, &connection.conn_id),
        };
        self.reply(id, About::Reply, message);
    }

    fn reply(&mut self, id: ConnectionId, about: About, text: String) {
        let Some(connection) = self.connections.open_mut(id) else { return };
        let message = self.publisher.frame(connection.dialect(), text);
        self.connections.send(id, message, about, self.now);
    }
}

fn too_many(dialect: Dialect) -> Refusal {
    match dialect {
        Dialect::V3 => {
            Refusal::new(v3::TOO_MANY, "Requested too frequently; endpoint limit exceeded")
        }
        Dialect::V5 => Refusal::new(v5::TOO_MANY, "Requests too frequent"),
    }
}
