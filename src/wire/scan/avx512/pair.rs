//! Two levels at once: their prices, sizes and orders, as numbers.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_add_epi64, _mm512_cmpgt_epu8_mask, _mm512_cmplt_epu8_mask,
    _mm512_madd_epi16, _mm512_maddubs_epi16, _mm512_mask_and_epi64, _mm512_mask_cmpeq_epi8_mask,
    _mm512_mask_mov_epi64, _mm512_mask_shuffle_epi8, _mm512_maskz_mov_epi8, _mm512_maskz_sub_epi8,
    _mm512_mul_epu32, _mm512_or_si512, _mm512_packus_epi32, _mm512_permutex2var_epi8,
    _mm512_permutexvar_epi8, _mm512_sad_epu8, _mm512_set1_epi8, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_srli_epi64, _mm512_sub_epi8,
};

use super::chunk::Chunk;
use super::load::{VECTOR, load};
use super::quotes::Quotes;
use super::tables::{
    AHEAD, BACK, EIGHTS, FIFTHS, FOURS, LEVELS, MOST, MOVED, MOVES, PAIRS, POINT, TWOS,
};

/// The text of two levels, each number at the end of its part of a lane, and what is before it.
pub(super) struct Pair {
    text: __m512i,
    /// One more than the bytes of the number that a byte may be of.
    len: __m512i,
}

impl Pair {
    /// Two levels of a chunk, by the quotes of such a [pair](PAIRS).
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    pub(super) fn of<const N: usize>(
        chunk: Chunk<N>,
        quotes: &Quotes,
        pair: &[u8; VECTOR],
    ) -> Self {
        let (places, len) = bytes_of(quotes, pair);
        Self { text: chunk.at(places), len }
    }

    /// The first two levels of a chunk.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    pub(super) fn first<const N: usize>(chunk: Chunk<N>, quotes: &Quotes) -> Self {
        let [first, ..] = &PAIRS;
        let (places, len) = bytes_of(quotes, first);
        Self { text: chunk.at_first(places), len }
    }

    /// The fifth level of each of two chunks.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    pub(super) fn fifths(chunks: [Chunk<3>; 2], [first, second]: [&Quotes; 2]) -> Self {
        let end = load(&FIFTHS);
        let places =
            |of: &Quotes| _mm512_add_epi8(_mm512_permutexvar_epi8(end, of.places), load(&BACK));
        let len = |of: &Quotes| _mm512_permutexvar_epi8(end, of.steps);
        let [first_chunk, second_chunk] = chunks;
        let (text, second_text) = (first_chunk.at(places(first)), second_chunk.at(places(second)));
        Self {
            text: _mm512_mask_mov_epi64(text, SECOND, second_text),
            len: _mm512_mask_mov_epi64(len(first), SECOND, len(second)),
        }
    }

    /// The levels, each half as the bytes of a [`Level`](crate::Level) lie, and which bytes of the
    /// text are no digits.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    pub(super) fn levels(self) -> (__m512i, u64) {
        let Self { text, len } = self;
        let there = _mm512_cmplt_epu8_mask(load(&AHEAD), len);
        // Each lane has at most one point; where there are more, one of them stays and is no digit.
        let is_point = _mm512_mask_cmpeq_epi8_mask(there, text, _mm512_set1_epi8(b'.' as i8));
        let point = _mm512_maskz_mov_epi8(is_point, load(&POINT));
        let halves = _mm512_sad_epu8(point, _mm512_setzero_si512());
        let first = _mm512_shuffle_epi8(halves, _mm512_set1_epi8(0));
        let second = _mm512_shuffle_epi8(halves, _mm512_set1_epi8(8));
        let point = _mm512_or_si512(first, second);
        let moves = _mm512_cmplt_epu8_mask(load(&MOVES), point);
        let digits = _mm512_maskz_sub_epi8(there, text, _mm512_set1_epi8(b'0' as i8));
        let digits = _mm512_mask_shuffle_epi8(digits, moves, digits, load(&MOVED));
        let odd = _mm512_cmpgt_epu8_mask(digits, load(&MOST));

        let twos = _mm512_maddubs_epi16(digits, load(&TWOS));
        let fours = _mm512_madd_epi16(twos, load(&FOURS));
        let fours = _mm512_packus_epi32(fours, fours);
        let eights = _mm512_madd_epi16(fours, load(&EIGHTS));
        let high = _mm512_mul_epu32(eights, _mm512_set1_epi64(100_000_000));
        let numbers = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(eights));

        // The point's place is 16 less the decimals, or 0 where there is none; the scale takes the
        // upper half of the lane.
        let scales = _mm512_sub_epi8(_mm512_setzero_si512(), point);
        let both = _mm512_mask_and_epi64(numbers, 0b1010_1010, scales, _mm512_set1_epi64(15));
        (_mm512_permutex2var_epi8(both, load(&LEVELS), fours), odd)
    }
}

/// Where the bytes of two levels are, and one more than the bytes of the number that each may be
/// of.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline]
fn bytes_of(quotes: &Quotes, pair: &[u8; VECTOR]) -> (__m512i, __m512i) {
    let end = load(pair);
    let places = _mm512_add_epi8(_mm512_permutexvar_epi8(end, quotes.places), load(&BACK));
    (places, _mm512_permutexvar_epi8(end, quotes.steps))
}

/// The words of a pair's second level.
const SECOND: u8 = 0b1111_0000;
