//! What follows a book's sides, up to the end of the message.

use std::arch::x86_64::{
    __m512i, _mm_cmpgt_epu8_mask, _mm_maskz_expand_epi8, _mm_maskz_mov_epi8, _mm_set1_epi8,
    _mm_sub_epi8, _mm256_mask_cmpneq_epi8_mask, _mm512_cmpgt_epu8_mask, _mm512_sub_epi8,
};

use super::load::{VECTOR, first_bits, load, load_part, load_part_16};
use crate::model::{NO_SEQ, UnixNanos};
use crate::wire::scan::avx2::{join, load_16, load_32};
use crate::wire::scan::cursor::{declined, is_at};
use crate::wire::scan::inst_id::Id;
use crate::wire::scan::time::NANOS_PER_MILLI;

/// A text with a digit for each `#`, compared at once.
struct Template {
    least: [u8; VECTOR],
    more: [u8; VECTOR],
}

impl Template {
    #[expect(
        clippy::indexing_slicing,
        reason = "evaluated at compile time, where a bad index fails"
    )]
    const fn of(text: &[u8]) -> Self {
        // Behind the text is any byte.
        let (mut least, mut more) = ([0; VECTOR], [255; VECTOR]);
        let mut at = 0;
        while at < text.len() {
            (least[at], more[at]) = if text[at] == b'#' { (b'0', 9) } else { (text[at], 0) };
            at += 1;
        }
        Self { least, more }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn fits(&self, text: __m512i) -> bool {
        let over = _mm512_sub_epi8(text, load(&self.least));
        _mm512_cmpgt_epu8_mask(over, load(&self.more)) == 0
    }
}

const TIME: &[u8] = b",\"ts\":\"#############\"";
const TIME_AND_END: &[u8] = b",\"ts\":\"#############\"}]}";
const TIME_AND_SEQ: &[u8] = b",\"ts\":\"#############\",\"seqId\":";
const TIME_AND_CHECKSUM: &[u8] = b",\"ts\":\"#############\",\"checksum\":";

static IS_TIME: Template = Template::of(TIME);
static IS_TIME_AND_END: Template = Template::of(TIME_AND_END);
static IS_TIME_AND_SEQ: Template = Template::of(TIME_AND_SEQ);
static IS_TIME_AND_CHECKSUM: Template = Template::of(TIME_AND_CHECKSUM);

/// What ends a message.
const END: &[u8; 3] = b"}]}";

/// Reads what follows the sides of a book of five levels, from its instrument's id on, which must
/// be `id`: the time, and the sequence number where there is one.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2")]
#[inline]
pub(super) fn of_book5(text: &[u8], id: &Id<'_>) -> Option<(UnixNanos, i64)> {
    let with_quote = id.len() + 1;
    let (Some(first), Some(text)) = (text.first_chunk(), text.get(with_quote..)) else {
        return declined();
    };
    if !is_same(first, id.short_window()?, with_quote) {
        return declined();
    }
    let start = load_part(text, 0);
    let ts_event = millis(text)?;
    if text.len() == TIME_AND_END.len() && IS_TIME_AND_END.fits(start) {
        return Some((ts_event, NO_SEQ));
    }
    if !IS_TIME_AND_SEQ.fits(start) {
        return declined();
    }
    let (seq, at) = integer(text, TIME_AND_SEQ.len())?;
    if !ends_at(text, at) {
        return declined();
    }
    Some((ts_event, seq.cast_signed()))
}

/// What follows the sides of an order book's message.
///
/// In this order no two members are copied as one: a load that spans two stores waits for both to
/// leave the processor.
#[repr(C)]
pub(super) struct DepthTail {
    pub(super) seq: i64,
    pub(super) ts_event: UnixNanos,
    pub(super) prev_seq: i64,
    pub(super) checksum: Option<i32>,
}

/// Reads what follows the sides of an order book's message in the usual order: the time, and then
/// those of checksum, `seqId` and `prevSeqId` that there are.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2")]
#[inline]
pub(super) fn of_depth(text: &[u8]) -> Option<DepthTail> {
    let start = load_part(text, 0);
    let ts_event = millis(text)?;
    let (mut checksum, mut seq, mut prev_seq) = (None, NO_SEQ, NO_SEQ);
    let mut at = TIME.len();
    if IS_TIME_AND_CHECKSUM.fits(start) {
        let (number, behind) = signed(text, TIME_AND_CHECKSUM.len())?;
        checksum = Some(i32::try_from(number).ok()?);
        at = behind;
    } else if !IS_TIME.fits(start) {
        return declined();
    }
    if is_at(text, at, b",\"seqId\":") {
        (seq, at) = signed(text, at + 9)?;
    }
    if is_at(text, at, b",\"prevSeqId\":") {
        (prev_seq, at) = signed(text, at + 13)?;
    }
    if !ends_at(text, at) {
        return declined();
    }
    Some(DepthTail { ts_event, checksum, seq, prev_seq })
}

#[inline(always)]
fn ends_at(text: &[u8], at: usize) -> bool {
    text.len() == at + END.len() && is_at(text, at, END)
}

/// Whether the first `len` bytes are the same, up to 32.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,bmi2")]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a length of 32 at most")]
fn is_same(text: &[u8; 32], id: &[u8; 32], len: usize) -> bool {
    let these = first_bits(len as u32) as u32;
    _mm256_mask_cmpneq_epi8_mask(these, load_32(text), load_32(id)) == 0
}

/// The digits of a time in the bytes that end with them.
const MILLIS: u16 = !0b111;

/// The time at the start of a text, behind [`TIME`]'s name, if its digits are such.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,bmi1,bmi2")]
#[inline]
fn millis(text: &[u8]) -> Option<UnixNanos> {
    let Some(digits) = text.get(4..).and_then(|text| text.first_chunk()) else {
        return declined();
    };
    let millis = join(_mm_maskz_mov_epi8(MILLIS, load_16(digits)));
    Some(UnixNanos(millis.wrapping_mul(NANOS_PER_MILLI)))
}

/// Reads digits without a needless leading zero, and a sign where the number is negative: the
/// number and the place behind it.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2")]
#[inline]
fn signed(text: &[u8], at: usize) -> Option<(i64, usize)> {
    // No branch on the sign: nothing predicts that of a checksum.
    let negative = text.get(at) == Some(&b'-');
    let (number, behind) = integer(text, at + usize::from(negative))?;
    let number = number.cast_signed();
    // The general parser refuses a negative zero.
    if negative & (number == 0) {
        return declined();
    }
    let sign = i64::from(negative);
    Some(((number ^ -sign) + sign, behind))
}

/// Reads up to 15 digits without a needless leading zero: the number and the place behind it.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2")]
#[inline]
fn integer(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let digits = load_part_16(text, at);
    let values = _mm_sub_epi8(digits, _mm_set1_epi8(b'0' as i8));
    let others = _mm_cmpgt_epu8_mask(values, _mm_set1_epi8(9));
    let len = others.trailing_zeros();
    let needless_zero = (text.get(at) == Some(&b'0')) & (len > 1);
    if (len.wrapping_sub(1) >= 15) | needless_zero {
        return declined();
    }
    let number = join(_mm_maskz_expand_epi8(!(u16::MAX >> len), digits));
    Some((number, at + len as usize))
}
