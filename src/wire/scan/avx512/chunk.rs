//! The bytes of a text that are looked at together.

use std::arch::x86_64::{
    __m512i, _mm512_cmpeq_epi8_mask, _mm512_mask_permutexvar_epi8, _mm512_movepi8_mask,
    _mm512_permutex2var_epi8, _mm512_set1_epi8,
};

use super::load::{VECTOR, first_bits, load, load_part};

/// The bytes of a chunk of `N` vectors, 2 or 3: zeros behind the text's end.
#[derive(Clone, Copy)]
pub(super) struct Chunk<const N: usize>(pub(super) [__m512i; N]);

impl<const N: usize> Chunk<N> {
    /// The next bytes of a text.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    #[inline]
    pub(super) fn load(text: &[u8]) -> Self {
        const { assert!(N == 2 || N == 3) };
        match text.as_chunks().0.first_chunk::<N>() {
            Some(vectors) => Self(vectors.each_ref().map(|bytes| load(bytes))),
            None => Self(std::array::from_fn(|n| load_part(text, n * VECTOR))),
        }
    }

    /// The bytes at places within the chunk; at other places any bytes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    pub(super) fn at(self, places: __m512i) -> __m512i {
        let bytes = self.at_first(places);
        let [_, _, third] = self.0.as_slice() else { return bytes };
        // A place of 128 and more has the highest bit set, and its lowest six are a place in the
        // third.
        let in_third = _mm512_movepi8_mask(places);
        _mm512_mask_permutexvar_epi8(bytes, in_third, places, *third)
    }

    /// As [`Chunk::at`], of places below 128.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    pub(super) fn at_first(self, places: __m512i) -> __m512i {
        let [first, second, ..] = self.0.as_slice() else { return places };
        _mm512_permutex2var_epi8(*first, places, *second)
    }

    /// Where a byte stands first, the chunk's length where it does not.
    #[target_feature(enable = "avx512f,avx512bw,bmi1")]
    #[inline]
    pub(super) fn place_of(self, byte: u8) -> usize {
        let byte = _mm512_set1_epi8(byte.cast_signed());
        let [first, second, rest @ ..] = self.0.as_slice() else { return 0 };
        let at = |vector: &__m512i| _mm512_cmpeq_epi8_mask(*vector, byte);
        let place = |mask: u64| mask.trailing_zeros() as usize;
        let (in_first, in_second) = (at(first), at(second));
        let behind = rest.first().map_or(0, |third| place(at(third)));
        let behind = if in_second == 0 { VECTOR + behind } else { place(in_second) };
        if in_first == 0 { VECTOR + behind } else { place(in_first) }
    }

    /// Where a byte stands first behind the first vector, the chunk's length where it does not.
    #[target_feature(enable = "avx512f,avx512bw,bmi1")]
    #[inline]
    pub(super) fn late_place_of(self, byte: u8) -> usize {
        let byte = _mm512_set1_epi8(byte.cast_signed());
        let [_, second, rest @ ..] = self.0.as_slice() else { return 0 };
        let at = |vector: &__m512i| _mm512_cmpeq_epi8_mask(*vector, byte);
        let place = |mask: u64| mask.trailing_zeros() as usize;
        let in_second = at(second);
        let behind = rest.first().map_or(0, |third| place(at(third)));
        VECTOR + if in_second == 0 { VECTOR + behind } else { place(in_second) }
    }

    /// Where the levels of the chunk end. Known long before they are read, so that what follows
    /// need not wait for that.
    #[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    pub(super) fn end(self) -> End {
        let Brackets { first, second, mut third } = self.brackets();
        // At least 17 bytes are before a bracket: in two vectors are no more than seven.
        if first.count_ones() + second.count_ones() + third.count_ones() > 8 {
            third = 0;
        }
        let brackets = Brackets { first, second, third };
        let end = brackets.end_of_side();
        let is_end_of_side = end < MOST_BYTES;
        let bracket = if is_end_of_side { end } else { brackets.last() };
        End { bracket, levels: brackets.count_to(bracket), is_end_of_side }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn brackets(self) -> Brackets {
        let bracket = _mm512_set1_epi8(b']' as i8);
        let at = |vector: &__m512i| _mm512_cmpeq_epi8_mask(*vector, bracket);
        let [first, second, rest @ ..] = self.0.as_slice() else { return Brackets::default() };
        Brackets { first: at(first), second: at(second), third: rest.first().map_or(0, at) }
    }
}

/// The bytes of three vectors.
const MOST_BYTES: usize = 3 * VECTOR;

/// Where the whole levels of a chunk end.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// The place of the last one's bracket.
    pub(super) bracket: usize,
    /// Their number, up to eight, if they are levels.
    pub(super) levels: u32,
    /// Whether they end the side.
    pub(super) is_end_of_side: bool,
}

impl End {
    /// The place of the last level's last quote, in each byte.
    #[target_feature(enable = "avx512f")]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "places are below 192")]
    pub(super) fn last_quote(self) -> __m512i {
        _mm512_set1_epi8((self.bracket as u8).wrapping_sub(1).cast_signed())
    }
}

/// Which bytes of a chunk's vectors are closing brackets. No array, which the compiler would take
/// back into vectors.
#[derive(Clone, Copy, Default)]
struct Brackets {
    first: u64,
    second: u64,
    third: u64,
}

impl Brackets {
    /// Where the first two that follow each other stand, [`MOST_BYTES`] where there are none.
    #[target_feature(enable = "bmi1")]
    #[inline]
    fn end_of_side(self) -> usize {
        let Self { first, second, third } = self;
        let third_both = third & third >> 1;
        let second_both = second & (second >> 1 | third << 63);
        let first_both = first & (first >> 1 | second << 63);
        let place = |both: u64| both.trailing_zeros() as usize;
        let end = if second_both == 0 {
            2 * VECTOR + place(third_both)
        } else {
            VECTOR + place(second_both)
        };
        if first_both == 0 { end } else { place(first_both) }
    }

    /// Where the last one stands that a comma and another bracket may follow within the three
    /// vectors; anywhere where there is none.
    #[target_feature(enable = "lzcnt")]
    #[inline]
    fn last(self) -> usize {
        let third = self.third & (u64::MAX >> 2);
        let (these, end) = if third == 0 { (self.second, 2 * VECTOR) } else { (third, 3 * VECTOR) };
        (end - 1).wrapping_sub(these.leading_zeros() as usize)
    }

    /// How many there are up to a place.
    #[target_feature(enable = "bmi2,popcnt")]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "places are below 192")]
    fn count_to(self, place: usize) -> u32 {
        let before = |at: usize| first_bits((place + 1).saturating_sub(at) as u32);
        let Self { first, second, third } = self;
        (first & before(0)).count_ones()
            + (second & before(VECTOR)).count_ones()
            + (third & before(2 * VECTOR)).count_ones()
    }
}
