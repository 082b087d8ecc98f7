//! One file of a replay, and which recording it is of.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::config::ReplayConfig;
use super::error::ReplayError;
use super::marks;
use crate::capture::{CaptureReader, EntryKind, LineForm, Mark, read_gap};
use crate::model::{Dialect, UnixNanos};
use crate::wire::Frame;

/// What is known of the recording that a line is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntrySource {
    /// The number of the recording.
    pub(super) recording: usize,
    /// Whether a client has recorded it, with all that it has decided.
    pub(super) is_of_client: bool,
}

/// What the first line of a client's file says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileHead {
    /// The name of the recording.
    recording: String,
    /// Its number among the files of its recording.
    number: u64,
    /// The latest time in the files before it, where that is said.
    after: Option<UnixNanos>,
}

impl FileHead {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let number = |key| marks::value(text, key)?.parse().ok();
        Some(Self {
            recording: marks::value(text, "recording")?.to_owned(),
            number: number("file").unwrap_or(0),
            after: number("after").map(UnixNanos),
        })
    }
}

/// Where the lines of a client's files are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position<'f> {
    /// The file; `None` where its first line was left out.
    pub(super) head: Option<&'f FileHead>,
    /// The latest time in it.
    pub(super) latest: UnixNanos,
    /// Its closing mark.
    pub(super) end: FileEnd,
}

impl Position<'_> {
    /// Whether a file goes on from here. Nothing is missing before it then.
    pub(super) fn is_continued_by(&self, next: &FileHead) -> bool {
        let Some(head) = self.head else {
            return next.after.is_none_or(|after| after == self.latest);
        };
        if head.recording != next.recording {
            return self.end == FileEnd::Last;
        }
        head.number.checked_add(1) == Some(next.number)
            && match next.after {
                Some(after) => after == self.latest,
                None => self.end == FileEnd::Followed,
            }
    }

    /// How many files are missing between here and the next file.
    pub(super) fn missing_before(&self, next: &FileHead) -> u64 {
        self.head.map_or(0, |head| next.number.saturating_sub(head.number.saturating_add(1)))
    }
}

/// A file that is played.
#[derive(Debug)]
pub(super) struct CaptureFile {
    pub(super) reader: CaptureReader,
    pub(super) path: PathBuf,
    /// The recording that it is a part of, by its number among those that are played.
    pub(super) recording: usize,
    /// What it is of its recording; `None` where it is of another recorder.
    pub(super) head: Option<FileHead>,
    /// Whether that line was played, and not left out.
    pub(super) is_head_read: bool,
    pub(super) dialect: Option<Dialect>,
    /// Why the start of it is missing.
    pub(super) damage: Option<String>,
    /// The latest time so far, which lines without a time have.
    pub(super) last: UnixNanos,
    /// Its closing mark.
    pub(super) end: FileEnd,
}

/// How a file of a client's recording ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FileEnd {
    /// Without a closing mark, as far as it was read.
    #[default]
    Open,
    /// Another file follows it.
    Followed,
    /// It is the last one.
    Last,
}

impl CaptureFile {
    /// The path of a source that has none.
    pub(super) const NO_NAME: &str = "-";

    /// Opens a file and reads what its first lines say of it.
    pub(super) fn open(
        path: &Path,
        form: Option<LineForm>,
        config: &ReplayConfig,
    ) -> Result<Self, ReplayError> {
        let open = || -> Result<_, ReplayError> {
            let reader = CaptureReader::open(path)?;
            Ok(match form {
                Some(form) => reader.with_form(form),
                None => reader,
            })
        };
        // What the first line says holds for all times.
        let mut file = Self::with(open()?, path)?;
        if file.damage.is_some() {
            file.dialect = shown_dialect(open()?)?;
        }
        if config.has_times() {
            file.reader = open()?.with_times(config.from, config.to);
        }
        Ok(file)
    }

    /// Reads what the first line of a source without a name says of it.
    pub(super) fn from_reader(
        source: Box<dyn Read + Send>,
        form: Option<LineForm>,
    ) -> Result<Self, ReplayError> {
        let reader = CaptureReader::from_reader(source);
        let reader = match form {
            Some(form) => reader.with_form(form),
            None => reader,
        };
        Self::with(reader, Path::new(Self::NO_NAME))
    }

    fn with(mut reader: CaptureReader, path: &Path) -> Result<Self, ReplayError> {
        let (mut head, mut dialect, mut damage) = (None, None, None);
        if let Some(entry) = reader.peek()? {
            match entry.kind {
                EntryKind::Mark(Mark::File, text) => {
                    head = FileHead::parse(text);
                    dialect = marks::value(text, "dialect").and_then(marks::dialect);
                }
                EntryKind::Mark(Mark::Gap, text) => damage = Some(read_gap(text).1.to_owned()),
                EntryKind::Frame(frame) => dialect = dialect_of(frame),
                _ => {}
            }
        }
        let last = UnixNanos::UNKNOWN;
        let path = path.to_owned();
        let (end, is_head_read) = (FileEnd::default(), false);
        let recording = 0;
        Ok(Self { reader, path, recording, head, is_head_read, dialect, damage, last, end })
    }

    /// The name of the recording; `None` where it is of another recorder.
    pub(super) fn recording_id(&self) -> Option<&str> {
        Some(&self.head.as_ref()?.recording)
    }

    /// Its number among the files of its recording.
    pub(super) fn number(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.number)
    }

    /// Whether it has the lines of the other one too: it is the same file, or a copy.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_part = self.head.is_some()
            && (self.recording_id(), self.number()) == (other.recording_id(), other.number());
        let is_named = self.path.as_os_str() != Self::NO_NAME;
        is_part || (is_named && self.path == other.path)
    }

    /// The latest time of its lines, those included that are left out.
    pub(super) fn latest(&self) -> UnixNanos {
        self.reader.block_times().map_or(self.last, |(_, latest)| latest.max(self.last))
    }

    /// The earliest time of its lines, those included that are left out; `None` where it has none.
    pub(super) fn earliest(&mut self) -> Result<Option<UnixNanos>, ReplayError> {
        let next = self.next_time()?;
        Ok(self.reader.block_times().map(|(first, _)| first).or(next))
    }

    /// What a file that comes next must go on from.
    pub(super) fn position(&self) -> Position<'_> {
        let is_whole = !self.reader.is_torn();
        let end = if is_whole { self.end } else { FileEnd::Open };
        Position { head: self.head.as_ref(), latest: self.latest(), end }
    }

    /// Whether it has no line in the times that are played.
    pub(super) fn is_empty(&mut self) -> Result<bool, ReplayError> {
        Ok(self.next_time()?.is_none())
    }

    /// Whether it has nothing since nothing of it was committed.
    pub(super) fn is_uncommitted(&self) -> bool {
        let is_empty = self.reader.is_torn() || self.reader.progress().1 == 0;
        is_empty && self.reader.block_times().is_none()
    }

    /// What is known of the recording that its lines are of.
    #[inline]
    pub(super) const fn origin(&self) -> EntrySource {
        EntrySource { recording: self.recording, is_of_client: self.head.is_some() }
    }

    /// The time of the next line; `None` at the end. A line without a time has that of the one
    /// before, and so has one whose time runs backwards.
    pub(super) fn next_time(&mut self) -> Result<Option<UnixNanos>, ReplayError> {
        let Some(entry) = self.reader.peek()? else {
            // A line that is too long is there, but can't be looked at.
            return Ok(self.reader.is_ready().then_some(self.last));
        };
        Ok(Some(entry.ts_recv.max(self.last)))
    }
}

/// The times of a file's first and last line; `None` where it has none.
pub(super) fn covered_times(
    path: &Path,
    form: Option<LineForm>,
) -> Result<Option<(UnixNanos, UnixNanos)>, ReplayError> {
    let mut reader = CaptureReader::open(path)?;
    if let Some(form) = form {
        reader = reader.with_form(form);
    }
    let mut times: Option<(UnixNanos, UnixNanos)> = None;
    while let Some(entry) = reader.next_entry()? {
        let ts = entry.ts_recv;
        times = Some(times.map_or((ts, ts), |(first, last)| (first, last.max(ts))));
    }
    Ok(times)
}

/// How many lines are looked at for the dialect, where the first is missing.
const SHOWN_LINES: usize = 10_000;

/// The dialect that the first lines of a file show.
fn shown_dialect(mut reader: CaptureReader) -> Result<Option<Dialect>, ReplayError> {
    for _ in 0..SHOWN_LINES {
        let Some(entry) = reader.next_entry()? else { break };
        let shown = match entry.kind {
            EntryKind::Mark(Mark::File, text) => {
                marks::value(text, "dialect").and_then(marks::dialect)
            }
            EntryKind::Frame(frame) => dialect_of(frame),
            _ => None,
        };
        if shown.is_some() {
            return Ok(shown);
        }
    }
    Ok(None)
}

/// The dialect of a frame, where it shows.
fn dialect_of(frame: Frame<'_>) -> Option<Dialect> {
    let Frame::Text(text) = frame else { return Some(Dialect::V3) };
    let has = |part: &[u8]| memchr::memmem::find(text, part).is_some();
    match (has(b"\"arg\":"), has(b"\"table\":")) {
        (true, false) => Some(Dialect::V5),
        (false, true) => Some(Dialect::V3),
        _ => None,
    }
}
