//! Two levels at once: their prices, sizes and orders, as numbers.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_add_epi64, _mm512_cmpgt_epu8_mask, _mm512_cmplt_epu8_mask,
    _mm512_madd_epi16, _mm512_maddubs_epi16, _mm512_mask_and_epi64, _mm512_mask_cmpeq_epi8_mask,
    _mm512_mask_mov_epi64, _mm512_mask_shuffle_epi8, _mm512_maskz_mov_epi8, _mm512_maskz_sub_epi8,
    _mm512_mul_epi32, _mm512_or_si512, _mm512_packus_epi32, _mm512_permutex2var_epi8,
    _mm512_permutexvar_epi8, _mm512_sad_epu8, _mm512_set1_epi8, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_srli_epi64, _mm512_sub_epi8,
};

use super::chunk::Chunk;
use super::load::{VECTOR, load};
use super::quotes::{QUOTES, Quotes};

/// Makes a vector byte by byte: what `price` gives for the lanes of prices, which begin with the orders, and
/// `size` for those of sizes, by the place in the lane.
const fn lanes(price: [u8; 16], size: [u8; 16]) -> [u8; VECTOR] {
    let mut bytes = [0; VECTOR];
    let mut at = 0;
    while at < VECTOR {
        bytes[at] = if at / 16 % 2 == 0 { price[at % 16] } else { size[at % 16] };
        at += 1;
    }
    bytes
}

/// The quote that ends the string of which a byte comes, for each pair of levels.
const QUOTE: [[u8; VECTOR]; 4] = {
    let mut quotes = [lanes([7, 7, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [3; 16]); 4];
    let mut at = 0;
    while at < 4 * VECTOR {
        // Lanes 2 and 3 are those of the second level.
        let level = at / VECTOR * 2 + at % VECTOR / 32;
        quotes[at / VECTOR][at % VECTOR] += (level * QUOTES) as u8;
        at += 1;
    }
    quotes
};

/// How many bytes before that quote it stands: each string ends at the end of its part of a lane.
const AHEAD: [u8; VECTOR] = lanes(
    [3, 2, 1, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
);

/// [`AHEAD`], negative.
const BACK: [u8; VECTOR] = {
    let mut bytes = AHEAD;
    let mut at = 0;
    while at < VECTOR {
        bytes[at] = AHEAD[at].wrapping_neg();
        at += 1;
    }
    bytes
};

/// The places of a lane from 1 on, which tell where a point is; none in orders.
const POINT: [u8; VECTOR] = lanes(
    [0, 0, 0, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);

/// A byte moves up by one where this is less than its lane's point: what is before the point closes it.
const MOVES: [u8; VECTOR] = lanes(
    [255, 255, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
);

/// What moves up; a zero comes where nothing is before.
const MOVED: [u8; VECTOR] = lanes(
    [255, 255, 255, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    [255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
);

/// The most that a byte may be. The first of a price's lane behind the orders is only there for what moves up:
/// with a point a price has 13 bytes at most, without one 12.
const MOST: [u8; VECTOR] = lanes([9, 9, 9, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], [9; 16]);

/// The weights of two digits each; the three of the orders make one number with those of [`FOURS`].
const TWOS: [u8; VECTOR] = lanes(
    [10, 1, 1, 0, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1],
    [10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1],
);

/// The weights of two times two digits each.
const FOURS: [u8; VECTOR] = lanes(
    [10, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0],
    [100, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0, 100, 0, 1, 0],
);

/// The weights of two times four digits each; the first four of a price's lane are the orders.
const EIGHTS: [u8; VECTOR] = {
    let [low, high] = 10_000_u16.to_le_bytes();
    lanes(
        [0, 0, 1, 0, low, high, 1, 0, 0, 0, 1, 0, low, high, 1, 0],
        [low, high, 1, 0, low, high, 1, 0, low, high, 1, 0, low, high, 1, 0],
    )
};

/// The bytes of two levels, from the numbers and scales in the first vector, and the orders in the
/// second. The highest byte of a price is always zero.
const LEVELS: [u8; VECTOR] = {
    const ZERO: u8 = 7;
    const SECOND: u8 = VECTOR as u8;
    let mut bytes = [ZERO; VECTOR];
    let mut at = 0;
    while at < VECTOR {
        let lane = at as u8 / 32 * 32;
        bytes[at] = match at as u8 % 32 {
            px @ 0..8 => lane + px,
            sz @ 8..16 => lane + 16 + (sz - 8),
            orders @ 16..18 => SECOND + lane + (orders - 16),
            20 => lane + 8,
            21 => lane + 16 + 8,
            _ => ZERO,
        };
        at += 1;
    }
    bytes
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

    /// The levels, each half as the bytes of a [`Level`](crate::Level) lie, and which bytes of the text are no
    /// digits.
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
        let high = _mm512_mul_epi32(eights, _mm512_set1_epi64(100_000_000));
        let numbers = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(eights));

        // The point's place is 16 less the decimals, or 0 where there is none; the scale takes the upper
        // half of the lane.
        let scales = _mm512_sub_epi8(_mm512_setzero_si512(), point);
        let both = _mm512_mask_and_epi64(numbers, 0b1010_1010, scales, _mm512_set1_epi64(15));
        (_mm512_permutex2var_epi8(both, load(&LEVELS), fours), odd)
    }
}

/// Where the bytes of two levels are, and one more than the bytes of the number that each may be of.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline]
fn bytes_of(quotes: &Quotes, pair: &[u8; VECTOR]) -> (__m512i, __m512i) {
    let end = load(pair);
    let places = _mm512_add_epi8(_mm512_permutexvar_epi8(end, quotes.places), load(&BACK));
    (places, _mm512_permutexvar_epi8(end, quotes.steps))
}

/// The words of a pair's second level.
const SECOND: u8 = 0b1111_0000;

/// The quotes of each pair of levels.
pub(super) const PAIRS: [[u8; VECTOR]; 4] = QUOTE;

/// The quotes of two fifth levels.
const FIFTHS: [u8; VECTOR] = {
    let mut quotes = PAIRS[2];
    let mut at = 32;
    while at < VECTOR {
        quotes[at] -= QUOTES as u8;
        at += 1;
    }
    quotes
};
