//! The entries of a capture: what each line of its text holds.

use std::fmt;

use super::form::LineForm;
use crate::model::UnixNanos;
use crate::wire::Frame;

/// Which connection of a recording an entry is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionLabel {
    /// The group of subscriptions that it serves, from 0.
    pub group: u16,
    /// Its number among the redundant lines of the group, from 0.
    pub line: u16,
}

impl fmt::Display for ConnectionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.group, self.line)
    }
}

/// What is recorded besides received frames. Its name is the first word of the second column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// The first entry of a file: format, recording, number of the file.
    File,
    /// A connection's dialect, number of redundant lines and subscriptions.
    Line,
    /// A connection was opened; the address.
    Open,
    /// A ping or a pong of the WebSocket came.
    Control,
    /// A text that was sent. That of a login is withheld.
    Sent,
    /// The exchange has closed the connection: code and text.
    Close,
    /// A connection, or an attempt at one, has ended; the reason.
    Lost,
    /// The client has set the state of a subscription by its own clock: subscription, state.
    State,
    /// The client has set the state of all subscriptions of a connection: state.
    States,
    /// The check for silence, once a second.
    Tick,
    /// A subscription was ended for the group: subscription.
    Unsubscribe,
    /// A connection was given up for good.
    End,
    /// Entries are missing here: how many and why.
    Gap,
    /// The last entry of a file that was completed, and whether another one follows.
    Finish,
}

impl Mark {
    /// All marks.
    pub const ALL: [Self; 14] = [
        Self::File,
        Self::Line,
        Self::Open,
        Self::Control,
        Self::Sent,
        Self::Close,
        Self::Lost,
        Self::State,
        Self::States,
        Self::Tick,
        Self::Unsubscribe,
        Self::End,
        Self::Gap,
        Self::Finish,
    ];

    /// The name in a capture, such as `lost`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Line => "line",
            Self::Open => "open",
            Self::Control => "control",
            Self::Sent => "sent",
            Self::Close => "close",
            Self::Lost => "lost",
            Self::State => "state",
            Self::States => "states",
            Self::Tick => "tick",
            Self::Unsubscribe => "unsubscribe",
            Self::End => "end",
            Self::Gap => "gap",
            Self::Finish => "finish",
        }
    }
}

/// A fault of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// The kind: `tsv` for a line without columns, `base64`, `time`, `frame_too_large`.
    pub kind: &'static str,
    /// Where in the payload, in bytes; 0 where that is not known.
    pub offset: u32,
}

impl LineFault {
    /// Whether the columns could not be read, so that the frame may be of any connection of the
    /// recording.
    #[must_use]
    pub fn hides_connection(&self) -> bool {
        matches!(self.kind, "tsv" | "frame_too_large")
    }
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind<'r> {
    /// A frame that was received.
    Frame(Frame<'r>),
    /// Anything else that was recorded, with its text.
    Mark(Mark, &'r [u8]),
    /// An empty line of text, in a capture of this form.
    Empty(LineForm),
    /// A line of text that can't be read. Those after it can.
    Malformed(LineFault),
    /// A line of text of a kind that this version does not know.
    Unknown,
}

/// One entry of a capture: what one line of its text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'r> {
    /// The time of receipt, or of what happened; [`UnixNanos::UNKNOWN`] where the entry has none.
    pub ts_recv: UnixNanos,
    /// The connection; `0.0` where the form of the capture names none.
    pub connection: ConnectionLabel,
    /// What it is.
    pub kind: EntryKind<'r>,
}

/// Reads the text of a [`Mark::Gap`]: how many entries are missing (0 if it does not say), and why.
#[must_use]
pub fn read_gap(text: &[u8]) -> (u64, &str) {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let lines = text.split(' ').find_map(|word| word.strip_prefix("lines=")?.parse().ok());
    let reason = text.split_once("reason=").map(|(_, reason)| reason);
    (lines.unwrap_or(0), reason.unwrap_or("the recorder fell behind or could not write"))
}

/// The times of the first and the last missing entry in the text of a [`Mark::Gap`]; `None` where
/// it does not say.
#[must_use]
pub fn gap_times(text: &[u8]) -> Option<(UnixNanos, UnixNanos)> {
    let text = std::str::from_utf8(text).ok()?;
    let time = |key| text.split(' ').find_map(|word| word.strip_prefix(key)?.parse().ok());
    Some((UnixNanos(time("first=")?), UnixNanos(time("last=")?)))
}
