//! Errors of a replay.

use std::path::PathBuf;

use crate::capture::CaptureError;
use crate::model::{Dialect, SubscriptionError, UnixNanos};

/// Why a replay can't begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A file can't be opened or read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A subscription can't be parsed, or is of the other dialect.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// No file was named.
    #[error("nothing to replay: name at least one file")]
    NoFile,
    /// No file has a line.
    #[error("{0:?} is empty: nothing was recorded, or nothing was written before the end")]
    Empty(PathBuf),
    /// The file does not say of which dialect it is, and nobody else did.
    #[error("{0:?} does not say whether it is of v3 or v5: name the dialect")]
    NoDialect(PathBuf),
    /// The start of the file is damaged, which said of which dialect it is.
    #[error(
        "the start of {path:?} is missing ({reason}), which said whether it is of v3 or v5: \
             name the dialect"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// Two files are the same part of a recording, or one file was named twice.
    #[error("{path:?} has the lines of {other:?} again: name one of the two")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The one that was named before.
        other: PathBuf,
    },
    /// No file has a line in the times that are played.
    #[error(
        "nothing was recorded in that time: {path:?} has {} to {}",
        first.iso_ms(),
        last.iso_ms()
    )]
    NothingInTimes {
        /// The first file.
        path: PathBuf,
        /// The time of its first line.
        first: UnixNanos,
        /// The time of its last line.
        last: UnixNanos,
    },
    /// The files are not all of one dialect.
    #[error("{path:?} is of {dialect}, the others are not")]
    OtherDialect {
        /// The file.
        path: PathBuf,
        /// Its dialect.
        dialect: Dialect,
    },
    /// The first time is not before the last one.
    #[error("the time to begin at is not before that to end at: swap them")]
    Times,
    /// The speed is not above 0.
    #[error("the speed must be above 0")]
    Speed,
}
