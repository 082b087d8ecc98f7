//! The counters of a recording, which any thread may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordStats {
    /// Lines that were handed to the writer: frames and marks.
    pub lines: u64,
    /// Lines that are in the files.
    pub written_lines: u64,
    /// Lines that are missing in the files, since the writer fell behind or could not write, or a
    /// file was removed while it was written. A gap mark in the next file says where.
    pub dropped_lines: u64,
    /// The blocks of those lines.
    pub dropped_blocks: u64,
    /// Bytes that were written, compressed.
    pub written_len: u64,
    /// Files that were begun, with at least one block.
    pub files: u64,
    /// Those of them that were removed while they were written. Their lines are dropped ones.
    pub removed_files: u64,
    /// Why the writer can't write now; `None` where it can.
    pub error: Option<String>,
}

/// The counters of a recording that runs, for any thread. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    pub(super) shared: Arc<Counters>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) lines: AtomicU64,
    pub(super) written_lines: AtomicU64,
    pub(super) dropped_lines: AtomicU64,
    pub(super) dropped_blocks: AtomicU64,
    pub(super) written_len: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) removed_files: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Counters {
    pub(super) fn set_error(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Subtracts from a counter what was added to it.
pub(super) fn subtract(counter: &AtomicU64, less: u64) {
    counter.fetch_sub(less, Ordering::Relaxed);
}

impl Recording {
    /// The counters now. Does not wait for the feed's thread.
    #[must_use]
    pub fn stats(&self) -> RecordStats {
        let Counters {
            lines,
            written_lines,
            dropped_lines,
            dropped_blocks,
            written_len,
            files,
            removed_files,
            error,
        } = &*self.shared;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RecordStats {
            lines: read(lines),
            written_lines: read(written_lines),
            dropped_lines: read(dropped_lines),
            dropped_blocks: read(dropped_blocks),
            written_len: read(written_len),
            files: read(files),
            removed_files: read(removed_files),
            error: error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
