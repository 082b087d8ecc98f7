//! Lines of captures, and what a replay has seen.

use okx_feed::Frame;
use okx_feed::capture::{Entry as CaptureEntry, EntryKind as CaptureEntryKind};
use okx_feed::replay::ReplayReport;

/// What a line of a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum EntryKind {
    /// A text message that was received.
    Text = 1,
    /// A binary message that was received.
    Binary = 2,
    /// Something else that was recorded; `data` is its text.
    Mark = 3,
    /// A line that can't be read. Those after it can.
    Malformed = 4,
    /// An empty line, or one of a kind that this version does not know.
    Other = 5,
}

/// A line of a capture.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    /// The time of receipt; 0 where the line has none.
    pub ts_recv: u64,
    /// What the line is.
    pub kind: EntryKind,
    /// The connection: the group of subscriptions that it serves.
    pub group: u16,
    /// The connection: its number among the redundant lines of the group.
    pub line: u16,
    /// The payload, valid until the next call with this handle.
    pub data: *const u8,
    /// The bytes of the payload.
    pub len: usize,
}

impl From<&CaptureEntry<'_>> for Entry {
    fn from(entry: &CaptureEntry<'_>) -> Self {
        let (kind, data): (_, &[u8]) = match entry.kind {
            CaptureEntryKind::Frame(Frame::Text(bytes)) => (EntryKind::Text, bytes),
            CaptureEntryKind::Frame(Frame::Binary(bytes)) => (EntryKind::Binary, bytes),
            CaptureEntryKind::Mark(_, text) => (EntryKind::Mark, text),
            CaptureEntryKind::Malformed(_) => (EntryKind::Malformed, &[]),
            _ => (EntryKind::Other, &[]),
        };
        Self {
            ts_recv: entry.ts_recv.0,
            kind,
            group: entry.connection.group,
            line: entry.connection.line,
            data: data.as_ptr(),
            len: data.len(),
        }
    }
}

/// What a replay has seen. Later versions add counters at the end: the caller passes the size that
/// it knows.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ReplayCounts {
    /// Frames that were played.
    pub frames: u64,
    /// Lines that could not be read.
    pub malformed_lines: u64,
    /// Places where the recorder has dropped lines.
    pub gaps: u64,
    /// Lines that are missing there.
    pub missing_lines: u64,
    /// Connections that were lost.
    pub losses: u64,
    /// The time of the first frame.
    pub first: u64,
    /// The time of the last frame.
    pub last: u64,
    /// Files that end in the middle.
    pub torn_files: u64,
}

impl From<&ReplayReport> for ReplayCounts {
    fn from(report: &ReplayReport) -> Self {
        Self {
            frames: report.frames,
            malformed_lines: report.malformed_lines,
            gaps: report.gaps,
            missing_lines: report.missing_lines,
            losses: report.losses,
            first: report.first.0,
            last: report.last.0,
            torn_files: report.torn.len() as u64,
        }
    }
}
