//! The shape of levels, from the places of their quotes.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_cmpeq_epi8_mask, _mm512_cmpgt_epu8_mask,
    _mm512_cmplt_epu8_mask, _mm512_cmpneq_epi8_mask, _mm512_mask_cmpeq_epi8_mask,
    _mm512_mask_cmpge_epu8_mask, _mm512_mask_compress_epi8, _mm512_mask_expand_epi8,
    _mm512_maskz_permutexvar_epi8, _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi64,
    _mm512_sub_epi8,
};

use super::chunk::{Chunk, End};
use super::load::{VECTOR, first_bits, load};
use super::tables::{BASES, BEFORE, PLACES, QUOTES};

/// One bit of eight, that of a level's quote, for each of eight levels.
const fn each(quote: u32) -> u64 {
    0x0101_0101_0101_0101 << quote
}

/// The opening quotes of price, size and orders.
const STARTS: u64 = each(0) | each(2) | each(6);

/// The bytes of levels are checked against a least value and how much more they may be.
struct Range {
    least: [u8; VECTOR],
    more: [u8; VECTOR],
}

impl Range {
    /// The ranges of a level, for all of them.
    #[expect(
        clippy::indexing_slicing,
        reason = "evaluated at compile time, where a bad index fails"
    )]
    const fn of(ranges: [(u8, u8); QUOTES]) -> Self {
        let (mut least, mut more) = ([0; VECTOR], [0; VECTOR]);
        let mut at = 0;
        while at < VECTOR {
            let (from, to) = ranges[at % QUOTES];
            (least[at], more[at]) = (from, to - from);
            at += 1;
        }
        Self { least, more }
    }

    /// The bytes that are out of range.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn out(&self, bytes: __m512i) -> u64 {
        _mm512_cmpgt_epu8_mask(_mm512_sub_epi8(bytes, load(&self.least)), load(&self.more))
    }
}

const fn only(byte: u8) -> (u8, u8) {
    (byte, byte)
}

const DIGIT: (u8, u8) = (b'0', b'9');
const ANY: (u8, u8) = (0, 255);

/// How far quotes are from the ones before: `"],["` is before a level's first one, prices have 1 to
/// 13 bytes, sizes 1 to 16 and orders 1 to 3. The very first quote has a bracket before it.
const STEPS: Range = {
    let mut steps =
        Range::of([only(4), (2, 14), only(2), (2, 17), only(2), only(2), only(2), (2, 4)]);
    steps.least[0] = 1;
    steps
};

/// What stands behind quotes.
const BEHIND: Range =
    Range::of([DIGIT, only(b','), DIGIT, only(b','), only(b'0'), only(b','), DIGIT, only(b']')]);

/// What else is looked at, by its distance from a quote: the byte behind that of [`BEHIND`], or the
/// one before the quote where a price or a size ends. In the place of the fifth quote, which needs
/// neither, the third byte behind the level's last one.
const BESIDE: [u8; QUOTES] = [2, 255, 2, 255, 3, 2, 2, 2];
const BESIDE_IS: Range = Range::of([ANY, DIGIT, ANY, DIGIT, only(b'['), ANY, ANY, only(b',')]);
/// What [`BESIDE_IS`] says of the bytes behind a level does not hold of the last one.
const BETWEEN: u64 = each(4) | each(7);

/// The quotes of levels.
#[derive(Clone, Copy)]
pub(super) struct Quotes {
    /// The places of the first 64 quotes, in the order of the text.
    pub(super) places: __m512i,
    /// How far each is from the one before: of a closing quote one more than the bytes of its
    /// string.
    pub(super) steps: __m512i,
    count: u32,
}

impl Quotes {
    /// Finds the quotes of a chunk that begins with a level's bracket.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi1,bmi2,popcnt")]
    #[inline]
    pub(super) fn find<const N: usize>(chunk: Chunk<N>) -> Self {
        let (places, count) = places(chunk);
        Self::at(places, count)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    fn at(places: __m512i, count: u32) -> Self {
        let previous = _mm512_maskz_permutexvar_epi8(!1, load(&BEFORE), places);
        Self { places, steps: _mm512_sub_epi8(places, previous), count }
    }

    /// How many of the first 64 quotes stand before a place where there is one of them.
    #[target_feature(enable = "avx512f,avx512bw,bmi1")]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "places are below 192")]
    pub(super) fn before(self, place: usize) -> u32 {
        let place = _mm512_set1_epi8((place as u8).cast_signed());
        _mm512_cmplt_epu8_mask(self.places, place).trailing_ones()
    }

    /// The quotes without two that follow each other, of which the first has that index.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
    #[inline]
    pub(super) fn without_two(self, index: u32) -> Self {
        let others = !3_u64.wrapping_shl(index);
        Self::at(_mm512_mask_compress_epi8(self.places, others, self.places), self.count)
    }

    /// What is odd about five levels that end with that quote.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "places are below 192")]
    pub(super) fn odd_of_five<const N: usize>(self, chunk: Chunk<N>, last_quote: usize) -> u64 {
        let last_quote = _mm512_set1_epi8((last_quote as u8).cast_signed());
        let odd = self.odd(chunk, self.beside(chunk), 4);
        let last = _mm512_cmpneq_epi8_mask(self.places, last_quote);
        first_bits(5 * 8) & odd | last & 1 << (5 * 8 - 1) | u64::from(self.count < 5 * 8)
    }

    /// What is odd about the levels that end there.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
    #[inline]
    pub(super) fn odd_before<const N: usize>(self, chunk: Chunk<N>, end: End) -> u64 {
        let followed = end.levels.wrapping_sub(u32::from(end.is_end_of_side));
        let odd = self.odd(chunk, self.beside(chunk), followed) & first_bits(end.levels * 8);
        // A level's last quote is right before the bracket.
        let last = _mm512_cmpeq_epi8_mask(self.places, end.last_quote());
        let is_last = last.wrapping_shr((end.levels * 8).wrapping_sub(1)) & 1 != 0;
        odd | u64::from(!is_last | (self.count < end.levels * 8) | (end.levels.wrapping_sub(1) > 7))
    }

    /// What is odd about the levels of two sides, which have so many quotes: `asks` of the asks and
    /// `both` of both sides, whose quotes follow each other here. Before the first quote of a side
    /// and behind its last one is what the caller has seen.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2")]
    #[inline]
    pub(super) fn odd_of_both<const N: usize>(self, chunk: Chunk<N>, asks: u32, both: u32) -> u64 {
        let level = |quotes: u32| 0xff_u64.wrapping_shl(quotes);
        let last_levels = (level(asks) | level(both)) >> QUOTES;
        let first_quotes = 1 | 1_u64.wrapping_shl(asks);
        let odd = self.odd_but(chunk, self.beside(chunk), first_quotes, !last_levels);
        odd & first_bits(both)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    fn beside<const N: usize>(self, chunk: Chunk<N>) -> __m512i {
        let bases = _mm512_permutexvar_epi8(load(&BASES), self.places);
        let distances = _mm512_set1_epi64(i64::from_le_bytes(BESIDE));
        chunk.at(_mm512_add_epi8(bases, distances))
    }

    /// The quotes of levels about which something is odd; another level follows the first
    /// `followed` of them.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    #[inline]
    fn odd<const N: usize>(self, chunk: Chunk<N>, beside: __m512i, followed: u32) -> u64 {
        self.odd_but(chunk, beside, 0, first_bits(followed.wrapping_mul(8)))
    }

    /// The quotes of levels about which something is odd, but how far those of the first mask are
    /// from what is before; another level follows those of the second.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    #[inline]
    fn odd_but<const N: usize>(
        self,
        chunk: Chunk<N>,
        beside: __m512i,
        first_quotes: u64,
        followed: u64,
    ) -> u64 {
        let behind = chunk.at(_mm512_add_epi8(self.places, _mm512_set1_epi8(1)));
        let zero = _mm512_set1_epi8(b'0' as i8);
        let zeros = _mm512_mask_cmpeq_epi8_mask(STARTS, behind, zero);
        (STEPS.out(self.steps) & !first_quotes)
            | BEHIND.out(behind)
            | (BESIDE_IS.out(beside) & (!BETWEEN | followed))
            // A zero that another digit follows.
            | _mm512_mask_cmpge_epu8_mask(zeros, beside, zero)
    }
}

/// The places of the first 64 quotes of a chunk, and how many there are.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")]
#[inline]
fn places<const N: usize>(chunk: Chunk<N>) -> (__m512i, u32) {
    let quote = _mm512_set1_epi8(b'"' as i8);
    let mut in_vector = load(&PLACES);
    let mut places = in_vector;
    let mut count = 0;
    for vector in chunk.0 {
        let quotes = _mm512_cmpeq_epi8_mask(vector, quote);
        // On Zen 5 this waits for what was in the register that it fills, be it zeroed before: so
        // it is filled with something that is there.
        let these = _mm512_mask_compress_epi8(in_vector, quotes, in_vector);
        // The first ones of a vector come where those of the ones before it end.
        places = _mm512_mask_expand_epi8(places, !first_bits(count), these);
        count += quotes.count_ones();
        in_vector = _mm512_add_epi8(in_vector, _mm512_set1_epi8(64));
    }
    (places, count)
}

const _: () = assert!(QUOTES * 8 == VECTOR);
