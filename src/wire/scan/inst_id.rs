//! Instrument ids: where they end, and that nothing in them needs unescaping.

use super::cursor::{Cursor, declined};
use crate::model::MAX_ID_LEN;

/// The bytes of the longest id and of the quote behind it.
pub(super) const ID_WINDOW: usize = MAX_ID_LEN + 1;

/// The bytes of nearly all ids and of the quote behind them, which wide loads look at first.
pub(super) const SHORT_WINDOW: usize = 32;

/// An id as it stands in the text: 1 to 63 bytes of printable ASCII, then a quote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id<'t> {
    window: &'t [u8; ID_WINDOW],
    // INVARIANT: 1 to 63; that many bytes of the window are printable ASCII, the next is a quote.
    len: usize,
}

impl<'t> Id<'t> {
    /// Wraps an id of `len` bytes, which the caller has found to be printable ASCII.
    #[inline(always)]
    pub(super) fn new(window: &'t [u8; ID_WINDOW], len: usize) -> Option<Self> {
        if len == 0 || window.get(len) != Some(&b'"') {
            return declined();
        }
        Some(Self { window, len })
    }

    /// The first bytes of the window, which hold the whole of a short id.
    #[inline(always)]
    pub(super) fn short_window(&self) -> Option<&'t [u8; SHORT_WINDOW]> {
        self.window.first_chunk()
    }

    #[inline(always)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The id's bytes; `None` never, by the invariant.
    #[inline(always)]
    pub(super) fn bytes(&self) -> Option<&'t [u8]> {
        match self.window.get(..self.len) {
            Some(bytes) => Some(bytes),
            None => declined(),
        }
    }
}

/// Reads an id and the quote behind it, without SIMD.
#[inline(always)]
pub(super) fn id<'t>(cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
    let window: &[u8; ID_WINDOW] = cursor.peek()?;
    let mut len = 0;
    for word in window.as_chunks::<8>().0 {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            len += special.trailing_zeros() as usize / 8;
            break;
        }
        len += 8;
    }
    let id = Id::new(window, len)?;
    cursor.advance(len + 1)?;
    Some(id)
}

/// Reads `id` again and the quote behind it, without SIMD.
#[inline(always)]
pub(super) fn same_id(cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()> {
    let with_quote = id.len + 1;
    let (same, _) = cursor.rest().split_at_checked(with_quote)?;
    if Some(same) != id.window.get(..with_quote) {
        return None;
    }
    cursor.advance(with_quote)
}

/// The high bit of each byte that is a quote, a backslash, a control character or not ASCII; right
/// up to the first such byte, from the low end.
#[inline(always)]
const fn special(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let control = word.wrapping_sub(0x20 * EACH);
    let quote = (word ^ (b'"' as u64 * EACH)).wrapping_sub(EACH);
    let backslash = (word ^ (b'\\' as u64 * EACH)).wrapping_sub(EACH);
    let delete = (word ^ (0x7f * EACH)).wrapping_sub(EACH);
    // A byte above 0x7f is special by itself, so that the borrows of the others can't hide it.
    ((control | quote | backslash | delete) & !word | word) & (0x80 * EACH)
}
