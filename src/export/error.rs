//! The errors of an export.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::DecimalError;

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
    /// The sizes of an instrument are contracts, and nobody has said what one is worth.
    #[error("no contract value of {inst_id} is known; fetch those of all its market")]
    NoContractValue {
        /// The instrument.
        inst_id: String,
    },
    /// A size times the value of a contract has more digits than a decimal holds.
    #[error("a size of {inst_id} times its contract value can't be written: {why}")]
    Amount {
        /// The instrument.
        inst_id: String,
        /// The fault.
        why: DecimalError,
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
