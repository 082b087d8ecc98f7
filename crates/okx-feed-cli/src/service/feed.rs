//! One feed of the file, as a client that runs.

#[cfg(unix)]
use okx_feed::NoSink;
use okx_feed::capture::RecordConfig;
#[cfg(unix)]
use okx_feed::publish::shm::{ShmOptions, ShmSink};
use okx_feed::{Client, ClientBuilder, Credentials};

use super::config::{Channels, FeedConfig, Login};
use crate::args::ProtocolArg;
use crate::connect_args::ConnectArgs;
use crate::error::CliError;
#[cfg(unix)]
use crate::segment::segment;

/// Starts the client of a feed.
///
/// # Errors
/// Where the key, the CA file, the directory or the segment is wrong.
pub(super) fn start(config: &FeedConfig, channels: &Channels) -> Result<Client, CliError> {
    let dialect = config.protocol.dialect();
    let connect = ConnectArgs::of_config(
        (config.url.clone(), config.rest_url.clone()),
        (config.region, config.demo),
        config.proxy.as_deref(),
        config.ca_file.clone(),
    );
    let mut builder = Client::builder(dialect)
        .subscriptions(channels.subscriptions.iter().copied())
        .selections(channels.selections.iter().cloned());
    if config.protocol == ProtocolArg::Sbe {
        builder = builder.sbe(connect.codes(None)?);
    }
    builder = connect.apply(builder).redundancy(config.lines);
    if config.busy_poll {
        builder = builder.busy_poll();
    }
    let (core, fifo_priority, name) = (config.core, config.fifo_priority, config.name.clone());
    builder = builder.configure(|all| {
        all.thread.core = core;
        all.thread.fifo_priority = fifo_priority;
        all.thread.name = format!("okx-{name}");
    });
    if let Some(credentials) = credentials(config)? {
        builder = builder.login(credentials);
    }
    let builder = with_record(builder, config);
    #[cfg(unix)]
    if let Some(name) = &config.shm {
        let (writer, path) = segment(name, ShmOptions::default().mode)?;
        tracing::info!(feed = %config.name, path = %path.display(), "publishing to a segment");
        return Ok(builder.sink(ShmSink::new(writer, NoSink)).spawn()?);
    }
    Ok(builder.spawn()?)
}

fn credentials(config: &FeedConfig) -> Result<Option<Credentials>, CliError> {
    match (&config.login_file, config.login) {
        (Some(path), _) => Ok(Some(Credentials::from_file(path)?)),
        (None, Some(Login::Env)) => Ok(Some(Credentials::from_env()?.ok_or(CliError::NoKey)?)),
        (None, None) => Ok(None),
    }
}

fn with_record(builder: ClientBuilder, config: &FeedConfig) -> ClientBuilder {
    let Some(record) = &config.record else { return builder };
    builder.record(RecordConfig {
        max_file_len: record.file_size_mib << 20,
        max_file_time: record.file_time,
        sync: record.sync.into(),
        level: record.level,
        ..record.dir.clone().into()
    })
}
