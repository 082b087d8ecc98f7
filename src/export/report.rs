//! What an export has written.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
}

impl ExportReport {
    pub(super) fn leave_out(&mut self, channel: &str, inst_id: &str) {
        *self.left_out.entry(format!("{channel}:{inst_id}")).or_default() += 1;
    }
}
