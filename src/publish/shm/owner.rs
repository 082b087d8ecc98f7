//! Who writes a segment: one process at a time, by a lock that the system releases when it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error::ShmError;
use super::layout::{MAGIC, REPLACED, header};
use super::map::Map;
use super::segment::Segment;

/// Makes the file of a new segment under a name that no reader opens, locked. Once it is complete,
/// [`install`] gives it its own name.
///
/// # Errors
/// If the file cannot be made.
pub(super) fn create(path: &Path, bytes: u64, mode: u32) -> Result<File, ShmError> {
    let fail = ShmError::io;
    let temporary = temporary(path);
    // One of the same process id is of a process that ended.
    let _ = fs::remove_file(&temporary);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(mode);
    let file = options.open(&temporary).map_err(fail(&temporary))?;
    file.set_len(bytes).map_err(fail(&temporary))?;
    file.lock().map_err(fail(&temporary))?;
    Ok(file)
}

/// Removes what [`create`] has made.
pub(super) fn discard(path: &Path) {
    let _ = fs::remove_file(temporary(path));
}

fn temporary(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".new-{}", std::process::id()));
    path.with_file_name(name)
}

/// Gives a new segment its name. An earlier segment of that name is marked as replaced, if its
/// writer has ended; its readers keep their map of it.
///
/// # Errors
/// [`ShmError::InUse`] if a process writes the earlier one, [`ShmError::NotASegment`] if the name
/// is that of a file of another kind, which is left as it is.
pub(super) fn install(path: &Path) -> Result<(), ShmError> {
    let fail = ShmError::io;
    while let Some(earlier) = open_existing(path)? {
        let mut first = [0; 8];
        let read = earlier.read_at(&mut first, 0).map_err(fail(path))?;
        if read > 0 && first != MAGIC.to_le_bytes() {
            return Err(ShmError::not_a_segment(path, "there is another file of that name"));
        }
        match earlier.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = Map::read_only(&earlier)
                    .ok()
                    .and_then(|map| Segment::check(map, path).ok())
                    .map_or(0, |segment| segment.header(header::PID));
                return Err(ShmError::InUse { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(fail(path)(source)),
        }
        // Another new writer may have replaced the file between the opening and the lock.
        let is_current = fs::metadata(path).is_ok_and(|named| {
            earlier.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (named.dev(), named.ino()))
        });
        if !is_current {
            continue;
        }
        let segment = Map::writable(&earlier).ok().and_then(|map| Segment::check(map, path).ok());
        fs::rename(temporary(path), path).map_err(fail(path))?;
        if let Some(segment) = segment {
            segment.set_header(header::PHASE, REPLACED);
        }
        return Ok(());
    }
    // `hard_link` fails if the name exists by now, other than `rename`.
    match fs::hard_link(temporary(path), path) {
        Ok(()) => fs::remove_file(temporary(path)).map_err(fail(path)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => install(path),
        Err(error) => Err(fail(path)(error)),
    }
}

fn open_existing(path: &Path) -> Result<Option<File>, ShmError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ShmError::io(path)(error)),
    }
}
