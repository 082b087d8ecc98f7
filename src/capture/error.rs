//! Errors of reading a capture and of starting a recording.

use std::io;
use std::path::PathBuf;

/// Why a capture can't be read any further, or a recording can't begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file can't be opened.
    #[error("can't open {path:?}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file can't be read.
    #[error("can't read {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The directory of a recording can't be made or written to.
    #[error("can't record to {path:?}: {source}")]
    Record {
        /// The directory or the file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}
