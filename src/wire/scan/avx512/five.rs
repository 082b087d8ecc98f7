//! Both sides of a book of five levels each, read side by side: neither waits for the other's
//! numbers.

use std::arch::x86_64::__m512i;

use super::chunk::Chunk;
use super::load::{store_apart, store_levels};
use super::order::is_sound;
use super::pair::Pair;
use super::quotes::Quotes;
use super::tables::PAIRS;
use crate::book::BOOK5_LEVELS;
use crate::model::Level;
use crate::wire::scan::cursor::declined;

/// What is between the sides, up to the second bracket of the bids; the chunk begins with that.
const BETWEEN_SIDES: &[u8; 10] = b",\"bids\":[[";

/// Reads both sides from the first one's bracket on: the bytes that they take, 0 where they are
/// declined, and whether it is certain that nothing is odd about the book.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline(never)]
pub(super) fn sides(
    rest: &[u8],
    asks: &mut [Level; BOOK5_LEVELS],
    bids: &mut [Level; BOOK5_LEVELS],
) -> (usize, bool) {
    try_sides(rest, asks, bids).unwrap_or((0, false))
}

#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline]
fn try_sides(
    rest: &[u8],
    asks: &mut [Level; BOOK5_LEVELS],
    bids: &mut [Level; BOOK5_LEVELS],
) -> Option<(usize, bool)> {
    // Each way out is marked as cold. After some branches that are as likely as not, the compiler
    // would take what follows for cold and inline none of it: a third of the time of a message.
    let (Some(start), Some(ask_text)) = (rest.first_chunk::<2>(), rest.get(1..)) else {
        return declined();
    };
    let ask_chunk = Chunk::<3>::load(ask_text);
    let ask_end = ask_chunk.end();
    let behind_asks = ask_text.get(ask_end.bracket + 2..).unwrap_or_default();
    let (Some(between), Some(bid_text)) = (behind_asks.first_chunk::<10>(), behind_asks.get(9..))
    else {
        return declined();
    };
    if !ask_end.is_of_five() | (start != b"[[") | (between != BETWEEN_SIDES) {
        return declined();
    }
    let bid_chunk = Chunk::<3>::load(bid_text);
    let bid_end = bid_chunk.end();
    if !bid_end.is_of_five() {
        return declined();
    }
    let ask_quotes = Quotes::find(ask_chunk);
    let bid_quotes = Quotes::find(bid_chunk);
    let odd =
        ask_quotes.odd_of_five(ask_chunk, ask_end) | bid_quotes.odd_of_five(bid_chunk, bid_end);
    let (first_asks, odd_first_asks) = Pair::first(ask_chunk, &ask_quotes).levels();
    let (first_bids, odd_first_bids) = Pair::first(bid_chunk, &bid_quotes).levels();
    let (next_asks, odd_asks) = Pair::of(ask_chunk, &ask_quotes, &PAIRS[1]).levels();
    let (next_bids, odd_bids) = Pair::of(bid_chunk, &bid_quotes, &PAIRS[1]).levels();
    let (last, odd_last) =
        Pair::fifths([ask_chunk, bid_chunk], [&ask_quotes, &bid_quotes]).levels();
    let odd = odd | odd_first_asks | odd_first_bids | odd_last;
    let last_ask = store(asks, first_asks, next_asks)?;
    let last_bid = store(bids, first_bids, next_bids)?;
    store_apart(last_ask, last_bid, last);
    if odd | odd_asks | odd_bids != 0 {
        return declined();
    }
    let bytes = 1 + ask_end.bracket + 2 + (BETWEEN_SIDES.len() - 1) + bid_end.bracket + 2;
    Some((bytes, is_sound([first_asks, next_asks], [first_bids, next_bids], last)))
}

/// Writes the first four levels of a side; gives the place of the fifth.
#[target_feature(enable = "avx512f")]
#[inline]
fn store(places: &mut [Level; BOOK5_LEVELS], first: __m512i, next: __m512i) -> Option<&mut Level> {
    // In this order, since each writes over the first bytes of the next level.
    store_levels(places.first_chunk_mut()?, first);
    let (_, places) = places.split_first_chunk_mut::<2>()?;
    store_levels(places.first_chunk_mut()?, next);
    places.last_mut()
}
