//! The configuration file, as it is written.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use okx_feed::model::Shard;
use okx_feed_export::nats::StreamOptions;

use crate::args::ProtocolArg;
use crate::connect_args::RegionArg;
use crate::duration::parse_duration;
use crate::record::SyncArg;

/// The whole file.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) log: LogConfig,
    pub(super) metrics: Option<MetricsConfig>,
    pub(super) web: Option<WebConfig>,
    #[serde(rename = "feed")]
    pub(super) feeds: Vec<Spanned<FeedConfig>>,
}

/// How the log is written.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogConfig {
    pub(super) format: LogFormat,
    pub(super) level: Spanned<String>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: Spanned::new(0..0, "info".to_owned()) }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsConfig {
    pub(super) listen: Spanned<SocketAddr>,
    #[serde(default)]
    pub(super) by_instrument: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct WebConfig {
    pub(super) listen: Spanned<SocketAddr>,
    pub(super) token_file: Option<Spanned<PathBuf>>,
}

/// One feed: a client of its own.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedConfig {
    pub(super) name: Spanned<String>,
    #[serde(default = "v5", deserialize_with = "named_at")]
    pub(super) protocol: Spanned<ProtocolArg>,
    pub(super) channels: Spanned<Vec<Spanned<String>>>,
    #[serde(default, deserialize_with = "shard")]
    pub(super) shard: Option<Spanned<Shard>>,
    #[serde(default = "global", deserialize_with = "named")]
    pub(super) region: RegionArg,
    #[serde(default)]
    pub(super) demo: bool,
    pub(super) url: Option<Spanned<String>>,
    pub(super) rest_url: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) ca_file: Option<Spanned<PathBuf>>,
    #[serde(default = "one", deserialize_with = "lines")]
    pub(super) lines: usize,
    #[serde(default)]
    pub(super) busy_poll: bool,
    pub(super) core: Option<usize>,
    pub(super) fifo_priority: Option<u8>,
    pub(super) login: Option<Spanned<Login>>,
    pub(super) login_file: Option<Spanned<PathBuf>>,
    #[cfg(unix)]
    pub(super) shm: Option<Spanned<PathBuf>>,
    pub(super) record: Option<RecordSection>,
    pub(super) nats: Option<NatsSection>,
}

impl FeedConfig {
    /// The segment for other processes.
    #[cfg(unix)]
    pub(super) const fn segment(&self) -> Option<&Spanned<PathBuf>> {
        self.shm.as_ref()
    }

    /// There is none on this system.
    #[cfg(not(unix))]
    pub(super) const fn segment(&self) -> Option<&Spanned<PathBuf>> {
        None
    }
}

impl NatsSection {
    /// The place of the writer; that of the URL where the file has no writer.
    pub(super) fn writer_span(&self) -> Range<usize> {
        match self.writer.span() {
            nowhere if nowhere.is_empty() => self.url.span(),
            span => span,
        }
    }
}

/// Where the key is that is not in a file of its own.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Login {
    Env,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordSection {
    pub(super) dir: Spanned<PathBuf>,
    #[serde(default = "mebibytes", deserialize_with = "file_size")]
    pub(super) file_size_mib: u64,
    #[serde(default = "hour", deserialize_with = "span")]
    pub(super) file_time: Duration,
    #[serde(default = "file", deserialize_with = "named")]
    pub(super) sync: SyncArg,
    #[serde(default = "fast", deserialize_with = "zstd_level")]
    pub(super) level: i32,
}

/// Where a feed is published. A user, a password or a token is in the environment.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct NatsSection {
    pub(super) url: Spanned<String>,
    #[serde(default = "writer")]
    pub(super) writer: Spanned<String>,
    #[serde(default = "stream")]
    pub(super) stream: String,
    #[serde(default)]
    pub(super) core: bool,
    #[serde(default = "hour", deserialize_with = "span")]
    pub(super) keep: Duration,
    #[serde(default = "five_seconds", deserialize_with = "span")]
    pub(super) snapshot_every: Duration,
    /// Zero to be woken by the feed's thread.
    #[serde(default = "millisecond", deserialize_with = "span")]
    pub(super) poll: Duration,
    pub(super) creds_file: Option<Spanned<PathBuf>>,
    pub(super) ca_file: Option<Spanned<PathBuf>>,
    pub(super) cert_file: Option<Spanned<PathBuf>>,
    pub(super) key_file: Option<Spanned<PathBuf>>,
}

fn v5() -> Spanned<ProtocolArg> {
    Spanned::new(0..0, ProtocolArg::V5)
}

const fn global() -> RegionArg {
    RegionArg::Global
}

const fn one() -> usize {
    1
}

const fn mebibytes() -> u64 {
    1_024
}

const fn hour() -> Duration {
    Duration::from_secs(3_600)
}

const fn file() -> SyncArg {
    SyncArg::File
}

const fn fast() -> i32 {
    1
}

const fn millisecond() -> Duration {
    Duration::from_millis(1)
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn writer() -> Spanned<String> {
    Spanned::new(0..0, "A".to_owned())
}

fn stream() -> String {
    StreamOptions::NAME.to_owned()
}

fn shard<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Spanned<Shard>>, D::Error> {
    let text = Spanned::<String>::deserialize(from)?;
    let shard = text.get_ref().parse().map_err(D::Error::custom)?;
    Ok(Some(Spanned::new(text.span(), shard)))
}

/// A word of the command line.
fn named<'de, D: Deserializer<'de>, T: ValueEnum>(from: D) -> Result<T, D::Error> {
    word(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// The same with its place.
fn named_at<'de, D: Deserializer<'de>, T: ValueEnum>(from: D) -> Result<Spanned<T>, D::Error> {
    let text = Spanned::<String>::deserialize(from)?;
    let value = word(text.get_ref()).map_err(D::Error::custom)?;
    Ok(Spanned::new(text.span(), value))
}

fn word<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let all: Vec<_> = T::value_variants().iter().filter_map(T::to_possible_value).collect();
        let all: Vec<_> = all.iter().map(clap::builder::PossibleValue::get_name).collect();
        format!("{text:?} is none of {}", all.join(", "))
    })
}

fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn lines<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    within(usize::deserialize(from)?, 1, 16)
}

fn file_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    within(u64::deserialize(from)?, 1, 1_048_576)
}

fn zstd_level<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    within(i32::deserialize(from)?, 1, 19)
}

fn within<T, E>(value: T, least: T, most: T) -> Result<T, E>
where
    T: PartialOrd + std::fmt::Display + Copy,
    E: serde::de::Error,
{
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(E::custom(format!("{value} is not in {least} to {most}"))),
    }
}
