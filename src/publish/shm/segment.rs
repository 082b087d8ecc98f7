//! A mapped segment, checked: the header and the directory.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::ShmError;
use super::layout::{
    ENTRY_WORDS, HEADER_WORDS, MAGIC, MAX_TEXT, SlotKind, VERSION, entry, header, slot_words,
};
use super::map::Map;

/// A mapped segment whose header has been checked. Everything else is checked when it is read,
/// since the file is not trusted.
#[derive(Debug)]
pub(super) struct Segment {
    map: Map,
    /// The room of the directory; its entries lie inside of the map.
    capacity: usize,
}

/// A slot of a segment: inside of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: SlotKind,
    pub(super) at: usize,
    pub(super) value_words: usize,
    pub(super) len: usize,
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
        let entries = usize::try_from(self.header(header::ENTRIES)).unwrap_or(usize::MAX);
        entries.min(self.capacity)
    }

    /// The words of a directory entry; `None` past the directory's room.
    fn entry(&self, nth: usize) -> Option<&[AtomicU64]> {
        let at = HEADER_WORDS + nth.checked_mul(ENTRY_WORDS)?;
        (nth < self.capacity).then(|| self.words().get(at..at + ENTRY_WORDS)).flatten()
    }

    /// Adds an entry to the directory: readers see it whole or not at all. The caller is the only
    /// writer.
    ///
    /// # Errors
    /// If the directory is full, or the text is too long.
    pub(super) fn add_entry(&self, text: &str, place: Place) -> Result<(), ShmError> {
        let nth = self.entries();
        let words = self.entry(nth).filter(|_| text.len() <= MAX_TEXT).ok_or(ShmError::Full)?;
        let put = |at: usize, value: usize| {
            if let Some(word) = words.get(at) {
                word.store(value as u64, Ordering::Relaxed);
            }
        };
        if let Some(word) = words.get(entry::KIND) {
            word.store(place.kind.code(), Ordering::Relaxed);
        }
        put(entry::AT, place.at);
        put(entry::VALUE_WORDS, place.value_words);
        put(entry::LEN, place.len);
        put(entry::TEXT_LEN, text.len());
        for (word, bytes) in words.iter().skip(entry::TEXT).zip(text.as_bytes().chunks(8)) {
            let mut padded = [0; 8];
            padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
        }
        self.set_header(header::ENTRIES, nth as u64 + 1);
        Ok(())
    }

    /// The text and the slot of a directory entry; `None` if it is malformed.
    pub(super) fn read_entry(&self, nth: usize) -> Option<(String, Place)> {
        let words = self.entry(nth)?;
        let word = |at: usize| words.get(at).map(|word| word.load(Ordering::Relaxed));
        let number = |at: usize| word(at).and_then(|value| usize::try_from(value).ok());
        let place = Place {
            kind: SlotKind::from_code(word(entry::KIND)?)?,
            at: number(entry::AT)?,
            value_words: number(entry::VALUE_WORDS)?,
            len: number(entry::LEN)?,
        };
        let is_counted = place.len > 0 && (place.kind.is_ring() || place.len == 1);
        let end = slot_words(place.kind, place.value_words, place.len)?.checked_add(place.at)?;
        if !is_counted || end > self.words().len() {
            return None;
        }
        let text_len = number(entry::TEXT_LEN).filter(|len| *len <= MAX_TEXT)?;
        let texts = words.iter().skip(entry::TEXT);
        let mut text: Vec<u8> =
            texts.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        text.truncate(text_len);
        Some((String::from_utf8(text).ok()?, place))
    }
}
