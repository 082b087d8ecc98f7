//! A short message of an order book: few levels, and nothing predicts how many there are of each
//! side. So the levels of both sides are read as one list, without a branch on which side it is.

use std::arch::x86_64::{_mm512_castsi512_si256, _mm512_extracti64x4_epi64};

use super::chunk::Chunk;
use super::load::{VECTOR, first_bits, store_level, store_levels};
use super::pair::Pair;
use super::quotes::Quotes;
use super::tables::{PAIRS, QUOTES};
use super::tail::{self, DepthTail};
use crate::wire::scan::cursor::{declined, is_at};
use crate::wire::scratch::Scratch;

/// What is before the asks; the text begins with it.
const ASKS: &[u8; 8] = b"\"asks\":[";

/// What is before the bids; the first `b` of the text is in it.
const BIDS: &[u8; 10] = b"],\"bids\":[";
const BEFORE_B: usize = 3;

/// The bytes from the last quote of a side to the letter that comes first behind it, in the name of
/// the next member: `"]],"b`.
const TO_LETTER: usize = 5;

/// The quotes of a level.
const LEVEL: u32 = 8;
const _: () = assert!(LEVEL as usize == QUOTES);

/// The most quotes of levels of both sides. Two more are between the sides.
const MOST_QUOTES: u32 = 7 * LEVEL;

/// Reads an update of up to seven levels from its asks on.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline(never)]
pub(super) fn update(text: &[u8], scratch: &mut Scratch) -> Option<DepthTail> {
    // Two vectors nearly always hold both sides.
    let end = match sides::<2>(text, scratch)? {
        0 => long_sides(text, scratch)?,
        end => end,
    };
    tail::of_depth(text.get(end..)?)
}

#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline(never)]
fn long_sides(text: &[u8], scratch: &mut Scratch) -> Option<usize> {
    sides::<3>(text, scratch).filter(|end| *end > 0)
}

/// Reads both sides: where they end, 0 where that is behind the chunk.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline]
fn sides<const N: usize>(text: &[u8], scratch: &mut Scratch) -> Option<usize> {
    let Some(levels) = text.get(ASKS.len()..) else { return declined() };
    let chunk = Chunk::<N>::load(levels);
    // The first letters behind levels: of the names of the bids and of the time.
    let (b, t) = (chunk.place_of(b'b'), chunk.place_of(b't'));
    if t >= N * VECTOR {
        return Some(0);
    }
    let at = |place: usize| place.wrapping_add(ASKS.len());
    if !is_at(text, 0, ASKS) || !is_at(text, at(b).wrapping_sub(BEFORE_B), BIDS) {
        return declined();
    }
    let quotes = Quotes::find(chunk);
    // One quote stands before either letter.
    let asks = quotes.before(b.wrapping_sub(1));
    let both = quotes.before(t.wrapping_sub(1)).wrapping_sub(2);
    if !(asks | both).is_multiple_of(LEVEL) | (asks > both) | (both > MOST_QUOTES) {
        return declined();
    }
    let bids_at = at(b) + BIDS.len() - BEFORE_B;
    let odd =
        odd_ends(text, ASKS.len(), at(b), asks)? | odd_ends(text, bids_at, at(t), both - asks)?;
    let quotes = quotes.without_two(asks);
    let mut odd = u64::from(odd) | quotes.odd_of_both(chunk, asks, both);
    let ask_len = (asks as usize) / QUOTES;
    let (ask_places, bid_places) = scratch.sides_mut();
    for ((n, pair), before) in (0..).zip(&PAIRS).zip([0, 16, 32, 48]) {
        if n > 0 && both <= before {
            break;
        }
        let (two, no_digits) = Pair::of(chunk, &quotes, pair).levels();
        odd |= no_digits & first_bits(both.saturating_sub(before).min(16) * 4);
        // What is written behind the asks, or where a later level of the bids is, does not count.
        store_levels(ask_places.get_mut(2 * n..)?.first_chunk_mut()?, two);
        let halves = [_mm512_castsi512_si256(two), _mm512_extracti64x4_epi64::<1>(two)];
        for (level, half) in (2 * n..).zip(halves) {
            let place = level.saturating_sub(ask_len);
            store_level(bid_places.get_mut(place..)?.first_chunk_mut()?, half);
        }
    }
    if odd != 0 {
        return declined();
    }
    scratch.asks.fill(|_| Some(ask_len))?;
    scratch.bids.fill(|_| Some((both - asks) as usize / QUOTES))?;
    // The name of the time has a comma and a quote before it.
    Some(at(t) - 2)
}

/// What is odd about how a side begins and ends, by the bytes behind its opening bracket and before
/// the letter behind it.
#[inline(always)]
fn odd_ends(text: &[u8], start: usize, letter: usize, quotes: u32) -> Option<bool> {
    let first = *text.get(start..)?.first_chunk::<2>()?;
    let last = *text.get(letter.wrapping_sub(TO_LETTER)..)?.first_chunk::<4>()?;
    let (first, last) = (u16::from_le_bytes(first), u32::from_le_bytes(last));
    let empty = (first ^ u16::from_le_bytes(*b"],")) as usize | (letter ^ (start + 3));
    let filled =
        u32::from(first ^ u16::from_le_bytes(*b"[\"")) | (last ^ u32::from_le_bytes(*b"\"]],"));
    Some(if quotes == 0 { empty != 0 } else { filled != 0 })
}

#[cfg(test)]
#[path = "short_tests.rs"]
mod tests;
