//! `okx-feed record`: the raw frames of live channels to files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::args::ProtocolArg;
use super::channels;
use super::connect_args::{ConnectArgs, LoginArgs};
use super::disconnect_log::DisconnectLog;
use super::duration::parse_duration;
use super::endpoints::EndpointArgs;
use super::error::{CliError, Outcome, check_out, say};
use super::event_writer::{EventWriter, News, Style};
use super::format::{Bytes, Counted, Printable};
use super::interrupt::Interrupt;
use super::monitor::STATS_EVERY;
use super::pipe::{CLOSE_TIMEOUT, Pipe};
use super::report::Summary;
use okx_feed::capture::{RecordConfig, RecordStats, SyncPolicy};
use okx_feed::transport::{Clock, without_user};
use okx_feed::{
    Book5, BookState, Client, ClientBuilder, ClientConfig, DownReason, MonoNanos, Subscription,
};
use okx_feed_export::Feeds;

/// The arguments of `record`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RecordArgs {
    /// The protocol
    #[arg(long, value_enum, default_value_t = ProtocolArg::V5)]
    dialect: ProtocolArg,
    /// With --dialect sbe, the instruments' codes: an answer of GET /api/v5/public/instruments. By
    /// default the lists of the REST interface
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// The directory of the files; it is created where there is none
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Open so many redundant connections; the frames of each are recorded
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    lines: usize,
    /// Stop after so long: 500ms, 10s, 2m
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// Begin another file after so many MiB on disk
    #[arg(long, value_name = "MIB", default_value_t = 1_024,
          value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    file_size: u64,
    /// Begin another file after so long
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = parse_duration)]
    file_time: Duration,
    /// When files are synchronised with the disk
    #[arg(long, value_enum, default_value_t = SyncArg::File)]
    sync: SyncArg,
    /// The level of zstd, 1 to 19
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(i32).range(1..=19))]
    level: i32,
    /// Print the events too, as `okx-feed watch --json` does
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    endpoints: EndpointArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What to subscribe, as the dialect's documents write it
    #[arg(value_name = "CHANNEL", required = true)]
    channels: Vec<String>,
}

/// When files are synchronised with the disk, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SyncArg {
    /// When the operating system does it
    Never,
    /// When a file is complete
    File,
    /// After every block, about once a second
    Block,
}

impl From<SyncArg> for SyncPolicy {
    fn from(arg: SyncArg) -> Self {
        match arg {
            SyncArg::Never => Self::Never,
            SyncArg::File => Self::File,
            SyncArg::Block => Self::Block,
        }
    }
}

const AFTER_HELP: &str = "\
Records each frame byte for byte with its receive time, and with it what was sent, connects, losses
and all that the client decided by its own clock: `okx-feed replay` plays it again, with the same
events. A login is recorded without its text.

Files are zstd in blocks of at most a second, docs/CAPTURE.md defines them; `zstd`, DuckDB and
polars read them as they are. Their names sort by time. A process that is killed loses about a
second. When the disk is full, the writer falls behind or a file is removed while it is written,
that is reported, the next file says what is missing, and the feed goes on.

With --json it also prints the client's events, as `okx-feed watch --json` does. `okx-feed replay
--json` of the files prints the same lines.

A channel that the exchange refuses is reported on standard error and requested again.
It reconnects for as long as it runs. Ctrl-C ends it, with a proper close and all written.

Exit code: 0; 1 when anything is missing in the files or on standard output, and when a channel is
refused at the end; 2 for wrong usage, when nothing could be recorded, since every channel is
refused at the end, and when --duration ended before any connection was open.

Examples:
  okx-feed record --out capture books5:BTC-USDT trades:BTC-USDT
  okx-feed record --lines 2 --out capture --duration 1h books:BTC-USDT-SWAP trades:BTC-USDT-SWAP
  okx-feed record --url ws://127.0.0.1:8443/ws/v3 --dialect v3 --out c futures/depth5:BTC-USD-190517
  okx-feed record --out capture --metrics 127.0.0.1:9464 books:BTC-USDT   seen by Prometheus
  okx-feed replay --json capture/*.tsv.zst";

/// The client that the arguments ask for.
///
/// # Errors
/// If a channel, a file or the key is wrong, and those of the lists of instruments.
fn builder(args: &RecordArgs) -> Result<ClientBuilder, CliError> {
    let dialect = args.dialect.dialect();
    let (selections, others) = channels::selections(dialect, &args.channels)?;
    let subscriptions = channels::parse(dialect, &others)?;
    let mut builder = Client::builder(dialect).subscriptions(subscriptions).selections(selections);
    if args.dialect == ProtocolArg::Sbe {
        builder = builder.sbe(args.connect.codes(args.instruments.as_deref())?);
    }
    builder = args.connect.apply(builder).redundancy(args.lines).record(RecordConfig {
        max_file_len: args.file_size << 20,
        max_file_time: args.file_time,
        sync: args.sync.into(),
        level: args.level,
        ..args.out.clone().into()
    });
    Ok(match args.login.credentials()? {
        Some(credentials) => builder.login(credentials),
        None => builder,
    })
}

/// Records until Ctrl-C or the end of the time.
///
/// # Errors
/// If a channel, the URL or the CA file is wrong, or the directory can't be written to.
pub(crate) fn run(args: &RecordArgs) -> Result<Outcome, CliError> {
    check_out(&args.out)?;
    let dialect = args.dialect.dialect();
    let builder = builder(args)?;
    let mut config = ClientConfig::new(dialect);
    args.connect.change(&mut config);
    let url = without_user(&config.address()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;
    let news = Arc::new(News::default());
    let pipe = if args.json { Some(Pipe::start()?) } else { None };
    let mut sink = EventWriter::quiet(dialect, Arc::clone(&news));
    sink.out = pipe.as_ref().map(|pipe| (pipe.writer(), Style::Json));
    sink.depth = Book5::LEVELS;
    let client = builder.sink(sink).spawn()?;
    let report = |text: &str| say(format_args!("okx-feed record: {text}"));
    let _endpoints = args.endpoints.start(&Feeds::one(client.reader()), report)?;
    let clock = Clock::start();
    let mut disk = DiskLog::default();
    runtime.block_on(async {
        tokio::select! {
            ended = follow(args.duration, &client, &url, &news, &mut disk, &mut interrupt) => ended,
            () = closed(pipe.as_ref()) => Ok(()),
        }
    })?;
    let is_refused =
        |one: &&Subscription| client.state(one) == Some(BookState::Down(DownReason::Rejected));
    let subscriptions = client.subscriptions();
    let refused: Vec<_> = subscriptions.iter().filter(is_refused).collect();
    let stats = client.stats()?;
    let elapsed = clock.mono().since(MonoNanos::ZERO);
    let recording = client.recording();
    client.stop();
    let unprinted = pipe.map_or(Ok(0), |pipe| pipe.close(CLOSE_TIMEOUT));
    let recorded = recording.map(|recording| recording.stats()).unwrap_or_default();
    // What the last block met.
    if let Some(text) = disk.news(&recorded) {
        say(format_args!("okx-feed: {text}"));
    }
    say(format_args!("okx-feed record: {}", Summary { stats: &stats, elapsed }));
    say(format_args!("okx-feed record: {} in {:?}", Written(&recorded), args.out));
    let unprinted = unprinted?;
    if unprinted > 0 {
        say(format_args!(
            "okx-feed record: {unprinted} events were recorded and not printed: the reader of \
             standard output is too slow"
        ));
    }
    if stats.connects == 0 && args.duration.is_some_and(|duration| elapsed >= duration) {
        return Err(CliError::NeverConnected { url });
    }
    if refused.len() == subscriptions.len() {
        return Err(CliError::AllRefused);
    }
    for subscription in &refused {
        say(format_args!(
            "okx-feed record: {subscription} is refused at the end: the files lack it"
        ));
    }
    let is_whole = recorded.dropped_lines == 0 && refused.is_empty() && unprinted == 0;
    Ok(if is_whole { Outcome::Clean } else { Outcome::Malformed })
}

/// Waits until the reader of the events is gone; for ever where there is none.
async fn closed(pipe: Option<&Pipe>) {
    match pipe {
        Some(pipe) => pipe.failed().await,
        None => std::future::pending().await,
    }
}

/// Reports what goes wrong until the end.
pub(crate) async fn follow(
    duration: Option<Duration>,
    client: &Client,
    url: &str,
    news: &News,
    disk: &mut DiskLog,
    interrupt: &mut Interrupt,
) -> Result<(), CliError> {
    let mut disconnects = DisconnectLog::default();
    let mut ticks = interval(STATS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = std::pin::pin!(sleep(duration.unwrap_or(Duration::MAX)));
    loop {
        let is_end = tokio::select! {
            () = interrupt.wait() => true,
            () = &mut end => true,
            () = news.changed.notified() => false,
            _ = ticks.tick() => false,
        };
        for text in news.take_rejections() {
            say(format_args!("okx-feed: {text}"));
        }
        if is_end {
            return Ok(());
        }
        if let Some(text) = disconnects.news(url, &client.stats()?) {
            say(format_args!("okx-feed: {text}"));
        }
        let recorded = client.recording().map(|recording| recording.stats()).unwrap_or_default();
        if let Some(text) = disk.news(&recorded) {
            say(format_args!("okx-feed: {text}"));
        }
    }
}

/// Messages about what can't be recorded: each change once.
#[derive(Debug, Default)]
pub(crate) struct DiskLog {
    error: Option<String>,
    removed_files: u64,
    /// Dropped lines at which the next message is due: their number doubles.
    report_at: u64,
}

impl DiskLog {
    fn news(&mut self, stats: &RecordStats) -> Option<String> {
        if stats.error != self.error {
            self.error.clone_from(&stats.error);
            return Some(match &stats.error {
                Some(why) => format!(
                    "the recording can't be written: {}; check the disk; trying again, the feed \
                     goes on",
                    Printable(why)
                ),
                None => "the recording is written again".to_owned(),
            });
        }
        if stats.removed_files > self.removed_files {
            let more = stats.removed_files - self.removed_files;
            (self.removed_files, self.report_at) = (stats.removed_files, stats.dropped_lines * 2);
            return Some(format!(
                "{} of the recording was removed while it was written, and what it had is missing \
                 ({} so far); remove only files that another one follows",
                Counted(more, "file"),
                Counted(stats.dropped_lines, "line")
            ));
        }
        if stats.dropped_lines <= self.report_at {
            return None;
        }
        self.report_at = stats.dropped_lines * 2;
        Some(format!("{} could not be recorded so far", Counted(stats.dropped_lines, "line")))
    }
}

/// What was written, in one line.
struct Written<'s>(&'s RecordStats);

impl std::fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stats = self.0;
        let (lines, bytes) = (Counted(stats.lines, "line"), Bytes(stats.written_len));
        write!(f, "{lines}, {bytes} in {}", Counted(stats.files, "file"))?;
        if stats.dropped_lines > 0 {
            write!(f, "; {} missing", Counted(stats.dropped_lines, "line"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_the_disk_is_reported_once_and_so_is_its_end() {
        let mut log = DiskLog::default();
        let mut stats = RecordStats::default();
        assert_eq!(log.news(&stats), None);
        stats.error = Some("f: full".to_owned());
        assert!(log.news(&stats).unwrap().contains("f: full; check the disk"));
        assert_eq!(log.news(&stats), None);
        stats.dropped_lines = 3;
        assert!(log.news(&stats).unwrap().contains("3 lines could not"));
        stats.dropped_lines = 6;
        assert_eq!(log.news(&stats), None);
        stats.error = None;
        assert!(log.news(&stats).unwrap().contains("written again"));
        (stats.removed_files, stats.dropped_lines) = (1, 20);
        assert!(log.news(&stats).unwrap().contains("1 file of the recording was removed"));
        assert_eq!(log.news(&stats), None);
    }
}
