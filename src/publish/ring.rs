//! Publishes the last values of a stream to other threads, lock-free.

use std::fmt;
use std::sync::Arc;
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

#[cfg(okx_feed_loom)]
use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::seqlock::{InARow, SeqLock};
use super::words::{Words, words_of};
use crate::model::{BookState, Record, Trade};

/// The default capacity of a published ring, in trades.
pub(crate) const DEFAULT_RING_LEN: usize = 1024;

/// The largest capacity of a published ring, in trades: four megabytes.
pub(crate) const MAX_RING_LEN: usize = 1 << 16;

/// The largest capacity of a published ring of records: 200 KB.
const MAX_RECORDS: usize = 256;

/// Options for published trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeOptions {
    /// The capacity of a published ring of trades, 64 bytes each: 1 to
    /// [`TradeOptions::MAX_RING_LEN`], [`TradeOptions::DEFAULT_RING_LEN`] by default. A reader that
    /// polls before so many new trades misses none.
    pub ring_len: usize,
}

impl TradeOptions {
    /// The largest capacity of a published ring, in trades: four megabytes.
    pub const MAX_RING_LEN: usize = MAX_RING_LEN;

    /// The default capacity of a published ring, in trades.
    pub const DEFAULT_RING_LEN: usize = DEFAULT_RING_LEN;
}

impl TradeOptions {
    /// The capacity of a published ring of records, which take more memory than trades.
    pub(crate) fn record_ring_len(self) -> usize {
        self.ring_len.min(MAX_RECORDS)
    }
}

impl Default for TradeOptions {
    fn default() -> Self {
        Self { ring_len: DEFAULT_RING_LEN }
    }
}

/// A value that a ring can hold.
pub trait RingValue: Words {
    /// The placeholder for a lost value.
    const LOST: Self;

    /// Whether this is a value, not the placeholder.
    fn is_some(&self) -> bool;
}

impl RingValue for Trade {
    const LOST: Self = Self::LOST;

    fn is_some(&self) -> bool {
        Self::is_some(self)
    }
}

impl RingValue for Record {
    const LOST: Self = Self::EMPTY;

    fn is_some(&self) -> bool {
        Self::is_some(self)
    }
}

/// A ring of values. The write count of an entry is the lap of its value.
struct SharedRing<T: Words> {
    next: AtomicU64,
    state: AtomicU8,
    entries: Box<[Entry<T>]>,
}

/// A value and its lap; of a trade, in one cache line.
type Entry<T> = SeqLock<<T as Words>::Array, InARow>;

#[cfg(not(okx_feed_loom))]
const _: () = assert!(size_of::<Entry<Trade>>() == 64);

impl<T: Words> SharedRing<T> {
    fn entry(&self, number: u64) -> Option<&Entry<T>> {
        self.entries.get(usize::try_from(number % self.len()).ok()?)
    }

    fn len(&self) -> u64 {
        self.entries.len() as u64
    }
}

/// The writer of a published ring: wait-free, one owner.
pub struct RingPublisher<T: RingValue> {
    shared: Arc<SharedRing<T>>,
    // INVARIANT: `next` modulo the number of entries, kept to avoid a division per value.
    at: usize,
}

/// A reader of a published ring. Can be cloned and used on any thread.
pub struct RingReader<T: RingValue> {
    shared: Arc<SharedRing<T>>,
}

impl<T: RingValue> RingPublisher<T> {
    /// Makes an empty ring for the last [`TradeOptions::DEFAULT_RING_LEN`] values.
    #[must_use]
    pub fn new() -> Self {
        Self::with_len(DEFAULT_RING_LEN)
    }

    /// Makes an empty ring for the last `len` values, clamped to 1 to
    /// [`TradeOptions::MAX_RING_LEN`].
    #[must_use]
    pub fn with_len(len: usize) -> Self {
        let entries =
            (0..len.clamp(1, MAX_RING_LEN)).map(|_| SeqLock::new(words_of(&T::EMPTY, 0))).collect();
        let state = AtomicU8::new(BookState::Connecting.to_code());
        Self { shared: Arc::new(SharedRing { next: AtomicU64::new(0), state, entries }), at: 0 }
    }

    /// A reader of this ring.
    #[must_use]
    pub fn reader(&self) -> RingReader<T> {
        RingReader { shared: Arc::clone(&self.shared) }
    }

    /// Adds a value, overwriting the oldest. Wait-free, allocates nothing.
    #[inline]
    pub fn push(&mut self, value: &T) {
        let SharedRing { next, entries, .. } = &*self.shared;
        let number = next.load(Ordering::Relaxed);
        if let Some(entry) = entries.get(self.at) {
            entry.write_by(|writer| value.put_words(0, |at, word| writer.put(at, word)));
        }
        next.store(number + 1, Ordering::Release);
        self.at = if self.at + 1 < entries.len() { self.at + 1 } else { 0 };
    }

    /// Skips a number for a lost value.
    #[cold]
    pub(crate) fn lose(&mut self) {
        self.push(&T::LOST);
    }

    /// Prefetches the entry of the next value.
    #[inline]
    pub(crate) fn prefetch_next(&self) {
        if let Some(entry) = self.shared.entries.get(self.at) {
            entry.prefetch();
        }
    }

    /// Publishes the state of the stream.
    #[inline]
    pub fn publish_state(&mut self, state: BookState) {
        self.shared.state.store(state.to_code(), Ordering::Release);
    }
}

impl<T: RingValue> Default for RingPublisher<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: RingValue> RingReader<T> {
    /// The number of the next value, which is the count of values so far, lost ones included.
    #[inline]
    #[must_use]
    pub fn next(&self) -> u64 {
        self.shared.next.load(Ordering::Acquire)
    }

    /// The number of the oldest value that may still be held.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.next().saturating_sub(self.shared.len())
    }

    /// The state of the stream.
    #[must_use]
    pub fn state(&self) -> BookState {
        BookState::from_code(self.shared.state.load(Ordering::Acquire))
    }

    /// The value of a number; `None` if it was overwritten, was lost or is not published yet.
    #[inline]
    #[must_use]
    pub fn at(&self, number: u64) -> Option<T> {
        if number >= self.next() {
            return None;
        }
        self.read(number).filter(T::is_some)
    }

    /// The entry of a published number; `None` if it was overwritten.
    #[inline]
    fn read(&self, number: u64) -> Option<T> {
        let entry = self.shared.entry(number)?;
        let lap = number / self.shared.len() + 1;
        // `next` is past the number, so the value is written. A concurrent write overwrites it.
        let (words, writes) = entry.try_read()?;
        (writes == lap).then(|| T::from_words(&words).0)
    }

    /// The newest value.
    #[must_use]
    pub fn last(&self) -> Option<T> {
        'retry: loop {
            for number in (self.oldest()..self.next()).rev() {
                match self.read(number) {
                    Some(value) if value.is_some() => return Some(value),
                    Some(_) => {}
                    // Overwritten between the two reads, so there are newer values: retry.
                    None => continue 'retry,
                }
            }
            return None;
        }
    }

    /// The values from number `from` on, oldest first, with their numbers.
    ///
    /// A reader that passes the number after the last one it read misses none if it polls
    /// before the ring is overwritten. Missed values show as a jump of the numbers, as do messages
    /// that could not be read.
    pub fn since(&self, from: u64) -> impl Iterator<Item = (u64, T)> {
        let (first, next) = (from.max(self.oldest()), self.next());
        (first..next).filter_map(|number| Some((number, self.at(number)?)))
    }
}

impl<T: RingValue> Clone for RingReader<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: RingValue> fmt::Debug for RingPublisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.shared.next.load(Ordering::Relaxed);
        f.debug_struct("RingPublisher").field("next", &next).finish()
    }
}

impl<T: RingValue> fmt::Debug for RingReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingReader").field("next", &self.next()).finish()
    }
}

#[cfg(not(okx_feed_loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, Side};
    use crate::publish::TradePublisher;

    fn trade(id: u64) -> Trade {
        let signed = i64::try_from(id).unwrap();
        let mut trade = Trade::new(Side::Buy, Decimal::from(signed), Decimal::from(signed + 1));
        trade.trade_id = id;
        trade
    }

    #[test]
    fn the_ring_keeps_the_last_trades_and_numbers_them() {
        let mut publisher = TradePublisher::with_len(3);
        let reader = publisher.reader();
        assert!(reader.last().is_none() && reader.since(0).next().is_none());
        (0..5).for_each(|id| publisher.push(&trade(id)));
        assert_eq!((reader.oldest(), reader.next()), (2, 5));
        assert_eq!(reader.at(1), None);
        assert_eq!(reader.at(5), None);
        assert_eq!(reader.last(), Some(trade(4)));
        let seen: Vec<_> = reader.since(0).collect();
        assert_eq!(seen, (2..5).map(|id| (id, trade(id))).collect::<Vec<_>>());
    }

    #[test]
    fn a_lost_trade_skips_its_number() {
        let mut publisher = TradePublisher::with_len(3);
        let reader = publisher.reader();
        publisher.push(&trade(0));
        publisher.lose();
        assert_eq!((reader.last(), reader.next(), reader.at(1)), (Some(trade(0)), 2, None));
        publisher.push(&trade(2));
        assert_eq!(reader.since(0).map(|(number, _)| number).collect::<Vec<_>>(), [0, 2]);
        (0..3).for_each(|_| publisher.lose());
        assert!(reader.last().is_none());
        publisher.push(&trade(6));
        assert_eq!(reader.last(), Some(trade(6)));
    }

    #[test]
    fn a_reader_on_another_thread_sees_whole_trades_in_order() {
        let mut publisher = TradePublisher::with_len(16);
        let reader = publisher.reader();
        let rounds = if cfg!(miri) { 60 } else { 300_000 };
        std::thread::scope(|scope| {
            scope.spawn(move || (0..rounds).for_each(|id| publisher.push(&trade(id))));
            let mut from = 0;
            while from < rounds {
                for (number, seen) in reader.since(from) {
                    assert_eq!(seen, trade(number));
                    from = number + 1;
                }
            }
        });
    }
}
