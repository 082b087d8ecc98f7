//! One file of a replay, and which recording it is of.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::config::ReplayConfig;
use super::error::ReplayError;
use super::marks;
use crate::capture::{CaptureReader, EntryKind, LineForm, Mark};
use crate::model::{Dialect, UnixNanos};
use crate::wire::Frame;

/// What is known of the recording that a line is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The number of the recording.
    pub(super) recording: usize,
    /// Whether a client has recorded it, with all that it has decided.
    pub(super) is_of_client: bool,
}

/// A file that is played.
#[derive(Debug)]
pub(super) struct CaptureFile {
    pub(super) reader: CaptureReader,
    pub(super) path: PathBuf,
    /// The recording that it is a part of, by its number among those that are played.
    pub(super) recording: usize,
    /// The name of the recording; `None` where it is of another recorder.
    pub(super) recording_id: Option<String>,
    /// Its number among the files of its recording.
    pub(super) number: u64,
    pub(super) dialect: Option<Dialect>,
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
        let mut recording_id = None;
        let mut dialect = None;
        let mut number = 0;
        if let Some(entry) = reader.peek()? {
            match entry.kind {
                EntryKind::Mark(Mark::File, text) => {
                    recording_id = marks::value(text, "recording").map(str::to_owned);
                    let text_of_number = marks::value(text, "file");
                    number = text_of_number.and_then(|text| text.parse().ok()).unwrap_or(0);
                    dialect = marks::value(text, "dialect").and_then(marks::dialect);
                }
                EntryKind::Frame(frame) => dialect = dialect_of(frame),
                _ => {}
            }
        }
        let last = UnixNanos::UNKNOWN;
        let path = path.to_owned();
        let end = FileEnd::default();
        Ok(Self { reader, path, recording: 0, recording_id, number, dialect, last, end })
    }

    /// Whether it has no line in the times that are played.
    pub(super) fn is_empty(&mut self) -> Result<bool, ReplayError> {
        Ok(self.next_time()?.is_none())
    }

    /// Whether it has nothing since nothing of it was committed.
    pub(super) fn is_uncommitted(&self) -> bool {
        self.reader.is_torn() || self.reader.progress().1 == 0
    }

    /// What is known of the recording that its lines are of.
    #[inline]
    pub(super) const fn origin(&self) -> Origin {
        Origin { recording: self.recording, is_of_client: self.recording_id.is_some() }
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
