//! Several connections: subscriptions spread over a pool, and redundant lines that fail.
#![cfg(all(feature = "client", feature = "sim"))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]
#![expect(clippy::indexing_slicing, reason = "a test fails where an index is wrong")]

use std::collections::HashSet;
use std::sync::mpsc::{self, Receiver};

use crate::config::quick;
use okx_feed::sim::{ExchangeConfig, FaultRule, Listing, PushIntervals, Server, ServerHandle};
use okx_feed::{BookState, Client, Dialect, Event, Subscription};
use okx_feed_testkit::wait::wait_for;

async fn exchange(events_per_sec: u32, listings: usize) -> ServerHandle {
    let mut config =
        ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    config.market.events_per_sec = events_per_sec;
    config.market.listings = Listing::generate(listings);
    config.market.depth = 40;
    // Where the machine is too slow for all clients, none is cut off for it: what lines do is
    // tested here, and a reference that loses its connection would be no truth.
    config.limits.queue = usize::MAX;
    Server::bind("127.0.0.1:0", config).await.unwrap().spawn()
}

fn path(dialect: Dialect) -> &'static str {
    if dialect == Dialect::V3 { "/ws/v3" } else { "/ws/v5/public" }
}

fn channels(dialect: Dialect) -> [&'static str; 3] {
    match dialect {
        Dialect::V3 => {
            ["spot/trade:BTC-USDT", "spot/depth5:BTC-USDT", "spot/depth_l2_tbt:BTC-USDT"]
        }
        Dialect::V5 => ["trades:BTC-USDT", "books5:BTC-USDT", "books:BTC-USDT"],
    }
}

/// Waits until both lines have received an event from after this call. Until then the older line
/// may still have undelivered events from before the subscription of the younger one. If it died,
/// they would be lost.
async fn caught_up(client: &Client, server: &ServerHandle) {
    let at = server.inspect(|exchange| exchange.market().wall(exchange.now()));
    wait_for(|| {
        let stats = client.stats().unwrap();
        stats.connections.iter().all(|line| line.ts_event > at).then_some(())
    })
    .await;
}

/// An event of a sink: the number of a trade, or a change of state.
type Seen = Result<u64, (Subscription, BookState)>;

fn spawn(url: &str, dialect: Dialect, lines: usize) -> (Client, Receiver<Seen>) {
    let (sender, receiver) = mpsc::channel();
    let mut client = crate::over::builder(dialect).url(url).redundancy(lines).configure(quick);
    // Neither is a book stale where everything runs seconds behind.
    client = client.configure(|config| config.age_limit = None);
    for channel in channels(dialect) {
        client = client.subscribe(channel);
    }
    let sink = move |event: &Event<'_>| match event {
        Event::Trade(update) => drop(sender.send(Ok(update.trade.trade_id))),
        Event::State(change) => drop(sender.send(Err((*change.subscription, change.to)))),
        _ => {}
    };
    (client.on_event(sink).spawn().unwrap(), receiver)
}

async fn all_live(client: &Client) {
    let live = |s: &Subscription| client.state(s).is_some_and(BookState::is_live);
    wait_for(|| client.subscriptions().iter().all(live).then_some(())).await;
}

/// The trades between two numbers, and every state that was reported.
fn sort_out(seen: &Receiver<Seen>, from: u64, to: u64) -> (Vec<u64>, Vec<BookState>) {
    let (mut trades, mut states) = (Vec::new(), Vec::new());
    for event in seen.try_iter() {
        match event {
            Ok(id) if (from + 1..=to).contains(&id) => trades.push(id),
            Ok(_) => {}
            Err((_, state)) => states.push(state),
        }
    }
    (trades, states)
}

/// Asserts that a strategy has seen each trade of an undisturbed client once, and no change of
/// state before the end.
fn nothing_was_seen(seen: &Receiver<Seen>, untouched: &Receiver<Seen>, from: u64, to: u64) {
    let truth: HashSet<u64> = sort_out(untouched, from, to).0.into_iter().collect();
    let (trades, mut states) = sort_out(seen, from, to);
    let unique: HashSet<u64> = trades.iter().copied().collect();
    assert_eq!(unique.len(), trades.len(), "a trade was doubled");
    let missed: Vec<_> = truth.difference(&unique).collect();
    let made_up: Vec<_> = unique.difference(&truth).collect();
    assert!(missed.is_empty() && made_up.is_empty(), "missed {missed:?}, made up {made_up:?}");
    assert!(truth.len() > 10, "{} of {from} to {to}", truth.len());
    states.retain(|to| !matches!(to, BookState::Down(_)));
    assert_eq!(states, [], "the strategy saw a connection end");
}

/// The last trade that a client knows, once another knows it too.
async fn last_of_both(client: &Client, reference: &Client, from: u64) -> u64 {
    let newer = || client.trades().last().map(|t| t.trade_id).filter(|id| *id > from);
    let last = wait_for(newer).await;
    wait_for(|| reference.trades().last().filter(|trade| trade.trade_id >= last).map(|_| ())).await;
    last
}

/// The number of kills: enough for each fault on each line. A round takes one to two seconds.
fn rounds() -> u64 {
    let chosen = std::env::var("OKX_FEED_LINE_DEATHS");
    chosen.ok().and_then(|text| text.parse().ok()).unwrap_or(16)
}

/// Kills either line again and again, and compares what the sink saw with what a client saw whose
/// connection was not touched.
async fn lines_die(dialect: Dialect) {
    let server = exchange(1200, 1).await;
    let url = format!("ws://{}{}", server.local_addr(), path(dialect));
    let (reference, untouched) = spawn(&url, dialect, 1);
    all_live(&reference).await;
    let spared = server.inspect(okx_feed::sim::Exchange::ids);
    let (client, seen) = spawn(&url, dialect, 2);
    let both = |n: u64| {
        let stats = client.stats().unwrap();
        let well = stats.connections.iter().all(|line| line.connected && line.live == 3);
        (well && stats.connects >= n && stats.lines.len() == 2).then_some(stats)
    };
    all_live(&client).await;
    wait_for(|| both(2)).await;
    caught_up(&client, &server).await;
    let from = seen.try_iter().filter_map(Result::ok).max().unwrap_or_default();
    for round in 0..rounds() {
        let rule: FaultRule = ["drop", "rst", "close:code=4005", "badframe"]
            [usize::try_from(round % 4).unwrap()]
        .parse()
        .unwrap();
        let killed = server.intervene(|exchange, now| {
            let mut ids = exchange.ids();
            ids.retain(|id| !spared.contains(id));
            ids.sort_unstable();
            let victim = ids.get(usize::try_from(round / 3 % 2).unwrap()).copied();
            victim.map(|id| exchange.inject(id, &rule, now))
        });
        assert!(killed.is_some());
        // The other line is ready before it is its turn: one at a time, as the promise is.
        wait_for(|| both(3 + round)).await;
        wait_for(|| server.inspect(|exchange| (exchange.connections() == 3).then_some(()))).await;
        caught_up(&client, &server).await;
    }
    let stats = client.stats().unwrap();
    assert!(
        stats.losses >= rounds() && stats.lines.iter().all(|line| line.accepted > 0),
        "{stats:?}"
    );
    assert!(stats.lines.iter().all(|line| line.duplicates > 0 && line.lag_us.max() > 0));
    let last = last_of_both(&client, &reference, from).await;
    let report = client.stop();
    assert_eq!((report.open, report.closed_properly, report.dropped), (2, 2, 0));
    let losses = reference.stats().unwrap().losses;
    assert_eq!(losses, 0, "the reference has lost its connection");
    reference.stop();
    server.shutdown().await;
    nothing_was_seen(&seen, &untouched, from, last);
}

/// Announces the end of every connection of a client twice, as before a service upgrade, and
/// compares the events of the sink with those of an undisturbed client.
async fn upgraded(lines: usize) {
    let dialect = Dialect::V5;
    let server = exchange(1200, 1).await;
    let url = format!("ws://{}{}", server.local_addr(), path(dialect));
    let (reference, untouched) = spawn(&url, dialect, 1);
    all_live(&reference).await;
    let spared = server.inspect(okx_feed::sim::Exchange::ids);
    let (client, seen) = spawn(&url, dialect, lines);
    all_live(&client).await;
    wait_for(|| client.stats().unwrap().connections.iter().all(|l| l.live == 3).then_some(()))
        .await;
    caught_up(&client, &server).await;
    let reader = client.book_reader(&"books:BTC-USDT".parse().unwrap()).unwrap();
    let from = seen.try_iter().filter_map(Result::ok).max().unwrap_or_default();
    for round in 1..=2_u64 {
        let notice: FaultRule = "notice:after=20s".parse().unwrap();
        let mut old = server.inspect(okx_feed::sim::Exchange::ids);
        old.retain(|id| !spared.contains(id));
        assert_eq!(old.len(), lines);
        server.intervene(|exchange, now| {
            old.iter().for_each(|id| exchange.inject(*id, &notice, now));
        });
        // New connections replace the old ones, which end by themselves, before they would be
        // ended.
        wait_for(|| {
            let stats = client.stats().unwrap();
            let all = stats.connections.len() == lines && stats.connected;
            (all && stats.connects == (round + 1) * lines as u64).then_some(())
        })
        .await;
        let gone = |ids: &[_]| old.iter().all(|id| !ids.contains(id));
        wait_for(|| gone(&server.inspect(okx_feed::sim::Exchange::ids)).then_some(())).await;
        caught_up(&client, &server).await;
    }
    let stats = client.stats().unwrap();
    assert_eq!((stats.upgrades, stats.losses), (2 * lines as u64, 0));
    // Readers from before the upgrade continue.
    let seq = reader.live().unwrap().seq().unwrap();
    wait_for(|| reader.live().and_then(|book| book.seq()).filter(|now| *now > seq)).await;
    let last = last_of_both(&client, &reference, from).await;
    let report = client.stop();
    assert_eq!((report.open, report.closed_properly, report.dropped), (lines, lines, 0));
    assert_eq!(reader.snapshot().state, BookState::Down(okx_feed::DownReason::Stopped));
    let losses = reference.stats().unwrap().losses;
    assert_eq!(losses, 0, "the reference has lost its connection");
    reference.stop();
    server.shutdown().await;
    nothing_was_seen(&seen, &untouched, from, last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_upgrade_leaves_no_gap_on_one_line() {
    upgraded(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_upgrade_of_both_lines_leaves_no_gap() {
    upgraded(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v3_lines_end_and_no_update_is_missed_or_repeated() {
    lines_die(Dialect::V3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_lines_end_and_no_update_is_missed_or_repeated() {
    lines_die(Dialect::V5).await;
}

#[tokio::test]
async fn a_long_list_is_spread_over_a_pool_and_changes_while_it_runs() {
    let server = exchange(500, 40).await;
    let ids = Listing::generate(40);
    let name =
        |n: usize| -> Subscription { format!("books5:{}", ids[n].inst_id()).parse().unwrap() };
    let client = crate::over::builder(Dialect::V5)
        .url(format!("ws://{}/ws/v5/public", server.local_addr()))
        .subscriptions((0..30).map(name))
        .configure(quick)
        .configure(|config| config.max_subscriptions_per_connection = 8)
        .spawn()
        .unwrap();
    let all_live = |client: &Client, count: usize| {
        let all = client.subscriptions();
        let live = all.iter().filter(|s| client.state(s) == Some(BookState::Live)).count();
        (all.len() == count && live == count).then_some(())
    };
    wait_for(|| all_live(&client, 30)).await;
    assert_eq!(server.inspect(okx_feed::sim::Exchange::connections), 4);
    // Two more fit, the others need another connection.
    (30..40).for_each(|n| client.subscribe(name(n)).unwrap());
    wait_for(|| all_live(&client, 40)).await;
    let stats = client.stats().unwrap();
    assert_eq!((stats.connections.len(), stats.connects, stats.losses), (5, 5, 0));
    assert!(stats.connected && stats.lines.is_empty());
    (0..10).for_each(|n| client.unsubscribe(&name(n)).unwrap());
    wait_for(|| all_live(&client, 30)).await;
    // A channel that the exchange does not have is reported by name, and requested once.
    let nonsense: Subscription = "books5:NO-SUCH".parse().unwrap();
    client.subscribe(nonsense).unwrap();
    wait_for(|| (client.stats().unwrap().rejections == 1).then_some(())).await;
    assert_eq!(client.state(&nonsense), Some(BookState::Down(okx_feed::DownReason::Rejected)));
    let report = client.stop();
    assert_eq!((report.open, report.unanswered), (5, 0));
    server.shutdown().await;
}

/// Subscribes a book of each of a thousand instruments, with the exchange's own limits in force: it
/// closes a connection with too many subscriptions, and refuses requests that are too long.
async fn a_thousand_instruments(dialect: Dialect) {
    let server = exchange(500, 1000).await;
    let names = Listing::generate(1000).into_iter().map(|listing| match dialect {
        Dialect::V3 => format!("{}/depth5:{}", listing.market(), listing.inst_id()),
        Dialect::V5 => format!("books5:{}", listing.inst_id()),
    });
    let client = crate::over::builder(dialect)
        .url(format!("ws://{}{}", server.local_addr(), path(dialect)))
        .subscriptions(names.map(|name| name.parse().unwrap()))
        .spawn()
        .unwrap();
    all_live(&client).await;
    let stats = client.stats().unwrap();
    assert_eq!((stats.connections.len(), stats.connects, stats.losses), (10, 10, 0));
    assert_eq!((stats.rejections, stats.session.late_acks), (0, 0));
    assert!(stats.connections.iter().all(|one| one.ready && one.live == 100));
    // A hundred names fit in one request, or in two where there are 4 096 bytes.
    assert!(stats.session.requests <= 20, "{:?}", stats.session);
    // Ten connections are more than may be opened at once.
    assert!(stats.session.postponed > 0, "{:?}", stats.session);
    client.stop();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_v3_instruments_take_a_pool_within_the_limits() {
    a_thousand_instruments(Dialect::V3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_v5_instruments_take_a_pool_within_the_limits() {
    a_thousand_instruments(Dialect::V5).await;
}
