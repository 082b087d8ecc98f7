//! The options of a recording.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// When a recording's file is synchronised with the disk (`fdatasync`). What is not may be lost
/// where the machine fails, but not where only the process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// When the operating system does it.
    Never,
    /// When a file is complete.
    #[default]
    File,
    /// After every block: about once a second, more often under load.
    Block,
}

/// What a recording is written to in the place of files: a pipe, whose other end reads it as it
/// grows. Clones are the same stream.
#[derive(Clone, Debug)]
pub struct RecordStream(pub(super) Arc<File>);

impl From<File> for RecordStream {
    fn from(file: File) -> Self {
        Self(Arc::new(file))
    }
}

impl PartialEq for RecordStream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RecordStream {}

/// The options of a recording.
///
/// Made from a directory by `From`, with the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// The directory of the files. It is created where there is none.
    pub dir: PathBuf,
    /// Writes one file without an end to this stream, not to the directory. A reader that is slow
    /// costs blocks, one that is gone all that follows: a recorder never waits.
    pub stream: Option<RecordStream>,
    /// The bytes on disk after which a file is complete and the next one begins; 1 GiB.
    pub max_file_len: u64,
    /// The time after which a file is complete; 1 h.
    pub max_file_time: Duration,
    /// When a file is synchronised with the disk.
    pub sync: SyncPolicy,
    /// The time after which what was received is handed to the writer, full block or not; 1 s.
    pub max_block_time: Duration,
    /// The number of blocks of 1.2 MiB of address space, 224 KiB of memory in use, that the feed's
    /// thread and the writer pass around; 32. When the writer holds all of them, what is received
    /// next is dropped and counted.
    pub blocks: usize,
    /// The level of zstd, 1 to 19; 1.
    pub level: i32,
}

impl<P: Into<PathBuf>> From<P> for RecordConfig {
    fn from(dir: P) -> Self {
        Self {
            dir: dir.into(),
            stream: None,
            max_file_len: 1 << 30,
            max_file_time: Duration::from_secs(3600),
            sync: SyncPolicy::default(),
            max_block_time: Duration::from_secs(1),
            blocks: 32,
            level: 1,
        }
    }
}
