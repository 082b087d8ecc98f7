//! The command: arguments, the run, the view of it.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::own_pace::{self, OwnPace};
use super::report::Report;
use crate::args::DialectArg;
use crate::duration::parse_duration;
use crate::error::{CliError, Outcome};
use crate::exchange::{self, MAX_INSTRUMENTS};
use crate::interrupt::Interrupt;
use crate::monitor::{Monitor, Reader};
use crate::output::Output;
use crate::progress::{Progress, Share};
use crate::report::percentiles;
use crate::run_facts::RunFacts;
use crate::view::{DRAW_EVERY, Header, LiveView};
use okx_feed::sim::{Listing, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{Client, Dialect, Subscription};

/// The arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArgs {
    /// How long to run: 500ms, 10s, 2m
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, default_value = "10s",
          allow_hyphen_values = true)]
    duration: Duration,
    /// The protocol
    #[arg(long, value_enum, default_value_t = Self::default().dialect)]
    dialect: DialectArg,
    /// How many instruments are subscribed, book and trades of each
    #[arg(long, value_name = "N", default_value_t = Self::default().instruments,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_INSTRUMENTS))]
    instruments: usize,
    /// Orders, cancels and takers a second over all instruments; each that changes the five best
    /// levels or trades is pushed at once
    #[arg(long, value_name = "EVENTS", default_value_t = Self::default().rate)]
    rate: u32,
    /// Fixes the market: the same seed gives the same orders
    #[arg(long, value_name = "N", default_value_t = Self::default().seed)]
    seed: u64,
    /// Never sleep while connected: a core of its own for shorter latencies
    #[arg(long, alias = "busy")]
    busy_poll: bool,
    /// Print one JSON object instead of lines and a table
    #[arg(long)]
    json: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(10),
            dialect: DialectArg::V5,
            instruments: 4,
            rate: 2_000,
            seed: 1,
            busy_poll: false,
            json: false,
        }
    }
}

const AFTER_HELP: &str = "\
Starts an exchange on a loopback port, connects the client to it over a real socket, shows a
five-level book and the trades as they come, and ends with a table: the program and the machine,
frames, events, errors, and the latency from the receipt of a frame to the book that it changed
(p50, p99, p99.9, maximum). No network is needed.

The market is much busier than the exchange's own pushes are. So two short runs follow at the
exchange's own pace, without and with --busy-poll, and the table has their latencies too. Each takes
half of --duration, and at most 3 s.

On a terminal the state is drawn in place: the arrow keys choose an instrument, the space bar
pauses, `q` or Ctrl-C ends it early, with the table so far. Elsewhere it prints one line a second
and then the table, or with --json one object at the end.

Exit code: 0 when frames came, 2 when none did and for wrong usage.

Examples:
  okx-feed                                                 the same as `okx-feed demo`
  okx-feed demo --dialect v3 --instruments 1               futures/depth5:BTC-USD-190517
  okx-feed demo --instruments 1000 --rate 20000 --duration 1m
  okx-feed demo --busy-poll                                latencies of a client that never sleeps
  okx-feed demo --duration 2s --json | jq .latency_ns";

/// How often a line is printed if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Runs the demonstration.
///
/// # Errors
/// If no port or thread is available, if no frame was received, or if writing to standard output
/// failed.
pub(crate) fn run(args: &DemoArgs) -> Result<Outcome, CliError> {
    let dialect = Dialect::from(args.dialect);
    let listings = exchange::demo_listings(dialect, args.instruments);
    let channels = listings.iter().map(|listing| exchange::channels(dialect, listing));
    let subscriptions = channels.collect::<Result<Vec<_>, _>>().map_err(CliError::Channel)?;
    let subscriptions = subscriptions.concat();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;
    let report = runtime.block_on(async {
        let (mut report, is_whole) = show(args, &listings, &subscriptions, &mut interrupt).await?;
        if is_whole && report.stats.feed.frames > 0 {
            report.own_pace = own_paces(args, &listings, &subscriptions, &mut interrupt).await?;
        }
        Ok::<_, CliError>(report)
    })?;
    let mut out = Output::stdout();
    match args.json {
        true => out.line(format_args!("{}", report.json())),
        false => out.line(format_args!("{report}")),
    }
    out.flush()?;
    if report.stats.feed.frames == 0 {
        return Err(CliError::NoFrames { loss: report.stats.last_loss });
    }
    Ok(Outcome::Clean)
}

/// The main run, and whether it ran to its end.
async fn show(
    args: &DemoArgs,
    listings: &[Listing],
    subscriptions: &[Subscription],
    interrupt: &mut Interrupt,
) -> Result<(Report, bool), CliError> {
    let dialect = Dialect::from(args.dialect);
    let config = exchange::config(listings.to_vec(), args.rate, args.seed, true);
    let exchange = ServerThread::start("127.0.0.1:0", config).map_err(CliError::Start)?;
    let url = exchange.url(exchange::endpoint(dialect));
    let builder = Client::builder(dialect).url(url.as_str()).proxy(Proxy::Direct);
    let builder = builder.subscriptions(subscriptions.to_vec());
    let builder = if args.busy_poll { builder.busy_poll() } else { builder };
    let mut monitor = Monitor::new(builder.spawn()?, subscriptions, false)?;
    let events_before = exchange.inspect(|exchange| exchange.market().events());
    let duration = Some(args.duration);
    let header = Header { command: "demo", dialect, url: &url, duration, depth: None };
    let is_whole = follow(&mut monitor, &header, args.json, interrupt).await?;
    let market_events = exchange.inspect(|exchange| exchange.market().events()) - events_before;
    let elapsed = monitor.elapsed();
    let stats = monitor.fetch()?.clone();
    monitor.stop();
    drop(exchange);
    let report = Report {
        facts: RunFacts::collect(),
        dialect,
        url,
        instruments: args.instruments,
        seed: args.seed,
        busy_poll: args.busy_poll,
        rate_asked: args.rate,
        market_events,
        elapsed,
        stats,
        own_pace: Vec::new(),
    };
    Ok((report, is_whole))
}

/// The runs at the exchange's own pace: of a blocking client, and of one that busy-polls.
async fn own_paces(
    args: &DemoArgs,
    listings: &[Listing],
    subscriptions: &[Subscription],
    interrupt: &mut Interrupt,
) -> Result<Vec<OwnPace>, CliError> {
    let span = own_pace::span(args.duration);
    let mut progress = Progress::start("demo");
    let mut runs = Vec::new();
    for (done, busy_poll) in [false, true].into_iter().enumerate() {
        progress.at(Share { done: done as u64, of: 2 }, || "at the exchange's own pace");
        let market = (Dialect::from(args.dialect), listings);
        let (seed, mode) = (args.seed, (busy_poll, span));
        match own_pace::measure(market, subscriptions, seed, mode, interrupt).await? {
            Some(run) => runs.push(run),
            None => break,
        }
    }
    Ok(runs)
}

/// Shows the client's state until the time is over or the user ends it. Returns whether the time is
/// over.
async fn follow(
    monitor: &mut Monitor,
    header: &Header<'_>,
    json: bool,
    interrupt: &mut Interrupt,
) -> Result<bool, CliError> {
    let mut view = if json { None } else { LiveView::open_if_terminal() };
    let mut ticks = interval(if view.is_some() { DRAW_EVERY } else { LINE_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = std::pin::pin!(sleep(header.duration.unwrap_or(Duration::MAX)));
    loop {
        tokio::select! {
            biased;
            () = interrupt.wait() => return Ok(false),
            _ = ticks.tick() => {}
            () = &mut end => return Ok(true),
        }
        monitor.refresh()?;
        match &mut view {
            Some(view) => {
                if !view.refresh(monitor, header, &[]) {
                    return Ok(false);
                }
            }
            None if json => {}
            None => print_line(monitor)?,
        }
    }
}

/// One line about the state: the first book, the frames and their latency.
fn print_line(monitor: &Monitor) -> Result<(), CliError> {
    let elapsed = monitor.elapsed();
    if elapsed < LINE_EVERY / 2 {
        // The first tick is the start: there is nothing to print yet.
        return Ok(());
    }
    let mut out = Output::stdout();
    let first = monitor.channels().iter().find_map(|watched| match &watched.reader {
        Reader::Book(reader) => Some((watched.subscription, reader.value())),
        _ => None,
    });
    let mut text = format!("{:>5.1} s", elapsed.as_secs_f64());
    if let Some((subscription, book)) = first {
        let top = book.top().map(|(ask, bid)| {
            format!("bid {} x {}  ask {} x {}", bid.px(), bid.sz(), ask.px(), ask.sz())
        });
        let top = top.unwrap_or_else(|| "no book yet".to_owned());
        text = format!("{text}  {subscription}  {top}");
    }
    text = format!("{text}  {} frames/s", monitor.frames_per_sec());
    for (name, value) in percentiles(&monitor.stats().latency).take(2) {
        if let Some(value) = value {
            text = format!("{text}  {name} {value}");
        }
    }
    let (open, all) = monitor.connections();
    if open < all {
        text = format!("{text}  {open} of {all} connections");
    }
    out.line(format_args!("{text}"));
    out.flush()
}
