//! The exchange, sans I/O and clock: requests in, frames out, time as an argument.

use std::collections::VecDeque;
use std::time::Duration;

use super::access::TbtAccess;
use super::answers;
use super::connection::{ConnectionId, Endpoint, Limits};
use super::connections::Connections;
use super::engine::Engine;
use super::publisher::Publisher;
use super::push_schedule::PushIntervals;
use super::rest::{Rest, RestContext, RestReply};
use super::sbe::code_of;
use super::snapshots::{REFRESH, Snapshots};
use crate::model::MonoNanos;
use crate::sim::faults::{
    Admission, ExchangeAction, ExchangeFaults, FaultKind, FaultLog, FaultPlan, FaultRule, Outbound,
};
use crate::sim::market::{InstIndex, Listing, ListingState, MarketConfig, Rng, SimMarket};

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
    /// How old the cache of REST snapshots may get; `None` for the exchange's 500 ms.
    pub snapshot_age: Option<Duration>,
}

/// An OKX that lives in this process.
///
/// It does nothing by itself: a caller opens connections, passes in what clients send and what the
/// time is, and polls what is to be sent. The same configuration and the same calls give the
/// same bytes. Times must not run backwards; a time before the last one counts as the last one.
#[derive(Debug)]
pub struct Exchange {
    engine: Engine,
    exchange_faults: ExchangeFaults,
    snapshots: Snapshots,
    /// For connection ids only, so that clients do not change the market.
    rng: Rng,
    rest: Rest,
}

impl Exchange {
    /// Opens the exchange at [`MonoNanos::ZERO`], which is the market's start.
    #[must_use]
    pub fn new(config: &ExchangeConfig) -> Self {
        let market = SimMarket::new(&with_announced(config));
        let exchange_faults = ExchangeFaults::new(&config.faults, &market);
        let engine = Engine {
            connections: Connections::new(&config.limits, &config.faults),
            publisher: Publisher::new(&market, &config.intervals, config.v5_checksums),
            limits: config.limits,
            accept_logins: config.accept_logins,
            tbt_access: config.tbt_access,
            now: MonoNanos::ZERO,
            market,
        };
        let rest = Rest::default();
        let snapshots = Snapshots::new(config.snapshot_age.unwrap_or(REFRESH));
        Self { engine, exchange_faults, snapshots, rng: Rng::new(!config.market.seed), rest }
    }

    /// The market behind the exchange: what its books really are, for tests to compare with.
    #[must_use]
    pub const fn market(&self) -> &SimMarket {
        &self.engine.market
    }

    /// The time up to which everything has happened.
    #[must_use]
    pub const fn now(&self) -> MonoNanos {
        self.engine.now
    }

    /// The number of connections that are not yet disconnected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.engine.connections.len()
    }

    /// The connections that are not yet disconnected, oldest first.
    #[must_use]
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.engine.connections.ids()
    }

    /// Where a connection came in; `None` where it is disconnected.
    #[must_use]
    pub fn endpoint(&self, id: ConnectionId) -> Option<Endpoint> {
        self.engine.connections.endpoint(id)
    }

    /// The faults that were injected so far.
    #[must_use]
    pub const fn faults(&self) -> &FaultLog {
        &self.engine.connections.log
    }

    /// How many requests there were beyond [`Limits`]: too many in the hour, or too long.
    #[must_use]
    pub const fn limits_broken(&self) -> u64 {
        self.engine.connections.limits_broken
    }

    /// Whether any login succeeds ([`ExchangeConfig::accept_logins`]).
    #[must_use]
    pub(crate) const fn accepts_logins(&self) -> bool {
        self.engine.accept_logins
    }

    /// Whether an attempt to connect succeeds, for whoever does the handshake. Without rules for
    /// it, it always does.
    pub fn admit(&mut self, now: MonoNanos) -> Admission {
        self.advance(now);
        self.exchange_faults.admit(self.engine.now, &mut self.engine.connections.log)
    }

    /// Opens a connection.
    pub fn connect(&mut self, endpoint: Endpoint, now: MonoNanos) -> ConnectionId {
        self.advance(now);
        let conn_id = format!("{:08x}", self.rng.bits());
        self.engine.connections.open(endpoint, conn_id, &self.engine.market, self.engine.now)
    }

    /// Removes a connection that the client or the transport has closed.
    pub fn disconnect(&mut self, id: ConnectionId) {
        let Some(connection) = self.engine.connections.remove(id) else { return };
        for (inst, channel) in connection.subscriptions {
            self.engine.publisher.unsubscribe(inst, channel, id);
        }
    }

    /// When the next thing happens that is not a client's doing.
    #[must_use]
    pub fn next_at(&self) -> MonoNanos {
        let Self { engine: Engine { market, publisher, connections, .. }, exchange_faults, .. } =
            self;
        let faults = connections.fault_at().min(exchange_faults.next_at());
        market.next_at().min(publisher.due()).min(connections.idle_at()).min(faults)
    }

    /// Does everything that is due by `now`.
    pub fn advance(&mut self, now: MonoNanos) {
        while self.step(now).is_some() {}
        self.engine.now = self.engine.now.max(now);
    }

    /// Does one thing if it is due by `until`, and gives its time: one event of the market, one
    /// round of pushes, a fault or the end of silent connections. A test that compares the market's
    /// books with what was pushed does so after every step.
    pub fn step(&mut self, until: MonoNanos) -> Option<MonoNanos> {
        let at = self.next_at();
        if at > until {
            return None;
        }
        self.engine.now = self.engine.now.max(at);
        let Self { engine: Engine { market, connections, publisher, .. }, exchange_faults, .. } =
            self;
        // Events first: a push at the same time includes them.
        if market.next_at() <= at {
            self.snapshots.keep_all(market, at);
            let inst = market.step()?;
            publisher.on_event(market, inst, connections, at);
        } else if publisher.due() <= at {
            publisher.on_due(market, connections, at);
        } else if connections.fault_at() <= at {
            connections.on_faults(at);
        } else if exchange_faults.next_at() <= at {
            let action = exchange_faults.poll(at, &mut connections.log);
            action.into_iter().for_each(|action| self.on_action(action));
        } else {
            connections.end_idle(at);
        }
        self.engine.run_fault_actions();
        Some(at)
    }

    fn on_action(&mut self, action: ExchangeAction) {
        let Engine { market, .. } = &mut self.engine;
        match action {
            ExchangeAction::StepClock(by) => market.step_clock(by),
            ExchangeAction::ResetSeq(inst) => market.reset_seq(inst),
            ExchangeAction::SetListing(inst, state) => self.engine.set_listing(inst, state),
            ExchangeAction::ResetAll => market.indices().for_each(|inst| market.reset_seq(inst)),
        }
    }

    /// Adds a fault to one connection. A rule that does not say when happens once: at once, or to
    /// the next message that it fits. On which connections the rule says it happens does
    /// not matter.
    pub fn inject(&mut self, id: ConnectionId, rule: &FaultRule, now: MonoNanos) {
        self.advance(now);
        self.engine.connections.inject(id, rule, &self.engine.market, self.engine.now);
        self.advance(now);
    }

    /// Lists or delists an instrument, as the faults `list` and `delist` do.
    pub fn set_listing(&mut self, inst: InstIndex, state: ListingState, now: MonoNanos) {
        self.advance(now);
        self.engine.set_listing(inst, state);
    }

    /// Adds a fault to the exchange itself: `refuse`, `clock`, `resetseq`, `list` or `delist`. A
    /// rule that does not say when happens once: at once, or to the next attempt to connect. Other
    /// kinds do nothing here.
    pub fn inject_exchange_fault(&mut self, rule: &FaultRule, now: MonoNanos) {
        self.advance(now);
        if rule.kind().is_of_exchange() {
            self.exchange_faults.add(rule, &self.engine.market, self.engine.now);
        }
        self.advance(now);
    }

    /// Resets the sequence numbers of an instrument, as maintenance does: the next update
    /// of each of its books has a `seqId` below its `prevSeqId`, which still is the last `seqId`.
    /// REST snapshots do not come from before it, unlike after the fault `resetseq`.
    pub fn reset_seq(&mut self, inst: InstIndex, now: MonoNanos) {
        self.advance(now);
        self.engine.market.reset_seq(inst);
    }

    /// The code of an instrument, by which SBE names it.
    #[must_use]
    pub fn inst_id_code(&self, inst: InstIndex) -> i64 {
        code_of(inst)
    }

    /// The body of the answer of `GET /api/v5/market/books-sbe`: a snapshot in SBE from a cache;
    /// `None` if there is no instrument of that code.
    pub fn books_sbe(&mut self, code: i64, now: MonoNanos) -> Option<Vec<u8>> {
        self.advance(now);
        self.snapshots.answer(&self.engine.market, code, self.engine.now)
    }

    /// Gives the prices of an instrument's books in SBE so many decimals more than its tick has:
    /// the next update is preceded by an exponent update.
    pub fn change_decimals(&mut self, inst: InstIndex, more_decimals: u8, now: MonoNanos) {
        self.advance(now);
        self.engine.publisher.change_decimals(inst, more_decimals);
    }

    /// Handles what a client sent in one text or binary message.
    pub fn receive(&mut self, id: ConnectionId, message: &[u8], now: MonoNanos) {
        self.advance(now);
        self.engine.connections.note_traffic(id, self.engine.now);
        answers::answer(&mut self.engine, id, message);
        self.engine.run_fault_actions();
    }

    /// Answers a `GET` request to the REST interface: path and query, such as
    /// `/api/v5/market/trades?instId=BTC-USDT`. Limits are counted by client.
    pub fn rest(&mut self, client: &str, target: &str, now: MonoNanos) -> RestReply {
        self.advance(now);
        let Engine { market, connections, publisher, limits, now, .. } = &mut self.engine;
        let inst = rest_instrument(target).and_then(|id| market.find(id));
        let faults = self.exchange_faults.on_rest(inst, *now, &mut connections.log);
        let context = RestContext { market, now: *now, faults, limited: limits.rest };
        let draw = &mut |n| self.exchange_faults.draw(n);
        let (reply, shows_book) = self.rest.answer(client, target, context, draw);
        if let Some(inst) = inst.filter(|_| shows_book) {
            publisher.note_shown(market, inst);
        }
        reply
    }

    /// A connection that has something to send and had nothing before. Each is given once; then
    /// [`Exchange::poll_transmit`] or [`Exchange::drain`] give all of it.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        self.engine.connections.poll_ready()
    }

    /// The next message to a client.
    pub fn poll_transmit(&mut self, id: ConnectionId) -> Option<Outbound> {
        self.engine.connections.poll_transmit(id)
    }

    /// Swaps all messages to a client for an empty queue.
    pub fn drain(&mut self, id: ConnectionId, empty: &mut VecDeque<Outbound>) {
        self.engine.connections.drain(id, empty);
    }
}

/// The market of a configuration, with the instruments that its faults will list: announced, and
/// made up where they are not among the listings.
fn with_announced(config: &ExchangeConfig) -> MarketConfig {
    let mut market = config.market.clone();
    let rules = config.faults.rules().iter().filter(|rule| rule.kind() == FaultKind::List);
    for id in rules.filter_map(FaultRule::inst_id) {
        let known = market.listings.iter_mut().find(|listing| listing.inst_id() == id);
        match (known, Listing::made_up(id.as_str())) {
            (Some(listing), _) => *listing = listing.with_state(ListingState::Announced),
            (None, Ok(listing)) => {
                market.listings.push(listing.with_state(ListingState::Announced));
            }
            (None, Err(_)) => {}
        }
    }
    market
}

/// The instrument that a target names.
fn rest_instrument(target: &str) -> Option<&str> {
    let (_, id) = target.split_once("instId=").or_else(|| target.split_once("/instruments/"))?;
    id.split(['&', '/', '?']).next()
}
