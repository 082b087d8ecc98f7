//! The join of history and live trades: thousands of seeded runs under faults, and by example.

use std::time::Duration;

use okx_feed::model::Origin;
use okx_feed::rest::join::{JoinStats, TradeJoin};
use okx_feed::sim::{Endpoint, Exchange, ExchangeConfig, Listing, MarketConfig};
use okx_feed::{
    Arbiter, Decimal, Event, EventSink, InstrumentId, Market, MonoNanos, Side, Subscription, Trade,
    UnixNanos,
};

use crate::world::{Line, MS, Rest};

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

fn trade(last: u64, count: u32, ms: u64) -> Trade {
    let one = Decimal::from(1);
    let mut trade = Trade::new(Side::Buy, one, one);
    (trade.trade_id, trade.count) = (last, count);
    trade.ts_event = UnixNanos::from_millis(ms).unwrap();
    trade
}

fn rows(ids: impl IntoIterator<Item = u64>) -> String {
    let row = |id: u64| {
        format!(r#"{{"tradeId":"{id}","px":"1","sz":"1","side":"buy","ts":"{}"}}"#, 1_000 + id)
    };
    format!("[{}]", ids.into_iter().map(row).collect::<Vec<_>>().join(","))
}

/// A join whose next id is 100, and what it passes on as (first id, last id, missing).
struct Example {
    join: TradeJoin,
    passed: Vec<(u64, u64, u64)>,
}

impl Example {
    fn new() -> Self {
        let inst_id = "BTC-USDT".parse().unwrap();
        let since = UnixNanos::from_millis(1_100).unwrap();
        let mut this = Self { join: TradeJoin::new(inst_id, since), passed: Vec::new() };
        this.reply([150, 149]);
        this.reply([99, 98]);
        assert!(this.join.next_request().is_none());
        this
    }

    fn reply(&mut self, ids: impl IntoIterator<Item = u64>) -> Duration {
        let request = self.join.next_request().expect("there is a request");
        let passed = &mut self.passed;
        let pass = &mut |trade: &Trade, _, missed| {
            passed.push((trade.first_id(), trade.trade_id, missed));
        };
        self.join.on_rows(&rows(ids), UnixNanos(1), pass).unwrap();
        request.pause
    }

    fn live(&mut self, trade: Trade) {
        let passed = &mut self.passed;
        let pass = &mut |trade: &Trade, _, missed| {
            passed.push((trade.first_id(), trade.trade_id, missed));
        };
        self.join.on_live(&trade, pass);
    }
}

#[test]
fn a_trade_that_was_passed_on_in_part_comes_from_history_to_its_end() {
    let mut join = Example::new();
    join.live(trade(101, 2, 1_101));
    // It overlaps with what was passed on: the rest of it is fetched.
    join.live(trade(104, 4, 1_104));
    assert_eq!(join.passed, [(100, 101, 0)]);
    join.reply([104, 103, 102]);
    assert_eq!(join.passed[1..], [(102, 102, 0), (103, 103, 0), (104, 104, 0)]);
    join.live(trade(105, 1, 1_105));
    assert_eq!(join.passed.last(), Some(&(105, 105, 0)));
}

#[test]
fn a_hole_of_the_exchange_is_counted_once_it_is_confirmed() {
    let mut join = Example::new();
    join.live(trade(103, 1, 1_103));
    let mut pauses = Vec::new();
    // The history has 100 and 102, never 101.
    for _ in 0..16 {
        pauses.push(join.reply([102, 100]));
        if join.passed.len() > 1 {
            break;
        }
    }
    assert_eq!(join.passed, [(100, 100, 0), (102, 102, 1), (103, 103, 0)]);
    assert!(pauses.iter().sum::<Duration>() > Duration::from_secs(30));
    assert_eq!(join.join.stats().missing, 1);
}

#[test]
fn a_trade_that_stands_alone_does_not_stop_the_sequence() {
    let mut join = Example::new();
    join.live(trade(1 << 60, 1, 1_101));
    for id in 100..120 {
        join.live(trade(id, 1, 1_000 + id));
    }
    assert_eq!(join.passed.len(), 20);
    for _ in 0..16 {
        join.reply([119, 118]);
        if join.join.held() == 0 {
            break;
        }
    }
    assert_eq!((join.join.held(), join.join.stats().unconfirmed), (0, 1));
    join.live(trade(120, 1, 1_120));
    assert_eq!(join.passed.last(), Some(&(120, 120, 0)));
}

#[test]
fn lower_ids_at_a_later_time_begin_a_new_sequence_once_they_are_confirmed() {
    let mut join = Example::new();
    join.live(trade(100, 1, 1_100));
    join.live(trade(7, 1, 1_200));
    join.live(trade(101, 1, 1_101));
    assert_eq!(join.passed, [(100, 100, 0), (101, 101, 0)]);
    join.live(trade(1, 1, 1_300));
    join.live(trade(3, 2, 1_301));
    assert_eq!(join.passed[2..], [(1, 1, 0), (2, 3, 0)]);
    // An old one that comes again is a duplicate.
    join.live(trade(3, 2, 1_301));
    assert_eq!((join.join.stats().resets, join.join.stats().duplicates), (1, 1));
}

#[test]
fn without_history_what_is_missing_is_counted_and_the_feed_goes_on() {
    let mut join = Example::new();
    join.live(trade(110, 1, 1_110));
    assert!(join.join.next_request().is_some());
    let passed = &mut join.passed;
    join.join.on_failure(&mut |trade: &Trade, _, missed| {
        passed.push((trade.first_id(), trade.trade_id, missed));
    });
    join.live(trade(111, 1, 1_111));
    assert_eq!(join.passed, [(110, 110, 10), (111, 111, 0)]);
    // The next gap is asked for again.
    join.live(trade(113, 1, 1_113));
    join.reply([112]);
    assert_eq!(join.passed[2..], [(112, 112, 0), (113, 113, 0)]);
    let _ = MS;
}

/// Replies with what can't be read until nothing is requested any more. Gives how often, and how
/// long that takes.
fn reply_unreadable(join: &mut TradeJoin, passed: &mut Vec<(u64, u64, u64)>) -> (u32, Duration) {
    let (mut count, mut paused) = (0, Duration::ZERO);
    while let Some(request) = join.next_request() {
        assert!(count < 1_000, "it is requested without an end");
        (count, paused) = (count + 1, paused + request.pause);
        let pass = &mut |trade: &Trade, _, missed| {
            passed.push((trade.first_id(), trade.trade_id, missed));
        };
        assert!(join.on_rows(r#"[{"tradeId":"x"}]"#, UnixNanos(1), pass).is_err());
    }
    (count, paused)
}

#[test]
fn a_page_that_can_never_be_read_is_a_gap_in_the_end() {
    let mut join = Example::new();
    join.live(trade(100, 1, 1_100));
    join.live(trade(110, 1, 1_110));
    let (count, paused) = reply_unreadable(&mut join.join, &mut join.passed);
    assert_eq!(count, 15);
    assert!((30..60).contains(&paused.as_secs()), "{paused:?}");
    assert_eq!(join.passed, [(100, 100, 0), (110, 110, 9)]);
    let stats = *join.join.stats();
    assert_eq!((stats.missing, stats.unreadable), (9, 1));
    // The next gap is asked for at once, and one reply that can be read counts anew.
    join.live(trade(112, 1, 1_112));
    assert_eq!(join.reply([111]), Duration::ZERO);
    assert_eq!(join.passed[2..], [(111, 111, 0), (112, 112, 0)]);
}

#[test]
fn trades_begin_with_the_first_live_one_where_no_history_can_be_read_or_there_is_none() {
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let since = UnixNanos::from_millis(1_000).unwrap();
    let new = || Example { join: TradeJoin::new(inst_id, since), passed: Vec::new() };
    let mut unreadable = new();
    let (count, paused) = reply_unreadable(&mut unreadable.join, &mut unreadable.passed);
    assert!(count == 15 && paused > Duration::from_secs(30), "{count} in {paused:?}");
    let mut failed = new();
    assert!(failed.join.next_request().is_some());
    failed.join.on_failure(&mut |_, _, _| {});
    // An instrument without any trade.
    let mut empty = new();
    for _ in 0..50 {
        let Some(_) = empty.join.next_request() else { break };
        empty.join.on_rows("[]", UnixNanos(1), &mut |_, _, _| {}).unwrap();
    }
    for mut join in [unreadable, failed, empty] {
        join.live(trade(7, 1, 1_100));
        join.live(trade(8, 1, 1_101));
        assert_eq!(join.passed, [(7, 7, 0), (8, 8, 0)]);
        assert_eq!(join.join.held(), 0);
    }
}
