//! `okx-feed export`: captures in the file formats of other programs.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::args::{DialectArg, Format, replay_of};
use super::connect_args::ConnectArgs;
use super::duration::parse_duration;
use super::error::{CliError, Outcome, say};
use super::format::Counted;
use super::instruments_file::read_contract_values;
use super::interrupt::Interrupt;
use super::progress::{Progress, Share};
use super::replay_outcome::outcome;
use super::time_arg::parse_time;
use okx_feed::export::{Export, ExportReport, NumberFormat};
use okx_feed::replay::ReplayReport;
use okx_feed::{Event, EventSink, UnixNanos};

/// The arguments of `export`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExportArgs {
    /// The format of the files
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// The folder for the files; none of them may exist already
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// How Parquet files have prices and sizes
    #[arg(long, value_enum, default_value_t = NumbersArg::Decimal)]
    numbers: NumbersArg,
    /// Write sizes of derivatives times the value of a contract: a file of `okx-feed history
    /// instruments --json`, or more than one of them end to end
    #[arg(long, value_name = "FILE")]
    contract_values: Option<PathBuf>,
    /// Leave out what came before: 2026-11-30T08:00:00Z, or 1796025600s, ..ms, ..us, ..ns
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<UnixNanos>,
    /// Leave out what came from then on
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<UnixNanos>,
    /// The protocol; needed where no file says it, and v5 with --live
    #[arg(long, value_enum)]
    pub(crate) dialect: Option<DialectArg>,
    /// The form of the lines of all files; default: by the name, or by the first line
    #[arg(long, value_name = "FORM", value_enum)]
    form: Option<Format>,
    /// Export this channel alone, as the dialect's documents write it; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Export live channels, until Ctrl-C; CHANNEL is in the place of FILE
    #[arg(long, conflicts_with_all = ["channels", "from", "to", "form"])]
    pub(crate) live: bool,
    /// With --live, open so many redundant connections
    #[arg(long, value_name = "N", default_value_t = 1, requires = "live",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    pub(crate) lines: usize,
    /// With --live, stop after so long: 500ms, 10s, 2m
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, requires = "live",
          allow_hyphen_values = true)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The captures; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl ExportArgs {
    /// The channels of `--live`.
    pub(crate) fn live_channels(&self) -> Vec<String> {
        self.files.iter().map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Parquet, partitioned by exchange, channel, instrument and date
    Parquet,
    /// CSV files in the columns of Tardis' data sets
    Tardis,
    /// Event arrays for hftbacktest, one .npy for each instrument and day
    Hftbacktest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NumbersArg {
    /// DECIMAL(38, 18): exact
    Decimal,
    /// The wire's own digits: exact
    Text,
    /// DOUBLE: the nearest float
    Float,
}

impl From<NumbersArg> for NumberFormat {
    fn from(arg: NumbersArg) -> Self {
        match arg {
            NumbersArg::Decimal => Self::Decimal,
            NumbersArg::Text => Self::Text,
            NumbersArg::Float => Self::Float,
        }
    }
}

const AFTER_HELP: &str = "\
Books and trades of captures, as `okx-feed replay` gives them: each update once, whichever line
delivered it. docs/EXPORT.md has the tables and their columns.

  parquet      DIR/exchange=okx/channel=trades/inst_id=BTC-USDT/date=2026-11-30/part-0.parquet
  tardis       DIR/okex-swap/trades/2026/11/30/BTC-USDT-SWAP.csv.gz; types trades,
               incremental_book_L2, book_snapshot_25 (order books), book_snapshot_5 (books5, depth5)
               book_ticker (bbo-tbt) and derivative_ticker (tickers, mark-price, index-tickers,
               open-interest and funding-rate of swaps and futures)
  hftbacktest  DIR/BTC-USDT_20261130.npy

Days are of UTC by the time of receipt. Sizes of derivatives are contracts; with --contract-values
they are base currency (linear) or US dollars (inverse). Messages without a place in the format are
counted on standard error.

With --live, channels are exported as they come. The feed never waits for a disk: what the export is
too slow for is a gap, which is said, with exit code 1. Files are whole when the command has ended.

Exit code: 0; 1 when a frame or a line was malformed, when a recording has a gap, lacks a file
between two others, ends in the middle or without a closing mark, when Ctrl-C ended it early, and
when there is nothing of a --channel or of that time; 2 for wrong usage and failed I/O. A second
Ctrl-C ends it at once, with code 130.

Examples:
  okx-feed export --format parquet --out lake capture/*.tsv.zst
  okx-feed export --format tardis --out csv --channel trades:BTC-USDT-SWAP capture/*.tsv.zst
  okx-feed export --format hftbacktest --out npy --from 2026-11-30T00:00:00Z capture/*.tsv.zst
  okx-feed export --format parquet --out lake --live --lines 2 trades:BTC-USDT books:BTC-USDT";

/// The sink of a format.
pub(crate) fn new_export(args: &ExportArgs) -> Result<Export, CliError> {
    let dir = args.out.clone();
    let export = match args.format {
        ExportFormat::Parquet => Export::parquet(dir, args.numbers.into()),
        ExportFormat::Tardis => Export::tardis(dir),
        ExportFormat::Hftbacktest => Export::hftbacktest(dir),
    };
    Ok(match &args.contract_values {
        Some(path) => export.contract_values(read_contract_values(path)?),
        None => export,
    })
}

/// Exports captures.
///
/// # Errors
/// If a file can't be read or written, or the dialect is not known.
pub(crate) fn run(args: &ExportArgs) -> Result<Outcome, CliError> {
    if args.connect.is_given() {
        return Err(CliError::NotLive);
    }
    let exporter = Rc::new(RefCell::new(new_export(args)?));
    let sink = Rc::clone(&exporter);
    let from = args.from.unwrap_or(UnixNanos::UNKNOWN);
    let has_times = args.from.is_some() || args.to.is_some();
    let is_interrupted = Interrupt::flag().map_err(CliError::Start)?;
    let mut builder = replay_of(&args.files)
        .times(from, args.to.unwrap_or(UnixNanos(u64::MAX)))
        .on_event(move |event: &Event<'_>| sink.borrow_mut().on_event(event));
    if let Some(dialect) = args.dialect {
        builder = builder.dialect(dialect.into());
    }
    if let Some(form) = args.form {
        builder = builder.form(form.into());
    }
    for channel in &args.channels {
        builder = builder.subscribe(channel);
    }
    let mut replay = builder.open()?;
    let mut progress = Progress::start("export");
    let mut lines = 0_u64;
    let played = loop {
        match replay.step() {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        lines += 1;
        if exporter.borrow().has_failed() || is_interrupted.load(Ordering::Relaxed) {
            break Ok(());
        }
        if lines.is_multiple_of(4_096) {
            let (done, of) = replay.progress();
            progress.at(Share { done, of }, || Counted(lines, "line").to_string());
        }
    };
    drop(progress);
    // What came before an error or Ctrl-C is in whole files.
    let written = exporter.borrow_mut().finish()?;
    let outcome = Exported { written, played: replay.report(), has_times }.report(&args.out);
    played?;
    if is_interrupted.load(Ordering::Relaxed) {
        say(format_args!("okx-feed export: ended early; the files have what was read until then"));
        return Ok(Outcome::Malformed);
    }
    Ok(outcome)
}

/// What was exported.
pub(crate) struct Exported {
    pub(crate) written: ExportReport,
    pub(crate) played: ReplayReport,
    /// Whether a part of the time was asked for.
    pub(crate) has_times: bool,
}

impl Exported {
    /// Says what was exported and what was not, and gives the outcome.
    pub(crate) fn report(&self, out: &Path) -> Outcome {
        let Self { written, played, .. } = self;
        let (rows, frames) = (Counted(written.rows, "row"), Counted(played.frames, "frame"));
        let files = Counted(written.files.len() as u64, "file");
        say(format_args!("okx-feed export: {frames}, {rows} in {files} under {out:?}"));
        for (channel, messages) in &written.left_out {
            let messages = Counted(*messages, "message");
            say(format_args!(
                "okx-feed export: {messages} of {channel} left out: the format has no place, \
                 or another channel has it"
            ));
        }
        for (channel, messages) in &written.before_snapshot {
            let messages = Counted(*messages, "message");
            say(format_args!(
                "okx-feed export: {messages} of {channel} before a snapshot left out"
            ));
        }
        outcome("export", played, self.has_times)
    }
}
