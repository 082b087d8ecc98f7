//! Publishes the latest value of a subscription to other threads, lock-free.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::seqlock::{SeqLock, WordWriter};
use super::words::{Words, words_of};
use crate::model::BookState;

/// The writer of a value that each publication replaces: wait-free, one owner.
pub struct SeqPublisher<T: Words> {
    shared: Arc<SeqLock<T::Array>>,
}

/// A reader of the latest published value. Can be cloned and used on any thread.
pub struct SeqReader<T: Words> {
    shared: Arc<SeqLock<T::Array>>,
}

/// The latest value of a subscription and its state, of one write. Dereferences to the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Latest<T> {
    /// The value; empty before the first one.
    pub value: T,
    /// The state of the subscription.
    pub state: BookState,
    /// The number of publications of the value or its state. Equal versions of one reader mean
    /// equal values.
    pub version: u64,
}

impl<T> Latest<T> {
    /// The value if the subscription is [`BookState::Live`].
    #[must_use]
    pub fn live(self) -> Option<T> {
        self.state.is_live().then_some(self.value)
    }
}

impl<T> Deref for Latest<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Words> SeqPublisher<T> {
    /// Makes a publisher of [`Words::EMPTY`] in [`BookState::Connecting`].
    #[must_use]
    pub fn new() -> Self {
        let words = words_of(&T::EMPTY, BookState::Connecting.to_code());
        Self { shared: Arc::new(SeqLock::new(words)) }
    }

    /// A reader of what this publishes.
    #[must_use]
    pub fn reader(&self) -> SeqReader<T> {
        SeqReader { shared: Arc::clone(&self.shared) }
    }

    /// The published value.
    #[must_use]
    pub fn value(&self) -> T {
        // This is the only writer, so its read never retries.
        latest(&self.shared).value
    }

    /// Publishes a value and its state in one write. Wait-free, allocates nothing.
    #[inline]
    pub fn publish(&mut self, value: &T, state: BookState) {
        let code = state.to_code();
        self.write(|writer| value.put_words(code, |at, word| writer.put(at, word)));
    }

    /// As [`SeqPublisher::publish`], for words that are put without making the value first.
    #[expect(clippy::needless_pass_by_ref_mut, reason = "there is one writer at a time")]
    #[inline(always)]
    pub(super) fn write(&mut self, put: impl FnOnce(WordWriter<'_, T::Array>)) {
        self.shared.write_by(put);
    }

    /// Publishes a state with the value unchanged.
    pub fn publish_state(&mut self, state: BookState) {
        self.publish(&self.value(), state);
    }
}

impl<T: Words> Default for SeqPublisher<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Words> SeqReader<T> {
    /// Prefetches the memory of the published value.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        self.shared.prefetch();
    }

    /// The latest value and its state. Lock-free: retries while a write is in progress, which takes
    /// a few dozen nanoseconds. Allocates nothing.
    #[inline]
    #[must_use]
    pub fn snapshot(&self) -> Latest<T> {
        latest(&self.shared)
    }

    /// The latest value in any state.
    #[inline]
    #[must_use]
    pub fn value(&self) -> T {
        self.snapshot().value
    }

    /// The latest value if the subscription is [`BookState::Live`].
    #[inline]
    #[must_use]
    pub fn live(&self) -> Option<T> {
        self.snapshot().live()
    }

    /// The number of publications so far. Cheaper than a snapshot to detect a new one.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.writes()
    }
}

impl<T: Words> Clone for SeqReader<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Words> fmt::Debug for SeqPublisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqPublisher").field("version", &self.shared.writes()).finish()
    }
}

impl<T: Words> fmt::Debug for SeqReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqReader").field("version", &self.version()).finish()
    }
}

#[inline]
fn latest<T: Words>(shared: &SeqLock<T::Array>) -> Latest<T> {
    let (words, version) = shared.read();
    let (value, state) = T::from_words(&words);
    Latest { value, state: BookState::from_code(state), version }
}

#[cfg(not(okx_feed_loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Book5;
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
    fn a_snapshot_has_value_and_state_of_one_write() {
        let mut publisher = SeqPublisher::<Book5>::new();
        let reader = publisher.reader();
        assert_eq!(reader.snapshot().state, BookState::Connecting);
        assert_eq!(reader.value(), Book5::EMPTY);
        publisher.publish(&book(7), BookState::Live);
        assert_eq!(reader.live(), Some(book(7)));
        publisher.publish_state(BookState::Stale);
        assert_eq!(reader.live(), None);
        assert_eq!(
            reader.snapshot(),
            Latest { value: book(7), state: BookState::Stale, version: 2 }
        );
    }

    #[test]
    fn no_reader_sees_a_mix_of_two_values() {
        let mut publisher = SeqPublisher::<Book5>::new();
        publisher.publish(&book(10), BookState::Live);
        let reader = publisher.reader();
        let rounds = if cfg!(miri) { 50 } else { 200_000 };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                (11..10 + rounds).for_each(|n| publisher.publish(&book(n), BookState::Live));
            });
            let mut last = 0;
            while last < 9 + rounds {
                let seen = reader.value();
                assert_eq!(seen, book(seen.seq));
                assert!(seen.seq >= last);
                last = seen.seq;
            }
        });
    }
}
