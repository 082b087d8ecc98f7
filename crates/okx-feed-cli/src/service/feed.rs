//! One feed of the file, as it runs.

use std::sync::Arc;

use okx_feed::capture::RecordConfig;
#[cfg(unix)]
use okx_feed::publish::shm::{ShmOptions, ShmSink};
use okx_feed::{Client, ClientBuilder, Credentials, EventSink, NoSink};
use okx_feed_export::NamedFeed;
use okx_feed_export::events::{RingOptions, RingSink, RingStats};
use okx_feed_export::nats::Exporter;

use super::checked::Channels;
use super::config::{FeedConfig, NatsSection};
use crate::args::ProtocolArg;
use crate::connect_args::ConnectArgs;
use crate::error::CliError;
use crate::nats_args::NatsArgs;
#[cfg(unix)]
use crate::segment::segment;

/// A feed that runs.
#[derive(Debug)]
pub(super) struct RunningFeed {
    pub(super) name: String,
    pub(super) client: Client,
    exporter: Option<(Exporter, Arc<RingStats>)>,
}

impl RunningFeed {
    /// Starts a feed.
    ///
    /// # Errors
    /// Where the key, the CA file, the directory, the segment or the NATS server's URL is wrong.
    pub(super) fn start(config: &FeedConfig, channels: &Channels) -> Result<Self, CliError> {
        let builder = builder(config, channels)?;
        let name = config.name.get_ref().clone();
        let Some(nats) = &config.nats else {
            return Ok(Self { name, client: spawn(builder, config, NoSink)?, exporter: None });
        };
        let mut options = RingOptions::default();
        options.snapshot_interval = nats.snapshot_every;
        options.poll = (!nats.poll.is_zero()).then_some(nats.poll);
        let (sink, receiver) = RingSink::new(options, NoSink);
        let ring = sink.stats();
        let args = NatsArgs::from(nats);
        let server = args.server()?.ok_or(CliError::NoNats)?;
        let exporter = args.exporter(server, nats.writer.get_ref(), nats.keep);
        let exporter = Exporter::spawn(exporter, receiver).map_err(CliError::Nats)?;
        let client = spawn(builder, config, sink)?;
        Ok(Self { name, client, exporter: Some((exporter, ring)) })
    }

    /// What exporters show of it.
    pub(super) fn named(&self) -> NamedFeed {
        let named = NamedFeed::new(&self.name, self.client.reader());
        match &self.exporter {
            Some((exporter, ring)) => {
                named.with_nats(Arc::clone(ring), Arc::clone(exporter.stats()))
            }
            None => named,
        }
    }

    /// Stops it; returns whether its recording and what it published, if anything, are whole.
    pub(super) fn stop(self) -> bool {
        let Self { name, client, exporter } = self;
        let recording = client.recording();
        let stats = client.reader().stats();
        let latency = |at: f64| stats.latency.value_at_quantile(at);
        let stopped = client.stop();
        tracing::info!(feed = %name, open = stopped.open,
            closed_properly = stopped.closed_properly, frames = stats.feed.frames,
            p50_ns = latency(0.5), p99_ns = latency(0.99), p999_ns = latency(0.999),
            "feed stopped");
        let missing = recording.map_or(0, |recording| recording.stats().dropped_lines);
        if missing > 0 {
            tracing::error!(feed = %name, dropped = missing, "lines are missing in the recording");
        }
        let Some((exporter, ring)) = exporter else { return missing == 0 };
        let published = Arc::clone(exporter.stats());
        exporter.stop();
        let (dropped, refused) = (ring.dropped(), published.refused());
        let (unacknowledged, unsent) = (published.unacknowledged(), ring.queued());
        tracing::info!(feed = %name, published = published.published(),
            acknowledged = published.acknowledged(), dropped, refused, unacknowledged, unsent,
            "exporter stopped");
        let lost = dropped + refused + unacknowledged + unsent;
        missing == 0 && lost == 0 && published.connects() > 0
    }
}

fn builder(config: &FeedConfig, channels: &Channels) -> Result<ClientBuilder, CliError> {
    let connect = ConnectArgs::of_config(
        (config.url.as_ref().map(|url| url.get_ref().clone()), config.rest_url.clone()),
        (config.region, config.demo),
        config.proxy.as_deref(),
        config.ca_file.as_ref().map(|path| path.get_ref().clone()),
    );
    let mut builder = Client::builder(config.protocol.get_ref().dialect())
        .subscriptions(channels.subscriptions.iter().copied())
        .selections(channels.selections.iter().cloned())
        .selectable();
    if *config.protocol.get_ref() == ProtocolArg::Sbe {
        builder = builder.sbe(connect.codes(None)?);
    }
    builder = connect.apply(builder).redundancy(config.lines);
    if config.busy_poll {
        builder = builder.busy_poll();
    }
    let (core, fifo_priority) = (config.core, config.fifo_priority);
    let name = config.name.get_ref().clone();
    builder = builder.configure(|all| {
        all.thread.core = core;
        all.thread.fifo_priority = fifo_priority;
        all.thread.name = format!("okx-{name}");
    });
    if let Some(credentials) = credentials(config)? {
        builder = builder.login(credentials);
    }
    let Some(record) = &config.record else { return Ok(builder) };
    Ok(builder.record(RecordConfig {
        max_file_len: record.file_size_mib << 20,
        max_file_time: record.file_time,
        sync: record.sync.into(),
        level: record.level,
        ..record.dir.get_ref().clone().into()
    }))
}

/// Starts the client, which publishes to other processes too where the file says so.
fn spawn<S: EventSink + Send + 'static>(
    builder: ClientBuilder,
    config: &FeedConfig,
    sink: S,
) -> Result<Client, CliError> {
    #[cfg(unix)]
    if let Some(name) = &config.shm {
        let (writer, path) = segment(name.get_ref(), ShmOptions::default().mode)?;
        let feed = config.name.get_ref();
        tracing::info!(%feed, path = %path.display(), "publishing to a segment");
        return Ok(builder.sink(ShmSink::new(writer, sink)).spawn()?);
    }
    Ok(builder.sink(sink).spawn()?)
}

fn credentials(config: &FeedConfig) -> Result<Option<Credentials>, CliError> {
    match (&config.login_file, &config.login) {
        (Some(path), _) => Ok(Some(Credentials::from_file(path.get_ref())?)),
        (None, Some(_)) => Ok(Some(Credentials::from_env()?.ok_or(CliError::NoKey)?)),
        (None, None) => Ok(None),
    }
}

impl From<&NatsSection> for NatsArgs {
    fn from(of: &NatsSection) -> Self {
        Self {
            url: Some(of.url.get_ref().clone()),
            creds: of.creds_file.as_ref().map(|path| path.get_ref().clone()),
            ca_file: of.ca_file.as_ref().map(|path| path.get_ref().clone()),
            cert: of.cert_file.as_ref().map(|path| path.get_ref().clone()),
            key: of.key_file.as_ref().map(|path| path.get_ref().clone()),
            stream: of.stream.clone(),
            core: of.core,
        }
    }
}
