//! The last trades for another thread, lock-free.

use std::sync::Arc;
#[cfg(not(okx_feed_loom))]
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

#[cfg(okx_feed_loom)]
use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::seqlock::{InARow, SeqLock};
use crate::model::{BookState, Trade};

/// How many trades a published tape holds unless told otherwise.
pub(crate) const TAPE_LEN: usize = 1024;

/// The most trades that a published tape can be made for: four megabytes.
pub(crate) const MAX_TAPE_LEN: usize = 1 << 16;

/// How trades are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeOptions {
    /// How many trades a published tape holds, 64 bytes each: at least 1, at most
    /// [`TradeOptions::MAX_TAPE_LEN`],
    /// [`TradeOptions::TAPE_LEN`] by default. A reader that comes back before so many new ones misses none.
    pub tape_len: usize,
}

impl TradeOptions {
    /// The most trades that a published tape can be made for: four megabytes.
    pub const MAX_TAPE_LEN: usize = MAX_TAPE_LEN;

    /// How many trades a published tape holds unless told otherwise.
    pub const TAPE_LEN: usize = TAPE_LEN;
}

impl Default for TradeOptions {
    fn default() -> Self {
        Self { tape_len: TAPE_LEN }
    }
}

/// One place a trade; a place's count of writes is the lap that its trade is from.
#[derive(Debug)]
struct Tape {
    next: AtomicU64,
    state: AtomicU8,
    places: Box<[Place]>,
}

/// A trade and its lap, in one cache line.
type Place = SeqLock<{ Trade::WORDS }, InARow>;

#[cfg(not(okx_feed_loom))]
const _: () = assert!(size_of::<Place>() == 64);

impl Tape {
    fn place(&self, number: u64) -> Option<&Place> {
        self.places.get(usize::try_from(number % self.len()).ok()?)
    }

    fn len(&self) -> u64 {
        self.places.len() as u64
    }
}

/// The writing end of a published tape of trades: wait-free, one owner.
#[derive(Debug)]
pub struct TradePublisher {
    shared: Arc<Tape>,
    // INVARIANT: `next` modulo the number of places, without a division each trade.
    at: usize,
}

/// The reading end of a published tape of trades: any number of clones, on any threads.
#[derive(Clone, Debug)]
pub struct TradeReader {
    shared: Arc<Tape>,
}

impl TradePublisher {
    /// Makes an empty tape of the last [`TradeOptions::TAPE_LEN`] trades.
    #[must_use]
    pub fn new() -> Self {
        Self::with_len(TAPE_LEN)
    }

    /// Makes an empty tape of the last `len` trades, at least 1 and at most
    /// [`TradeOptions::MAX_TAPE_LEN`].
    #[must_use]
    pub fn with_len(len: usize) -> Self {
        let places = (0..len.clamp(1, MAX_TAPE_LEN))
            .map(|_| SeqLock::new(Trade::EMPTY.to_words()))
            .collect();
        let state = AtomicU8::new(BookState::Connecting.to_code());
        Self { shared: Arc::new(Tape { next: AtomicU64::new(0), state, places }), at: 0 }
    }

    /// A reader of this tape.
    #[must_use]
    pub fn reader(&self) -> TradeReader {
        TradeReader { shared: Arc::clone(&self.shared) }
    }

    /// Adds a trade, overwriting the oldest. Wait-free, allocates nothing.
    #[inline]
    pub fn push(&mut self, trade: &Trade) {
        let Tape { next, places, .. } = &*self.shared;
        let number = next.load(Ordering::Relaxed);
        if let Some(place) = places.get(self.at) {
            place.write(&trade.to_words());
        }
        next.store(number + 1, Ordering::Release);
        self.at = if self.at + 1 < places.len() { self.at + 1 } else { 0 };
    }

    /// Leaves a number out: a trade was lost.
    #[cold]
    pub(crate) fn lose(&mut self) {
        self.push(&Trade::LOST);
    }

    /// Asks for the place of the next trade, before it is needed.
    #[inline]
    pub(crate) fn prefetch_next(&self) {
        if let Some(place) = self.shared.places.get(self.at) {
            place.prefetch();
        }
    }

    /// Publishes whether the stream can be believed.
    #[inline]
    pub fn publish_state(&mut self, state: BookState) {
        self.shared.state.store(state.to_code(), Ordering::Release);
    }
}

impl Default for TradePublisher {
    fn default() -> Self {
        Self::new()
    }
}

impl TradeReader {
    /// The number that the next trade will get, which is how many there were, lost ones included.
    #[inline]
    #[must_use]
    pub fn next(&self) -> u64 {
        self.shared.next.load(Ordering::Acquire)
    }

    /// The number of the oldest trade that may still be there.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.next().saturating_sub(self.shared.len())
    }

    /// Whether the stream can be believed.
    #[must_use]
    pub fn state(&self) -> BookState {
        BookState::from_code(self.shared.state.load(Ordering::Acquire))
    }

    /// The trade of a number; `None` where it was overwritten, was lost or is yet to come.
    #[inline]
    #[must_use]
    pub fn at(&self, number: u64) -> Option<Trade> {
        if number >= self.next() {
            return None;
        }
        self.read(number).filter(Trade::is_some)
    }

    /// What the place of a number that has been written holds; `None` where it was overwritten.
    #[inline]
    fn read(&self, number: u64) -> Option<Trade> {
        let place = self.shared.place(number)?;
        let lap = number / self.shared.len() + 1;
        // The trade is there since `next` passed it, so a write in the way is one that overwrites
        // it.
        let (words, writes) = place.try_read()?;
        (writes == lap).then(|| Trade::from_words(words))
    }

    /// The newest trade.
    #[must_use]
    pub fn last(&self) -> Option<Trade> {
        'look: loop {
            for number in (self.oldest()..self.next()).rev() {
                match self.read(number) {
                    Some(trade) if trade.is_some() => return Some(trade),
                    Some(_) => {}
                    // Overwritten between the two reads, so that there are newer ones: look again.
                    None => continue 'look,
                }
            }
            return None;
        }
    }

    /// The trades from number `from` on, oldest first, with their numbers.
    ///
    /// A reader that remembers the number after the last one it saw misses nothing as long as it
    /// comes back within the tape's length; what it did miss shows as a jump of the numbers, and so
    /// does a message of trades that could not be read.
    pub fn since(&self, from: u64) -> impl Iterator<Item = (u64, Trade)> {
        let (first, next) = (from.max(self.oldest()), self.next());
        (first..next).filter_map(|number| Some((number, self.at(number)?)))
    }
}

#[cfg(not(okx_feed_loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, Side};

    fn trade(id: u64) -> Trade {
        let signed = i64::try_from(id).unwrap();
        let mut trade = Trade::new(Side::Buy, Decimal::from(signed), Decimal::from(signed + 1));
        trade.trade_id = id;
        trade
    }

    #[test]
    fn the_tape_keeps_the_last_trades_and_numbers_them() {
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
    fn a_lost_trade_leaves_its_number_out() {
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
