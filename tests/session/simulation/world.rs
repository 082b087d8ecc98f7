//! A run: the exchange, two clients on one host, independent or as the lines of an arbiter, faults
//! from a seed, and the invariants.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::session::{ConnectRateLimiter, SessionConfig};
use okx_feed::sim::{
    Endpoint, Exchange, ExchangeConfig, Listing, MarketConfig, PushIntervals, SimMarket,
};
use okx_feed::{Book5, BookState, Decimal, Dialect, Level, MonoNanos, Subscription};

use super::client::{Client, Transport};
use super::history::{History, Shown, depth_of};
use super::host::Host;
use super::lines::Lines;
use super::tally::Tally;

mod clients;
mod faults;

const SECOND: Duration = Duration::from_secs(1);
const NEVER: MonoNanos = MonoNanos(u64::MAX);

/// How long faults happen, and how long the clients then have to recover.
const FAULTS: Duration = Duration::from_secs(12);
const RECOVERY: Duration = Duration::from_secs(40);
const SLOW_RECOVERY: Duration = Duration::from_secs(75);
const SETTLING: Duration = Duration::from_secs(6);

/// How often the exchange says that a book has not changed, and how long a book may be silent.
const HEARTBEAT: Duration = Duration::from_secs(4);
const PROMISE: Duration = Duration::from_secs(5);

pub(crate) struct World {
    exchange: Exchange,
    endpoint: Endpoint,
    clients: Vec<Client>,
    host: Host,
    gate: ConnectRateLimiter,
    config: SessionConfig,
    random: fastrand::Rng,
    now: MonoNanos,
    next_fault: MonoNanos,
    /// When connections were attempted, by all clients.
    attempts: VecDeque<MonoNanos>,
    /// The end of a pause that the exchange requested.
    held_until: MonoNanos,
    history: History,
    /// The books that each client was shown.
    shown: [Shown; 2],
    /// The arbiter of the clients, if they are lines.
    lines: Option<Lines>,
    subscriptions: Vec<Subscription>,
    limits: StaleLimits,
    /// The REST snapshots on their way, and when they arrive.
    snapshots: Vec<(MonoNanos, SnapshotReply)>,
    /// The faults of the exchange itself.
    plan: String,
    clock_jumps: bool,
    /// Which clients may have a rule on their connection that waits for a message.
    lingers: [bool; 2],
    /// Whether the run is traced.
    traced: bool,
    tally: Tally,
}

/// A REST snapshot on its way.
struct SnapshotReply {
    client: usize,
    subscription: Subscription,
    id: u64,
    body: Vec<u8>,
}

impl World {
    /// A run in v3 or in v5's JSON.
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(seed, false)
    }

    /// A run in SBE.
    pub(crate) fn sbe(seed: u64) -> Self {
        Self::of(seed, true)
    }

    fn of(seed: u64, is_sbe: bool) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let dialect = if random.bool() && !is_sbe { Dialect::V3 } else { Dialect::V5 };
        let listings = Listing::generate(1 + random.usize(..2));
        let clock_faults = faults::clock_faults(&mut random);
        let notices = ["", "notice:at=700ms,after=4s,conn=1-6"][usize::from(random.u8(..6) == 0)];
        let plan = format!("{clock_faults};{notices}");
        let mut exchange = exchange_config(seed, &listings, &plan, &mut random);
        let mut config = config(dialect, &mut random);
        // Some snapshots are older than the first updates.
        config.snapshot_age = Duration::from_millis(random.u64(100..2_000));
        exchange.snapshot_age = is_sbe.then_some(config.snapshot_age);
        exchange.limits.idle = Some(config.ping_interval * 2);
        exchange.limits.v3_requests_per_hour = Some(config.requests_per_hour);
        exchange.limits.v5_requests_per_hour = Some(config.requests_per_hour);
        exchange.limits.v3_args_bytes = Some(config.request_len);
        exchange.limits.v5_args_bytes = Some(config.request_len);
        let exchange = Exchange::new(&exchange);
        if is_sbe {
            let market = exchange.market();
            let code =
                |inst| (exchange.inst_id_code(inst), *market.listing(inst).unwrap().inst_id());
            config.sbe = Some(Arc::new(market.indices().map(code).collect()));
        }
        let channels = channels(&config);
        let mut world = Self {
            exchange,
            endpoint: match dialect {
                Dialect::V3 => Endpoint::V3,
                Dialect::V5 if is_sbe => Endpoint::V5Sbe,
                Dialect::V5 => Endpoint::V5Public,
            },
            clients: Vec::new(),
            host: Host::new(),
            gate: ConnectRateLimiter::new(),
            config,
            now: MonoNanos::ZERO,
            next_fault: MonoNanos::ZERO,
            attempts: VecDeque::new(),
            held_until: MonoNanos::ZERO,
            history: History::default(),
            shown: Default::default(),
            lines: None,
            subscriptions: listings
                .iter()
                .flat_map(|listing| subscriptions(dialect, channels, listing))
                .collect(),
            snapshots: Vec::new(),
            limits: StaleLimits::books(PROMISE),
            plan,
            clock_jumps: !clock_faults.is_empty(),
            lingers: [false; 2],
            traced: false,
            tally: Tally::default(),
            random,
        };
        world.record();
        world.clients = (0..2).map(|_| world.client()).collect();
        if world.random.bool() {
            world.lines = Some(Lines::new(world.clients.len(), &world.subscriptions));
        }
        world
    }

    fn client(&mut self) -> Client {
        let seed = self.random.u64(..);
        let mut client = Client::new(&self.config, self.limits, seed, &self.subscriptions);
        client.latency = Duration::from_millis(self.random.u64(..40));
        client
    }

    const fn is_sbe(&self) -> bool {
        self.config.sbe.is_some()
    }

    /// Prints faults and reactions, if the run is traced.
    pub(crate) const fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    fn trace(&self, what: impl FnOnce() -> String) {
        if self.traced {
            println!("{:>8.3} s  {}", self.now.0 as f64 / 1e9, what());
        }
    }

    pub(crate) fn run(mut self) -> Tally {
        self.trace(|| format!("{} faults: {}", self.config.dialect, self.plan));
        loop {
            let next = self.next_at();
            if next > self.end() && (self.is_live() || next > self.end() + SETTLING) {
                break;
            }
            self.now = self.now.max(next);
            self.step();
        }
        for at in 0..self.clients.len() {
            self.clients[at].latency = Duration::ZERO;
        }
        loop {
            self.now = self.now.max(self.end());
            self.exchange.advance(self.now);
            self.record();
            self.deliver(true);
            if self.is_live() || self.now > self.end() + SETTLING * 2 {
                break;
            }
            // A quiet book was found silent just now, and is subscribed again.
            self.now = self.now.max(self.next_at());
            self.step();
        }
        self.check_end();
        self.tally
    }

    /// The time at which all must be live. The arbiter rejects outdated data for half a minute.
    /// That is a minute if its wall clock runs at half speed, after it was set back.
    fn end(&self) -> MonoNanos {
        let slow = self.lines.is_some() && self.host.was_set_back();
        let recovery = if slow { SLOW_RECOVERY } else { RECOVERY };
        MonoNanos::ZERO + FAULTS + recovery
    }

    /// Whether all is live now. v3's five-level books have no heartbeat, so that quiet ones
    /// are stale now and then, until they are subscribed again.
    fn is_live(&self) -> bool {
        self.clients.iter().all(|client| {
            let mut slots = client.feed.slots().iter();
            client.session.is_settled() && slots.all(|slot| slot.state().is_live())
        })
    }

    fn next_at(&self) -> MonoNanos {
        let stopped = self.host.stopped_until(self.now);
        let of_client = |client: &Client| {
            let wire = client.wire.front().map_or(NEVER, |(at, _)| *at);
            let transport = match client.transport {
                Transport::Connecting { tcp, open, .. } => {
                    if tcp > self.now {
                        tcp.min(open)
                    } else {
                        open
                    }
                }
                _ => NEVER,
            };
            let timer = client.session.poll_timeout().unwrap_or(NEVER).min(client.check_at());
            self.host.when(timer).min(wire).min(transport)
        };
        let snapshots = self.snapshots.iter().map(|(at, ..)| *at).min().unwrap_or(NEVER);
        let clients = self.clients.iter().map(of_client).min().unwrap_or(NEVER).min(snapshots);
        let clients = stopped.unwrap_or(clients);
        self.exchange.next_at().min(clients).min(self.next_fault)
    }

    fn step(&mut self) {
        while self.exchange.step(self.now).is_some() {
            self.record();
        }
        if self.next_fault <= self.now {
            self.fault();
        }
        self.deliver(false);
        if self.host.stopped_until(self.now).is_none() {
            self.host.follow(self.now);
            self.deliver_snapshots();
            for at in 0..self.clients.len() {
                self.pump(at);
            }
        }
        self.deliver(false);
        assert_eq!(self.exchange.limits_broken(), 0, "a limit was broken");
    }

    fn record(&mut self) {
        self.history.record(self.exchange.market(), self.exchange.now());
    }

    /// Checks that a live book is one of the exchange's, and no older than the one before.
    fn verify_shown(&mut self, at: usize) {
        let Self { clients, shown, history, exchange, lines, tally, .. } = self;
        let (client, market) = (&mut clients[at], exchange.market());
        if let Some(lines) = lines {
            tally.live_checks += lines.verify_shown(history, market, &client.touched);
        }
        for subscription in client.touched.drain(..) {
            let slot = client.feed.slots().get(&subscription).unwrap();
            if let Some(book) = slot.book().filter(|_| slot.state() == BookState::Live) {
                tally.live_checks += 1;
                let verified = history.verify(market, &subscription, &book, &mut shown[at]);
                verified.unwrap_or_else(|wrong| panic!("client {at}: {wrong}"));
            }
        }
    }

    /// Checks that after the run every book is live and equal to the exchange's.
    fn check_end(&mut self) {
        let market = self.exchange.market();
        for client in &self.clients {
            assert!(client.session.is_settled(), "not settled: {:#?}", client.session);
            for slot in client.feed.slots().iter() {
                let name = slot.subscription();
                let state = slot.state();
                assert_eq!(state, BookState::Live, "{name} is {state}: {:#?}", client.session);
                let inst = market.find(name.inst_id().as_str()).unwrap();
                let (listing, truth) = (market.listing(inst).unwrap(), market.book(inst).unwrap());
                if let Some(book) = slot.depth() {
                    let view = book.live().unwrap();
                    let asks: Vec<_> = truth.asks(listing).collect();
                    let bids: Vec<_> = truth.bids(listing).collect();
                    let shown = (values(view.asks()), values(view.bids()));
                    assert_eq!(shown, (values(&asks), values(&bids)), "{name}");
                } else if let Some(book) = slot.book() {
                    check_five(market, name, &book);
                }
            }
        }
        if let Some(lines) = &self.lines {
            lines.check_end(&self.clients, market, self.now);
        }
        assert_eq!(self.exchange.connections(), self.clients.len());
        for client in &self.clients {
            let (session, feed) = (client.session.stats(), client.feed.stats());
            self.tally.add(&Tally {
                events: client.events,
                postponed: session.postponed,
                losses: client.losses,
                resyncs: session.resyncs,
                late_acks: session.late_acks,
                late_snapshots: session.late_snapshots,
                silences: session.silences,
                retries: session.retries,
                probes: session.probes,
                gaps: feed.gaps,
                mismatches: feed.mismatches,
                malformed: feed.malformed(),
                snapshots: session.snapshots,
                ..Tally::default()
            });
        }
    }
}

/// Short times, so that a run is short, and limits that bind.
fn config(dialect: Dialect, random: &mut fastrand::Rng) -> SessionConfig {
    let mut config = SessionConfig::new(dialect);
    (config.ping_interval, config.pong_timeout) = (4 * SECOND, 2 * SECOND);
    (config.connect_timeout, config.handshake_timeout) = (SECOND, SECOND);
    (config.ack_timeout, config.snapshot_timeout) = (2 * SECOND, 2 * SECOND);
    (config.backoff.cap, config.resync.cap) = (4 * SECOND, 4 * SECOND);
    (config.backoff.refused_first, config.backoff.refused_cap) = (SECOND, 4 * SECOND);
    config.sbe_update_timeout = 6 * SECOND;
    config.requests_per_hour = random.usize(60..480);
    config.request_len = random.usize(100..1000);
    config
}

/// The channels that are subscribed.
pub(crate) const fn channels(config: &SessionConfig) -> &'static [&'static str] {
    match config.dialect {
        Dialect::V3 => &["depth5", "depth_l2_tbt", "trade"],
        Dialect::V5 if config.sbe.is_some() => &["bbo-tbt", "books-l2-tbt", "trades"],
        Dialect::V5 => &["books5", "bbo-tbt", "books", "trades"],
    }
}

fn subscriptions(dialect: Dialect, channels: &[&str], listing: &Listing) -> Vec<Subscription> {
    let (id, market) = (listing.inst_id(), listing.market());
    let text = |channel: &&str| match dialect {
        Dialect::V3 => format!("{market}/{channel}:{id}"),
        Dialect::V5 => format!("{channel}:{id}"),
    };
    channels.iter().map(text).map(|text| text.parse().unwrap()).collect()
}

/// Checks that the best levels of a book are the exchange's.
pub(crate) fn check_five(market: &SimMarket, subscription: &Subscription, book: &Book5) {
    let inst = market.find(subscription.inst_id().as_str()).unwrap();
    let (truth, depth) = (market.book5(inst).unwrap(), depth_of(subscription));
    assert_eq!(values(book.asks()), values(&truth.asks()[..depth]), "{subscription}");
    assert_eq!(values(book.bids()), values(&truth.bids()[..depth]), "{subscription}");
}

/// Levels by value: SBE gives prices the decimals of its exponents.
fn values(levels: &[Level]) -> Vec<(Decimal, Decimal, u32)> {
    levels.iter().map(|level| (level.px(), level.sz(), level.orders())).collect()
}

/// An exchange whose every change is pushed, with few events.
fn exchange_config(
    seed: u64,
    listings: &[Listing],
    faults: &str,
    random: &mut fastrand::Rng,
) -> ExchangeConfig {
    ExchangeConfig {
        market: MarketConfig {
            seed,
            listings: listings.to_vec(),
            depth: 8,
            events_per_sec: random.u32(1..6),
            ..MarketConfig::default()
        },
        intervals: PushIntervals {
            heartbeat_v3: HEARTBEAT,
            heartbeat_v5: HEARTBEAT,
            ..PushIntervals::EVERY_CHANGE
        },
        v5_checksums: random.bool(),
        faults: faults.parse().unwrap(),
        ..ExchangeConfig::default()
    }
}
