//! The join of history and live trades: thousands of seeded runs under faults.

use std::time::Duration;

use okx_feed::model::Origin;
use okx_feed::rest::join::{JoinStats, TradeJoin};
use okx_feed::sim::{Endpoint, Exchange, ExchangeConfig, Listing, MarketConfig};
use okx_feed::{
    Arbiter, Decimal, Event, EventSink, InstrumentId, Market, MonoNanos, Side, Subscription, Trade,
    UnixNanos,
};

use crate::world::{Line, Rest};

const SEEDS: u64 = 2_000;
const RUN: Duration = Duration::from_secs(12);
const WS_FAULTS: &str = "gap:p=0.06,channel=trades;repeat:p=0.04,channel=trades;\
                         reorder:p=0.05,channel=trades;corrupt:p=0.02;drop:p=0.003;\
                         gap:p=0.06,channel=trades-all;reorder:p=0.05,channel=trades-all";
const REST_FAULTS: &str = "lag:p=0.3,by=3s;holes:p=0.15,rows=2;short:p=0.05;deny:p=0.05;\
                           deny:p=0.03,status=200;deny:p=0.03,status=503,code=50001";

/// A passed trade: its origin, the count of what is missing before it, and itself.
type Passed = (Trade, Origin, u64);

struct World {
    exchange: Exchange,
    lines: Vec<Line>,
    arbiter: Option<Arbiter>,
    join: TradeJoin,
    rest: Rest,
    now: MonoNanos,
    passed: Vec<Passed>,
    random: fastrand::Rng,
}

fn config(seed: u64, faults: String) -> ExchangeConfig {
    let listing = Listing::new("BTC-USDT", Market::Spot, ["0.1", "0.0001", "60000", "0.02"]);
    let market = MarketConfig {
        seed,
        listings: vec![listing.unwrap()],
        depth: 4,
        events_per_sec: 40,
        ..MarketConfig::default()
    };
    ExchangeConfig { market, faults: faults.parse().unwrap(), ..ExchangeConfig::default() }
}

/// The trades of an event go to the join.
fn joined<'j>(join: &'j mut TradeJoin, passed: &'j mut Vec<Passed>) -> impl FnMut(&Event<'_>) + 'j {
    |event| {
        if let Event::Trade(update) = event {
            join.on_live(update.trade, &mut |trade, origin, missed| {
                passed.push((*trade, origin, missed));
            });
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let config = config(seed, format!("seed={seed};{WS_FAULTS};{REST_FAULTS}"));
        let exchange = Exchange::new(&config);
        let (channel, endpoint) = match random.bool() {
            true => ("trades:BTC-USDT", Endpoint::V5Public),
            false => ("trades-all:BTC-USDT", Endpoint::V5Business),
        };
        let subscription: Subscription = channel.parse().unwrap();
        let count = random.usize(1..=2);
        let arbiter = (count > 1).then(|| {
            let mut arbiter = Arbiter::new(count);
            arbiter.subscribe(subscription);
            arbiter
        });
        let mut lines: Vec<_> = (0..count).map(|_| Line::new(endpoint, subscription)).collect();
        lines.iter_mut().for_each(|line| {
            line.change_at = MonoNanos::ZERO + Duration::from_millis(random.u64(0..4_000));
        });
        // From hours before the opening to some seconds after it.
        let longest = 4_000_000_000_000 / (1 + random.i64(0..200));
        let back = random.i64(-5_000_000_000..longest);
        let since = exchange.market().wall(MonoNanos::ZERO).0.saturating_add_signed(-back);
        let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
        Self {
            exchange,
            lines,
            arbiter,
            join: TradeJoin::new(inst_id, UnixNanos(since)),
            rest: Rest::new(seed),
            now: MonoNanos::ZERO,
            passed: Vec::new(),
            random,
        }
    }

    /// Does what is due next.
    fn step(&mut self, lossy: bool) {
        let Self { exchange, lines, arbiter, join, rest, now, passed, random } = self;
        if let Some(next) = join.next_request() {
            rest.start(next.request, next.pause, *now);
        }
        let changes = lines.iter().map(|line| line.change_at).min().unwrap();
        let next = exchange.next_at().min(rest.next_at(*now)).min(changes);
        *now = next.max(*now);
        exchange.advance(*now);
        for (n, line) in lines.iter_mut().enumerate() {
            let mut sink = joined(join, passed);
            let sink = &mut |event: &Event<'_>| match arbiter {
                Some(arbiter) => arbiter.on_event(n, event, &mut sink),
                None => sink.on_event(event),
            };
            if line.change_at <= *now {
                // A connection lasts seconds, and is away for up to seconds.
                let span = if line.is_open() { 1..3_000 } else { 500..8_000 };
                line.change_at = *now + Duration::from_millis(random.u64(span));
                if lossy || !line.is_open() {
                    line.change(exchange, *now, sink);
                }
            }
            line.receive(exchange, *now, sink);
        }
        let wall = exchange.market().wall(*now);
        match rest.step(exchange, *now) {
            Some(Ok(rows)) => {
                let pass =
                    &mut |trade: &Trade, origin, missed| passed.push((*trade, origin, missed));
                join.on_rows(&rows, wall, pass).unwrap();
            }
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }

    /// Runs under faults, then until nothing waits.
    fn run(&mut self) {
        let end = MonoNanos::ZERO + RUN;
        while self.now < end {
            self.step(true);
        }
        let latest = end + Duration::from_secs(600);
        while self.join.held() > 0 || self.passed.is_empty() {
            assert!(self.now < latest, "{} wait {:?}", self.join.held(), self.join.stats());
            self.step(false);
        }
    }
}

/// The fills that the market really had, from the first to the last id, of an exchange that has no
/// faults.
fn fills(seed: u64, until: MonoNanos, (first, last): (u64, u64)) -> Vec<Trade> {
    let mut config = config(seed, String::new());
    config.limits.rest = false;
    let mut exchange = Exchange::new(&config);
    let mut fills = Vec::new();
    let mut below = last + 1;
    while below > first {
        let target = format!("/api/v5/market/history-trades?instId=BTC-USDT&after={below}");
        let reply = exchange.rest("me", &target, until);
        let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let rows = value["data"].as_array().unwrap();
        for row in rows {
            let number = |key: &str| row[key].as_str().unwrap().parse::<u64>().unwrap();
            let decimal = |key: &str| row[key].as_str().unwrap().parse::<Decimal>().unwrap();
            let side = Side::from_name(row["side"].as_str().unwrap().as_bytes()).unwrap();
            let mut trade = Trade::new(side, decimal("px"), decimal("sz"));
            trade.trade_id = number("tradeId");
            trade.ts_event = UnixNanos::from_millis(number("ts")).unwrap();
            fills.push(trade);
        }
        below = fills.last().unwrap().trade_id;
    }
    fills.reverse();
    fills.retain(|fill| fill.trade_id >= first);
    fills
}

/// Checks the sequence of a run against the market. Returns how much came from history.
fn check(world: &World, seed: u64, since: UnixNanos) -> usize {
    let passed = &world.passed;
    let (first, last) = (passed[0].0.first_id(), passed.last().unwrap().0.trade_id);
    // Some more before it, to see that it begins where it should.
    let real = fills(seed, world.now, (first.saturating_sub(5).max(1), last));
    let begins = real.iter().find(|fill| fill.ts_event.as_millis() >= since.as_millis());
    assert_eq!(begins.unwrap().trade_id, first, "seed {seed} begins elsewhere");
    let mut next = first;
    for (trade, _, missed) in passed {
        assert_eq!((trade.first_id(), *missed), (next, 0), "seed {seed}");
        let at = usize::try_from(trade.first_id() - real[0].trade_id).unwrap();
        let parts = &real[at..at + trade.count as usize];
        assert_eq!(parts[0].trade_id, next, "seed {seed}");
        let size: i64 = parts.iter().map(|fill| fill.sz().rescale(4).unwrap().mantissa()).sum();
        assert_eq!(trade.sz().rescale(4).unwrap().mantissa(), size, "seed {seed}");
        for fill in parts {
            assert_eq!((fill.px(), fill.side()), (trade.px(), trade.side()), "seed {seed}");
            assert_eq!(fill.ts_event.as_millis(), trade.ts_event.as_millis(), "seed {seed}");
        }
        next = trade.trade_id + 1;
    }
    passed.iter().filter(|(_, origin, _)| *origin == Origin::History).count()
}

/// Runs every fourth seed.
#[expect(clippy::print_stdout, reason = "what a run has done")]
fn run_seeds(first: u64) {
    let (mut history, mut live, mut total) = (0, 0, JoinStats::default());
    for seed in (first..SEEDS).step_by(4) {
        let mut world = World::new(seed);
        let since = world.join.since();
        world.run();
        let from_history = check(&world, seed, since);
        (history, live) = (history + from_history, live + world.passed.len() - from_history);
        let stats = world.join.stats();
        total.gaps += stats.gaps;
        total.missing += stats.missing;
        total.unconfirmed += stats.unconfirmed;
        total.resets += stats.resets;
    }
    println!("{} runs: {live} live, {history} from history, {total:?}", SEEDS / 4);
    assert_eq!((total.missing, total.unconfirmed, total.resets), (0, 0, 0));
    assert!(total.gaps > SEEDS && live > 10_000 && history > 10_000);
}

// Four tests, so that they run at the same time: 2,000 runs in all.

#[test]
fn runs_under_faults_miss_nothing_double_nothing_and_keep_the_order_0() {
    run_seeds(0);
}

#[test]
fn runs_under_faults_miss_nothing_double_nothing_and_keep_the_order_1() {
    run_seeds(1);
}

#[test]
fn runs_under_faults_miss_nothing_double_nothing_and_keep_the_order_2() {
    run_seeds(2);
}

#[test]
fn runs_under_faults_miss_nothing_double_nothing_and_keep_the_order_3() {
    run_seeds(3);
}
