//! The parts of a message with AVX2: both decimals of a level at once.
#![expect(
    unsafe_code,
    reason = "vector loads and calls that need AVX2; see benches/scan.rs for what they gain"
)]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi8, _mm_cmpgt_epi8, _mm_cvtsi128_si32, _mm_cvtsi128_si64,
    _mm_loadu_si128, _mm_madd_epi16, _mm_maddubs_epi16, _mm_movemask_epi8, _mm_packus_epi32,
    _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_shuffle_epi8, _mm_subs_epu8,
    _mm256_add_epi8, _mm256_add_epi64, _mm256_andnot_si256, _mm256_castsi128_si256,
    _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_extract_epi64,
    _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_movemask_epi8, _mm256_mul_epu32, _mm256_or_si256, _mm256_packus_epi32, _mm256_set1_epi8,
    _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_shuffle_epi8,
    _mm256_srli_epi64, _mm256_subs_epu8,
};

use super::cursor::Cursor;
use super::digits::{above_nine, values};
use super::engine::{Engine, Portable};
use super::inst_id::{ID_WINDOW, Id};
use super::scanner::{PaddedText, Scanned, scan_with};
use super::time::NANOS_PER_MILLI;
use super::{digits, level};
use crate::model::{BOOK5_LEVELS, Book5, Decimal, Dialect, Level, UnixNanos};

/// Proof that the processor has AVX2, BMI1 and BMI2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2 {
    // INVARIANT: only `detect` makes one.
    _proof: (),
}

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self { _proof: () })
    }

    #[inline]
    pub(super) fn scan<'t>(
        self,
        dialect: Dialect,
        text: PaddedText<'t>,
        ts_recv: UnixNanos,
        book: &mut Book5,
    ) -> Option<Scanned<'t>> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { scan(self, dialect, text, ts_recv, book) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn scan<'t>(
    engine: Avx2,
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    book: &mut Book5,
) -> Option<Scanned<'t>> {
    scan_with(engine, dialect, text, ts_recv, book)
}

impl Engine for Avx2 {
    #[inline(always)]
    fn side(self, cursor: &mut Cursor<'_>, places: &mut [Level; BOOK5_LEVELS]) -> Option<u8> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { side(cursor, places) }
    }

    #[inline(always)]
    fn px_sz<const N: usize>(
        self,
        cursor: &mut Cursor<'_>,
        between: &[u8; N],
    ) -> Option<(Decimal, Decimal)> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { px_sz(cursor, between) }
    }

    #[inline(always)]
    fn integer(self, cursor: &mut Cursor<'_>) -> Option<u64> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { integer(cursor) }
    }

    #[inline(always)]
    fn millis(self, cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { millis(cursor) }
    }

    #[inline(always)]
    fn id<'t>(self, cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { id(cursor) }
    }

    #[inline(always)]
    fn text<'t>(self, id: &Id<'t>) -> Option<&'t str> {
        let text = id.bytes()?;
        // SAFETY: `Id` promises that its bytes are printable ASCII.
        Some(unsafe { std::str::from_utf8_unchecked(text) })
    }

    #[inline(always)]
    fn same_id(self, cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()> {
        // SAFETY: `self` proves that the processor has the features.
        unsafe { same_id(cursor, id) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline(never)]
fn side(cursor: &mut Cursor<'_>, places: &mut [Level; BOOK5_LEVELS]) -> Option<u8> {
    // A copy, so that the cursor lives in registers.
    let mut at = *cursor;
    let len = level::levels(&mut at, places, |cursor, place| {
        let start = *cursor;
        if let Some(last) = usual_level(cursor, place) {
            return Some(last);
        }
        let (behind, last) = any_level(start, place)?;
        *cursor = behind;
        Some(last)
    })?;
    *cursor = at;
    Some(len)
}

/// Takes the cursor by value, so that it need not live in memory elsewhere.
#[cold]
#[inline(never)]
fn any_level<'t>(mut cursor: Cursor<'t>, place: &mut Level) -> Option<(Cursor<'t>, bool)> {
    let last = level::level(&mut cursor, place)?;
    Some((cursor, last))
}

/// The bytes that are read of a level from its price on.
const WINDOW: usize = 64;

/// Reads a level of three or four strings, the third of four being `"0"`, of which price and size
/// lie within 32 bytes and the number of orders has one to four digits and is not 0. Tells whether
/// it was the last of its side. `None`, with the cursor anywhere, for any other.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn usual_level(cursor: &mut Cursor<'_>, place: &mut Level) -> Option<bool> {
    let (start, window) = cursor.peek::<{ WINDOW + 2 }>()?.split_first_chunk::<2>()?;
    let window: &[u8; WINDOW] = window.first_chunk()?;
    if start != b"[\"" {
        return None;
    }
    // The next level is found from this bracket, and not through all the numbers before it: so the
    // processor can work at several levels at once.
    let bracket = find(window, b']');
    cursor.advance(bracket + 4)?;
    let pair = pair(window, b"\",\"")?;
    let rest = word_at(window, pair.end)?;
    let orders_at = if starts_with(rest, b"\",\"0\",\"") {
        pair.end + 7
    } else if starts_with(rest, b"\",\"") {
        pair.end + 3
    } else {
        return None;
    };
    let word = word_at(window, orders_at)?;
    let digits = bracket.wrapping_sub(orders_at + 1);
    if digits.wrapping_sub(1) > 3 {
        return None;
    }
    let behind = word >> (8 * digits);
    let last = starts_with(behind, b"\"]]");
    if !last && !starts_with(behind, b"\"],") {
        return None;
    }
    // The digits move to the high end, zeros to where there are none.
    let values = values(word) as u32;
    let aligned = values << (32 - 8 * digits);
    if above_nine(aligned.into()) != 0 || values & 0xff == 0 {
        return None;
    }
    *place = Level::new(pair.px(), pair.sz(), join_four(aligned));
    Some(last)
}

/// The place of the first such byte in a window, its length where there is none.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn find(window: &[u8; WINDOW], byte: u8) -> usize {
    let (halves, _) = window.as_chunks::<32>();
    let [low, high] = halves else { return WINDOW };
    let wanted = _mm256_set1_epi8(byte as i8);
    let low = mask(_mm256_cmpeq_epi8(load_32(low), wanted));
    let high = mask(_mm256_cmpeq_epi8(load_32(high), wanted));
    (u64::from(high) << 32 | u64::from(low)).trailing_zeros() as usize
}

/// Whether the first bytes of a word, from its low end, are these.
#[inline(always)]
fn starts_with<const N: usize>(word: u64, bytes: &[u8; N]) -> bool {
    const { assert!(N > 0 && N <= 8) };
    (word ^ word_of(bytes)) << (64 - 8 * N) == 0
}

/// The first eight bytes as a little-endian word, filled up with zeros.
#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The number that four digit values make, the first in the low byte.
#[inline(always)]
const fn join_four(values: u32) -> u32 {
    let pairs = (values.wrapping_mul(10 * 256 + 1) >> 8) & 0x00ff_00ff;
    pairs.wrapping_mul((100 << 16) + 1) >> 16
}

#[inline(always)]
fn word_at(window: &[u8; WINDOW], at: usize) -> Option<u64> {
    window.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn px_sz<const N: usize>(cursor: &mut Cursor<'_>, between: &[u8; N]) -> Option<(Decimal, Decimal)> {
    if let Some(pair) = cursor.peek::<WINDOW>().and_then(|window| pair(window, between)) {
        cursor.advance(pair.end)?;
        return Some((pair.px(), pair.sz()));
    }
    Portable.px_sz(cursor, between)
}

/// Two decimals, and where the second one ends.
struct Pair {
    px: i64,
    sz: i64,
    px_scale: u8,
    sz_scale: u8,
    end: usize,
}

impl Pair {
    #[inline(always)]
    const fn px(&self) -> Decimal {
        Decimal::from_parts(self.px, self.px_scale)
    }

    #[inline(always)]
    const fn sz(&self) -> Decimal {
        Decimal::from_parts(self.sz, self.sz_scale)
    }
}

/// Reads a decimal, `between` and a second decimal from the first 32 bytes of a window. Neither
/// decimal may be longer than 16 bytes.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn pair<const N: usize>(window: &[u8; WINDOW], between: &[u8; N]) -> Option<Pair> {
    const { assert!(N <= 10, "both decimals have to lie in the window") };
    let text = load_32(window.first_chunk()?);
    // As signed bytes, `'0'..='9'` end up at the top of the range.
    let shifted = _mm256_add_epi8(text, _mm256_set1_epi8(127 - b'9' as i8));
    let digits = mask(_mm256_cmpgt_epi8(shifted, _mm256_set1_epi8(127 - 10)));
    let dots = mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'.' as i8)));
    let zeros = mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'0' as i8)));
    let ends = !(digits | dots);

    // Lengths of both texts, and of their parts before the point.
    let px_len = ends.trailing_zeros();
    let px_whole = (!digits).trailing_zeros();
    if px_len > 16 {
        return None;
    }
    let sz_at = px_len + N as u32;
    let sz_len = (ends >> sz_at).trailing_zeros();
    let sz_whole = (!digits >> sz_at).trailing_zeros();
    if sz_len > 16 {
        return None;
    }
    let end = sz_at + sz_len;
    if !stands_at(window, px_len as usize, between)? {
        return None;
    }

    // A decimal starts with a digit, and with a zero only if no digit follows.
    let before_digit = digits >> 1;
    let starts = digits & !(zeros & before_digit);
    // It has at most one point, and a digit behind that.
    let points = dots & ((1 << end) - 1);
    let needless = points & !(1 << px_whole) & !(1 << (sz_at + sz_whole));
    if starts & (starts >> sz_at) & 1 == 0 || (points & !before_digit) | needless != 0 {
        return None;
    }

    let px_shape = Shape::of(px_len, px_whole);
    let sz_shape = Shape::of(sz_len, sz_whole);
    let both = two_lanes(
        load_16(window.first_chunk()?),
        load_16(window.get(sz_at as usize..)?.first_chunk()?),
    );
    let order = two_lanes(load_16(px_shape.order()), load_16(sz_shape.order()));
    let digits = _mm256_subs_epu8(_mm256_shuffle_epi8(both, order), _mm256_set1_epi8(b'0' as i8));
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
        end: end as usize,
    })
}

/// Whether `bytes`, of which there are up to 16, stand at a place of the window.
#[inline(always)]
fn stands_at<const N: usize>(window: &[u8; WINDOW], at: usize, bytes: &[u8; N]) -> Option<bool> {
    let shift = |len: usize| 64 - 8 * len.min(8);
    let start = (word_at(window, at)? ^ word_of(bytes)) << shift(N);
    if N <= 8 {
        return Some(start == 0);
    }
    let (_, end) = bytes.split_at(8.min(N));
    let end = (word_at(window, at + 8)? ^ word_of(end)) << shift(end.len().max(1));
    Some(start | end == 0)
}

/// How a decimal's bytes are laid out: its length and where its point is, in one number.
#[derive(Clone, Copy)]
struct Shape(u8);

impl Shape {
    /// The shape of a text of `len` bytes, 1 to 16, of which `whole`, 1 to `len`, come before the
    /// point; they are equal where there is no point.
    #[inline(always)]
    const fn of(len: u32, whole: u32) -> Self {
        Self((len * 16 + whole).wrapping_sub(17) as u8)
    }

    /// For each digit, right-aligned in 16 bytes, its place in the text; high bits where there is
    /// none.
    #[inline(always)]
    fn order(self) -> &'static [u8; 16] {
        static ORDERS: [[u8; 16]; 256] = {
            let mut orders = [[0x80; 16]; 256];
            let mut shape = 0;
            while shape < 256 {
                orders[shape] = Shape(shape as u8).make_order();
                shape += 1;
            }
            orders
        };
        &ORDERS[usize::from(self.0)]
    }

    /// The number of digits behind the point.
    #[inline(always)]
    fn scale(self) -> u8 {
        static SCALES: [u8; 256] = {
            let mut scales = [0; 256];
            let mut shape = 0;
            while shape < 256 {
                let (len, whole) = Shape(shape as u8).parts();
                scales[shape] = len.saturating_sub(whole + 1) as u8;
                shape += 1;
            }
            scales
        };
        // The mask changes nothing; it tells the compiler that this is no more than 18.
        SCALES[usize::from(self.0)] & 15
    }

    const fn parts(self) -> (usize, usize) {
        (self.0 as usize / 16 + 1, self.0 as usize % 16 + 1)
    }

    const fn make_order(self) -> [u8; 16] {
        let (len, whole) = self.parts();
        let mut order = [0x80; 16];
        let (mut from, mut to) = (len, 16);
        while from > 0 {
            from -= 1;
            if from != whole {
                to -= 1;
                order[to] = from as u8;
            }
        }
        order
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn integer(cursor: &mut Cursor<'_>) -> Option<u64> {
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
fn millis(cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
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

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn id<'t>(cursor: &mut Cursor<'t>) -> Option<Id<'t>> {
    let window: &[u8; ID_WINDOW] = cursor.peek()?;
    let text = load_32(window);
    // Printable ASCII is 0x20 to 0x7e; as signed bytes plus one, that is all above 0x20.
    let shifted = _mm256_add_epi8(text, _mm256_set1_epi8(1));
    let printable = _mm256_cmpgt_epi8(shifted, _mm256_set1_epi8(0x20));
    let quote = _mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'"' as i8));
    let backslash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8(b'\\' as i8));
    let plain = mask(_mm256_andnot_si256(_mm256_or_si256(quote, backslash), printable));
    let len = plain.trailing_ones() as usize;
    let id = Id::new(window, len)?;
    cursor.advance(len + 1)?;
    Some(id)
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn same_id(cursor: &mut Cursor<'_>, id: &Id<'_>) -> Option<()> {
    let same = _mm256_cmpeq_epi8(load_32(cursor.peek()?), load_32(id.window()));
    // The quote behind the id is compared as well.
    if (mask(same).trailing_ones() as usize) <= id.len() {
        return None;
    }
    cursor.advance(id.len() + 1)
}

#[target_feature(enable = "avx2")]
#[inline]
fn mask(bytes: __m256i) -> u32 {
    _mm256_movemask_epi8(bytes).cast_unsigned()
}

#[target_feature(enable = "avx2")]
#[inline]
fn two_lanes(low: __m128i, high: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 readable bytes, and the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is to 32 readable bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}
