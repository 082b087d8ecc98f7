//! The published best levels of an order book.

use arrayvec::ArrayVec;

use super::latest::SeqPublisher;
use super::words::Words;
use crate::book::{BookRef, BookSide, LevelChange, Sides, Sweep};
use crate::model::{BookState, Decimal, Level, NO_SEQ, Price, Qty, Side, UnixNanos};

/// The number of published levels a side.
///
/// Writer and readers copy all levels: 50 levels are 1.2 KB.
pub(crate) const PUBLISHED_LEVELS: usize = 25;

const HEAD: usize = 5;
const WORDS: usize = HEAD + 2 * PUBLISHED_LEVELS * 3;

/// The best levels of an order book, as published.
///
/// Times and sequence number are those of the last message that changed these levels or the state.
/// A change further down the book, or a heartbeat, is not published. Takes 1.3 KB and no heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// The exchange's time of the book.
    pub ts_event: UnixNanos,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
    /// The exchange's sequence number; `None` if it sends none.
    pub seq: Option<i64>,
    asks: ArrayVec<Level, PUBLISHED_LEVELS>,
    bids: ArrayVec<Level, PUBLISHED_LEVELS>,
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
        &self.asks
    }

    /// The bids, best (highest) first: 0 to [`DepthSnapshot::LEVELS`].
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &self.bids
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
        if is_short(self.asks_may_lack, self.asks.len())
            || is_short(self.bids_may_lack, self.bids.len())
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
    /// [`Book5::changes_since`](crate::book::Book5::changes_since).
    pub fn changes_since(&self, before: &Self, each: impl FnMut(LevelChange)) -> usize {
        self.sides().changes_since(before.sides(), each)
    }

    fn sides(&self) -> Sides<'_> {
        Sides { asks: self.asks(), bids: self.bids() }
    }
}

impl SeqPublisher<DepthSnapshot> {
    /// Publishes the best levels of a book and its state in one write, without a snapshot in
    /// between. Wait-free, allocates nothing.
    pub fn publish_book(&mut self, view: &BookRef<'_>, state: BookState) {
        let (asks, bids) = view.top(PUBLISHED_LEVELS);
        let may_lack = |side| view.may_lack(side, PUBLISHED_LEVELS);
        let parts = Parts {
            times: (view.ts_event, view.ts_recv),
            seq: view.seq(),
            asks: (asks, may_lack(BookSide::Ask)),
            bids: (bids, may_lack(BookSide::Bid)),
        };
        self.write(|writer| parts.put(state.to_code(), |at, word| writer.put(at, word)));
    }
}

/// What is published, wherever it is stored.
struct Parts<'s> {
    times: (UnixNanos, UnixNanos),
    seq: Option<i64>,
    /// The levels of a side, and whether it may lack levels.
    asks: (&'s [Level], bool),
    bids: (&'s [Level], bool),
}

impl Parts<'_> {
    #[inline]
    fn put(&self, mark: u8, mut put: impl FnMut(usize, u64)) {
        put(STATE, u64::from(mark));
        put(SEQ, self.seq.unwrap_or(NO_SEQ).cast_unsigned());
        put(TS_EVENT, self.times.0.0);
        put(TS_RECV, self.times.1.0);
        put(LENS, side_word(self.asks) | side_word(self.bids) << 32);
        for ((side, _), first) in [(self.asks, HEAD), (self.bids, HEAD + 3 * PUBLISHED_LEVELS)] {
            for (nth, level) in side.iter().take(PUBLISHED_LEVELS).enumerate() {
                for (at, word) in level.to_words().into_iter().enumerate() {
                    put(first + 3 * nth + at, word);
                }
            }
        }
    }
}

impl Words for DepthSnapshot {
    type Array = [u64; WORDS];

    const EMPTY: Self = Self {
        ts_event: UnixNanos::UNKNOWN,
        ts_recv: UnixNanos::UNKNOWN,
        seq: None,
        asks: ArrayVec::new_const(),
        bids: ArrayVec::new_const(),
        asks_may_lack: false,
        bids_may_lack: false,
    };

    fn put_words(&self, mark: u8, put: impl FnMut(usize, u64)) {
        let parts = Parts {
            times: (self.ts_event, self.ts_recv),
            seq: self.seq,
            asks: (&self.asks, self.asks_may_lack),
            bids: (&self.bids, self.bids_may_lack),
        };
        parts.put(mark, put);
    }

    fn from_words(words: &[u64; WORDS]) -> (Self, u8) {
        let [mark, ..] = words[STATE].to_le_bytes();
        let seq = words[SEQ].cast_signed();
        let (_, levels) = words.split_at(HEAD);
        let (ask_words, bid_words) = levels.split_at(PUBLISHED_LEVELS * 3);
        let [ask_len, asks_may_lack, _, _, bid_len, bids_may_lack, _, _] =
            words[LENS].to_le_bytes();
        let snapshot = Self {
            ts_event: UnixNanos(words[TS_EVENT]),
            ts_recv: UnixNanos(words[TS_RECV]),
            seq: (seq != NO_SEQ).then_some(seq),
            asks: levels_of(ask_words, ask_len),
            bids: levels_of(bid_words, bid_len),
            asks_may_lack: asks_may_lack != 0,
            bids_may_lack: bids_may_lack != 0,
        };
        (snapshot, mark)
    }
}

const STATE: usize = 0;
const SEQ: usize = 1;
const TS_EVENT: usize = 2;
const TS_RECV: usize = 3;
const LENS: usize = 4;

/// Half of the word at [`LENS`]: a side's number of levels, and in the next byte whether it may
/// lack levels.
fn side_word((side, may_lack): (&[Level], bool)) -> u64 {
    side.len().min(PUBLISHED_LEVELS) as u64 | u64::from(may_lack) << 8
}

fn levels_of(words: &[u64], len: u8) -> ArrayVec<Level, PUBLISHED_LEVELS> {
    let levels = words.as_chunks::<3>().0.iter().take(len.into());
    levels.map(|words| Level::from_words(*words)).collect()
}
