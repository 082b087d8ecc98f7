//! A mapped segment with its header checked.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::directory;
use super::error::ShmError;
use super::layout::{ENTRY_WORDS, HEADER_WORDS, MAGIC, SlotLayout, VERSION, header};
use super::map::Map;

/// A mapped segment whose header has been checked. Everything else is checked when it is read,
/// since the file is not trusted.
#[derive(Debug)]
pub(super) struct Segment {
    map: Map,
    /// The room of the directory; its entries lie inside of the map.
    capacity: usize,
}

impl Segment {
    /// Checks the header of a map.
    ///
    /// # Errors
    /// If it is not a segment of this version.
    pub(super) fn check(map: Map, path: &Path) -> Result<Self, ShmError> {
        let refuse = |reason| ShmError::not_a_segment(path, reason);
        let words = map.words();
        let word = |at: usize| words.get(at).map(|word| word.load(Ordering::Acquire));
        if word(header::MAGIC) != Some(MAGIC) {
            return Err(refuse("not a segment of okx-feed, or not complete yet"));
        }
        if word(header::VERSION) != Some(VERSION) {
            return Err(refuse("a segment of another version of okx-feed"));
        }
        let declared = word(header::WORDS).and_then(|words| usize::try_from(words).ok());
        if declared.is_none_or(|declared| declared > words.len()) {
            return Err(refuse("shorter than its header says"));
        }
        let capacity = word(header::CAPACITY).and_then(|room| usize::try_from(room).ok());
        let capacity = capacity.filter(|room| {
            let end = room.checked_mul(ENTRY_WORDS).and_then(|end| end.checked_add(HEADER_WORDS));
            end.is_some_and(|end| end <= words.len())
        });
        let capacity = capacity.ok_or_else(|| refuse("its directory is longer than the file"))?;
        Ok(Self { map, capacity })
    }

    /// All words.
    #[inline]
    pub(super) fn words(&self) -> &[AtomicU64] {
        self.map.words()
    }

    /// A word of the header.
    pub(super) fn header(&self, at: usize) -> u64 {
        self.words().get(at).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Writes a word of the header.
    pub(super) fn set_header(&self, at: usize, value: u64) {
        if let Some(word) = self.words().get(at) {
            word.store(value, Ordering::Release);
        }
    }

    /// The number of directory entries, never more than there is room for.
    pub(super) fn entries(&self) -> usize {
        directory::entries(self.words(), self.capacity)
    }

    /// Adds an entry to the directory. The caller is the only writer.
    ///
    /// # Errors
    /// If the directory is full, or the text is too long.
    pub(super) fn add_entry(&self, text: &str, place: SlotLayout) -> Result<(), ShmError> {
        directory::add(self.words(), self.capacity, text, place).ok_or(ShmError::Full)
    }

    /// The text and the slot of a directory entry; `None` if it is malformed.
    pub(super) fn read_entry(&self, nth: usize) -> Option<(String, SlotLayout)> {
        directory::read(self.words(), self.capacity, nth)
    }
}
