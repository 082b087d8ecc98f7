//! Who writes the segment of a name: one process at a time, by a lock that the system releases when
//! it ends.
//!
//! The lock is on a file beside the segment. Whoever may open a file may also lock it, so it can't
//! be on the segment, which readers open; the lock's file is for the writer's user alone. It is
//! never removed: one that nobody has locked means nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::geteuid;

use super::error::ShmError;
use super::layout::{MAGIC, REPLACED, header};
use super::map::Map;
use super::segment::Segment;

/// The only writer of the segment of a name, until it is dropped.
#[derive(Debug)]
pub(super) struct Owner {
    path: PathBuf,
    lock: File,
}

impl Owner {
    /// Acquires the lock of a name.
    ///
    /// # Errors
    /// [`ShmError::InUse`] if another writer has it, [`ShmError::LockFile`] if its file is not this
    /// user's alone, and if it can't be opened.
    pub(super) fn of(path: &Path) -> Result<Self, ShmError> {
        let name = beside(path, "lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // In a folder that others may write, the name may be a link, or a pipe to wait for.
        options.custom_flags(O_NOFOLLOW | O_NONBLOCK);
        let lock = options.open(&name).map_err(ShmError::io(&name))?;
        let about = lock.metadata().map_err(ShmError::io(&name))?;
        let refuse = |reason| Err(ShmError::LockFile { path: name.clone(), reason });
        if !about.is_file() || about.nlink() != 1 {
            return refuse("not a file of its own");
        }
        if about.uid() != geteuid().as_raw() {
            return refuse("it belongs to another user, who may lock it");
        }
        if about.mode() & 0o077 != 0 {
            return refuse("its permissions let others lock it");
        }
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => {
                let pid = open(path, false).ok().and_then(|file| segment_of(&file, path, false));
                let pid = pid.map_or(0, |segment| segment.header(header::PID));
                Err(ShmError::InUse { path: path.to_owned(), pid })
            }
            Err(TryLockError::Error(source)) => Err(ShmError::io(&name)(source)),
        }
    }

    /// Makes the file of a new segment under a name that no reader opens. Once it is complete,
    /// [`Owner::install`] gives it its own.
    ///
    /// # Errors
    /// If the file can't be made.
    pub(super) fn create(&self, bytes: u64, mode: u32) -> Result<File, ShmError> {
        let name = beside(&self.path, "new");
        // What a writer left that was killed before it gave the file its name.
        let _ = fs::remove_file(&name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode);
        let file = options.open(&name).map_err(ShmError::io(&name))?;
        file.set_len(bytes).map_err(ShmError::io(&name))?;
        Ok(file)
    }

    /// Gives a new segment its name. An earlier segment of that name is marked as replaced; its
    /// readers keep their map of it.
    ///
    /// # Errors
    /// [`ShmError::NotASegment`] if the name is that of a file of another kind, which is left as it
    /// is.
    pub(super) fn install(&self) -> Result<(), ShmError> {
        let path = &self.path;
        let earlier = match open(path, true) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ShmError::io(path)(error)),
        };
        if let Some(earlier) = &earlier {
            check_replaceable(earlier, path)?;
        }
        fs::rename(beside(path, "new"), path).map_err(ShmError::io(path))?;
        if let Some(segment) = earlier.and_then(|file| segment_of(&file, path, true)) {
            segment.set_header(header::PHASE, REPLACED);
        }
        Ok(())
    }

    /// Removes what [`Owner::create`] has made.
    pub(super) fn discard(&self) {
        let _ = fs::remove_file(beside(&self.path, "new"));
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was forked meanwhile has it open too.
        let _ = self.lock.unlock();
    }
}

/// The name of a file that belongs to a segment.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".segment-{what}"));
    path.with_file_name(name)
}

/// Opens what has the name of a segment, whatever it is.
fn open(path: &Path, for_writing: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(for_writing).custom_flags(O_NONBLOCK).open(path)
}

fn check_replaceable(earlier: &File, path: &Path) -> Result<(), ShmError> {
    let refuse = || Err(ShmError::not_a_segment(path, "there is another file of that name"));
    if !earlier.metadata().map_err(ShmError::io(path))?.is_file() {
        return refuse();
    }
    let mut first = [0; 8];
    let read = earlier.read_at(&mut first, 0).map_err(ShmError::io(path))?;
    if read > 0 && first != MAGIC.to_le_bytes() { refuse() } else { Ok(()) }
}

fn segment_of(file: &File, path: &Path, for_writing: bool) -> Option<Segment> {
    let map = if for_writing { Map::writable(file) } else { Map::read_only(file) };
    Segment::check(map.ok()?, path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_process_has_open_keeps_no_writer_out() {
        let name = format!("okx-feed-owner-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let owner = Owner::of(&path).unwrap();
        // What a fork does.
        let of_child = owner.lock.try_clone().unwrap();
        assert!(matches!(Owner::of(&path), Err(ShmError::InUse { .. })));
        drop(owner);
        assert!(Owner::of(&path).is_ok());
        drop(of_child);
        fs::remove_file(beside(&path, "lock")).unwrap();
    }
}
