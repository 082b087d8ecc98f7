//! Loads and stores, and vectors that are the same in each part.
#![expect(unsafe_code, reason = "std::arch loads and stores through pointers only")]

use std::arch::x86_64::{
    __m128i, __m256i, __m512d, __m512i, _mm_maskz_loadu_epi8, _mm_storeu_si64, _mm_storeu_si128,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_storeu_si256, _mm512_castsi512_si256,
    _mm512_extracti64x4_epi64, _mm512_loadu_pd, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
};

use crate::model::Level;

/// The bytes of a vector.
pub(super) const VECTOR: usize = 64;

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load(bytes: &[u8; VECTOR]) -> __m512i {
    // SAFETY: the reference is to 64 readable bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load_words(words: &[i64; 8]) -> __m512i {
    // SAFETY: as in `load`.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load_floats(floats: &[f64; 8]) -> __m512d {
    // SAFETY: as in `load`.
    unsafe { _mm512_loadu_pd(floats.as_ptr()) }
}

/// The bytes of a text from a place on, zeros behind its end.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
#[inline]
pub(super) fn load_part(text: &[u8], at: usize) -> __m512i {
    // Nothing is loaded from where the text begins as well: an address that is not mapped costs as
    // much as a page fault.
    let (part, len) = text.get(at..).map_or((text, 0), |part| (part, part.len()));
    let there = first_bits(u32::try_from(len.min(VECTOR)).unwrap_or(0));
    // SAFETY: the mask has a bit for readable bytes only, and no other byte is touched.
    unsafe { _mm512_maskz_loadu_epi8(there, part.as_ptr().cast()) }
}

/// The 16 bytes at a place of a text: zeros behind its end.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "of 16 bits")]
pub(super) fn load_part_16(text: &[u8], at: usize) -> __m128i {
    let (part, len) = text.get(at..).map_or((text, 0), |part| (part, part.len()));
    let there = first_bits(u32::try_from(len.min(16)).unwrap_or(0)) as u16;
    // SAFETY: the mask has a bit for readable bytes only, and no other byte is touched.
    unsafe { _mm_maskz_loadu_epi8(there, part.as_ptr().cast()) }
}

/// Writes a level, as its bytes lie in memory, from the first 24 bytes of a vector; the price of
/// the next one is lost.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn store_level(places: &mut [Level; 2], level: __m256i) {
    const { assert!(size_of::<Level>() == 24) };
    let place: *mut Level = places.as_mut_ptr();
    // SAFETY: the reference is to 48 writable bytes, of which the first 32 are written. The store
    // needs no alignment, and a level's fields are integers.
    unsafe { _mm256_storeu_si256(place.cast(), level) };
}

/// Writes two levels, as their bytes lie in memory, from the first 24 bytes of each half of a
/// vector; the price of the third is lost. Their scales must be valid.
///
/// Each level lies in one store, so that whoever reads it at once need not wait for two.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn store_levels(places: &mut [Level; 3], levels: __m512i) {
    const { assert!(size_of::<Level>() == 24) };
    let place: *mut Level = places.as_mut_ptr();
    // SAFETY: the reference is to 72 writable bytes, of which the first 56 are written. The stores
    // need no alignment, and a level's fields are integers.
    unsafe {
        _mm256_storeu_si256(place.cast(), _mm512_castsi512_si256(levels));
        _mm256_storeu_si256(place.add(1).cast(), _mm512_extracti64x4_epi64::<1>(levels));
    }
}

/// Writes the levels of both halves of a vector, as [`store_levels`] does, but no byte more.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn store_apart(first: &mut Level, second: &mut Level, levels: __m512i) {
    let halves = [_mm512_castsi512_si256(levels), _mm512_extracti64x4_epi64::<1>(levels)];
    for (place, level) in [first, second].into_iter().zip(halves) {
        let place: *mut Level = place;
        // SAFETY: the reference is to 24 writable bytes. The stores need no alignment, and a
        // level's fields are integers.
        unsafe {
            _mm_storeu_si128(place.cast(), _mm256_castsi256_si128(level));
            _mm_storeu_si64(place.cast::<u8>().add(16), _mm256_extracti128_si256::<1>(level));
        }
    }
}

/// The lowest `len` bits, all from 64 on; `len` is below 256.
#[target_feature(enable = "bmi2")]
#[inline]
pub(super) fn first_bits(len: u32) -> u64 {
    std::arch::x86_64::_bzhi_u64(u64::MAX, len)
}
