//! Two decimals at once, one in each half of a register.

use std::arch::x86_64::{
    _mm_cvtsi128_si64, _mm256_add_epi64, _mm256_castsi256_si128, _mm256_cmpeq_epi8,
    _mm256_extract_epi64, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_epu32,
    _mm256_packus_epi32, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_sub_epi8, _mm256_subs_epu8,
    _mm256_testz_si256,
};

use super::load::{load_16, load_32, mask, two_lanes};
use super::shape::{MAX_LEN, Shape};
use super::window::{PAIR_WINDOW, stands_at};
use crate::model::Decimal;

/// Two decimals, and where the second one ends.
pub(super) struct Pair {
    px: i64,
    sz: i64,
    px_scale: u8,
    sz_scale: u8,
    pub(super) end: usize,
}

impl Pair {
    #[inline(always)]
    pub(super) const fn px(&self) -> Decimal {
        Decimal::from_parts(self.px, self.px_scale)
    }

    #[inline(always)]
    pub(super) const fn sz(&self) -> Decimal {
        Decimal::from_parts(self.sz, self.sz_scale)
    }
}

/// Reads a decimal, `between`, which begins with a quote, and a second decimal with a quote behind
/// it from the first 32 bytes of a window. Neither decimal may be longer than [`MAX_LEN`].
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "N is at most 10")]
pub(super) fn pair<const W: usize, const N: usize>(
    window: &[u8; W],
    between: &[u8; N],
) -> Option<Pair> {
    const { assert!(N <= 10 && W >= PAIR_WINDOW, "both decimals have to lie in the window") };
    let text = load_32(window.first_chunk()?);
    let quotes = mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'"' as i8)));
    let zeros = mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'0' as i8)));
    // Where a decimal or its part before the point ends.
    let marks = quotes | mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'.' as i8)));

    // Lengths of both texts, and of their parts before the point.
    let px_len = quotes.trailing_zeros();
    let px_whole = marks.trailing_zeros();
    if px_len > MAX_LEN {
        return None;
    }
    let sz_at = px_len + N as u32;
    let sz_len = (quotes >> sz_at).trailing_zeros();
    let sz_whole = (marks >> sz_at).trailing_zeros();
    if sz_len > MAX_LEN {
        return None;
    }
    if !stands_at(window, px_len as usize, between)? {
        return None;
    }

    // A decimal starts with a zero only if no digit follows.
    let needless = zeros & !(marks >> 1);
    let px_shape = Shape::of(px_len, px_whole);
    let sz_shape = Shape::of(sz_len, sz_whole);
    if (needless | needless >> sz_at) & 1 != 0 || !px_shape.are_decimals(sz_shape) {
        return None;
    }

    let both = two_lanes(
        load_16(window.first_chunk()?),
        load_16(window.get(sz_at as usize..)?.first_chunk()?),
    );
    let order = two_lanes(load_16(px_shape.order()), load_16(sz_shape.order()));
    let digits = _mm256_shuffle_epi8(_mm256_sub_epi8(both, _mm256_set1_epi8(b'0' as i8)), order);
    // All but the first point and the quote is a digit: a second point is not.
    let above_nine = _mm256_subs_epu8(digits, _mm256_set1_epi8(9));
    if _mm256_testz_si256(above_nine, above_nine) == 0 {
        return None;
    }
    let pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(10 | 1 << 8));
    let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(100 | 1 << 16));
    let fours = _mm256_packus_epi32(fours, fours);
    let eights = _mm256_madd_epi16(fours, _mm256_set1_epi32(10_000 | 1 << 16));
    let high = _mm256_mul_epu32(eights, _mm256_set1_epi64x(100_000_000));
    let sum = _mm256_add_epi64(high, _mm256_srli_epi64::<32>(eights));
    Some(Pair {
        px: _mm_cvtsi128_si64(_mm256_castsi256_si128(sum)),
        sz: _mm256_extract_epi64::<2>(sum),
        px_scale: px_shape.scale(),
        sz_scale: sz_shape.scale(),
        end: (sz_at + sz_len) as usize,
    })
}

#[cfg(test)]
#[path = "pair_tests.rs"]
mod tests;
