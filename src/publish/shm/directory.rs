//! The directory of a segment: which subscription has which slot.

#[cfg(okx_feed_loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{
    ENTRY_WORDS, HEADER_WORDS, MAX_TEXT, SlotKind, SlotLayout, entry, header, slot_words,
};

/// The number of entries, never more than there is room for.
pub(super) fn entries(words: &[AtomicU64], capacity: usize) -> usize {
    let entries = words.get(header::ENTRIES).map_or(0, |word| word.load(Ordering::Acquire));
    usize::try_from(entries).unwrap_or(usize::MAX).min(capacity)
}

/// The words of an entry; `None` past the room of the directory.
fn entry_words(words: &[AtomicU64], capacity: usize, nth: usize) -> Option<&[AtomicU64]> {
    let at = HEADER_WORDS + nth.checked_mul(ENTRY_WORDS)?;
    (nth < capacity).then(|| words.get(at..at + ENTRY_WORDS)).flatten()
}

/// Adds an entry: readers see it whole or not at all. The caller is the only writer. `None` if the
/// directory is full, or the text is too long.
pub(super) fn add(
    words: &[AtomicU64],
    capacity: usize,
    text: &str,
    place: SlotLayout,
) -> Option<()> {
    let nth = entries(words, capacity);
    let of = entry_words(words, capacity, nth).filter(|_| text.len() <= MAX_TEXT)?;
    let put = |at: usize, value: u64| {
        if let Some(word) = of.get(at) {
            word.store(value, Ordering::Relaxed);
        }
    };
    put(entry::KIND, place.kind.code());
    put(entry::AT, place.at as u64);
    put(entry::VALUE_WORDS, place.value_words as u64);
    put(entry::LEN, place.len as u64);
    put(entry::TEXT_LEN, text.len() as u64);
    for (nth, bytes) in text.as_bytes().chunks(8).enumerate() {
        let mut padded = [0; 8];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        put(entry::TEXT + nth, u64::from_ne_bytes(padded));
    }
    words.get(header::ENTRIES)?.store(nth as u64 + 1, Ordering::Release);
    Some(())
}

/// The text and the slot of an entry; `None` if it is malformed, or its slot is not inside of the
/// words.
pub(super) fn read(
    words: &[AtomicU64],
    capacity: usize,
    nth: usize,
) -> Option<(String, SlotLayout)> {
    let of = entry_words(words, capacity, nth)?;
    let word = |at: usize| of.get(at).map(|word| word.load(Ordering::Relaxed));
    let number = |at: usize| word(at).and_then(|value| usize::try_from(value).ok());
    let place = SlotLayout {
        kind: SlotKind::from_code(word(entry::KIND)?)?,
        at: number(entry::AT)?,
        value_words: number(entry::VALUE_WORDS)?,
        len: number(entry::LEN)?,
    };
    let is_counted = place.len > 0 && (place.kind.is_ring() || place.len == 1);
    let end = slot_words(place.kind, place.value_words, place.len)?.checked_add(place.at)?;
    if !is_counted || end > words.len() {
        return None;
    }
    let text_len = number(entry::TEXT_LEN).filter(|len| *len <= MAX_TEXT)?;
    let texts = of.iter().skip(entry::TEXT);
    let mut text: Vec<u8> =
        texts.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
    text.truncate(text_len);
    Some((String::from_utf8(text).ok()?, place))
}
