//! Errors of shared memory.

use std::io;
use std::path::PathBuf;

/// Why a segment could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShmError {
    /// The file could not be made, opened, locked or mapped, or there is no memory left for it:
    /// [`io::ErrorKind::StorageFull`].
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process writes this segment.
    #[error("{}: process {pid} writes this segment; stop it, or choose another name", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// Its process id; 0 if it has no segment yet.
        pid: u64,
    },
    /// The file beside the segment that its writer locks is not the writer's alone.
    #[error("{}: {reason}; remove it, or choose another name", path.display())]
    LockFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file is not a segment, or one of another version.
    #[error("{}: {reason}", path.display())]
    NotASegment {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The segment has no such slot (yet).
    #[error("the segment has no {0}")]
    NoSuchSlot(String),
    /// The segment has no room for another subscription.
    #[error("the segment is full; ask for more room")]
    Full,
}

impl ShmError {
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn not_a_segment(path: &std::path::Path, reason: &'static str) -> Self {
        Self::NotASegment { path: path.to_owned(), reason }
    }
}
