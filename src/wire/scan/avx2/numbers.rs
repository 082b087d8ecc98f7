//! Numbers outside of levels.

use std::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_cmpgt_epi8, _mm_cvtsi128_si32, _mm_cvtsi128_si64, _mm_madd_epi16,
    _mm_maddubs_epi16, _mm_movemask_epi8, _mm_packus_epi32, _mm_set1_epi8, _mm_set1_epi16,
    _mm_set1_epi32, _mm_shuffle_epi8, _mm_subs_epu8,
};

use super::load::load_16;
use super::pair::pair;
use super::shape::Shape;
use super::window::WINDOW;
use crate::model::{Decimal, UnixNanos};
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::digits;
use crate::wire::scan::engine::{Engine, Portable};
use crate::wire::scan::time::NANOS_PER_MILLI;

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn px_sz<const N: usize>(
    cursor: &mut Cursor<'_>,
    between: &[u8; N],
) -> Option<(Decimal, Decimal)> {
    if let Some(pair) = cursor.peek::<WINDOW>().and_then(|window| pair(window, between)) {
        cursor.advance(pair.end)?;
        return Some((pair.px(), pair.sz()));
    }
    Portable.px_sz(cursor, between)
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn integer(cursor: &mut Cursor<'_>) -> Option<u64> {
    let text: &[u8; 16] = cursor.peek()?;
    let (text, len) = (load_16(text), digit_count(load_16(text)));
    let leading_zero = (_mm_cvtsi128_si32(text) & 0xff == i32::from(b'0')) & (len > 1);
    if len == 0 || len == 16 || leading_zero {
        return digits::integer(cursor);
    }
    cursor.advance(len as usize)?;
    Some(join(_mm_shuffle_epi8(text, load_16(Shape::of(len, len).order()))))
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn millis(cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
    const LEN: u32 = 13;
    let text = load_16(cursor.peek()?);
    if digit_count(text) != LEN {
        return None;
    }
    cursor.advance(LEN as usize)?;
    let millis = join(_mm_shuffle_epi8(text, load_16(Shape::of(LEN, LEN).order())));
    Some(UnixNanos(millis * NANOS_PER_MILLI))
}

/// The number of digits at the start of a text, 0 to 16.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn digit_count(text: __m128i) -> u32 {
    let shifted = _mm_add_epi8(text, _mm_set1_epi8(127 - b'9' as i8));
    let digits = _mm_cmpgt_epi8(shifted, _mm_set1_epi8(127 - 10));
    _mm_movemask_epi8(digits).trailing_ones()
}

/// The number that 16 bytes make, each a digit or zero.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn join(text: __m128i) -> u64 {
    let digits = _mm_subs_epu8(text, _mm_set1_epi8(b'0' as i8));
    let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 | 1 << 8));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    let fours = _mm_packus_epi32(fours, fours);
    let eights = _mm_madd_epi16(fours, _mm_set1_epi32(10_000 | 1 << 16));
    let both = _mm_cvtsi128_si64(eights).cast_unsigned();
    (both & 0xffff_ffff) * 100_000_000 + (both >> 32)
}
