//! What is wrong in a configuration file.

use std::path::{Path, PathBuf};

/// What is wrong in a file, and where.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{line}: {reason}", path = path.display())]
pub(crate) struct ConfigError {
    path: PathBuf,
    line: usize,
    reason: String,
}

impl ConfigError {
    /// A mistake at a byte of the text of a file.
    pub(crate) fn at(path: &Path, text: &str, byte: usize, reason: String) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        Self { path: path.to_owned(), line, reason }
    }
}
