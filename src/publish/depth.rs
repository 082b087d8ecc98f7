//! Publishes the best levels of an order book to other threads, lock-free.

use std::sync::Arc;

use super::seqlock::SeqLock;
use crate::book::{BookRef, BookSide, LevelChange, Sides, Sweep};
use crate::model::{BookState, Decimal, Level, NO_SEQ, Price, Qty, Side, UnixNanos};

/// The number of published levels a side.
///
/// Writer and readers copy all levels: 50 levels are 1.2 KB.
pub(crate) const PUBLISHED_LEVELS: usize = 25;

const HEAD: usize = 5;
const WORDS: usize = HEAD + 2 * PUBLISHED_LEVELS * 3;

/// The writer of the published best levels of an order book: wait-free, one owner.
#[derive(Debug)]
pub struct DepthPublisher {
    shared: Arc<SeqLock<WORDS>>,
}

/// A reader of the published best levels. Can be cloned and used on any thread.
#[derive(Clone, Debug)]
pub struct DepthReader {
    shared: Arc<SeqLock<WORDS>>,
}

/// A consistent snapshot of the best levels and the state of an order book.
///
/// Times and sequence number are those of the last message that changed these levels or the state.
/// A change further down the book, or a heartbeat, is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// The state of the book.
    pub state: BookState,
    /// The exchange's time of the book.
    pub ts_event: UnixNanos,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
    /// The exchange's sequence number; `None` if it sends none.
    pub seq: Option<i64>,
    /// The number of publications of the levels or the state. Equal versions mean equal snapshots.
    pub version: u64,
    asks: [Level; PUBLISHED_LEVELS],
    bids: [Level; PUBLISHED_LEVELS],
    ask_len: usize,
    bid_len: usize,
    asks_may_lack: bool,
    bids_may_lack: bool,
}

impl DepthSnapshot {
    /// The number of published levels a side.
    ///
    /// Writer and readers copy all levels: 50 levels are 1.2 KB.
    pub const LEVELS: usize = PUBLISHED_LEVELS;
}

impl DepthSnapshot {
    /// The asks, best (lowest) first: 0 to [`DepthSnapshot::LEVELS`].
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        self.asks.get(..self.ask_len).unwrap_or(&self.asks)
    }

    /// The bids, best (highest) first: 0 to [`DepthSnapshot::LEVELS`].
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        self.bids.get(..self.bid_len).unwrap_or(&self.bids)
    }

    /// The best ask; `None` if the side is empty.
    #[must_use]
    pub fn best_ask(&self) -> Option<&Level> {
        self.asks().first()
    }

    /// The best bid; `None` if the side is empty.
    #[must_use]
    pub fn best_bid(&self) -> Option<&Level> {
        self.bids().first()
    }

    /// Both best levels, ask first; `None` if a side is empty.
    #[must_use]
    pub fn top(&self) -> Option<(&Level, &Level)> {
        self.sides().top()
    }

    /// Best ask minus best bid; see [`Book5::spread`](crate::book::Book5::spread).
    #[must_use]
    pub fn spread(&self) -> Option<Price> {
        self.sides().spread()
    }

    /// The middle of the best prices, exact; see [`Book5::mid`](crate::book::Book5::mid).
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        self.sides().mid()
    }

    /// The best prices weighted by the size of the other side; see
    /// [`Book5::microprice`](crate::book::Book5::microprice).
    #[must_use]
    pub fn microprice(&self, scale: u8) -> Option<Price> {
        self.sides().microprice(scale)
    }

    /// `(bids - asks) / (bids + asks)` over the sizes of the best `levels` of each side; see
    /// [`Book5::imbalance`](crate::book::Book5::imbalance).
    ///
    /// `None` also if a side has fewer than `levels` published levels and may have had more: if it
    /// has [`DepthSnapshot::LEVELS`], if it fills the book's capacity, or if the book was cut to
    /// its capacity.
    #[must_use]
    pub fn imbalance(&self, levels: usize) -> Option<Decimal> {
        let is_short = |may_lack: bool, len: usize| may_lack && len < levels;
        if is_short(self.asks_may_lack, self.ask_len) || is_short(self.bids_may_lack, self.bid_len)
        {
            return None;
        }
        self.sides().imbalance(levels)
    }

    /// The cost of taking `sz` from the book: a buy consumes asks, a sell consumes bids; see
    /// [`Book5::sweep`](crate::book::Book5::sweep).
    ///
    /// If the published levels cannot fill `sz`, the [`Sweep`] is not complete, although the
    /// exchange may have more levels.
    #[must_use]
    pub fn sweep(&self, taker: Side, sz: Qty) -> Option<Sweep> {
        self.sides().sweep(taker, sz)
    }

    /// Reports the levels that changed, appeared or disappeared from `before` to this snapshot; see
    /// [`Book5::changes_since`](crate::book::Book5::changes_since). States and versions are not
    /// compared.
    pub fn changes_since(&self, before: &Self, each: impl FnMut(LevelChange)) -> usize {
        self.sides().changes_since(before.sides(), each)
    }

    fn sides(&self) -> Sides<'_> {
        Sides { asks: self.asks(), bids: self.bids() }
    }
}

impl DepthPublisher {
    /// Makes a publisher of an empty book in [`BookState::Connecting`].
    #[must_use]
    pub fn new() -> Self {
        let mut words = [0; WORDS];
        words[STATE] = u64::from(BookState::Connecting.to_code());
        words[SEQ] = NO_SEQ.cast_unsigned();
        Self { shared: Arc::new(SeqLock::new(words)) }
    }

    /// A reader of this publisher's book.
    #[must_use]
    pub fn reader(&self) -> DepthReader {
        DepthReader { shared: Arc::clone(&self.shared) }
    }

    /// Publishes the best levels and the state in one write. Wait-free, allocates nothing.
    pub fn publish(&mut self, view: &BookRef<'_>, state: BookState) {
        let (asks, bids) = view.top(PUBLISHED_LEVELS);
        let mut words = [0; WORDS];
        words[STATE] = u64::from(state.to_code());
        words[SEQ] = view.seq().unwrap_or(NO_SEQ).cast_unsigned();
        words[TS_EVENT] = view.ts_event.0;
        words[TS_RECV] = view.ts_recv.0;
        let may_lack = |side| u64::from(view.may_lack(side, PUBLISHED_LEVELS));
        words[LENS] = side_word(asks.len(), may_lack(BookSide::Ask))
            | side_word(bids.len(), may_lack(BookSide::Bid)) << 32;
        let (_, levels) = words.split_at_mut(HEAD);
        let (ask_words, bid_words) = levels.split_at_mut(PUBLISHED_LEVELS * 3);
        for (side, target) in [(asks, ask_words), (bids, bid_words)] {
            for (words, level) in target.as_chunks_mut::<3>().0.iter_mut().zip(side) {
                *words = level.to_words();
            }
        }
        self.shared.write(&words);
    }

    /// Publishes a state with the levels unchanged.
    pub fn publish_state(&mut self, state: BookState) {
        // This is the only writer, so its read never retries.
        let (mut words, _) = self.shared.read();
        words[STATE] = u64::from(state.to_code());
        self.shared.write(&words);
    }
}

impl Default for DepthPublisher {
    fn default() -> Self {
        Self::new()
    }
}

impl DepthReader {
    /// A consistent snapshot of the best levels and the state. Lock-free; allocates nothing.
    #[must_use]
    pub fn snapshot(&self) -> DepthSnapshot {
        let (words, version) = self.shared.read();
        let [state, ..] = words[STATE].to_le_bytes();
        let seq = words[SEQ].cast_signed();
        let (_, levels) = words.split_at(HEAD);
        let (ask_words, bid_words) = levels.split_at(PUBLISHED_LEVELS * 3);
        let [ask_len, asks_may_lack, _, _, bid_len, bids_may_lack, _, _] =
            words[LENS].to_le_bytes();
        DepthSnapshot {
            state: BookState::from_code(state),
            ts_event: UnixNanos(words[TS_EVENT]),
            ts_recv: UnixNanos(words[TS_RECV]),
            seq: (seq != NO_SEQ).then_some(seq),
            version,
            asks: levels_of(ask_words),
            bids: levels_of(bid_words),
            ask_len: ask_len.into(),
            bid_len: bid_len.into(),
            asks_may_lack: asks_may_lack != 0,
            bids_may_lack: bids_may_lack != 0,
        }
    }

    /// The snapshot if the book is [`BookState::Live`].
    #[must_use]
    pub fn live(&self) -> Option<DepthSnapshot> {
        let snapshot = self.snapshot();
        snapshot.state.is_live().then_some(snapshot)
    }

    /// The number of publications so far.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.writes()
    }
}

const STATE: usize = 0;
const SEQ: usize = 1;
const TS_EVENT: usize = 2;
const TS_RECV: usize = 3;
const LENS: usize = 4;

/// Half of the word at [`LENS`]: a side's number of levels, and in the next byte whether it may
/// lack levels.
const fn side_word(len: usize, may_lack: u64) -> u64 {
    len as u64 | may_lack << 8
}

fn levels_of(words: &[u64]) -> [Level; PUBLISHED_LEVELS] {
    let mut levels = [Level::EMPTY; PUBLISHED_LEVELS];
    for (level, chunk) in levels.iter_mut().zip(words.as_chunks::<3>().0) {
        *level = Level::from_words(*chunk);
    }
    levels
}
