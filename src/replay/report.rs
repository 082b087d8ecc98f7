//! What a replay has seen.

use std::path::PathBuf;

use crate::feed::Stats;
use crate::model::{Subscription, UnixNanos};

/// What a replay has seen.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Frames that were played.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
    /// Lines that could not be read, and frames of more connections than are kept.
    pub malformed_lines: u64,
    /// Places where lines are missing: the recorder has dropped them, blocks are damaged, missing
    /// or moved, or a file does not go on where the one before it ends.
    pub gaps: u64,
    /// Lines that are missing there, as far as that is known.
    pub missing_lines: u64,
    /// Connections that were lost.
    pub losses: u64,
    /// Messages of further subscriptions than
    /// [`ReplayConfig::max_subscriptions`](crate::replay::ReplayConfig::max_subscriptions).
    pub left_out: u64,
    /// The time of the first frame.
    pub first: UnixNanos,
    /// The time of the last frame.
    pub last: UnixNanos,
    /// The files that end in the middle, and those in which nothing was written.
    pub torn: Vec<PathBuf>,
    /// The last files of recordings that were not ended properly: the process was killed, or can't
    /// write any more. What was received after the last line is missing. Known at the end.
    pub unfinished: Vec<PathBuf>,
    /// The last files that were given of recordings that have further ones. Known at the end.
    pub continued: Vec<PathBuf>,
    /// Files before which others of the recording are missing in the times that were played, and
    /// how many. Known once they are reached.
    pub missing_files: Vec<(PathBuf, u64)>,
    /// The subscriptions that were named and of which the files have nothing in the times that were
    /// played: no message, and no mark of a client that it was subscribed.
    pub not_found: Vec<Subscription>,
    /// The counters of frames and books, of all connections.
    pub feed: Stats,
}
