//! What distinguishes the updates of one subscription, and which of two is older.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::{FixedState, FoldHasher};

use crate::book::{Book5, DepthAction};
use crate::event::{DepthChange, Event};
use crate::model::{Level, NO_SEQ, Record, Trade, UnixNanos};

/// What distinguishes the updates of one subscription, of whatever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UpdateKey {
    /// The exchange's number, [`NO_SEQ`] where it sends none; of trades their id.
    pub(super) seq: i64,
    /// The exchange's time.
    pub(super) ts: UnixNanos,
    /// What distinguishes updates of one number: of trades their time, a hash of time and content
    /// where there is no number, else 0.
    pub(super) hash: u64,
}

impl UpdateKey {
    pub(super) const NONE: Self = Self { seq: NO_SEQ, ts: UnixNanos::UNKNOWN, hash: 0 };

    /// A number distinguishes updates; where there is none, their time and content do.
    #[inline]
    fn new(seq: i64, ts: UnixNanos, hash_content: impl FnOnce(&mut FoldHasher<'_>)) -> Self {
        let mut key = Self { seq, ts, hash: 0 };
        if seq == NO_SEQ {
            let mut hasher = FixedState::default().build_hasher();
            hash_content(&mut hasher);
            hasher.write_u64(ts.0);
            key.hash = hasher.finish();
        }
        key
    }

    /// The key of an update; [`UpdateKey::NONE`] of what is none.
    #[inline]
    pub(super) fn of(event: &Event<'_>) -> Self {
        match event {
            Event::Book(update) => Self::of_book(update.book),
            Event::DepthBook(change) => Self::of_depth(change),
            Event::Trade(update) => Self::of_trade(update.trade),
            Event::Record(update) => Self::of_record(update.record),
            Event::Raw(message) => Self::new(NO_SEQ, UnixNanos::UNKNOWN, |hasher| {
                hasher.write(message.text.as_bytes())
            }),
            _ => Self::NONE,
        }
    }

    #[inline]
    pub(super) fn of_book(book: &Book5) -> Self {
        Self::new(book.seq, book.ts_event, |hasher| hash_levels(hasher, book.asks(), book.bids()))
    }

    #[inline]
    fn of_depth(change: &DepthChange<'_>) -> Self {
        let update = change.update;
        if update.action == DepthAction::RestSnapshot {
            // The book has what follows the snapshot, whose own number is that of no update.
            let view = change.book.view();
            return Self { seq: view.seq().unwrap_or(NO_SEQ), ts: view.ts_event, ..Self::NONE };
        }
        Self::new(update.seq, update.ts_event, |to| hash_levels(to, update.asks, update.bids))
    }

    #[inline]
    pub(super) fn of_trade(trade: &Trade) -> Self {
        // An id can come again behind a sequence reset; with its time it does not.
        let seq = i64::try_from(trade.trade_id).unwrap_or(i64::MAX);
        Self { seq, ts: trade.ts_event, hash: trade.ts_event.0 }
    }

    pub(super) fn of_record(record: &Record) -> Self {
        // All but when it was received.
        let sent = Record { ts_recv: UnixNanos::UNKNOWN, ..*record };
        Self::new(NO_SEQ, record.order(), |hasher| {
            sent.put_words(0, |_, word| hasher.write_u64(word));
        })
    }

    pub(super) const fn both_numbered(&self, other: &Self) -> bool {
        self.seq != NO_SEQ && other.seq != NO_SEQ
    }

    /// Whether both are one update, whatever their times.
    pub(super) const fn is_same(&self, other: &Self) -> bool {
        self.seq == other.seq && self.hash == other.hash
    }
}

/// By whole words, in an order in which the hasher need not ask how many wait: half as long as one
/// by one.
#[inline]
fn hash_levels(hasher: &mut impl Hasher, asks: &[Level], bids: &[Level]) {
    hasher.write_usize(asks.len());
    for level in asks.iter().chain(bids) {
        let [px, sz, tail] = level.to_words();
        hasher.write_u128(u128::from(px) << 64 | u128::from(sz));
        hasher.write_u64(tail);
    }
}
