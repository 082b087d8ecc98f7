//! `okx-feed export --live`: live channels in the file formats of other programs.
//!
//! The client records into a pipe, and a thread of its own plays the recording to the export: the
//! feed never waits for a disk, and what an export that is too slow has missed is a gap.

use std::fs::File;
use std::io::PipeReader;
use std::sync::Arc;
use std::thread;

use tokio::sync::Notify;

use super::channels;
use super::error::{CliError, Outcome, check_out, say};
use super::event_writer::{EventWriter, News};
use super::export::{self, ExportArgs, Exported, new_export};
use super::interrupt::Interrupt;
use super::record::{DiskLog, follow};
use super::report::Summary;
use okx_feed::capture::{RecordConfig, RecordStream};
use okx_feed::export::Export;
use okx_feed::transport::{Clock, without_user};
use okx_feed::{Client, ClientConfig, Dialect, Event, EventSink, MonoNanos, Replay};

/// Exports captures, or live channels.
///
/// # Errors
/// Those of either.
pub(crate) fn run_any(args: &ExportArgs) -> Result<Outcome, CliError> {
    check_out(&args.out)?;
    if args.live { run(args) } else { export::run(args) }
}

/// Exports live channels until Ctrl-C or the end of the time.
///
/// # Errors
/// If a channel, the URL or the CA file is wrong, or a file can't be written.
fn run(args: &ExportArgs) -> Result<Outcome, CliError> {
    let dialect = args.dialect.map_or(Dialect::V5, Dialect::from);
    let subscriptions = channels::parse(dialect, &args.live_channels())?;
    let export = new_export(args)?;
    let mut config = ClientConfig::new(dialect);
    args.connect.change(&mut config);
    let url = without_user(&config.address()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;
    let (reader, writer) = std::io::pipe().map_err(CliError::Start)?;
    let stream = Some(RecordStream::from(to_file(writer)));
    let builder = Client::builder(dialect).subscriptions(subscriptions);
    let builder = args.connect.apply(builder).redundancy(args.lines);
    let news = Arc::new(News::default());
    let client = builder
        .record(RecordConfig { stream, ..RecordConfig::from("") })
        .sink(EventWriter::quiet(dialect, Arc::clone(&news)))
        .spawn()?;
    let clock = Clock::start();
    let ended = Arc::new(Notify::new());
    let notify = Arc::clone(&ended);
    let worker = thread::Builder::new().name("okx-export".to_owned()).spawn(move || {
        let exported = play(reader, export);
        notify.notify_one();
        exported
    });
    let worker = worker.map_err(CliError::Start)?;
    let mut disk = DiskLog::default();
    runtime.block_on(async {
        tokio::select! {
            end = follow(args.duration, &client, &url, &news, &mut disk, &mut interrupt) => end,
            () = ended.notified() => Ok(()),
        }
    })?;
    let stats = client.stats()?;
    let elapsed = clock.mono().since(MonoNanos::ZERO);
    client.stop();
    let exported = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    say(format_args!("okx-feed export: {}", Summary { stats: &stats, elapsed }));
    if stats.connects == 0 {
        return Err(CliError::NeverConnected { url });
    }
    Ok(exported.report(&args.out))
}

/// Plays what is recorded to the export, until the recording ends.
fn play(reader: PipeReader, mut export: Export) -> Result<Exported, CliError> {
    let sink = |event: &Event<'_>| export.on_event(event);
    let mut replay = Replay::builder().reader(reader).on_event(sink).open()?;
    while replay.step()? {}
    let played = replay.report();
    drop(replay);
    Ok(Exported { written: export.finish()?, played, has_times: false })
}

#[cfg(unix)]
fn to_file(writer: std::io::PipeWriter) -> File {
    File::from(std::os::fd::OwnedFd::from(writer))
}

#[cfg(windows)]
fn to_file(writer: std::io::PipeWriter) -> File {
    File::from(std::os::windows::io::OwnedHandle::from(writer))
}
