//! What an export has written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::event::DepthChange;

/// What an export has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// The files, in the order in which they were made.
    pub files: Vec<PathBuf>,
    /// The rows in all files.
    pub rows: u64,
    /// How many messages of each channel and instrument have no place in the format, or are of a
    /// second channel with the same content.
    pub left_out: BTreeMap<String, u64>,
    /// How many messages of each order book came while there was no whole book: before its first
    /// snapshot, or between a loss and the next snapshot. They are not written.
    pub before_snapshot: BTreeMap<String, u64>,
}

impl ExportReport {
    pub(super) fn leave_out(&mut self, channel: &str, inst_id: &str) {
        *self.left_out.entry(format!("{channel}:{inst_id}")).or_default() += 1;
    }

    /// Counts a message of an order book that is not whole.
    pub(super) fn note_depth(&mut self, change: &DepthChange<'_>) {
        if change.book.live().is_none() {
            let topic = &change.update.topic;
            let name = format!("{}:{}", topic.channel.name(), topic.inst_id);
            *self.before_snapshot.entry(name).or_default() += 1;
        }
    }
}
