//! The sides of a book.

use super::chunk::Chunk;
use super::load::{first_bits, store_levels};
use super::pair::Pair;
use super::quotes::Quotes;
use super::tables::PAIRS;
use crate::book::BOOK5_LEVELS;
use crate::model::Level;
use crate::wire::scan::avx2;
use crate::wire::scan::cursor::declined;
use crate::wire::scratch::MAX_DEPTH_LEVELS;

/// Reads a side at the start of a text: the bytes that it takes, 0 where it is declined, and the
/// number of levels.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline(never)]
pub(super) fn side(rest: &[u8], places: &mut [Level; BOOK5_LEVELS]) -> (usize, usize) {
    avx2::side(rest, places)
}

/// As [`side`], of an order book.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline(never)]
pub(super) fn depth_side(rest: &[u8], places: &mut [Level; MAX_DEPTH_LEVELS]) -> (usize, usize) {
    if rest.len() < LONG {
        return avx2::depth_side(rest, places);
    }
    long_side(rest, places).unwrap_or_else(|| avx2::depth_side(rest, places))
}

/// From this length on what is left of a text is worth a look at chunks of it.
const LONG: usize = 256;

/// Reads a side of levels of four strings, the third of which is `"0"`: prices of up to 13 bytes,
/// or 12 without a point, sizes of up to 16 and orders of up to 3 digits. `None` for any other.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline]
fn long_side(rest: &[u8], places: &mut [Level; MAX_DEPTH_LEVELS]) -> Option<(usize, usize)> {
    if rest.first_chunk::<2>()? != b"[[" {
        return None;
    }
    let mut at = 1;
    let mut len = 0;
    loop {
        let chunk = Chunk::<3>::load(rest.get(at..)?);
        let end = chunk.end();
        let quotes = Quotes::find(chunk);
        let mut odd = quotes.odd_before(chunk, end);
        // What is written behind the last level does not count.
        let ours = places.get_mut(len..)?.first_chunk_mut::<9>()?;
        for ((n, before), pair_quotes) in (0..).zip([0, 2, 4, 6]).zip(&PAIRS) {
            let (two, no_digits) = Pair::of(chunk, &quotes, pair_quotes).levels();
            store_levels(ours.get_mut(2 * n..)?.first_chunk_mut()?, two);
            odd |= no_digits & first_bits(end.levels.saturating_sub(before).min(2) * 32);
        }
        if odd != 0 {
            return declined();
        }
        len += end.levels as usize;
        at += end.bracket + 2;
        if end.is_end_of_side {
            return Some((at, len));
        }
    }
}

#[cfg(test)]
#[path = "side_tests.rs"]
mod tests;
