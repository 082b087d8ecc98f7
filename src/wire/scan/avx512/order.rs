//! Whether the levels of a whole book are in order.

use std::arch::x86_64::{
    __m512d, __m512i, _CMP_GT_OQ, _mm512_alignr_epi64, _mm512_castpd_si512, _mm512_castsi512_pd,
    _mm512_cmp_pd_mask, _mm512_cvtepi64_pd, _mm512_mul_pd, _mm512_permutex2var_epi64,
    _mm512_permutex2var_pd, _mm512_set1_pd, _mm512_srli_epi64, _mm512_test_epi64_mask,
};

use super::load::{load_floats, load_words};

/// The words of two levels that are their sizes.
const SIZES: u8 = 0b0010_0010;
const FIVE: u8 = 0b1_1111;
const FOUR: u8 = 0b1111;

/// Where a side's five words of a kind are: four among those of its first two pairs of levels, of
/// which the first comes last once more, and the fifth among those of the last pair, as the first
/// or second.
const fn words(kind: i64, fifth: i64) -> [[i64; 8]; 2] {
    let four = [kind, kind + 4, kind + 8, kind + 12, 0, 0, 0, kind];
    [four, [0, 1, 2, 3, 8 + kind + 4 * fifth, 0, 0, 7]]
}

/// Where the prices and the words with their scales are: those of asks and of bids.
const ASKS: [[[i64; 8]; 2]; 2] = [words(0, 0), words(2, 0)];
const BIDS: [[[i64; 8]; 2]; 2] = [words(0, 1), words(2, 1)];

/// A part of one for each scale.
const PARTS: [[f64; 8]; 2] = [
    [1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7],
    [1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15],
];

/// The first two pairs of a side's levels.
type Four = [__m512i; 2];

/// Whether it is certain that asks rise, bids fall, the best ask is above the best bid and all have
/// a size.
///
/// Prices have up to 12 bytes here: two that differ do so by more than a part in `10^12`, and as
/// floats each is off by less than one in `10^15`. So those that differ by more than one in `10^13`
/// as floats are in that order; any others are left to exact arithmetic.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
pub(super) fn is_sound(asks: Four, bids: Four, fifths: __m512i) -> bool {
    let above = _mm512_set1_pd(1.0 + 1e-13);
    let (ask_px, bid_px) = (prices(asks, fifths, &ASKS), prices(bids, fifths, &BIDS));
    let next_ask =
        _mm512_alignr_epi64::<1>(_mm512_castpd_si512(ask_px), _mm512_castpd_si512(ask_px));
    // Before the best bid comes the best ask.
    let before_bid =
        _mm512_alignr_epi64::<7>(_mm512_castpd_si512(bid_px), _mm512_castpd_si512(ask_px));
    let is_above = |px: __m512i, other: __m512d| {
        _mm512_cmp_pd_mask::<_CMP_GT_OQ>(_mm512_castsi512_pd(px), _mm512_mul_pd(other, above))
    };
    let rise = is_above(next_ask, ask_px) | !FOUR;
    let fall = is_above(before_bid, bid_px) | !FIVE;
    rise & fall & (sizes(asks) & sizes(bids) & size(fifths) | !SIZES) == u8::MAX
}

/// The prices of a side, best first, and the best one last once more.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn prices([first, next]: Four, fifths: __m512i, [px, tails]: &[[[i64; 8]; 2]; 2]) -> __m512d {
    let five = |[four, all]: &[[i64; 8]; 2]| {
        let four = _mm512_permutex2var_epi64(first, load_words(four), next);
        _mm512_permutex2var_epi64(four, load_words(all), fifths)
    };
    // The scale is in the lowest four of the upper half's bits.
    let scales = _mm512_srli_epi64::<32>(five(tails));
    let [coarse, fine] = &PARTS;
    let parts = _mm512_permutex2var_pd(load_floats(coarse), scales, load_floats(fine));
    _mm512_mul_pd(_mm512_cvtepi64_pd(five(px)), parts)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn sizes([first, next]: Four) -> u8 {
    size(first) & size(next)
}

/// The words of two levels that are not zero.
#[target_feature(enable = "avx512f")]
#[inline]
fn size(levels: __m512i) -> u8 {
    _mm512_test_epi64_mask(levels, levels)
}
