//! The service: starts the feeds, looks after them, ends them.

use std::path::Path;
use std::thread;
use std::time::Duration;

use okx_feed::ClientError;
use okx_feed_export::Feeds;
use tokio::time::{MissedTickBehavior, interval};

use super::args::ServiceArgs;
use super::checked::Checked;
use super::config::Config;
use super::feed::RunningFeed;
use super::reload::{Changes, ChannelChanges};
use super::signals::{Asked, Signals};
use super::supervision::{Report, TICK, report};
use super::{access, log};
use crate::endpoints::EndpointArgs;
use crate::error::{CliError, Outcome, say};

/// How long a feed's thread may be silent before systemd's watchdog gets no report.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(3);

/// Runs the feeds of a file until a signal ends the program.
///
/// # Errors
/// Where the file has a mistake, a feed can't be started, or one has ended by itself.
pub(crate) fn run(args: &ServiceArgs) -> Result<Outcome, CliError> {
    let checked = read(&args.config)?;
    if args.check {
        let feeds = &checked.config.feeds;
        let names: Vec<_> =
            feeds.iter().map(|feed| feed.get_ref().name.get_ref().as_str()).collect();
        say(format_args!("okx-feed run: the file is right; feeds: {}", names.join(", ")));
        return Ok(Outcome::Clean);
    }
    log::start(&checked.config.log);
    serve(&args.config, checked).map_err(|error| {
        // In the form that the file asks for, as all that is logged.
        tracing::error!(%error, "the service ends");
        CliError::Logged
    })
}

fn serve(path: &Path, checked: Checked) -> Result<Outcome, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut signals = runtime.block_on(async { Signals::listen() }).map_err(CliError::Start)?;
    let mut all = Vec::new();
    for (config, channels) in checked.config.feeds.iter().zip(&checked.channels) {
        let feed = RunningFeed::start(config.get_ref(), channels)
            .map_err(|error| checked.error(config.span(), error.to_string()))?;
        tracing::info!(feed = %feed.name, subscriptions = channels.subscriptions.len(),
            selections = channels.selections.len(), "feed started");
        all.push(feed);
    }
    let feeds = Feeds::new(all.iter().map(RunningFeed::named).collect());
    let report_address = |text: &str| tracing::info!("{text}");
    let endpoints = endpoints(&checked.config).start(&feeds, report_address)?;
    report(Report::Ready);
    let ended = runtime.block_on(look_after(path, checked, &all, &mut signals));
    report(Report::Stopping);
    drop(endpoints);
    let is_whole = stop(all);
    ended?;
    Ok(if is_whole { Outcome::Clean } else { Outcome::Malformed })
}

/// Reads and checks the file, and what it names.
fn read(path: &Path) -> Result<Checked, CliError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| CliError::Open { path: path.to_owned(), source })?;
    let checked = Checked::parse(path, &text)?;
    access::check(&checked)?;
    Ok(checked)
}

/// Where the feeds can be seen.
fn endpoints(config: &Config) -> EndpointArgs {
    let (metrics, web) = (config.metrics.as_ref(), config.web.as_ref());
    let token_file = web.and_then(|of| of.token_file.as_ref());
    EndpointArgs {
        metrics: metrics.map(|of| *of.listen.get_ref()),
        metrics_by_instrument: metrics.is_some_and(|of| of.by_instrument),
        web: web.map(|of| *of.listen.get_ref()),
        web_token_file: token_file.map(|path| path.get_ref().clone()),
    }
}

/// Waits for signals, and looks whether every feed runs.
async fn look_after(
    path: &Path,
    mut current: Checked,
    all: &[RunningFeed],
    signals: &mut Signals,
) -> Result<(), CliError> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::End => return Ok(()),
                Asked::Reload => reload(path, &mut current, all),
            },
            _ = ticks.tick() => {
                if let Some(ended) = all.iter().find(|one| !one.client.is_running()) {
                    return Err(CliError::FeedEnded { name: ended.name.clone() });
                }
                let beats = |one: &RunningFeed| one.client.heartbeat().age() < HEARTBEAT_LIMIT;
                if all.iter().all(beats) {
                    report(Report::Alive);
                }
            }
        }
    }
}

/// Reads the file again and applies what can be.
fn reload(path: &Path, current: &mut Checked, all: &[RunningFeed]) {
    let new = match read(path) {
        Ok(new) => new,
        Err(error) => {
            return tracing::error!(%error, "the file can't be used; all stays as it is");
        }
    };
    let changes = Changes::between(current, &new);
    for (one, change) in all.iter().zip(&changes.feeds) {
        let (subscribed, unsubscribed) = (change.added.len(), change.gone.len());
        let new_selections = change.selections.is_some();
        match apply(change, one) {
            Ok(()) => tracing::info!(feed = %one.name, subscribed, unsubscribed, new_selections,
                "the file was read again"),
            // A feed that has ended ends the service with the next look after it.
            Err(error) => {
                tracing::error!(feed = %one.name, %error, "the channels stay as they are")
            }
        }
    }
    for what in &changes.need_restart {
        tracing::warn!(what, "a change that needs a restart");
    }
    current.take_channels_of(&new);
}

/// Subscribes what is new and ends what is gone.
fn apply(change: &ChannelChanges, feed: &RunningFeed) -> Result<(), ClientError> {
    let client = &feed.client;
    // In this order nothing is ended that goes from the list into a selection or back.
    client.subscribe_all(change.added.iter().copied())?;
    change.gone.iter().try_for_each(|subscription| client.unsubscribe(subscription))?;
    match &change.selections {
        Some(selections) => client.set_selections(selections.iter().cloned()),
        None => Ok(()),
    }
}

/// Stops all feeds at the same time; returns whether all that they leave is whole.
fn stop(all: Vec<RunningFeed>) -> bool {
    let stopping: Vec<_> = all.into_iter().map(|one| thread::spawn(move || one.stop())).collect();
    // A panic there has been reported by its thread.
    let whole = |one: thread::JoinHandle<bool>| one.join().unwrap_or(false);
    stopping.into_iter().map(whole).filter(|is_whole| !is_whole).count() == 0
}
