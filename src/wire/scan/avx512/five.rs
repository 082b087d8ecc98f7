//! A book of five levels a side. Both sides are read side by side: neither waits for the other's
//! numbers.

use std::arch::x86_64::__m512i;

use super::chunk::Chunk;
use super::load::{store_apart, store_levels};
use super::order::is_sound;
use super::pair::Pair;
use super::quotes::Quotes;
use super::tables::PAIRS;
use super::tail;
use crate::book::{BOOK5_LEVELS, Book5};
use crate::model::Level;
use crate::wire::scan::cursor::{declined, is_at};
use crate::wire::scan::inst_id::Id;

/// What is between the sides, and behind them: from the last quote of a side to the bracket of the
/// next one's first level, or to the id. The letter that is looked for is the sixth byte.
const BETWEEN: &[u8; 13] = b"\"]],\"bids\":[[";
const BEHIND: &[u8; 14] = b"\"]],\"instId\":\"";
const TO_LETTER: usize = 5;

/// Reads a book from its first level's bracket to the end of the message, and gives whether it is
/// certain that nothing is odd about its levels. Sets all but the receive time and the numbers of
/// levels.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
)]
#[inline(never)]
pub(super) fn book(ask_text: &[u8], id: &Id<'_>, book: &mut Book5) -> Option<bool> {
    let (asks, bids) = book.levels_mut();
    let ask_chunk = Chunk::<3>::load(ask_text);
    // Five levels never end within the first vector.
    let last_ask_quote = ask_chunk.late_place_of(b'b').wrapping_sub(TO_LETTER);
    let Some(bid_text) = ask_text.get(last_ask_quote.wrapping_add(BETWEEN.len() - 1)..) else {
        return declined();
    };
    let bid_chunk = Chunk::<3>::load(bid_text);
    let last_bid_quote = bid_chunk.late_place_of(b'i').wrapping_sub(TO_LETTER);
    let Some(behind) = bid_text.get(last_bid_quote.wrapping_add(BEHIND.len())..) else {
        return declined();
    };
    if !is_at(ask_text, 0, b"[\"")
        || !is_at(ask_text, last_ask_quote, BETWEEN)
        || !is_at(bid_text, last_bid_quote, BEHIND)
    {
        return declined();
    }
    let ask_quotes = Quotes::find(ask_chunk);
    let bid_quotes = Quotes::find(bid_chunk);
    let odd = ask_quotes.odd_of_five(ask_chunk, last_ask_quote)
        | bid_quotes.odd_of_five(bid_chunk, last_bid_quote);
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
    (book.ts_event, book.seq) = tail::of_book5(behind, id)?;
    Some(is_sound([first_asks, next_asks], [first_bids, next_bids], last))
}

/// Writes four levels of a side, and gives the place of the fifth.
#[target_feature(enable = "avx512f")]
#[inline]
fn store(places: &mut [Level; BOOK5_LEVELS], first: __m512i, next: __m512i) -> Option<&mut Level> {
    store_levels(places.first_chunk_mut()?, first);
    let (_, places) = places.split_first_chunk_mut::<2>()?;
    store_levels(places.first_chunk_mut()?, next);
    places.last_mut()
}

#[cfg(test)]
#[path = "five_tests.rs"]
mod tests;
