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
