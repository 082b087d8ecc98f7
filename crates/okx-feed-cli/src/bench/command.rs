//! The command: arguments, the run, the output of its results.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::clock::{CycleClock, pin};
use super::export::{json, write_hdr};
use super::frames::Frames;
use super::instructions;
use super::measure::measure;
use super::plot::plot;
use super::report::Report;
use super::socket::{self, SocketArgs};
use crate::args::{DialectArg, Format, ProtocolArg};
use crate::error::{CliError, Outcome, say, shown};
use crate::exchange::demo_listings;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::run_facts::RunFacts;
use okx_feed::model::ChannelKind;
use okx_feed::{Channel, Dialect, Subscription};

/// The arguments of `bench`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct BenchArgs {
    /// The protocol
    #[arg(long, value_enum, default_value = "v5")]
    dialect: DialectArg,
    /// The channel: depth5 or trade of v3; books5, bbo-tbt, trades or trades-all of v5. Default:
    /// the five-level book
    #[arg(long, value_name = "NAME", conflicts_with = "capture")]
    channel: Option<String>,
    /// How many frames are timed
    #[arg(long, value_name = "N", default_value_t = 20_000, conflicts_with = "capture",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000_000))]
    frames: usize,
    /// Fixes the market: the same seed gives the same frames
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "capture")]
    seed: u64,
    /// Time the frames of a capture instead, as `okx-feed decode` reads them; `-` is standard input
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// How the capture is written; default: by its name, .jsonl or .tsv; jsonl for `-`
    #[arg(long = "form", alias = "format", value_name = "FORM", value_enum, requires = "capture")]
    format: Option<Format>,
    /// Write all times as an HDR histogram log
    #[arg(long, value_name = "FILE")]
    hdr: Option<PathBuf>,
    /// Draw the times: .svg, or .html for a page
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Run one stage for a tool that counts instructions; see `.ci/instructions`
    #[arg(long, value_name = "STAGE", hide = true)]
    count_stage: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
}

const AFTER_HELP: &str = "\
Measures the time from a frame to the published book on this machine, for each frame alone, with the
processor's cycle counter. Prints p50, p90, p99, p99.9, p99.99 and the maximum: of each stage, of
the whole path, and of the whole path with 256 KB or 4 MB read between two frames, which evicts it
from the caches. The frames come from the embedded exchange or from a capture, and are made before
anything is timed. Those of the exchange are 1024 different ones in turn. Each is copied into one
buffer first, as a socket does. The thread is bound to one core if the system allows it. The cost of
a measurement is subtracted, and shown.

The time begins with the bytes of a frame in memory and ends when the book is published to other
threads. It does not include the network, the kernel and the WebSocket library; `okx-feed demo` has
a socket and a rate.

A virtual machine's core may be one of two hardware threads of a real core, and another machine may
use the other one. \"core to itself\" selects the frames of the row above around which memory reads
took their usual time, so that the other thread was idle. \"count\" in --json is their number.

Coordinated omission: frames are processed one after the other and each is timed alone, so a slow
frame can't delay the start of another measurement, and none is left out. There is no queue. The
result is the cost of a frame, not its waiting time behind others at some rate.

With --socket it measures from a socket instead: a server on a thread of its own sends the frames of
the five-level book over ws:// and wss://, in bursts of 64 as fast as the client reads, 2,000 and 80
a second. The client busy-polls, by the direct transport and by tokio in turn. The table has frames
a second, processor time and allocations a frame, and the times from the write of a frame, from the
kernel's receive stamp and from the read to the return of the sink. It needs two cores to itself.

Stages: inflate (v3), parse (text to event), apply (find the subscription, replace its book),
publish (write the book for readers on other threads).

Exit code: 0 when all frames were well-formed, and when a signal ended it; 1 when a frame of a
capture was malformed, and when its messages are of the other dialect; 2 for wrong usage and failed
I/O.

Examples:
  okx-feed bench                                         v5 books5
  okx-feed bench --dialect v3 --channel depth5 --plot depth5.svg
  okx-feed bench --channel trades --frames 1000000 --hdr trades.hlog
  okx-feed bench --dialect v3 --capture session.tsv --json
  okx-feed bench --socket --rounds 9 --plot socket.svg
  zcat session.tsv.gz | okx-feed bench --dialect v3 --capture - --form tsv";

/// Runs the benchmark.
///
/// # Errors
/// If there are no frames, or a file or standard output does not take the results.
pub(crate) fn run(args: &BenchArgs) -> Result<Outcome, CliError> {
    if let Some(stage) = &args.count_stage {
        let counted = instructions::count(stage, args.frames);
        let counted =
            counted.map_err(|error| CliError::Start(io::Error::other(error.to_string())))?;
        let mut out = Output::stdout();
        out.line(format_args!("{counted}"));
        out.flush()?;
        return Ok(Outcome::Clean);
    }
    let ending = Interrupt::end_program("okx-feed bench: ended before it had a result");
    let ending = ending.map_err(CliError::Start)?;
    let dialect = Dialect::from(args.dialect);
    let as_page = args.plot.as_deref().map(is_page).transpose()?;
    // A folder that is not there costs no measurement.
    for path in args.plot.iter().chain(&args.hdr) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            let save = |source| CliError::Save { path: path.clone(), source };
            std::fs::metadata(folder).map_err(save)?;
        }
    }
    if args.socket.socket {
        let plot_to = args.plot.as_ref().zip(as_page);
        return socket::run(&args.socket, dialect, args.seed, args.json, plot_to);
    }
    let (frames, source) = match &args.capture {
        Some(path) => (Frames::captured(path, args.format, dialect)?, shown(path)),
        None => {
            let subscription = subscription(dialect, args.channel.as_deref())?;
            let frames = Frames::simulated(subscription, args.frames, args.seed)?;
            (frames, format!("{subscription}, seed {}", args.seed))
        }
    };
    if let Some(other) = frames.other_dialect {
        let name = other.name();
        say(format_args!("okx-feed bench: the messages are of {name}{}", hint(other)));
        return Ok(Outcome::Malformed);
    }
    // Before the thread is bound to one of its cores.
    let facts = RunFacts::collect();
    let core = pin();
    let clock = CycleClock::start();
    let rows =
        measure(&clock, &frames).map_err(|error| CliError::Start(io::Error::other(error)))?;
    // The results are written whole.
    drop(ending);
    let report = Report::new(facts, (&frames, source), core, &clock, rows);
    if let Some(path) = &args.hdr {
        save(path, |file| write_hdr(&report, file))?;
    }
    if let (Some(path), Some(as_page)) = (&args.plot, as_page) {
        save(path, |file| file.write_all(plot(&report, as_page).as_bytes()))?;
    }
    let mut out = Output::stdout();
    match args.json {
        true => out.line(format_args!("{}", json(&report))),
        false => out.line(format_args!("{report}")),
    }
    out.flush()?;
    Ok(if frames.malformed == 0 { Outcome::Clean } else { Outcome::Malformed })
}

/// What to do about messages of another protocol.
fn hint(other: ProtocolArg) -> &'static str {
    match other {
        ProtocolArg::V3 => "; add --dialect v3",
        ProtocolArg::V5 => "; add --dialect v5",
        ProtocolArg::Sbe => ", which is not timed",
    }
}

/// The channel of the first instrument of the embedded exchange.
fn subscription(dialect: Dialect, name: Option<&str>) -> Result<Subscription, CliError> {
    let default = match dialect {
        Dialect::V3 => Channel::Depth5,
        Dialect::V5 => Channel::Books5,
    };
    let name = name.unwrap_or_else(|| default.name());
    let unknown = || {
        let channel = name.to_owned();
        let other = match dialect {
            Dialect::V3 => Dialect::V5,
            Dialect::V5 => Dialect::V3,
        };
        match Channel::from_name(other, name.as_bytes()).is_some_and(is_timed) {
            true => CliError::OtherDialect { channel, dialect: other },
            false => CliError::NotTimed { channel, dialect },
        }
    };
    let listings = demo_listings(dialect, 1);
    let listing = listings.first().ok_or_else(unknown)?;
    let channel = Channel::from_name(dialect, name.as_bytes()).filter(|channel| is_timed(*channel));
    let channel = channel.ok_or_else(unknown)?;
    match dialect {
        Dialect::V3 => Subscription::v3(listing.market(), channel, *listing.inst_id()),
        Dialect::V5 => Subscription::v5(channel, *listing.inst_id()),
    }
    .map_err(CliError::Channel)
}

/// Whether a channel's frames are timed: those of order books take as long as their history says.
const fn is_timed(channel: Channel) -> bool {
    !matches!(channel.kind(), ChannelKind::Depth)
}

/// Whether the name of a plot asks for a page.
fn is_page(path: &Path) -> Result<bool, CliError> {
    let extension = path.extension().unwrap_or_default();
    let named = |name| extension.eq_ignore_ascii_case(name);
    match (named("svg"), named("html") || named("htm")) {
        (true, _) => Ok(false),
        (_, true) => Ok(true),
        _ => Err(CliError::PlotName { path: path.to_owned() }),
    }
}

fn save(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), CliError> {
    let saved = File::create(path).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush()
    });
    saved.map_err(|source| CliError::Save { path: path.to_owned(), source })
}
