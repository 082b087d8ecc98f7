//! The five-level book as words, for publication in atomics.
//!
//! Thirty-one words, so that with a version they fill exactly four cache lines. With thousands of
//! published books, the cost of an update is the number of its cache lines. Each level uses three
//! words. The two spare bytes of each level's last word hold the other fields of the book.

use super::top5::{BOOK5_LEVELS, Book5};
use crate::model::{Level, UnixNanos};

/// The bit offset of the two spare bytes in a level's last word.
const SPARE: u32 = 48;

/// The levels of both sides.
const LEVELS: usize = 2 * BOOK5_LEVELS;

impl Book5 {
    /// The number of words of a book.
    pub(crate) const WORDS: usize = 1 + 3 * LEVELS;

    /// Passes the book and the caller's byte `mark` as words to `put`, each once, with its index
    /// below [`Book5::WORDS`]. No intermediate array is needed.
    #[inline(always)]
    pub(crate) fn put_words(&self, mark: u8, mut put: impl FnMut(usize, u64)) {
        let [ask_len, bid_len, flags, ..] = self.head;
        let head = [ask_len, bid_len, flags, mark];
        let (at, seq) = (self.ts_recv.0, self.seq.cast_unsigned());
        let head = u64::from(u32::from_le_bytes(head));
        put(0, self.ts_event.0);
        // The left shift keeps only the low sixteen bits of each spare word.
        let mut put_side =
            |first: usize, side: &[Level; BOOK5_LEVELS], spare: [u64; BOOK5_LEVELS]| {
                for (nth, (level, spare)) in side.iter().zip(spare).enumerate() {
                    let [px, sz, tail] = level.to_words();
                    put(first + 3 * nth, px);
                    put(first + 3 * nth + 1, sz);
                    put(first + 3 * nth + 2, tail | spare << SPARE);
                }
            };
        put_side(1, &self.asks, [at, at >> 16, at >> 32, at >> 48, seq]);
        put_side(
            1 + 3 * BOOK5_LEVELS,
            &self.bids,
            [seq >> 16, seq >> 32, seq >> 48, head, head >> 16],
        );
    }

    /// The words of [`Book5::put_words`] in an array.
    #[cfg(test)]
    pub(crate) fn words(&self, mark: u8) -> [u64; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        self.put_words(mark, |at, word| {
            if let Some(entry) = words.get_mut(at) {
                *entry = word;
            }
        });
        words
    }

    /// The book of [`Book5::put_words`] and its `mark`.
    #[inline]
    pub(crate) fn from_words(words: &[u64; Self::WORDS]) -> (Self, u8) {
        let [ts_event, levels @ ..] = words;
        let mut book = Self::EMPTY;
        book.ts_event = UnixNanos(*ts_event);
        let mut spare = [0; LEVELS];
        let both = book.asks.iter_mut().chain(&mut book.bids);
        for ((level, words), spare) in both.zip(levels.as_chunks::<3>().0).zip(&mut spare) {
            let [px, sz, tail] = *words;
            *level = Level::from_words([px, sz, tail]);
            *spare = tail >> SPARE;
        }
        let [at0, at1, at2, at3, seq0, seq1, seq2, seq3, head0, head1] = spare;
        book.ts_recv = UnixNanos(at0 | at1 << 16 | at2 << 32 | at3 << 48);
        book.seq = (seq0 | seq1 << 16 | seq2 << 32 | seq3 << 48).cast_signed();
        let [ask_len, bid_len, flags, mark, ..] = (head0 | head1 << 16).to_le_bytes();
        book.head = [ask_len, bid_len, flags, 0, 0, 0, 0, 0];
        (book, mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Decimal;

    #[test]
    fn words_carry_the_whole_book_and_the_mark() {
        let level = |px: &str, sz: &str, orders| {
            Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders)
        };
        let asks = [level("1.0", "2", u32::MAX), level("1.5", "0.0000000001", 1)];
        let bids = [level("-0.9", "9223372036854775807", 7)];
        let full: Vec<_> =
            (1..=5).map(|n| Level::new(Decimal::from(n), Decimal::from(n), 3)).collect();
        for mut book in [Book5::EMPTY, Book5::new(&asks, &bids), Book5::new(&full, &full)] {
            for (ts, seq, mark) in [(0, 0, 0), (u64::MAX, i64::MIN, u8::MAX), (1 << 63, -7, 5)] {
                (book.ts_event, book.ts_recv, book.seq) =
                    (UnixNanos(ts), UnixNanos(ts ^ 0xF0F0), seq);
                assert_eq!(Book5::from_words(&book.words(mark)), (book, mark));
            }
        }
    }
}
