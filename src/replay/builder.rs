//! The builder of a replay.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::config::{ReplayConfig, Speed};
use super::discovery::Unsubscribed;
use super::error::ReplayError;
use super::file::{CaptureFile, covered_times};
use super::merge::Merge;
use super::player::Player;
use super::session::Replay;
use crate::capture::LineForm;
use crate::event::{Event, EventSink, NoSink};
use crate::model::{Dialect, InstrumentCodes, Subscription, SubscriptionError, UnixNanos};

/// Builds a replay. Errors of its options are reported by [`ReplayBuilder::open`].
#[derive(Debug)]
#[must_use]
pub struct ReplayBuilder<S = NoSink> {
    dialect: Option<Dialect>,
    form: Option<LineForm>,
    files: Vec<PathBuf>,
    readers: Vec<Source>,
    channels: Vec<String>,
    subscriptions: Vec<Subscription>,
    config: ReplayConfig,
    codes: Option<Arc<InstrumentCodes>>,
    sink: S,
}

impl Replay<NoSink> {
    /// A builder of a replay.
    pub fn builder() -> ReplayBuilder {
        ReplayBuilder {
            dialect: None,
            form: None,
            files: Vec::new(),
            readers: Vec::new(),
            channels: Vec::new(),
            subscriptions: Vec::new(),
            config: ReplayConfig::default(),
            codes: None,
            sink: NoSink,
        }
    }
}

impl<S: EventSink> ReplayBuilder<S> {
    /// Plays a file.
    ///
    /// Several files are merged by their times. Files of one recording of a client continue each
    /// other; every other file is a connection of its own, and several of them are redundant lines
    /// ([`Lines`](crate::replay::Lines)).
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Plays files, as [`ReplayBuilder::file`] does.
    pub fn files<P: Into<PathBuf>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.files.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Plays a capture from a source without a name, such as a pipe: [`ReplayBuilder::open`] waits
    /// for its first line, and each step for the next one.
    pub fn reader(mut self, source: impl Read + Send + 'static) -> Self {
        self.readers.push(Source(Box::new(source)));
        self
    }

    /// The dialect of files that do not say it themselves.
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Reads binary frames of v5 as SBE. An instrument whose code is not among these stands as the
    /// digits of its code.
    pub fn sbe(mut self, codes: InstrumentCodes) -> Self {
        self.codes = Some(Arc::new(codes));
        self
    }

    /// The form of the lines of all files, where their names do not say it.
    pub const fn form(mut self, form: LineForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Plays this channel, such as `books5:BTC-USDT`, and others that are named, alone. Where none
    /// is named, all that the capture has is played.
    pub fn subscribe(mut self, channel: &str) -> Self {
        self.channels.push(channel.to_owned());
        self
    }

    /// Plays these subscriptions, as [`ReplayBuilder::subscribe`] does.
    pub fn subscriptions(mut self, all: impl IntoIterator<Item = Subscription>) -> Self {
        self.subscriptions.extend(all);
        self
    }

    /// Plays what came from `from` to before `to` alone.
    pub const fn times(mut self, from: UnixNanos, to: UnixNanos) -> Self {
        (self.config.from, self.config.to) = (from, to);
        self
    }

    /// Sets the speed.
    pub const fn speed(mut self, speed: Speed) -> Self {
        self.config.speed = speed;
        self
    }

    /// Changes any other option.
    pub fn configure(mut self, change: impl FnOnce(&mut ReplayConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Calls `f` for each event. For a sink that is no closure see [`ReplayBuilder::sink`].
    pub fn on_event<F>(self, f: F) -> ReplayBuilder<F>
    where
        // Of the closure itself, so that its argument needs no type: through `EventSink` the
        // compiler would not see that it must take an event of any lifetime.
        F: FnMut(&Event<'_>),
    {
        self.sink(f)
    }

    /// Passes each event to `sink`.
    pub fn sink<T: EventSink>(self, sink: T) -> ReplayBuilder<T> {
        let Self { dialect, form, files, readers, channels, subscriptions, config, codes, .. } =
            self;
        ReplayBuilder {
            dialect,
            form,
            files,
            readers,
            channels,
            subscriptions,
            config,
            codes,
            sink,
        }
    }

    /// Opens the files. What a client has recorded of its subscriptions is known then, so that
    /// readers of them can be had.
    ///
    /// # Errors
    /// [`ReplayError`] where a file can't be opened or read, does not say its dialect, or is of
    /// another one than the rest, and where a channel or the speed is wrong.
    pub fn open(self) -> Result<Replay<S>, ReplayError> {
        let Self { dialect, form, files, readers, channels, config, codes, sink, .. } = self;
        let mut subscriptions = self.subscriptions;
        if matches!(config.speed, Speed::Times(times) if times.is_nan() || times <= 0.0) {
            return Err(ReplayError::Speed);
        }
        if config.from >= config.to {
            return Err(ReplayError::Times);
        }
        let open = |path: &PathBuf| CaptureFile::open(path, form, &config);
        let mut files = files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        for Source(source) in readers {
            files.push(CaptureFile::from_reader(source, form)?);
        }
        refuse_twice(&files)?;
        let uncommitted = leave_out_empty(&mut files, form, &config)?;
        let dialect = common_dialect(dialect, &files)?;
        for channel in &channels {
            subscriptions.push(Subscription::parse(dialect, channel)?);
        }
        if let Some(other) = subscriptions.iter().find(|one| one.dialect() != dialect) {
            return Err(SubscriptionError::OtherDialect(other.to_string(), dialect).into());
        }
        let recordings = number_recordings(&mut files);
        // A file may begin at the time at which the one before it ends.
        files.sort_by_key(|file| (file.recording, file.number()));
        let is_of_client = files.iter().all(|file| file.head.is_some());
        let mut player = Player::new(dialect, config, subscriptions.clone(), recordings > 1);
        player.connections.codes = codes;
        player.report.torn = uncommitted;
        player.connections.discovery.missing = subscriptions.clone();
        // A client's marks name what is subscribed, but not those before the first that is played.
        let is_known = is_of_client && config.from == UnixNanos::UNKNOWN;
        player.connections.discovery.unsubscribed = match (subscriptions.is_empty(), is_known) {
            (false, _) => Unsubscribed::LeftOut,
            (true, true) => Unsubscribed::Emitted,
            (true, false) => Unsubscribed::Found,
        };
        let mut replay = Replay::new(config, Merge::new(files), player, sink);
        replay.begin()?;
        Ok(replay)
    }
}

/// A capture without a name.
struct Source(Box<dyn Read + Send>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Refuses files with the same lines: an order book would be updated twice.
fn refuse_twice(files: &[CaptureFile]) -> Result<(), ReplayError> {
    for (at, file) in files.iter().enumerate() {
        if let Some(other) = files.iter().take(at).find(|other| file.is_same(other)) {
            let (path, other) = (file.path.clone(), other.path.clone());
            return Err(ReplayError::Twice { path, other });
        }
    }
    Ok(())
}

/// Leaves out files that have no line in the times that are played, but for those of recordings of
/// which others have: what is missing between two files is known by both. Gives those of which
/// nothing was committed.
///
/// # Errors
/// Where no file is left.
fn leave_out_empty(
    files: &mut Vec<CaptureFile>,
    form: Option<LineForm>,
    config: &ReplayConfig,
) -> Result<Vec<PathBuf>, ReplayError> {
    let mut uncommitted = Vec::new();
    let mut left = Vec::with_capacity(files.len());
    for mut file in std::mem::take(files) {
        if !file.is_empty()? {
            files.push(file);
        } else if file.is_uncommitted() {
            uncommitted.push(file.path);
        } else {
            left.push(file);
        }
    }
    if !files.is_empty() {
        left.retain(|file| {
            let id = file.recording_id();
            id.is_some() && files.iter().any(|played| played.recording_id() == id)
        });
        files.append(&mut left);
        return Ok(uncommitted);
    }
    let left: Vec<_> = left.into_iter().map(|file| file.path).collect();
    let named = left.first().filter(|path| path.as_os_str() != CaptureFile::NO_NAME);
    if let (Some(path), true) = (named, config.has_times())
        && let Some((first, last)) = covered_times(path, form)?
    {
        return Err(ReplayError::NothingInTimes { path: path.clone(), first, last });
    }
    match left.into_iter().chain(uncommitted).next() {
        Some(path) => Err(ReplayError::Empty(path)),
        None => Err(ReplayError::NoFile),
    }
}

/// The dialect of all files.
fn common_dialect(named: Option<Dialect>, files: &[CaptureFile]) -> Result<Dialect, ReplayError> {
    let Some(first) = files.first() else { return Err(ReplayError::NoFile) };
    let shown = files.iter().find_map(|file| file.dialect);
    let unknown = || match files.iter().find_map(|file| Some((&file.path, file.damage.as_ref()?))) {
        Some((path, reason)) => ReplayError::Damaged { path: path.clone(), reason: reason.clone() },
        None => ReplayError::NoDialect(first.path.clone()),
    };
    let dialect = named.or(shown).ok_or_else(unknown)?;
    let other = |file: &&CaptureFile| file.dialect.is_some_and(|other| other != dialect);
    match files.iter().find(other) {
        Some(file) => Err(ReplayError::OtherDialect {
            path: file.path.clone(),
            dialect: file.dialect.unwrap_or(dialect),
        }),
        None => Ok(dialect),
    }
}

/// Numbers the recordings that files are of, and returns how many there are.
fn number_recordings(files: &mut [CaptureFile]) -> usize {
    let mut ids: Vec<Option<String>> = Vec::new();
    for file in files {
        let id = file.recording_id().map(str::to_owned);
        let known = id.as_ref().and_then(|_| ids.iter().position(|other| *other == id));
        file.recording = known.unwrap_or(ids.len());
        if known.is_none() {
            ids.push(id);
        }
    }
    ids.len()
}
