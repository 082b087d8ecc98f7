//! `okx-feed publish`: live channels to a NATS server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use tokio::time::Instant;

use super::args::ProtocolArg;
use super::channels;
use super::connect_args::{ConnectArgs, LoginArgs};
use super::duration::parse_duration;
use super::endpoints::EndpointArgs;
use super::error::{CliError, Outcome, say};
use super::event_writer::{EventWriter, News};
use super::interrupt::Interrupt;
use super::nats_args::NatsArgs;
use super::record::{DiskLog, follow};
use super::report::Summary;
use okx_feed::model::Shard;
use okx_feed::transport::{Clock, without_user};
use okx_feed::{Client, ClientConfig, MonoNanos};
use okx_feed_export::events::{RingOptions, RingSink};
use okx_feed_export::nats::{Exporter, ExporterStats};
use okx_feed_export::{Feeds, NamedFeed};

/// The arguments of `publish`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PublishArgs {
    /// The protocol
    #[arg(long, value_enum, default_value_t = ProtocolArg::V5)]
    dialect: ProtocolArg,
    /// With --dialect sbe, the instruments' codes: an answer of GET /api/v5/public/instruments. By
    /// default the lists of the REST interface
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// The name of this publisher, another one for each: 1 to 32 letters, digits, - or _
    #[arg(long, value_name = "NAME", default_value = "A")]
    writer: String,
    /// Take only this part of the instruments, such as 2/4, by a hash of their ids
    #[arg(long, value_name = "N/OF")]
    shard: Option<Shard>,
    /// Open so many redundant connections to the exchange
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    lines: usize,
    /// Repeat each order book as a whole so often, for readers that join
    #[arg(long, value_name = "SPAN", default_value = "5s", value_parser = parse_duration)]
    snapshot_every: Duration,
    /// How long the stream keeps messages, if it is made here
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = parse_duration)]
    keep: Duration,
    /// Stop after so long: 500ms, 10s, 2m
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, allow_hyphen_values = true)]
    duration: Option<Duration>,
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    endpoints: EndpointArgs,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What to subscribe, as the dialect's documents write it
    #[arg(value_name = "CHANNEL", required = true)]
    channels: Vec<String>,
}

const AFTER_HELP: &str = "\
Publishes every book, trade, record and state on md.okx.PROTOCOL.CHANNEL.INSTRUMENT, as JSON;
docs/NATS.md defines subjects, headers and payloads. okx-feed watch --nats reads them.

Several publishers may have the same channels, each with a --writer of its own: every update is once
in the stream, and nothing is missing when one of them ends. Several may share channels or a
selection with --shard, each with a --writer of its own too: readers take two of one name for one
that starts again and again, so books would be live and stale in turn.

The feed never waits for the server. Where that is slow or away, events are dropped, counted, and
marked where they are missing. After a loss of the connection, all that was not acknowledged is sent
again.

Exit code: 0; 1 when an event was dropped, not sent, refused by the server or not acknowledged; 2
for wrong usage, and when --duration ended before any connection was open.

Examples:
  okx-feed publish --nats nats://127.0.0.1:4222 books5:BTC-USDT trades:BTC-USDT books:BTC-USDT
  okx-feed publish --nats tls://nats:4222 --nats-creds okx.creds --writer fra-1 'books5:*-USDT'
  okx-feed publish --nats nats://127.0.0.1:4222 --writer B --shard 2/4 'books5:*-USDT'
  okx-feed publish --nats nats://127.0.0.1:4222 --metrics 127.0.0.1:9464 books5:BTC-USDT
  okx-feed watch --nats nats://127.0.0.1:4222 'md.okx.v5.books5.*'";

/// Publishes until Ctrl-C or the end of the time.
///
/// # Errors
/// If a channel, a URL, a file or the key is wrong.
pub(crate) fn run(args: &PublishArgs) -> Result<Outcome, CliError> {
    let dialect = args.dialect.dialect();
    let server = args.nats.server()?.ok_or(CliError::NoNats)?;
    let (mut selections, others) = channels::selections(dialect, &args.channels)?;
    let mut subscriptions = channels::parse(dialect, &others)?;
    if let Some(shard) = args.shard {
        subscriptions.retain(|of| shard.has(of.inst_id().as_str()));
        selections = selections.into_iter().map(|of| of.in_shard(shard)).collect();
    }
    let mut config = ClientConfig::new(dialect);
    args.connect.change(&mut config);
    let url = without_user(&config.address()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Start)?;
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(CliError::Start)?;

    let news = Arc::new(News::default());
    let mut options = RingOptions::default();
    options.snapshot_interval = args.snapshot_every;
    let (sink, receiver) = RingSink::new(options, EventWriter::quiet(dialect, Arc::clone(&news)));
    let ring = sink.stats();
    let exporter = args.nats.exporter(server, &args.writer, args.keep);
    let exporter = Exporter::spawn(exporter, receiver).map_err(CliError::Nats)?;

    let mut builder = Client::builder(dialect).subscriptions(subscriptions).selections(selections);
    if args.dialect == ProtocolArg::Sbe {
        builder = builder.sbe(args.connect.codes(args.instruments.as_deref())?);
    }
    builder = args.connect.apply(builder).redundancy(args.lines);
    if let Some(credentials) = args.login.credentials()? {
        builder = builder.login(credentials);
    }
    let client = builder.sink(sink).spawn()?;
    let feed = NamedFeed::new("main", client.reader());
    let feed = feed.with_nats(Arc::clone(&ring), Arc::clone(exporter.stats()));
    let show = |text: &str| say(format_args!("okx-feed publish: {text}"));
    let _endpoints = args.endpoints.start(&Feeds::new(vec![feed]), show)?;
    let clock = Clock::start();
    let mut disk = DiskLog::default();
    let followed = async {
        tokio::select! {
            ended = follow(args.duration, &client, &url, &news, &mut disk, &mut interrupt) => ended,
            () = report(exporter.stats()) => Ok(()),
        }
    };
    runtime.block_on(followed)?;
    let stats = client.stats()?;
    let elapsed = clock.mono().since(MonoNanos::ZERO);
    client.stop();
    let published = Arc::clone(exporter.stats());
    exporter.stop();
    say(format_args!("okx-feed publish: {}", Summary { stats: &stats, elapsed }));
    let (dropped, refused) = (ring.dropped(), published.refused());
    let (waiting, unsent) = (published.unacknowledged(), ring.queued());
    say(format_args!(
        "okx-feed publish: {} messages, {} acknowledged, {} of them duplicates, {} sent again; \
         {dropped} events dropped, {refused} messages refused, {waiting} not acknowledged, \
         {unsent} not sent",
        published.published(),
        published.acknowledged(),
        published.duplicates(),
        published.resent(),
    ));
    if stats.connects == 0 && args.duration.is_some_and(|duration| elapsed >= duration) {
        return Err(CliError::NeverConnected { url });
    }
    let is_whole = dropped + refused + waiting + unsent == 0 && published.connects() > 0;
    Ok(if is_whole { Outcome::Clean } else { Outcome::Malformed })
}

/// How often refused messages are reported.
const REFUSED_EVERY: Duration = Duration::from_secs(10);

/// Reports each change of the connection to the server, and messages that the server refuses. Never
/// ends.
async fn report(stats: &ExporterStats) {
    let (mut was_connected, mut refused, mut due) = (None, 0, Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (is_connected, why) = (stats.is_connected(), stats.last_error());
        let now = Instant::now();
        if stats.refused() > refused && now >= due {
            (refused, due) = (stats.refused(), now + REFUSED_EVERY);
            say(format_args!(
                "okx-feed publish: the NATS server has refused {refused} messages so far, which \
                 readers do not get: {}; allow this user to publish on the subject, or raise the \
                 limit that the reason names",
                why.as_deref().unwrap_or_default()
            ));
        }
        if was_connected == Some(is_connected) || (!is_connected && why.is_none()) {
            continue;
        }
        was_connected = Some(is_connected);
        match is_connected {
            true => say(format_args!("okx-feed publish: connected to NATS")),
            false => say(format_args!(
                "okx-feed publish: nothing reaches NATS: {}; trying again, the feed goes on",
                why.unwrap_or_default()
            )),
        }
    }
}
