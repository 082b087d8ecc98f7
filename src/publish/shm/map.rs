//! A file mapped into memory, as atomic words. The only file of shared memory with `unsafe`.
#![expect(unsafe_code, reason = "memory that other processes write is read as atomics")]

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};

use super::layout::MAX_WORDS;

/// The words of a mapped file.
#[derive(Debug)]
pub(super) struct Map {
    map: MmapRaw,
    words: usize,
}

impl Map {
    /// Maps a file of whole words for writing.
    ///
    /// # Errors
    /// If the file is empty or too large, or the system refuses.
    pub(super) fn writable(file: &File) -> io::Result<Self> {
        Self::new(file, |options| options.map_raw(file))
    }

    /// Maps a file for reading.
    ///
    /// # Errors
    /// As [`Map::writable`].
    pub(super) fn read_only(file: &File) -> io::Result<Self> {
        Self::new(file, |options| options.map_raw_read_only(file))
    }

    fn new(file: &File, map: impl FnOnce(&MmapOptions) -> io::Result<MmapRaw>) -> io::Result<Self> {
        let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let words = bytes / size_of::<AtomicU64>();
        if words == 0 || words > MAX_WORDS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the size of a segment"));
        }
        let map = map(MmapOptions::new().len(words * size_of::<AtomicU64>()))?;
        Ok(Self { map, words })
    }

    /// All words. Those of a map for reading must not be stored to: the system ends the process.
    #[inline]
    pub(super) fn words(&self) -> &[AtomicU64] {
        let first: *const AtomicU64 = self.map.as_ptr().cast();
        // SAFETY: the mapping begins at a page, so the words are aligned; it has `words` of them
        // and lives as long as `self`. Any bits are a valid word. This process accesses the memory
        // only as atomics, so that the writes of other processes are no data race. A file that
        // another process makes shorter ends this process by SIGBUS, which is documented, and is
        // no undefined behaviour.
        unsafe { std::slice::from_raw_parts(first, self.words) }
    }
}
