//! `okx-feed demo`: the whole road on one machine, from a socket to a ladder and its latencies.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::args::DialectArg;
use super::duration::parse_duration;
use super::error::{CliError, Outcome};
use super::exchange::{self, MAX_INSTRUMENTS};
use super::format::Counted;
use super::interrupt::Interrupt;
use super::monitor::{Monitor, Reader};
use super::output::Output;
use super::report::{Table, latencies};
use super::view::{DRAW_EVERY, Header, LiveView};
use crate::model::Dialect;
use crate::net::{Client, Proxy};
use crate::sim::ServerThread;

/// The arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArgs {
    /// How long to run: 500ms, 10s, 2m
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, default_value = "10s",
          allow_hyphen_values = true)]
    duration: Duration,
    /// The protocol that is spoken
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
    #[arg(long)]
    busy: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(10),
            dialect: DialectArg::V5,
            instruments: 4,
            rate: 2_000,
            seed: 1,
            busy: false,
        }
    }
}

const AFTER_HELP: &str = "\
Starts an exchange on a loopback port, connects the real client to it over a real socket, shows
a five-level ladder and the trades as they come, and ends with a table: frames, events, errors
and the time from the receipt of a frame to the book that it changed (p50, p99, p99.9, max), as
the client's own histogram has it. No network is needed.

On a terminal the view is drawn in place; `q` or Ctrl-C ends it early, with the table so far.
Piped, it prints one line a second and then the table.

Exit code: 0 when frames came, 2 when none did and for wrong usage.

Examples:
  okx-feed                                                 the same as `okx-feed demo`
  okx-feed demo --dialect v3 --instruments 1               futures/depth5:BTC-USD-190517
  okx-feed demo --instruments 1000 --rate 20000 --duration 1m
  okx-feed demo --busy                                     latencies of a client that never sleeps
  okx-feed demo --duration 2s | tail -3                    the latencies only";

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Runs the demonstration.
///
/// # Errors
/// Where no port or thread is to be had, nothing came, or standard output does not take the text.
pub(crate) fn run(args: &DemoArgs) -> Result<Outcome, CliError> {
    let dialect = Dialect::from(args.dialect);
    let listings = exchange::demo_listings(dialect, args.instruments);
    let channels = listings.iter().map(|listing| exchange::channels(dialect, listing));
    let subscriptions = channels.collect::<Result<Vec<_>, _>>().map_err(CliError::Channel)?;
    let subscriptions = subscriptions.concat();
    let config = exchange::config(listings, args.rate, args.seed, true);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;
    let exchange = ServerThread::start("127.0.0.1:0", config).map_err(CliError::Start)?;
    let url = exchange.url(exchange::endpoint(dialect));
    let builder = Client::builder(dialect).url(url.as_str()).proxy(Proxy::Direct);
    let builder = builder.subscriptions(subscriptions.clone());
    let builder = if args.busy { builder.busy() } else { builder };
    let mut monitor = Monitor::new(builder.spawn()?, &subscriptions)?;

    let header =
        Header { command: "demo", dialect, url: &url, duration: Some(args.duration), depth: None };
    runtime.block_on(follow(&mut monitor, &header, &mut interrupt))?;
    let elapsed = monitor.elapsed();
    let stats = monitor.fetch()?.clone();
    monitor.stop();
    drop(exchange);
    print_table(args, &url, &Table { stats: &stats, elapsed })?;
    if stats.feed.frames == 0 {
        return Err(CliError::NoFrames { loss: stats.last_loss });
    }
    Ok(Outcome::Clean)
}

fn print_table(args: &DemoArgs, url: &str, table: &Table<'_>) -> Result<(), CliError> {
    let instruments = Counted(args.instruments as u64, "instrument");
    let (rate, secs) = (args.rate, table.elapsed.as_secs_f64());
    let mut out = Output::stdout();
    out.line(format_args!(
        "okx-feed demo: {} over {url}, {secs:.1} s",
        Dialect::from(args.dialect)
    ));
    out.line(format_args!("{instruments}, {rate} market events/s, seed {}\n", args.seed));
    out.line(format_args!("{table}"));
    if table.stats.losses > 0 {
        let hint = "the exchange closes a connection that reads too slowly; this machine may be \
                    too slow or too busy: try a lower --rate";
        out.line(format_args!("\n  {hint}"));
    }
    out.flush()
}

/// Shows what the client has until the time is over or somebody has seen enough.
async fn follow(
    monitor: &mut Monitor,
    header: &Header<'_>,
    interrupt: &mut Interrupt,
) -> Result<(), CliError> {
    let mut view = LiveView::open_if_terminal();
    let mut ticks = interval(if view.is_some() { DRAW_EVERY } else { LINE_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = std::pin::pin!(sleep(header.duration.unwrap_or(Duration::MAX)));
    loop {
        tokio::select! {
            biased;
            () = interrupt.wait() => return Ok(()),
            _ = ticks.tick() => {}
            () = &mut end => return Ok(()),
        }
        monitor.refresh()?;
        match &mut view {
            Some(view) => {
                if !view.refresh(monitor, header, &[])? {
                    return Ok(());
                }
            }
            None => print_line(monitor)?,
        }
    }
}

/// One line of the state of things: the first book, the frames and their latency.
fn print_line(monitor: &Monitor) -> Result<(), CliError> {
    let elapsed = monitor.elapsed();
    if elapsed < LINE_EVERY / 2 {
        // The first tick is the start, where there is nothing to say.
        return Ok(());
    }
    let mut out = Output::stdout();
    let first = monitor.channels().iter().find_map(|watched| match &watched.reader {
        Reader::Book(reader) => Some((watched.subscription, reader.book())),
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
    let [(_, p50), (_, p99), ..] = latencies(monitor.stats());
    let rate = monitor.frames_per_sec();
    out.line(format_args!("{text}  {rate} frames/s  p50 {p50}  p99 {p99}"));
    out.flush()
}
