//! A whole, consistent book for another thread, lock-free.

use std::sync::Arc;

use super::seqlock::SeqLock;
use crate::book::Book5;
use crate::model::BookState;

const WORDS: usize = Book5::WORDS;

/// The writing end of a published book: wait-free, one owner.
#[derive(Debug)]
pub struct BookPublisher {
    shared: Arc<SeqLock<WORDS>>,
}

/// The reading end of a published book: any number of clones, on any threads.
#[derive(Clone, Debug)]
pub struct BookReader {
    shared: Arc<SeqLock<WORDS>>,
}

/// What a [`BookReader`] saw: the book and its state, of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Top5Snapshot {
    /// The book; empty before the first one came.
    pub book: Book5,
    /// Whether the book can be believed.
    pub state: BookState,
    /// How often the book or its state was published before: equal numbers, equal views.
    pub version: u64,
}

impl BookPublisher {
    /// Makes a publisher of an empty book that nobody has subscribed yet.
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

    /// The book that is published.
    #[must_use]
    pub fn book(&self) -> Book5 {
        view_of(&self.shared).book
    }

    /// Publishes a book and its state in one write. Wait-free, allocates nothing.
    #[inline]
    pub fn publish(&mut self, book: &Book5, state: BookState) {
        let code = state.to_code();
        self.shared.write_by(|places| book.put_words(code, |at, word| places.put(at, word)));
    }

    /// Publishes a state with the book as it was.
    pub fn publish_state(&mut self, state: BookState) {
        // This is the one writer, so nothing is in the way of its reading.
        self.publish(&self.book(), state);
    }
}

impl Default for BookPublisher {
    fn default() -> Self {
        Self::new()
    }
}

impl BookReader {
    /// Asks for the place of the published book, before it is needed.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        self.shared.prefetch();
    }

    /// The book and its state, whole. Lock-free: retries while the writer is in the middle of a
    /// write, which takes it a few dozen nanoseconds. Allocates nothing.
    #[inline]
    #[must_use]
    pub fn snapshot(&self) -> Top5Snapshot {
        view_of(&self.shared)
    }

    /// The book alone, live or not.
    #[inline]
    #[must_use]
    pub fn book(&self) -> Book5 {
        self.snapshot().book
    }

    /// The book if it is [`BookState::Live`].
    #[inline]
    #[must_use]
    pub fn live(&self) -> Option<Book5> {
        let view = self.snapshot();
        view.state.is_live().then_some(view.book)
    }

    /// The number of publications so far: cheaper than a view to see whether there is a new one.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.writes()
    }
}

#[inline]
fn view_of(shared: &SeqLock<WORDS>) -> Top5Snapshot {
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
    fn a_view_has_book_and_state_of_one_moment() {
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
