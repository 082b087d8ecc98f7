//! The cases, their rounds, and the output of the results.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::plot::plot;
use super::report::{Report, Row};
use super::run::{Case, Pace, Seen, run as run_case};
use crate::certificate::LocalCertificate;
use crate::duration::parse_duration;
use crate::error::{CliError, Outcome};
use crate::exchange::demo_listings;
use crate::output::Output;
use crate::progress::{Progress, Share};
use crate::run_facts::RunFacts;
use okx_feed::client::{ThreadOptions, TransportKind};
use okx_feed::{Channel, Dialect, Subscription};

/// The arguments of `bench --socket`.
#[derive(Args, Debug)]
pub(in crate::bench) struct SocketArgs {
    /// Measure from a socket to the book instead, over ws:// and wss://, by both transports
    #[arg(long, conflicts_with_all = ["channel", "frames", "capture", "hdr"])]
    pub(in crate::bench) socket: bool,
    /// How often each case is run, both transports in turn; the table has the medians
    #[arg(long, value_name = "N", default_value_t = 3, requires = "socket",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    rounds: usize,
    /// How long frames are sent in each run that has a pace
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, default_value = "4s",
          requires = "socket")]
    span: Duration,
    /// How many frames are sent in each run without a pace
    #[arg(long, value_name = "N", default_value_t = 200_000, requires = "socket",
          value_parser = RangedU64ValueParser::<usize>::new().range(1_000..=10_000_000))]
    burst_frames: usize,
    /// Bind the client's thread to this core
    #[arg(long, value_name = "N", requires = "socket")]
    core: Option<usize>,
    /// Schedule the client's thread by SCHED_FIFO with this priority
    #[arg(long, value_name = "1-99", requires = "socket",
          value_parser = RangedU64ValueParser::<u8>::new().range(1..=99))]
    fifo: Option<u8>,
}

/// How many frames a burst has.
const BURST: usize = 64;

/// The rates of the cases with a pace, in frames a second.
const RATES: [u32; 2] = [2_000, 80];

/// The transports, the better one first: the table has its ratio to the other.
const TRANSPORTS: &[(&str, TransportKind)] = &[
    #[cfg(unix)]
    ("direct", TransportKind::Direct),
    ("tokio", TransportKind::Tokio),
];

/// Runs all cases.
///
/// # Errors
/// If a run fails, or a file or standard output does not take the results.
pub(in crate::bench) fn run(
    args: &SocketArgs,
    dialect: Dialect,
    seed: u64,
    json: bool,
    plot_to: Option<(&PathBuf, bool)>,
) -> Result<Outcome, CliError> {
    let facts = RunFacts::collect();
    let subscription = subscription(dialect)?;
    let mut thread = ThreadOptions::default();
    (thread.core, thread.fifo_priority) = (args.core, args.fifo);
    let tls = LocalCertificate::new().map_err(CliError::Start)?;
    let mut progress = Progress::start("bench");
    let cases: Vec<_> =
        ["wss", "ws"].iter().flat_map(|scheme| paces(args).map(move |p| (*scheme, p))).collect();
    let all = (cases.len() * args.rounds * TRANSPORTS.len()) as u64;
    let (mut rows, mut done) = (Vec::new(), 0);
    for (scheme, (name, pace, count)) in cases {
        let mut rounds: Vec<Vec<Seen>> = vec![Vec::new(); TRANSPORTS.len()];
        for _ in 0..args.rounds {
            for ((transport, kind), seen) in TRANSPORTS.iter().zip(&mut rounds) {
                progress.at(Share { done, of: all }, || format!("{scheme} {name} {transport}"));
                seen.push(run_case(&Case {
                    subscription,
                    seed,
                    tls: (scheme == "wss").then_some(&tls),
                    pace,
                    count,
                    transport: *kind,
                    busy_poll: true,
                    thread: &thread,
                })?);
                done += 1;
            }
        }
        let names = TRANSPORTS.iter().map(|(name, _)| *name).zip(rounds);
        rows.push(Row::new(format!("{scheme} {name}"), pace, names));
    }
    drop(progress);
    let title = format!("{dialect}, {subscription}, seed {seed}");
    let report = Report { facts, title, rounds: args.rounds, rows };
    if let Some((path, as_page)) = plot_to {
        let saved = File::create(path)
            .and_then(|mut file| file.write_all(plot(&report, as_page).as_bytes()));
        saved.map_err(|source| CliError::Save { path: path.clone(), source })?;
    }
    let mut out = Output::stdout();
    match json {
        true => out.line(format_args!("{}", report.json())),
        false => out.line(format_args!("{report}")),
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// The name of each pace, and how many frames are sent at it.
fn paces(args: &SocketArgs) -> impl Iterator<Item = (String, Pace, usize)> + use<> {
    let (span, burst) = (args.span, args.burst_frames);
    let bursts = Pace { burst: BURST, every: Duration::ZERO };
    let paced = RATES.map(|rate| {
        let every = Duration::from_secs(1) / rate;
        let count = span.as_nanos() / every.as_nanos().max(1);
        let count = usize::try_from(count).unwrap_or(usize::MAX).clamp(20, 10_000_000);
        (format!("{rate}/s"), Pace { burst: 1, every }, count)
    });
    std::iter::once(("burst".to_owned(), bursts, burst)).chain(paced)
}

/// The five-level book of the first instrument of the embedded exchange.
pub(super) fn subscription(dialect: Dialect) -> Result<Subscription, CliError> {
    let listings = demo_listings(dialect, 1);
    let listing = listings.first().ok_or_else(|| CliError::NotPushed { channel: "book".into() })?;
    match dialect {
        Dialect::V3 => Subscription::v3(listing.market(), Channel::Depth5, *listing.inst_id()),
        Dialect::V5 => Subscription::v5(Channel::Books5, *listing.inst_id()),
    }
    .map_err(CliError::Channel)
}
