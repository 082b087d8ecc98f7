//! The service: starts the feeds, looks after them, ends them.

use std::path::Path;
use std::time::Duration;

use okx_feed::{Client, ClientError};
use okx_feed_export::{Feeds, NamedFeed};
use tokio::time::{MissedTickBehavior, interval};

use super::args::ServiceArgs;
use super::config::{Checked, Config};
use super::reload::Changes;
use super::signals::{Asked, Signals};
use super::supervision::{Report, TICK, report};
use super::{feed, log};
use crate::endpoints::EndpointArgs;
use crate::error::{CliError, Outcome, say};

/// How long a feed's thread may be silent before systemd's watchdog gets no report.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(3);

/// A feed that runs.
struct Running {
    name: String,
    client: Client,
}

/// Runs the feeds of a file until a signal ends the program.
///
/// # Errors
/// Where the file has a mistake, a feed can't be started, or one has ended by itself.
pub(crate) fn run(args: &ServiceArgs) -> Result<Outcome, CliError> {
    let checked = read(&args.config)?;
    if args.check {
        let feeds = &checked.config.feeds;
        let names: Vec<_> = feeds.iter().map(|feed| feed.get_ref().name.as_str()).collect();
        say(format_args!("okx-feed run: the file is right; feeds: {}", names.join(", ")));
        return Ok(Outcome::Clean);
    }
    log::start(&checked.config.log);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut signals = runtime.block_on(async { Signals::listen() }).map_err(CliError::Start)?;
    let mut all = Vec::new();
    for (config, channels) in checked.config.feeds.iter().zip(&checked.channels) {
        let config = config.get_ref();
        all.push(Running { name: config.name.clone(), client: feed::start(config, channels)? });
        tracing::info!(feed = %config.name, subscriptions = channels.subscriptions.len(),
            selections = channels.selections.len(), "feed started");
    }
    let named = |one: &Running| NamedFeed { name: one.name.clone(), reader: one.client.reader() };
    let feeds = Feeds::new(all.iter().map(named).collect());
    let report_address = |text: &str| tracing::info!("{text}");
    let endpoints = endpoints(&checked.config).start(&feeds, report_address)?;
    report(Report::Ready);
    let ended = runtime.block_on(look_after(&args.config, checked, &all, &mut signals));
    report(Report::Stopping);
    drop(endpoints);
    let incomplete = all.into_iter().map(stop).filter(|is_whole| !is_whole).count();
    ended?;
    Ok(if incomplete == 0 { Outcome::Clean } else { Outcome::Malformed })
}

/// Reads and checks the file.
fn read(path: &Path) -> Result<Checked, CliError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| CliError::Open { path: path.to_owned(), source })?;
    Ok(Checked::parse(path, &text)?)
}

/// Where the feeds can be seen.
fn endpoints(config: &Config) -> EndpointArgs {
    let (metrics, web) = (config.metrics.as_ref(), config.web.as_ref());
    EndpointArgs {
        metrics: metrics.map(|of| of.listen),
        metrics_by_instrument: metrics.is_some_and(|of| of.by_instrument),
        web: web.map(|of| of.listen),
        web_token_file: web.and_then(|of| of.token_file.clone()),
    }
}

/// Waits for signals, and looks whether every feed runs.
async fn look_after(
    path: &Path,
    mut current: Checked,
    all: &[Running],
    signals: &mut Signals,
) -> Result<(), CliError> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::End => return Ok(()),
                Asked::Reload => match read(path) {
                    Ok(new) => {
                        apply(&Changes::between(&current, &new), all)?;
                        current.take_channels_of(&new);
                    }
                    Err(error) => {
                        tracing::error!(%error, "the file can't be used; all stays as it is");
                    }
                },
            },
            _ = ticks.tick() => {
                if let Some(ended) = all.iter().find(|one| !one.client.is_running()) {
                    return Err(CliError::FeedEnded { name: ended.name.clone() });
                }
                let beats = |one: &Running| one.client.heartbeat().age() < HEARTBEAT_LIMIT;
                if all.iter().all(beats) {
                    report(Report::Alive);
                }
            }
        }
    }
}

/// Subscribes what is new and ends what is gone.
fn apply(changes: &Changes, all: &[Running]) -> Result<(), ClientError> {
    for (one, (added, gone)) in all.iter().zip(&changes.feeds) {
        one.client.subscribe_all(added.iter().copied())?;
        gone.iter().try_for_each(|subscription| one.client.unsubscribe(subscription))?;
        let (subscribed, unsubscribed) = (added.len(), gone.len());
        tracing::info!(feed = %one.name, subscribed, unsubscribed, "the file was read again");
    }
    for what in &changes.need_restart {
        tracing::warn!(what, "a change that needs a restart");
    }
    Ok(())
}

/// Stops a feed; returns whether its recording, if any, is whole.
fn stop(one: Running) -> bool {
    let recording = one.client.recording();
    let stopped = one.client.stop();
    tracing::info!(feed = %one.name, open = stopped.open,
        closed_properly = stopped.closed_properly, "feed stopped");
    let dropped = recording.map_or(0, |recording| recording.stats().dropped_lines);
    if dropped > 0 {
        tracing::error!(feed = %one.name, dropped, "lines are missing in the recording");
    }
    dropped == 0
}
