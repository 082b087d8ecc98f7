//! Instrument ids of up to 31 bytes, nearly all there are. A text with a longer one is read without
//! SIMD.

use std::arch::x86_64::{
    _mm256_add_epi8, _mm256_andnot_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_or_si256,
    _mm256_set1_epi8,
};

use super::load::{load_32, mask};
use crate::wire::scan::inst_id::{ID_WINDOW, Id, SHORT_WINDOW};

/// The id at the start of a window; `None` where it does not end within the short one.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn id(window: &[u8; ID_WINDOW]) -> Option<Id<'_>> {
    let text = load_32(window.first_chunk::<SHORT_WINDOW>()?);
    // Printable ASCII is 0x20 to 0x7e; as signed bytes plus one, that is all above 0x20.
    let shifted = _mm256_add_epi8(text, _mm256_set1_epi8(1));
    let printable = _mm256_cmpgt_epi8(shifted, _mm256_set1_epi8(0x20));
    let quote = _mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'"' as i8));
    let backslash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'\\' as i8));
    let plain = mask(_mm256_andnot_si256(_mm256_or_si256(quote, backslash), printable));
    Id::new(window, plain.trailing_ones() as usize)
}

/// Whether an id of `len` bytes and the quote behind it stand at the start of a window.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn is_same(window: &[u8; SHORT_WINDOW], id: &[u8; SHORT_WINDOW], len: usize) -> bool {
    let same = _mm256_cmpeq_epi8(load_32(window), load_32(id));
    // The quote behind the id is compared as well.
    mask(same).trailing_ones() as usize > len
}
