//! Segments of memory for other processes.

use std::path::{Path, PathBuf};

use super::error::CliError;
use okx_feed::publish::shm::{ShmOptions, ShmWriter};

/// Makes the segment of a name: in /dev/shm, or at a path where it has a slash, with
/// these permissions. Gives its path too.
///
/// # Errors
/// [`CliError::Shm`].
pub(crate) fn segment(name: &Path, mode: u32) -> Result<(ShmWriter, PathBuf), CliError> {
    let folder = Path::new("/dev/shm");
    let is_name = name.components().count() == 1;
    let path = if is_name { folder.join(name) } else { name.to_owned() };
    let options = ShmOptions { mode, ..ShmOptions::default() };
    let writer = ShmWriter::create(&path, options).map_err(CliError::Shm)?;
    Ok((writer, path))
}

/// Reads the permissions of a segment. Its writer must be able to read and write it, and nobody
/// else may write it: what readers see would be worth nothing.
pub(crate) fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).map_err(|_| "not an octal mode".to_owned())?;
    match mode {
        0o600 | 0o640 | 0o644 | 0o604 => Ok(mode),
        _ => Err("600, 640, 644 or 604: readers need no more than to read".to_owned()),
    }
}
