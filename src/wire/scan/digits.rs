//! ASCII digits to numbers, eight at a time in one word, without SIMD and without branches on
//! single bytes.

use super::cursor::Cursor;
use crate::model::{Decimal, pow10_i64};

/// The most digits that are read here. `10^18` fits an `i64`, so nothing can overflow.
const MAX_DIGITS: u32 = 18;

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * EACH;

/// The high bit of each byte that is above 9; right up to the first such byte, from the low end.
#[inline(always)]
pub(super) const fn above_nine(values: u64) -> u64 {
    (values.wrapping_add(0x76 * EACH) | values) & HIGH_BITS
}

/// Eight bytes with `'0'` taken away: digits become 0 to 9, all other bytes something larger.
#[inline(always)]
pub(super) const fn values(word: u64) -> u64 {
    word ^ (b'0' as u64 * EACH)
}

/// The number of digits at the low end, 0 to 8.
#[inline(always)]
pub(super) const fn count(values: u64) -> u32 {
    above_nine(values).trailing_zeros() / 8
}

/// Pairs of neighbours, tens first: `10 * byte[i] + byte[i + 1]` in each byte `i` but the last.
#[inline(always)]
pub(super) const fn pairs(values: u64) -> u64 {
    values.wrapping_mul(10 * 256 + 1) >> 8
}

/// The number that eight digit values make, the first in the low byte.
#[inline(always)]
pub(super) const fn join(values: u64) -> u64 {
    let pairs = pairs(values) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul((100 << 16) + 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul((10_000 << 32) + 1) >> 32
}

/// The number that the first `n` of eight values make, `n` from 1 to 8.
#[inline(always)]
pub(super) const fn join_first(values: u64, n: u32) -> u64 {
    join(values.wrapping_shl(64 - 8 * n))
}

/// Reads 1 to 18 digits: their number and how many.
#[inline(always)]
fn run(cursor: &mut Cursor<'_>) -> Option<(u64, u32)> {
    let first = values(cursor.word()?);
    let n = count(first);
    if n == 0 {
        return None;
    }
    cursor.advance(n as usize)?;
    let number = join_first(first, n);
    if n < 8 { Some((number, n)) } else { run_on(cursor, number) }
}

/// Reads on after the first eight digits.
#[inline]
fn run_on(cursor: &mut Cursor<'_>, first: u64) -> Option<(u64, u32)> {
    let (mut number, mut total) = (first, 8);
    loop {
        let next = values(cursor.word()?);
        let n = count(next);
        total += n;
        if total > MAX_DIGITS {
            return None;
        }
        if n == 0 {
            return Some((number, total));
        }
        cursor.advance(n as usize)?;
        number = number * scale(n) + join_first(next, n);
        if n < 8 {
            return Some((number, total));
        }
    }
}

/// `10^digits`.
#[inline(always)]
fn scale(digits: u32) -> u64 {
    pow10_i64(digits as usize).cast_unsigned()
}

/// Reads digits without a needless leading zero: an integer below `10^18`.
#[inline(always)]
pub(super) fn integer(cursor: &mut Cursor<'_>) -> Option<u64> {
    let zero_first = *cursor.rest().first()? == b'0';
    let (number, n) = run(cursor)?;
    if zero_first && n > 1 { None } else { Some(number) }
}

/// Reads a decimal as [`Decimal::parse`] does, if it has no sign and at most 18 digits.
#[inline(always)]
pub(super) fn decimal(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    let zero_first = *cursor.rest().first()? == b'0';
    let (whole, n) = run(cursor)?;
    if zero_first && n > 1 {
        return None;
    }
    if !cursor.accept(b".") {
        return Some(Decimal::from_parts(whole.cast_signed(), 0));
    }
    let (fraction, m) = run(cursor)?;
    if n + m > MAX_DIGITS {
        return None;
    }
    let mantissa = whole * scale(m) + fraction;
    Some(Decimal::from_parts(mantissa.cast_signed(), u8::try_from(m).ok()?))
}
