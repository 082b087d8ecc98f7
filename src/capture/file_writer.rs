//! The files of a recording: blocks are appended, and files follow each other.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::config::{RecordConfig, RecordStream, SyncPolicy};
use super::stats::{Recording, add};
use crate::model::UnixNanos;

/// How often a recording that can't write tries again.
const RETRY_INTERVAL_NS: u64 = 1_000_000_000;

/// How many names are tried for a file, a nanosecond apart.
const MAX_NAMES: u64 = 100;

/// Appends blocks to the current file, and begins the next one.
pub(super) struct FileWriter {
    dir: PathBuf,
    /// In the place of files. Taken once: what can't be written to any more stays so.
    stream: Option<RecordStream>,
    max_len: u64,
    max_time: Duration,
    sync: SyncPolicy,
    file: Option<OpenFile>,
    /// Whether the stream was begun.
    is_begun: bool,
    /// When the next attempt to create a file is due, where the last one failed.
    retry_at: UnixNanos,
    recording: Recording,
}

struct OpenFile {
    file: File,
    path: PathBuf,
    begun: UnixNanos,
    len: u64,
    blocks: u64,
}

impl FileWriter {
    /// Creates the first file.
    ///
    /// # Errors
    /// The path that can't be created, and why.
    pub(super) fn start(
        config: &RecordConfig,
        recording: Recording,
        now: UnixNanos,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let mut writer = Self {
            dir: config.dir.clone(),
            stream: config.stream.clone(),
            max_len: config.max_file_len,
            max_time: config.max_file_time,
            sync: config.sync,
            file: None,
            is_begun: false,
            retry_at: UnixNanos::UNKNOWN,
            recording,
        };
        writer.create(now)?;
        Ok(writer)
    }

    /// The number of blocks in the current file; `None` where there is no file.
    pub(super) fn blocks(&self) -> Option<u64> {
        Some(self.file.as_ref()?.blocks)
    }

    /// Whether the current file is to be followed by another one before a block of time `now`: it
    /// is large or old.
    pub(super) fn is_complete(&self, now: UnixNanos) -> bool {
        self.file.as_ref().is_some_and(|file| {
            let is_old = now.since(file.begun).is_some_and(|age| age >= self.max_time);
            let is_done = file.len >= self.max_len || (is_old && file.blocks > 0);
            self.stream.is_none() && is_done
        })
    }

    /// Gives up the current file where it was removed: what it had is lost. True where it was.
    pub(super) fn give_up_removed(&mut self) -> bool {
        let is_gone = |open: &OpenFile| self.stream.is_none() && is_removed(&open.file);
        let Some(open) = self.file.take_if(|open| is_gone(open)) else { return false };
        if open.blocks > 0 {
            let path = open.path.display();
            tracing::error!(%path, "a file of a recording was removed while it was written");
            add(&self.recording.shared.removed_files, 1);
        }
        true
    }

    /// Makes sure that there is a file for a block of time `now`. True where there is one.
    pub(super) fn prepare(&mut self, now: UnixNanos) -> bool {
        if self.file.is_some() {
            return true;
        }
        if now < self.retry_at {
            return false;
        }
        match self.create(now) {
            Ok(()) => true,
            Err((path, error)) => {
                self.fail(now, &path, &error);
                false
            }
        }
    }

    fn create(&mut self, now: UnixNanos) -> Result<(), (PathBuf, io::Error)> {
        if let Some(stream) = &self.stream {
            let path = PathBuf::from("the stream");
            let file = match self.is_begun {
                false => stream.0.try_clone(),
                true => Err(io::ErrorKind::BrokenPipe.into()),
            };
            let file = file.map_err(|error| (path.clone(), error))?;
            self.is_begun = true;
            self.file = Some(OpenFile { file, path, begun: now, len: 0, blocks: 0 });
            return Ok(());
        }
        let mut at = now;
        loop {
            let path = self.dir.join(name(at));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    self.file = Some(OpenFile { file, path, begun: now, len: 0, blocks: 0 });
                    return Ok(());
                }
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && at.0 - now.0 < MAX_NAMES =>
                {
                    at = UnixNanos(at.0.saturating_add(1));
                }
                Err(error) => return Err((path, error)),
            }
        }
    }

    /// Appends a block and its trailer in one write. False where that failed: the file then ends
    /// with the block before, and another one is begun later.
    pub(super) fn append(&mut self, bytes: &[u8], now: UnixNanos) -> bool {
        let Some(open) = &mut self.file else { return false };
        let written = open.file.write_all(bytes).and_then(|()| match self.sync {
            SyncPolicy::Block if self.stream.is_none() => open.file.sync_data(),
            _ => Ok(()),
        });
        match written {
            Ok(()) => {
                if open.blocks == 0 {
                    add(&self.recording.shared.files, 1);
                }
                open.len += bytes.len() as u64;
                open.blocks += 1;
                add(&self.recording.shared.written_len, bytes.len() as u64);
                self.recording.shared.set_error(None);
                true
            }
            Err(error) => {
                let (path, len) = (open.path.clone(), open.len);
                // What was written of the block is of no use. Where it can't be cut off, readers
                // leave it out.
                if self.stream.is_none() {
                    let _ = open.file.set_len(len);
                }
                self.fail(now, &path, &error);
                self.complete();
                false
            }
        }
    }

    /// As on a full disk: what is written from now on to the current file fails.
    #[cfg(test)]
    pub(super) fn fill_disk(&mut self) {
        if let Some(open) = &mut self.file {
            open.file = File::open(&open.path).unwrap();
        }
    }

    /// Ends the current file.
    pub(super) fn complete(&mut self) {
        let Some(open) = self.file.take() else { return };
        if self.stream.is_some() {
            return;
        }
        if self.sync != SyncPolicy::Never
            && let Err(error) = open.file.sync_all()
        {
            let path = open.path.display();
            tracing::warn!(%path, %error, "a recording could not be synchronised with the disk");
        }
        if open.blocks == 0 {
            // An empty file says nothing; where it can't be removed, it does no harm.
            let _ = std::fs::remove_file(&open.path);
        }
    }

    fn fail(&mut self, now: UnixNanos, path: &std::path::Path, error: &io::Error) {
        self.retry_at = UnixNanos(now.0.saturating_add(RETRY_INTERVAL_NS));
        let path = path.display();
        tracing::error!(%path, %error, "a recording can't be written; the feed goes on");
        self.recording.shared.set_error(Some(format!("{path}: {error}")));
    }
}

/// Whether a file has been removed while it is open: what is written to it is lost.
#[cfg(unix)]
fn is_removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

/// Whether a file has been removed while it is open, which is refused here.
#[cfg(not(unix))]
fn is_removed(_: &File) -> bool {
    false
}

/// The name of a file by the time of its first line. Names sort by time.
fn name(at: UnixNanos) -> String {
    let iso = at.iso_ms().to_string();
    let mut name = String::from("okx-feed-");
    name.extend(iso.chars().take(19).filter(|c| *c != '-' && *c != ':'));
    // Writing to a string does not fail.
    let _ = write!(name, ".{:09}Z.tsv.zst", at.0 % 1_000_000_000);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time() {
        let at = UnixNanos(1_630_454_400_012_345_600);
        assert_eq!(name(at), "okx-feed-20210901T000000.012345600Z.tsv.zst");
        assert!(name(UnixNanos(at.0 + 1)) > name(at));
    }
}
