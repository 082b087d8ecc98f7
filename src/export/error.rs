//! The errors of an export.

use std::io;
use std::path::{Path, PathBuf};

/// Why an export ended early. What was written before it is whole up to the last finished file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file could not be made or written.
    #[error("cannot write {path:?}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file of this name exists already and is not of this export.
    #[error("{path:?} exists already; choose another folder, or remove it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// An instrument has more rows a day than an export holds in memory.
    #[error("more than {most} rows of {inst_id} in one day; export a shorter time")]
    TooManyRows {
        /// The instrument.
        inst_id: String,
        /// The limit.
        most: usize,
    },
}

impl ExportError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Write { path, source },
        }
    }
}
