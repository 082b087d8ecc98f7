//! `okx-feed soak`: the client against the embedded exchange while everything goes wrong.
#![expect(clippy::disallowed_methods, reason = "a soak lasts as long as the clock says")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;

use super::error::{CliError, Outcome, say};
use super::exchange;
use crate::model::{BookState, Dialect, Level, Subscription, UnixNanos};
use crate::net::{Client, Clock};
use crate::sim::{Endpoint, Exchange, FaultKind, FaultRule, Listing, Server, ServerHandle};

/// The arguments of `soak`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SoakArgs {
    /// How long things go wrong
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    minutes: f64,
    /// Fixes the market and the order of the faults
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many instruments are subscribed, in each dialect
    #[arg(long, value_name = "N", default_value_t = 50)]
    instruments: usize,
    /// The time between two faults
    #[arg(long, value_name = "SPAN", default_value = "2s",
          value_parser = super::duration::parse_duration)]
    every: Duration,
}

const AFTER_HELP: &str = "\
Two clients, one of each dialect and each with two lines, follow an exchange inside of the program.
Every few seconds a fault happens to one of their connections. In the end the faults stop, and every
book must be live and the exchange's own.

Exit code: 0 when all was so, 1 when not, 2 for wrong usage.

Example:
  okx-feed soak --minutes 10 --seed 7";

/// What happens, in turn as the seed has it.
const RULES: [&str; 17] = [
    "drop",
    "rst",
    "halfopen",
    "stall:for=3s",
    "fragment",
    "badframe",
    "corrupt",
    "truncate",
    "giant",
    "noack",
    "close:code=4004",
    "close:code=1009",
    "notice:after=5s",
    "snapshot",
    "gap",
    "repeat",
    "reorder",
];

/// How long everything has to be well again once the faults have stopped.
const HEALING: Duration = Duration::from_secs(90);
/// The silence after which a book is stale, and how late that may be noticed.
const STALE: Duration = Duration::from_secs(65 + 2);

/// Soaks.
///
/// # Errors
/// Where exchange or client can't be started.
pub(crate) fn run(args: &SoakArgs) -> Result<Outcome, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    runtime.block_on(soak(args))
}

async fn soak(args: &SoakArgs) -> Result<Outcome, CliError> {
    let listings = Listing::generate(args.instruments.max(1));
    let config = exchange::config(listings.clone(), 2_000, args.seed, false);
    let server = Server::bind("127.0.0.1:0", config).await.map_err(CliError::Start)?.spawn();
    let clients = [
        start(&server, Endpoint::V3, &listings, args.seed)?,
        start(&server, Endpoint::V5Public, &listings, !args.seed)?,
    ];
    let mut random = fastrand::Rng::with_seed(args.seed);
    let mut injected: BTreeMap<FaultKind, u64> = BTreeMap::new();
    let mut clock = Clock::start();
    let mut too_old = 0;
    let (began, span) = (Instant::now(), Duration::from_secs_f64(args.minutes * 60.0));
    while began.elapsed() < span {
        tokio::time::sleep(args.every).await;
        let rule = random.choice(RULES).and_then(|rule| rule.parse::<FaultRule>().ok());
        let Some(rule) = rule else { continue };
        server.intervene(|exchange, now| {
            if let Some(id) = random.choice(exchange.ids()) {
                exchange.inject(id, &rule, now);
                *injected.entry(rule.kind()).or_default() += 1;
            }
        });
        too_old += clients.iter().map(|client| count_old(client, clock.now().1)).sum::<usize>();
    }
    let (wrong, healed) = heal(&server, &clients).await;
    report(&clients, &injected, wrong, too_old, healed);
    // The exchange is to answer meanwhile; a client that panicked has said so in the log.
    let _ = tokio::task::spawn_blocking(move || drop(clients)).await;
    server.shutdown().await;
    let clean = wrong == 0 && too_old == 0;
    Ok(if clean { Outcome::Clean } else { Outcome::Malformed })
}

fn start(
    server: &ServerHandle,
    endpoint: Endpoint,
    listings: &[Listing],
    seed: u64,
) -> Result<Client, CliError> {
    let names = listings.iter().flat_map(|l| {
        let (id, market) = (l.inst_id(), l.market());
        match endpoint.dialect() {
            Dialect::V3 => ["depth", "depth5", "trade"].map(|c| format!("{market}/{c}:{id}")),
            Dialect::V5 => ["books", "books5", "trades"].map(|c| format!("{c}:{id}")),
        }
    });
    let subscriptions = names.filter_map(|name| name.parse::<Subscription>().ok());
    let client = Client::builder(endpoint.dialect())
        .url(format!("ws://{}{}", server.local_addr(), endpoint.path()))
        .subscriptions(subscriptions)
        .lines(2)
        .configure(|config| config.seed = seed)
        .spawn()?;
    Ok(client)
}

/// The books that are live and older than they may be.
fn count_old(client: &Client, now: UnixNanos) -> usize {
    let views = client.subscriptions();
    let views = views.iter().filter_map(|s| Some(client.book_reader(s)?.view()));
    let old = |ts: UnixNanos| now.since(ts).is_some_and(|age| age > STALE);
    views.filter(|view| view.state.is_live() && old(view.book.ts_recv)).count()
}

/// Waits until every book is live and the exchange's own at one moment; how many never were.
async fn heal(server: &ServerHandle, clients: &[Client]) -> (usize, Duration) {
    let began = Instant::now();
    let mut waiting: Vec<(usize, Subscription)> = clients
        .iter()
        .enumerate()
        .flat_map(|(at, client)| client.subscriptions().into_iter().map(move |s| (at, s)))
        .collect();
    while !waiting.is_empty() && began.elapsed() < HEALING {
        tokio::time::sleep(Duration::from_millis(5)).await;
        server.inspect(|exchange| {
            waiting.retain(|(at, s)| !clients.get(*at).is_some_and(|c| is_own(c, s, exchange)));
        });
    }
    (waiting.len(), began.elapsed())
}

/// Whether a book is live and the exchange's own now.
fn is_own(client: &Client, subscription: &Subscription, exchange: &Exchange) -> bool {
    let Some(reader) = client.book_reader(subscription) else {
        return client.state(subscription) == Some(BookState::Live);
    };
    let (market, view) = (exchange.market(), reader.view());
    let truth = market.find(subscription.inst_id().as_str()).and_then(|i| market.book5(i));
    let same = |ours: &[Level], theirs: &[Level]| ours == theirs;
    truth.is_some_and(|truth| {
        let book = view.book;
        view.state.is_live() && same(book.asks(), truth.asks()) && same(book.bids(), truth.bids())
    })
}

fn report(
    clients: &[Client],
    injected: &BTreeMap<FaultKind, u64>,
    wrong: usize,
    too_old: usize,
    healed: Duration,
) {
    say(format_args!("faults injected:"));
    for (kind, count) in injected {
        say(format_args!("  {:10} {count}", kind.name()));
    }
    for stats in clients.iter().filter_map(|client| client.stats().ok()) {
        let us = &stats.recovery.any_us;
        say(format_args!(
            "client: {} losses, {} resyncs, {} malformed frames; {} times not live, p50 {} ms, \
             max {} ms",
            stats.losses,
            stats.session.resyncs,
            stats.feed.malformed(),
            us.len(),
            us.value_at_quantile(0.5) / 1000,
            us.max() / 1000,
        ));
        for (at, line) in stats.lines.iter().enumerate() {
            say(format_args!(
                "  line {at}: {} wins, {} copies, behind p50 {} us, p99 {} us",
                line.wins,
                line.copies,
                line.behind_us.value_at_quantile(0.5),
                line.behind_us.value_at_quantile(0.99),
            ));
        }
    }
    say(format_args!("books live and too old: {too_old}"));
    say(format_args!("books not the exchange's own {healed:.1?} after the last fault: {wrong}"));
}
