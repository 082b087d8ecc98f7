//! The configuration file, read and checked.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use okx_feed::model::Selection;
use okx_feed::{Dialect, Subscription};
use okx_feed_export::nats::NatsServer;
use okx_feed_export::nats::subject::is_writer_name;
use toml::Spanned;
use tracing_subscriber::EnvFilter;

use super::config::{Config, FeedConfig};
use crate::args::ProtocolArg;
use crate::channels;
use crate::config_error::ConfigError;
use crate::connect_args::RegionArg;

/// What a feed subscribes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Channels {
    pub(super) selections: Vec<Selection>,
    pub(super) subscriptions: Vec<Subscription>,
}

/// A file that was read and checked.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) config: Config,
    /// By feed.
    pub(super) channels: Vec<Channels>,
    path: PathBuf,
    text: String,
}

/// A mistake: where, and what is wrong.
type Mistake = (Range<usize>, String);

impl Checked {
    /// Parses and checks the text of a file. Reads nothing else.
    ///
    /// # Errors
    /// The first mistake.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let error = |(span, reason): Mistake| ConfigError::at(path, text, span.start, reason);
        let parsed = toml::from_str::<Config>(text);
        let config = parsed.map_err(|wrong| {
            error((wrong.span().unwrap_or_default(), wrong.message().to_owned()))
        })?;
        check_whole(&config).map_err(error)?;
        let mut all = Vec::new();
        for feed in config.feeds.iter().map(Spanned::get_ref) {
            check_feed(feed).map_err(error)?;
            all.push(Channels::of(feed).map_err(error)?);
        }
        Ok(Self { config, channels: all, path: path.to_owned(), text: text.to_owned() })
    }

    /// An error at a place of the file.
    pub(super) fn error(&self, span: Range<usize>, reason: impl Into<String>) -> ConfigError {
        ConfigError::at(&self.path, &self.text, span.start, reason.into())
    }

    /// Applies the channels of a file that was applied; all else is as it runs.
    pub(super) fn take_channels_of(&mut self, new: &Self) {
        for (feed, channels) in self.config.feeds.iter().zip(&mut self.channels) {
            if let Some((_, wanted)) = new.reloadable(feed.get_ref()) {
                channels.clone_from(wanted);
            }
        }
    }

    /// The feed of the same name and protocol.
    pub(super) fn reloadable(&self, feed: &FeedConfig) -> Option<(&FeedConfig, &Channels)> {
        let mut all = self.config.feeds.iter().map(Spanned::get_ref).zip(&self.channels);
        all.find(|(other, _)| other.name == feed.name && other.protocol == feed.protocol)
    }
}

/// Checks what concerns several sections.
fn check_whole(config: &Config) -> Result<(), Mistake> {
    let level = &config.log.level;
    if let Err(error) = EnvFilter::builder().parse(level.get_ref()) {
        return Err((level.span(), format!("level: {error}")));
    }
    if let (Some(metrics), Some(web)) = (&config.metrics, &config.web) {
        let (addr, other) = (metrics.listen.get_ref(), web.listen.get_ref());
        if addr == other && addr.port() != 0 {
            return Err((web.listen.span(), format!("[metrics] listens on {addr} already")));
        }
    }
    if config.feeds.is_empty() {
        return Err((0..0, "there is no [[feed]]".to_owned()));
    }
    let (mut names, mut dirs, mut segments, mut writers) =
        (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
    for feed in &config.feeds {
        let feed = feed.get_ref();
        if feed.name.get_ref().is_empty() || !names.insert(feed.name.get_ref()) {
            return Err((feed.name.span(), "each feed needs a name of its own".to_owned()));
        }
        if let Some(record) = &feed.record
            && !dirs.insert(record.dir.get_ref())
        {
            let reason = "each feed that is recorded needs a directory of its own";
            return Err((record.dir.span(), reason.to_owned()));
        }
        if let Some(nats) = &feed.nats
            && !writers.insert(nats.writer.get_ref())
        {
            let reason = "each feed that is published needs a writer of its own";
            return Err((nats.writer_span(), reason.to_owned()));
        }
        if let Some(shm) = feed.segment()
            && !segments.insert(shm.get_ref())
        {
            let reason = format!("another feed has the segment {}", shm.get_ref().display());
            return Err((shm.span(), reason));
        }
    }
    Ok(())
}

/// Checks what concerns one feed, but its channels.
fn check_feed(feed: &FeedConfig) -> Result<(), Mistake> {
    if let Some(url) = &feed.url {
        if feed.demo || feed.region != RegionArg::Global {
            return Err((url.span(), "url excludes region and demo".to_owned()));
        }
        let host = ["ws://", "wss://"].iter().find_map(|scheme| url.get_ref().strip_prefix(scheme));
        if host.is_none_or(|host| host.starts_with('/') || host.is_empty()) {
            return Err((url.span(), "url: write ws://HOST:PORT/PATH or wss://..".to_owned()));
        }
    }
    if let (Some(login), Some(_)) = (&feed.login, &feed.login_file) {
        return Err((login.span(), "login and login_file exclude each other".to_owned()));
    }
    let has_login = feed.login.is_some() || feed.login_file.is_some();
    if *feed.protocol.get_ref() == ProtocolArg::Sbe && !has_login {
        return Err((feed.protocol.span(), "sbe needs login or login_file".to_owned()));
    }
    if let Some(nats) = &feed.nats {
        let one_of = match (&nats.cert_file, &nats.key_file) {
            (Some(one), None) | (None, Some(one)) => Some(one),
            _ => None,
        };
        if let Some(one) = one_of {
            return Err((one.span(), "cert_file and key_file belong together".to_owned()));
        }
        if let Err(error) = NatsServer::new(nats.url.get_ref()).check() {
            return Err((nats.url.span(), error.to_string()));
        }
        if !is_writer_name(nats.writer.get_ref()) {
            let reason = "writer: give 1 to 32 letters, digits, - or _";
            return Err((nats.writer_span(), reason.to_owned()));
        }
    }
    if feed.channels.get_ref().is_empty() {
        return Err((feed.channels.span(), "channels is empty".to_owned()));
    }
    Ok(())
}

impl Channels {
    fn of(feed: &FeedConfig) -> Result<Self, Mistake> {
        let mut channels = Self::default();
        for text in feed.channels.get_ref() {
            channels
                .add(feed.protocol.get_ref().dialect(), text.get_ref())
                .map_err(|reason| (text.span(), reason))?;
        }
        if let Some(place) = &feed.shard {
            let shard = *place.get_ref();
            channels.subscriptions.retain(|one| shard.has(one.inst_id().as_str()));
            let selections = std::mem::take(&mut channels.selections);
            channels.selections = selections.into_iter().map(|one| one.in_shard(shard)).collect();
            if channels == Self::default() {
                return Err((place.span(), "no channel is in this shard".to_owned()));
            }
        }
        Ok(channels)
    }

    fn add(&mut self, dialect: Dialect, text: &str) -> Result<(), String> {
        let texts = [text.to_owned()];
        let wrong = |error: crate::error::CliError| error.to_string();
        let (selections, others) = channels::selections(dialect, &texts).map_err(wrong)?;
        let parsed = channels::parse(dialect, &others).map_err(wrong)?;
        let is_known = parsed.iter().any(|one| self.subscriptions.contains(one))
            || selections.iter().any(|one| self.selections.contains(one));
        if is_known {
            return Err(format!("{text:?} is there twice"));
        }
        self.selections.extend(selections);
        self.subscriptions.extend(parsed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        Checked::parse(Path::new("f.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_files_of_the_documents_are_right() {
        let of_service = include_str!("../../../../docs/ops/okx-feed.toml");
        let in_container = include_str!("../../../../docs/ops/okx-feed.container.toml");
        for text in [of_service, in_container] {
            let checked = Checked::parse(Path::new("f.toml"), text).unwrap();
            assert_eq!(checked.config.feeds.len(), checked.channels.len());
            assert!(checked.config.metrics.is_some());
        }
        // With all that they have in comments.
        let uncommented: Vec<_> = of_service
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") || rest.starts_with('[') => rest,
                _ => line,
            })
            .collect();
        let checked = Checked::parse(Path::new("f.toml"), &uncommented.join("\n")).unwrap();
        assert_eq!(checked.config.feeds.len(), 2);
        let nats = checked.config.feeds.iter().find_map(|feed| feed.get_ref().nats.as_ref());
        assert_eq!(nats.map(|nats| nats.poll.as_millis()), Some(1));
    }

    #[test]
    fn each_mistake_is_reported_with_its_line() {
        let feed = "[[feed]]\nname = \"a\"\n";
        let with = |rest: &str| mistake(&format!("{feed}{rest}"));
        let live = |rest: &str| mistake(&format!("{feed}channels = [\"books5:A\"]\n{rest}"));
        let two = |rest: &str| {
            let other = "[[feed]]\nname = \"b\"\nchannels = [\"books5:B\"]\n";
            mistake(&format!("{feed}channels = [\"books5:A\"]\n{rest}\n{other}{rest}"))
        };
        let nats = |rest: &str| live(&format!("[feed.nats]\nurl = \"nats://h:4222\"\n{rest}"));
        let cases = [
            (mistake(""), "1: ", "feed"),
            (mistake("feed = []"), "1: ", "there is no [[feed]]"),
            (mistake("x = [\n"), "1: ", "unclosed"),
            (mistake("[metrics]\nlisten = \"nowhere\""), "2: ", "socket address"),
            (mistake("[metrics]\nlisten = 9464"), "2: ", "9464"),
            (mistake("[log]\nformat = \"xml\""), "2: ", "xml"),
            (mistake("\u{feff}\n[[feed]]\nname = 1"), "3: ", "invalid type"),
            (live("[log]\nlevel = \"okx_feed=loud\""), "5: ", "level"),
            (
                live("[metrics]\nlisten = \"[::1]:1\"\n[web]\nlisten = \"[::1]:1\""),
                "7: ",
                "already",
            ),
            (with(""), "1: ", "channels"),
            (with("name = \"b\""), "3: ", "duplicate key"),
            (with("channels = \"books5:A\""), "3: ", "invalid type"),
            (with("channels = []"), "3: ", "channels is empty"),
            (with("channels = [\n\"books5:A\",\n\"nonsense\"]"), "5: ", "nonsense"),
            (with("channels = [\n\"books5:A\",\n\"books5:A\"]"), "5: ", "twice"),
            (with("channels = [\n\"books5:A-*\",\n\"books5:A-*\"]"), "5: ", "twice"),
            (with("channels = [\"books5:x=1,type=SWAP\"]"), "3: ", "no condition"),
            (with("channels = [\"spot/depth5:A\"]"), "3: ", "v3"),
            (live("lines = 17"), "4: ", "17 is not in 1 to 16"),
            (live("lines = -1"), "4: ", "-1"),
            (live("region = \"mars\""), "4: ", "global, eea, us"),
            (live("speed = 1"), "4: ", "speed"),
            (live("shard = \"5/4\""), "4: ", "a shard is"),
            (live("shard = \"1/1024\""), "4: ", "no channel is in this shard"),
            (live("url = \"ws://x\"\ndemo = true"), "4: ", "url"),
            (live("url = \"https://x\""), "4: ", "wss://"),
            (live("url = \"ws:///x\""), "4: ", "wss://"),
            (live("login = \"env\"\nlogin_file = \"f\""), "4: ", "exclude"),
            (live("login = \"here\""), "4: ", "here"),
            (live("protocol = \"xml\""), "4: ", "none of"),
            (live("protocol = \"sbe\""), "4: ", "login"),
            (live("[feed.record]\ndir = \"d\"\nfile_time = \"x\""), "6: ", ""),
            (live("[feed.record]\nlevel = 1"), "4: ", "dir"),
            (nats("writer = \"a b\""), "6: ", "1 to 32"),
            (nats("cert_file = \"c\""), "6: ", "belong together"),
            (live("[feed.nats]\nurl = \"nats://[::1\""), "5: ", "no URL of a NATS server"),
            (live("[feed.nats]\nurl = \"nats://a:b,c@h\""), "5: ", "%2C"),
            (nats("password = \"p\""), "6: ", "password"),
            (nats("poll = \"often\""), "6: ", "span of time"),
            (two("[feed.record]\ndir = \"d\""), "10: ", "directory of its own"),
            (two("[feed.nats]\nurl = \"nats://h\""), "10: ", "writer of its own"),
            (two("[feed.nats]\nurl = \"nats://h\"\nwriter = \"B\""), "12: ", "writer of its own"),
            #[cfg(unix)]
            (two("shm = \"s\""), "8: ", "another feed has the segment s"),
            (
                mistake(&format!("{feed}channels = [\"books5:A\"]\n").repeat(2)),
                "5: ",
                "name of its own",
            ),
        ];
        for (found, place, part) in cases {
            let place = format!("f.toml:{place}");
            assert!(found.starts_with(&place) && found.contains(part), "{place}{part}: {found}");
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }

    #[test]
    fn a_shard_takes_its_part_of_all_channels() {
        let of = |shard: &str| {
            let ids = ["A", "B", "C", "D", "E", "F", "G", "H"];
            let list = ids.map(|id| format!("\"books5:{id}\"")).join(",");
            let text = format!(
                "[[feed]]\nname = \"a\"\nshard = \"{shard}\"\n\
                 channels = [{list}, \"trades:*\"]\n"
            );
            Checked::parse(Path::new("f"), &text).unwrap().channels.remove(0)
        };
        let parts = ["1/2", "2/2"].map(of);
        assert_eq!(parts.iter().map(|of| of.subscriptions.len()).sum::<usize>(), 8);
        assert_eq!(parts[0].selections[0].to_string(), "trades:*,shard=1/2");
    }
}
