//! `okx-feed replay`: captures as if they were live.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};

use super::args::{Format, ProtocolArg, replay_of};
use super::error::{CliError, Outcome, say};
use super::event_line::write_line;
use super::format::{Bytes, Counted};
use super::instruments_file::read_codes;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::{Progress, Share};
use super::replay_outcome::outcome;
use super::report::unread_notes;
use super::time_arg::parse_time;
use okx_feed::model::InstrumentCodes;
use okx_feed::replay::{Lines, ReplayReport, Speed};
use okx_feed::{Book5, Dialect, Event, EventSink, UnixNanos};
use okx_feed_export::json::{Stamp, write_event, write_schema};

/// The arguments of `replay`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ReplayArgs {
    /// Play so many times as fast as recorded, 1 is the recorded pace; default: as fast as possible
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    speed: Option<f64>,
    /// Leave out what came before: 2026-11-30T08:00:00Z, or 1796025600s, ..ms, ..us, ..ns
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<UnixNanos>,
    /// Leave out what came from then on
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<UnixNanos>,
    /// Print events as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// With --json, begin with a line that names the version: {"schema":"okx-feed/1",..}
    #[arg(long, requires = "json")]
    schema: bool,
    /// Print nothing but the summary
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Show so many levels a side of each book
    #[arg(long, value_name = "N", default_value_t = Book5::LEVELS)]
    depth: usize,
    /// What becomes of redundant lines
    #[arg(long, value_enum, default_value_t = RedundantArg::Arbitrated)]
    redundant: RedundantArg,
    /// The protocol; needed where no file says it, and for SBE
    #[arg(long, value_enum)]
    dialect: Option<ProtocolArg>,
    /// With --dialect sbe: the ids of the instruments, as `GET /api/v5/public/instruments` answers;
    /// an instrument that is not in it stands as the digits of its code
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// The form of the lines of all files; default: by the name, or by the first line
    #[arg(long = "form", alias = "format", value_name = "FORM", value_enum)]
    format: Option<Format>,
    /// Play this channel alone, as the dialect's documents write it; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// The captures; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What becomes of redundant lines, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RedundantArg {
    /// Each update once, from the line that delivered it first, as a client does it
    Arbitrated,
    /// What each line has delivered
    Apart,
    /// The first line alone
    First,
}

const AFTER_HELP: &str = "\
Prints the events of captures as `okx-feed watch` prints those of the exchange: with --json the
objects of `watch --json`, \"ts_recv_ns\" as recorded. What `okx-feed record` has written gives the
events that its client had, exactly, the same on every machine.

Files are those of `okx-feed decode`. Several are merged by receive time: those of one recording
continue each other, every other file is a connection of its own. A frame that could not be decoded
is an event; so is what it costs.

Exit code: 0; 1 when a frame or a line was malformed, when a recording has a gap, lacks a file
between two others, ends in the middle or without a closing mark, when Ctrl-C ended it early, and
when there is nothing of a --channel or of that time; 2 for wrong usage, such as a file that is
named twice, and failed I/O. A second Ctrl-C ends it at once, with code 130.

Examples:
  okx-feed replay capture/*.tsv.zst
  okx-feed replay --json --channel trades:BTC-USDT capture/*.tsv.zst | jq .px
  okx-feed replay --speed 10 --from 2026-11-30T08:00:00Z --to 2026-11-30T09:00:00Z capture/*
  okx-feed replay --dialect sbe --instruments spot.json capture/*.tsv.zst
  okx-feed replay --dialect v5 btcusdt_20260901.gz ethusdt_20260901.gz";

/// Prints events; the error of standard output is kept for the loop.
struct Printer {
    out: Rc<RefCell<Output>>,
    style: Option<bool>,
    depth: usize,
}

impl EventSink for Printer {
    fn on_event(&mut self, event: &Event<'_>) {
        let mut out = self.out.borrow_mut();
        match self.style {
            Some(true) => {
                let stamp = Stamp { key: "ts_recv_ns", value: event.ts_recv().0, ts_recv: None };
                write_event(out.buf(), stamp, self.depth, event);
            }
            Some(false) => write_line(out.buf(), event),
            None => {}
        }
    }
}

/// Plays captures.
///
/// # Errors
/// If a file can't be opened or read, the dialect is not known, or writing to standard output
/// failed.
pub(crate) fn run(args: &ReplayArgs) -> Result<Outcome, CliError> {
    let out = Rc::new(RefCell::new(Output::stdout()));
    let style = (!args.quiet).then_some(args.json);
    let sink = Printer { out: Rc::clone(&out), style, depth: args.depth };
    let from = args.from.unwrap_or(UnixNanos::UNKNOWN);
    let mut builder = replay_of(&args.files)
        .speed(args.speed.map_or(Speed::Max, Speed::Times))
        .times(from, args.to.unwrap_or(UnixNanos(u64::MAX)))
        .configure(|config| {
            config.lines = match args.redundant {
                RedundantArg::Arbitrated => Lines::Arbitrated,
                RedundantArg::Apart => Lines::Apart,
                RedundantArg::First => Lines::Only(0),
            };
        })
        .sink(sink);
    if let Some(protocol) = args.dialect {
        builder = builder.dialect(protocol.dialect());
    }
    if args.dialect == Some(ProtocolArg::Sbe) {
        let codes = args.instruments.as_deref().map_or(Ok(InstrumentCodes::new()), read_codes)?;
        builder = builder.sbe(codes);
    }
    if let Some(form) = args.format {
        builder = builder.form(form.into());
    }
    for channel in &args.channels {
        builder = builder.subscribe(channel);
    }
    let is_interrupted = Interrupt::flag().map_err(CliError::Start)?;
    let mut replay = builder.open()?;
    if args.schema {
        let dialect: Dialect = replay.dialect();
        write_schema(out.borrow_mut().buf(), "replay", dialect.name());
    }
    let mut progress = Progress::start("replay");
    let is_paced = args.speed.is_some();
    let mut lines = 0_u64;
    let played = loop {
        match replay.step() {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        if is_interrupted.load(Ordering::Relaxed) {
            break Ok(());
        }
        lines += 1;
        let mut out = out.borrow_mut();
        if is_paced {
            out.flush()?
        } else {
            out.spill()?
        }
        if lines.is_multiple_of(4_096) {
            let (done, of) = replay.progress();
            progress.at(Share { done, of }, || Counted(lines, "line").to_string());
        }
    };
    out.borrow_mut().flush()?;
    drop(progress);
    played?;
    let report = replay.report();
    say(format_args!("okx-feed replay: {}", Summary(&report)));
    if is_interrupted.load(Ordering::Relaxed) {
        say(format_args!("okx-feed replay: ended early; what came until then was played"));
        return Ok(Outcome::Malformed);
    }
    Ok(outcome("replay", &report, args.from.is_some() || args.to.is_some()))
}

/// What was played, in one line.
struct Summary<'r>(&'r ReplayReport);

impl std::fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let report = self.0;
        let feed = &report.feed;
        let span = report.last.since(report.first).unwrap_or_default();
        write!(
            f,
            "{}, {}, {:.1} s recorded: {} book, {} trade, {} order book, {} malformed; {} lost",
            Counted(report.frames, "frame"),
            Bytes(report.frame_bytes),
            span.as_secs_f64(),
            feed.books,
            feed.trades,
            feed.depths,
            feed.malformed() + report.malformed_lines,
            Counted(report.losses, "connection"),
        )?;
        if report.gaps > 0 {
            write!(f, "; {}", Counted(report.gaps, "gap"))?;
            match report.missing_lines {
                0 => f.write_str(", of an unknown number of lines")?,
                lines => write!(f, ", {} missing", Counted(lines, "line"))?,
            }
        }
        if !feed.unread.is_empty() {
            let unread = unread_notes(&feed.unread);
            write!(f, "; optional values that could not be read: {unread}")?;
        }
        if report.left_out > 0 {
            write!(f, "; {} of too many subscriptions left out", report.left_out)?;
        }
        Ok(())
    }
}
