//! Publishes a consistent five-level book to other threads, lock-free.

use std::sync::Arc;

use super::seqlock::SeqLock;
use crate::book::Book5;
use crate::model::BookState;

const WORDS: usize = Book5::WORDS;

/// The writer of a published book: wait-free, one owner.
#[derive(Debug)]
pub struct BookPublisher {
    shared: Arc<SeqLock<WORDS>>,
}

/// A reader of a published book. Can be cloned and used on any thread.
#[derive(Clone, Debug)]
pub struct BookReader {
    shared: Arc<SeqLock<WORDS>>,
}

/// A consistent snapshot of a published book and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Top5Snapshot {
    /// The book; empty before the first update.
    pub book: Book5,
    /// The state of the book.
    pub state: BookState,
    /// The number of publications of the book or its state. Equal versions mean equal snapshots.
    pub version: u64,
}

impl BookPublisher {
    /// Makes a publisher of an empty book in [`BookState::Connecting`].
    #[must_use]
    pub fn new() -> Self {
        let words = Book5::EMPTY.words(BookState::Connecting.to_code());
        Self { shared: Arc::new(SeqLock::new(words)) }
    }

    /// A reader of this publisher's book.
    #[must_use]
    pub fn reader(&self) -> BookReader {
        BookReader { shared: Arc::clone(&self.shared) }
    }

    /// The published book.
    #[must_use]
    pub fn book(&self) -> Book5 {
        snapshot_of(&self.shared).book
    }

    /// Publishes a book and its state in one write. Wait-free, allocates nothing.
    #[inline]
    pub fn publish(&mut self, book: &Book5, state: BookState) {
        let code = state.to_code();
        self.shared.write_by(|writer| book.put_words(code, |at, word| writer.put(at, word)));
    }

    /// Publishes a state with the book unchanged.
    pub fn publish_state(&mut self, state: BookState) {
        // This is the only writer, so its read never retries.
        self.publish(&self.book(), state);
    }
}

impl Default for BookPublisher {
    fn default() -> Self {
        Self::new()
    }
}

impl BookReader {
    /// Prefetches the memory of the published book.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        self.shared.prefetch();
    }

    /// A consistent snapshot of the book and its state. Lock-free: retries while a write is in
    /// progress, which takes a few dozen nanoseconds. Allocates nothing.
    #[inline]
    #[must_use]
    pub fn snapshot(&self) -> Top5Snapshot {
        snapshot_of(&self.shared)
    }

    /// The book in any state.
    #[inline]
    #[must_use]
    pub fn book(&self) -> Book5 {
        self.snapshot().book
    }

    /// The book if it is [`BookState::Live`].
    #[inline]
    #[must_use]
    pub fn live(&self) -> Option<Book5> {
        let snapshot = self.snapshot();
        snapshot.state.is_live().then_some(snapshot.book)
    }

    /// The number of publications so far. Cheaper than a snapshot to detect a new one.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.writes()
    }
}

#[inline]
fn snapshot_of(shared: &SeqLock<WORDS>) -> Top5Snapshot {
    let (words, version) = shared.read();
    let (book, state) = Book5::from_words(&words);
    Top5Snapshot { book, state: BookState::from_code(state), version }
}

#[cfg(not(okx_feed_loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, Level, UnixNanos};

    fn book(n: i64) -> Book5 {
        let level = |px| Level::new(Decimal::from(px), Decimal::from(n), 1);
        let asks: Vec<_> = (1..=5).map(|i| level(n + i)).collect();
        let bids: Vec<_> = (0..5).map(|i| level(n - i)).collect();
        let mut book = Book5::new(&asks, &bids);
        book.seq = n;
        book.ts_event = UnixNanos(n.unsigned_abs());
        book
    }

    #[test]
    fn a_snapshot_has_book_and_state_of_one_write() {
        let mut publisher = BookPublisher::new();
        let reader = publisher.reader();
        assert_eq!(reader.snapshot().state, BookState::Connecting);
        assert_eq!(reader.book(), Book5::EMPTY);
        publisher.publish(&book(7), BookState::Live);
        assert_eq!(reader.live(), Some(book(7)));
        publisher.publish_state(BookState::Stale);
        assert_eq!(reader.live(), None);
        assert_eq!(
            reader.snapshot(),
            Top5Snapshot { book: book(7), state: BookState::Stale, version: 2 }
        );
    }

    #[test]
    fn no_reader_sees_a_mix_of_two_books() {
        let mut publisher = BookPublisher::new();
        publisher.publish(&book(10), BookState::Live);
        let reader = publisher.reader();
        let rounds = if cfg!(miri) { 50 } else { 200_000 };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                (11..10 + rounds).for_each(|n| publisher.publish(&book(n), BookState::Live));
            });
            let mut last = 0;
            while last < 9 + rounds {
                let seen = reader.book();
                assert_eq!(seen, book(seen.seq));
                assert!(seen.seq >= last);
                last = seen.seq;
            }
        });
    }
}
