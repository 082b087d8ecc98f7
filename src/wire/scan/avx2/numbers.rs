//! Numbers outside of levels.

use std::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_cmpgt_epi8, _mm_cvtsi128_si32, _mm_cvtsi128_si64, _mm_madd_epi16,
    _mm_maddubs_epi16, _mm_movemask_epi8, _mm_packus_epi32, _mm_set1_epi8, _mm_set1_epi16,
    _mm_set1_epi32, _mm_shuffle_epi8, _mm_subs_epu8,
};

use super::load::load_16;
use super::pair::pair;
use super::shape::Shape;
use super::window::PAIR_WINDOW;
use crate::model::Decimal;
use crate::wire::scan::cursor::{Cursor, declined};
use crate::wire::scan::digits;
use crate::wire::scan::engine::Engine;
use crate::wire::scan::portable::Portable;
use crate::wire::scan::time::NANOS_PER_MILLI;

/// Two decimals and the bytes they take, with `between` between them.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn px_sz<const N: usize>(
    window: &[u8; PAIR_WINDOW],
    between: &[u8; N],
) -> Option<(Decimal, Decimal, usize)> {
    let pair = pair(window, between)?;
    Some((pair.px(), pair.sz(), pair.end))
}

/// Reads what [`px_sz`] does not.
#[cold]
#[inline(never)]
pub(super) fn any_px_sz<'t, const N: usize>(
    mut cursor: Cursor<'t>,
    between: &[u8; N],
) -> Option<(Cursor<'t>, (Decimal, Decimal))> {
    let numbers = Portable.px_sz(&mut cursor, between)?;
    Some((cursor, numbers))
}

/// The integer at the start of a text and how many bytes it has, 1 to 15; 0 where it is none or is
/// longer.
///
/// Values in and out are in registers, and so is the cursor of the caller: in memory each step
/// would wait for the one before it to be stored.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn integer(text: &[u8; 16]) -> (u64, usize) {
    let text = load_16(text);
    let len = digit_count(text);
    let leading_zero = (_mm_cvtsi128_si32(text) & 0xff == i32::from(b'0')) & (len > 1);
    if len == 16 || leading_zero {
        return (0, 0);
    }
    (join(_mm_shuffle_epi8(text, load_16(Shape::of(len, len).order()))), len as usize)
}

/// Reads what [`integer`] does not. Takes the cursor by value, so that it need not live in memory
/// elsewhere.
#[cold]
#[inline(never)]
pub(super) fn any_integer(mut cursor: Cursor<'_>) -> Option<(Cursor<'_>, u64)> {
    let integer = digits::integer(&mut cursor)?;
    Some((cursor, integer))
}

/// The digits of a time in milliseconds.
const MILLIS_DIGITS: u32 = 13;

/// The bytes of a time in milliseconds.
pub(super) const MILLIS_LEN: usize = MILLIS_DIGITS as usize;

/// The time at the start of a text; `None` where there are not just so many digits.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
pub(super) fn millis(text: &[u8; 16]) -> Option<u64> {
    let text = load_16(text);
    if digit_count(text) != MILLIS_DIGITS {
        return declined();
    }
    let order = Shape::of(MILLIS_DIGITS, MILLIS_DIGITS).order();
    let millis = join(_mm_shuffle_epi8(text, load_16(order)));
    Some(millis * NANOS_PER_MILLI)
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
pub(in crate::wire::scan) fn join(text: __m128i) -> u64 {
    let digits = _mm_subs_epu8(text, _mm_set1_epi8(b'0' as i8));
    let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 | 1 << 8));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    let fours = _mm_packus_epi32(fours, fours);
    let eights = _mm_madd_epi16(fours, _mm_set1_epi32(10_000 | 1 << 16));
    let both = _mm_cvtsi128_si64(eights).cast_unsigned();
    (both & 0xffff_ffff) * 100_000_000 + (both >> 32)
}
