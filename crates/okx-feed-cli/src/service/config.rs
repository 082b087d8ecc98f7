//! The configuration file.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use okx_feed::model::Selection;
use okx_feed::{Dialect, Subscription};

use crate::args::ProtocolArg;
use crate::channels;
use crate::config_error::ConfigError;
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
    pub(super) level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
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
    pub(super) listen: SocketAddr,
    #[serde(default)]
    pub(super) by_instrument: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct WebConfig {
    pub(super) listen: SocketAddr,
    pub(super) token_file: Option<PathBuf>,
}

/// One feed: a client of its own.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedConfig {
    pub(super) name: String,
    #[serde(default = "v5", deserialize_with = "named")]
    pub(super) protocol: ProtocolArg,
    pub(super) channels: Vec<Spanned<String>>,
    #[serde(default = "global", deserialize_with = "named")]
    pub(super) region: RegionArg,
    #[serde(default)]
    pub(super) demo: bool,
    pub(super) url: Option<String>,
    pub(super) rest_url: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    #[serde(default = "one", deserialize_with = "lines")]
    pub(super) lines: usize,
    #[serde(default)]
    pub(super) busy_poll: bool,
    pub(super) core: Option<usize>,
    pub(super) fifo_priority: Option<u8>,
    pub(super) login: Option<Login>,
    pub(super) login_file: Option<PathBuf>,
    #[cfg(unix)]
    pub(super) shm: Option<PathBuf>,
    pub(super) record: Option<RecordSection>,
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
    pub(super) dir: PathBuf,
    #[serde(default = "mebibytes", deserialize_with = "file_size")]
    pub(super) file_size_mib: u64,
    #[serde(default = "hour", deserialize_with = "span")]
    pub(super) file_time: Duration,
    #[serde(default = "file", deserialize_with = "named")]
    pub(super) sync: SyncArg,
    #[serde(default = "fast", deserialize_with = "zstd_level")]
    pub(super) level: i32,
}

/// What a feed subscribes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Channels {
    pub(super) selections: Vec<Selection>,
    pub(super) subscriptions: Vec<Subscription>,
}

/// A file that was read and checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checked {
    pub(super) config: Config,
    /// By feed.
    pub(super) channels: Vec<Channels>,
}

impl Checked {
    /// Parses and checks the text of a file.
    ///
    /// # Errors
    /// The first mistake.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let error = |span: Option<Range<usize>>, reason: String| {
            ConfigError::at(path, text, span.map_or(0, |span| span.start), reason)
        };
        let parsed = toml::from_str::<Config>(text);
        let config = parsed.map_err(|wrong| error(wrong.span(), wrong.message().to_owned()))?;
        if config.feeds.is_empty() {
            return Err(error(None, "there is no [[feed]]".to_owned()));
        }
        let mut all = Vec::new();
        let mut names = Vec::new();
        for feed in &config.feeds {
            let (span, feed) = (feed.span(), feed.get_ref());
            let wrong = |reason: &str| error(Some(span.clone()), reason.to_owned());
            if feed.name.is_empty() || names.contains(&&feed.name) {
                return Err(wrong("each feed needs a name of its own"));
            }
            names.push(&feed.name);
            if feed.url.is_some() && (feed.demo || feed.region != RegionArg::Global) {
                return Err(wrong("url excludes region and demo"));
            }
            if feed.login.is_some() && feed.login_file.is_some() {
                return Err(wrong("login and login_file exclude each other"));
            }
            let is_login = feed.login.is_some() || feed.login_file.is_some();
            if feed.protocol == ProtocolArg::Sbe && !is_login {
                return Err(wrong("sbe needs login or login_file"));
            }
            if feed.channels.is_empty() {
                return Err(wrong("channels is empty"));
            }
            let mut channels = Channels::default();
            for text in &feed.channels {
                channels
                    .add(feed.protocol.dialect(), text.get_ref())
                    .map_err(|reason| error(Some(text.span()), reason))?;
            }
            all.push(channels);
        }
        Ok(Self { config, channels: all })
    }
}

impl Checked {
    /// Takes over the subscriptions of a file that was applied; all else is as it runs.
    pub(super) fn take_channels_of(&mut self, new: &Self) {
        for (feed, channels) in self.config.feeds.iter().zip(&mut self.channels) {
            let others = new.config.feeds.iter().zip(&new.channels);
            let same = |(other, _): &(&Spanned<FeedConfig>, _)| {
                other.get_ref().name == feed.get_ref().name
            };
            if let Some((_, wanted)) = others.into_iter().find(same) {
                channels.subscriptions.clone_from(&wanted.subscriptions);
            }
        }
    }
}

impl Channels {
    fn add(&mut self, dialect: Dialect, text: &str) -> Result<(), String> {
        let text = [text.to_owned()];
        let wrong = |error: crate::error::CliError| error.to_string();
        let (selections, others) = channels::selections(dialect, &text).map_err(wrong)?;
        let parsed = channels::parse(dialect, &others).map_err(wrong)?;
        self.selections.extend(selections);
        let new = parsed.into_iter().filter(|one| !self.subscriptions.contains(one));
        let new: Vec<_> = new.collect();
        self.subscriptions.extend(new);
        Ok(())
    }
}

const fn v5() -> ProtocolArg {
    ProtocolArg::V5
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

/// A word of the command line.
fn named<'de, D: Deserializer<'de>, T: clap::ValueEnum>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    T::from_str(&text, false).map_err(|_| {
        let all: Vec<_> = T::value_variants().iter().filter_map(T::to_possible_value).collect();
        let all: Vec<_> = all.iter().map(clap::builder::PossibleValue::get_name).collect();
        D::Error::custom(format!("{text:?} is none of {}", all.join(", ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        Checked::parse(Path::new("f.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = include_str!("../../../../docs/ops/okx-feed.toml");
        let checked = Checked::parse(Path::new("f.toml"), text).unwrap();
        assert_eq!(checked.config.feeds.len(), checked.channels.len());
        assert!(checked.config.metrics.is_some() && checked.config.web.is_some());
    }

    #[test]
    fn each_mistake_is_reported_with_its_line() {
        let feed = "[[feed]]\nname = \"a\"\n";
        let with = |rest: &str| mistake(&format!("{feed}{rest}"));
        let cases = [
            (mistake(""), "f.toml:1: ", "feed"),
            (mistake("x = [\n"), "f.toml:1: ", "unclosed"),
            (with(""), "f.toml:1: ", "channels"),
            (with("channels = []"), "f.toml:1: ", "channels is empty"),
            (with("channels = [\n\"books5:A\",\n\"nonsense\"]"), "f.toml:5: ", "nonsense"),
            (with("channels = [\"spot/depth5:A\"]"), "f.toml:3: ", "v3"),
            (with("channels = [\"books5:A\"]\nlines = 17"), "f.toml:4: ", "17 is not in 1 to 16"),
            (with("channels = [\"books5:A\"]\nregion = \"mars\""), "f.toml:4: ", "global, eea, us"),
            (with("channels = [\"books5:A\"]\nspeed = 1"), "f.toml:4: ", "speed"),
            (with("channels = [\"books5:A\"]\nurl = \"ws://x\"\ndemo = true"), "f.toml:1: ", "url"),
            (with("channels = [\"books5:A\"]\nprotocol = \"sbe\""), "f.toml:1: ", "login"),
            (
                with("channels = [\"books5:A\"]\n[feed.record]\ndir = \"d\"\nfile_time = \"x\""),
                "f.toml:6: ",
                "",
            ),
            (
                mistake(&format!("{feed}channels = [\"books5:A\"]\n").repeat(2)),
                "f.toml:4: ",
                "name of its own",
            ),
        ];
        for (found, place, part) in cases {
            assert!(found.starts_with(place) && found.contains(part), "{place}{part}: {found}");
        }
    }
}
