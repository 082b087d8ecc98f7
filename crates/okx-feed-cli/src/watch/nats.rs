//! `okx-feed watch --nats`: the events that others publish over NATS.

use std::sync::Arc;
use std::time::Duration;

use clap::ArgGroup;

use super::WatchArgs;
use crate::error::{CliError, Outcome, say};
use crate::event_writer::{EventWriter, News, Style};
use crate::interrupt::Interrupt;
use crate::pipe::{CLOSE_TIMEOUT, Pipe};
use okx_feed::{Book5, Subscription};
use okx_feed_export::json::write_schema;
use okx_feed_export::nats::subject::{PREFIX, TopicSubjects};
use okx_feed_export::nats::{Delivery, NatsServer, NatsSource, SourceOptions, SourceStats};

/// The options of an exchange's connection and of what is made of a feed: over NATS there is none.
pub(super) fn without() -> ArgGroup {
    let own = ["instruments", "refused_for", "busy_poll", "thread_per_connection"];
    let login = ["login", "login_file"];
    let endpoints = ["metrics", "metrics_by_instrument", "web", "web_token_file"];
    let connect = ["url", "rest_url"];
    let network = ["region", "demo", "proxy", "no_proxy", "headers", "ca_file"];
    let group = ArgGroup::new("without_nats").args(own).args(login).args(endpoints).args(connect);
    #[cfg(unix)]
    let group = group.args(["shm", "shm_mode"]);
    group.args(network).multiple(true).conflicts_with("nats")
}

/// Watches what others publish.
///
/// # Errors
/// Those of [`subjects`] and [`run`].
pub(super) fn watch(args: &WatchArgs, server: NatsServer) -> Result<Outcome, CliError> {
    let subjects = subjects(&args.channels)?;
    let (pipe, news) = (Pipe::start()?, Arc::new(News::default()));
    if args.schema {
        pipe.writer().event(|buf| write_schema(buf, "watch", args.dialect.name()), |_, _| {});
    }
    let style = if args.json { Style::Json } else { Style::Lines };
    let mut sink = EventWriter::quiet(args.dialect.dialect(), Arc::clone(&news));
    sink.out = Some((pipe.writer(), style));
    sink.depth = args.depth.map_or(Book5::LEVELS, usize::from);
    sink.left = args.count;
    let stream = (!args.nats.core).then_some(args.nats.stream.as_str());
    let options = SourceOptions::new(server, subjects);
    run(options, stream, args.duration, (sink, &news, pipe))
}

/// The subjects that are written on the command line: as they are, or as channels.
///
/// # Errors
/// [`CliError::Channel`].
fn subjects(texts: &[String]) -> Result<Vec<String>, CliError> {
    let subject = |text: &String| match text.starts_with(PREFIX) {
        true => Ok(text.clone()),
        false => {
            let subscription = text.parse::<Subscription>().map_err(CliError::Channel)?;
            Ok(TopicSubjects::of(&subscription).events)
        }
    };
    texts.iter().map(subject).collect()
}

/// Prints events until Ctrl-C, the end of the time or enough of them.
///
/// # Errors
/// If the server's URL or a subject is wrong, and where standard output takes no more.
fn run(
    mut options: SourceOptions,
    stream: Option<&str>,
    duration: Option<Duration>,
    (sink, news, pipe): (EventWriter, &Arc<News>, Pipe),
) -> Result<Outcome, CliError> {
    options.delivery = match stream {
        Some(name) => Delivery::Stream(name.to_owned()),
        None => Delivery::Core,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;
    let source = NatsSource::spawn(options, sink).map_err(CliError::Nats)?;
    runtime.block_on(async {
        tokio::select! {
            () = interrupt.wait() => {}
            () = tokio::time::sleep(duration.unwrap_or(Duration::MAX)) => {}
            () = enough(news) => {}
            () = pipe.failed() => {}
            () = report(source.stats()) => {}
        }
    });
    let stats = source.stats();
    let (messages, duplicates, gaps) = (stats.messages(), stats.duplicates(), stats.gaps());
    let (malformed, missing, topics) =
        (stats.malformed(), stats.missing(), source.subscriptions().len());
    let missed = stats.missed();
    let was_connected = stats.connects() > 0;
    source.stop();
    let unprinted = pipe.close(CLOSE_TIMEOUT)?;
    say(format_args!(
        "okx-feed watch: {messages} messages of {topics} topics; {duplicates} brought nothing new, \
         {malformed} malformed, {gaps} gaps, {missed} events missed by writers, {missing} deleted \
         before they were read, {unprinted} not printed"
    ));
    if !was_connected && duration.is_some() {
        return Err(CliError::NatsNeverConnected);
    }
    let is_whole = malformed == 0 && gaps == 0 && missing == 0 && unprinted == 0;
    Ok(if is_whole { Outcome::Clean } else { Outcome::Malformed })
}

async fn enough(news: &News) {
    while !news.enough() {
        news.changed.notified().await;
    }
}

/// Reports why there is no connection, each reason once, and gaps: the first, and then each time
/// that their number has doubled. Never ends.
async fn report(stats: &SourceStats) {
    let mut last = None;
    let mut reported = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let gaps = stats.gaps();
        if gaps >= (2 * reported).max(1) {
            reported = gaps;
            let missed = stats.missed();
            say(format_args!("okx-feed: {gaps} gaps, {missed} events missed by writers"));
        }
        let why = stats.last_error().filter(|_| !stats.is_current());
        if why != last {
            if let Some(why) = &why {
                say(format_args!("okx-feed: nothing comes from NATS: {why}; trying again"));
            }
            last = why;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each option is served over NATS, or wrong usage with it.
    #[test]
    fn no_option_is_ignored() {
        let served = ["dialect", "json", "schema", "count", "duration", "depth", "channels"];
        let of_nats = ["nats", "creds", "nats_ca_file", "nats_cert", "nats_key", "stream", "core"];
        let refused = without();
        let refused: Vec<_> = refused.get_args().map(clap::Id::as_str).collect();
        let all = <WatchArgs as clap::Args>::augment_args(clap::Command::new("watch"));
        for arg in all.get_arguments() {
            let id = arg.get_id().as_str();
            let is_served = served.contains(&id) || of_nats.contains(&id);
            assert_ne!(is_served, refused.contains(&id), "{id}");
        }
    }
}
