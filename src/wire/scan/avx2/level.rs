//! The sides of a book and their levels.

use std::arch::x86_64::{_mm256_cmpeq_epi8, _mm256_set1_epi8};

use super::load::{load_32, mask};
use super::pair::pair;
use super::window::{WINDOW, starts_with, word_at};
use crate::book::BOOK5_LEVELS;
use crate::model::Level;
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::digits::{above_nine, values};
use crate::wire::scan::level;
use crate::wire::scratch::MAX_DEPTH_LEVELS;

/// Reads a side at the start of a text: the bytes that it takes, 0 where it is declined, and the
/// number of levels. Both fit registers, so that no caller's cursor goes through memory.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline(never)]
pub(in crate::wire::scan) fn side(
    rest: &[u8],
    places: &mut [Level; BOOK5_LEVELS],
) -> (usize, usize) {
    any_side::<false>(rest, places)
}

/// As [`side`], of an order book.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline(never)]
pub(in crate::wire::scan) fn depth_side(
    rest: &[u8],
    places: &mut [Level; MAX_DEPTH_LEVELS],
) -> (usize, usize) {
    any_side::<true>(rest, places)
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn any_side<const DELETES: bool>(rest: &[u8], places: &mut [Level]) -> (usize, usize) {
    let mut at = Cursor::new(rest);
    let len = level::levels(&mut at, places, |cursor, place| {
        usual_level::<DELETES>(cursor, place).or_else(|| any_level(cursor, place))
    });
    len.map_or((0, 0), |len| (rest.len() - at.rest().len(), len))
}

/// Takes the cursor by value, so that it need not live in memory elsewhere.
#[cold]
#[inline(never)]
fn any_level<'t>(mut cursor: Cursor<'t>, place: &mut Level) -> Option<(Cursor<'t>, bool)> {
    let last = level::level(&mut cursor, place)?;
    Some((cursor, last))
}

/// Reads a level of three or four strings, the third of four being `"0"`, of which price and size
/// lie within 32 bytes and the number of orders has one to four digits. No orders, as in the
/// deletions of order books, are usual where `DELETES`. Gives the cursor behind it and whether it
/// was the last of its side; `None` for any other.
#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the first four bytes are wanted")]
fn usual_level<'t, const DELETES: bool>(
    mut cursor: Cursor<'t>,
    place: &mut Level,
) -> Option<(Cursor<'t>, bool)> {
    let (start, window) = cursor.peek::<{ WINDOW + 2 }>()?.split_first_chunk::<2>()?;
    let window: &[u8; WINDOW] = window.first_chunk()?;
    if start != b"[\"" {
        return None;
    }
    // The next level is found from this bracket, and not through all the numbers before it: so the
    // processor can work at several levels at once. That the step may fail keeps it here: were it
    // sure to succeed, the compiler would put it behind the numbers.
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
    // Which levels are deletions nothing predicts: hence no branch of their own.
    let zero_first = (values & 0xff == 0) & !(DELETES & (digits == 1));
    if above_nine(aligned.into()) != 0 || zero_first {
        return None;
    }
    *place = Level::new(pair.px(), pair.sz(), join_four(aligned));
    Some((cursor, last))
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

/// The number that four digit values make, the first in the low byte.
#[inline(always)]
const fn join_four(values: u32) -> u32 {
    let pairs = (values.wrapping_mul(10 * 256 + 1) >> 8) & 0x00ff_00ff;
    pairs.wrapping_mul((100 << 16) + 1) >> 16
}

#[cfg(test)]
#[path = "level_tests.rs"]
mod tests;
