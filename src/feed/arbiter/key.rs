//! What distinguishes the updates of one subscription, and which of two is older.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;

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

    /// The key of an update; [`UpdateKey::NONE`] of what is none.
    #[inline]
    pub(super) fn of(event: &Event<'_>) -> Self {
        match event {
            Event::Book(update) => Self::of_book(update.book),
            Event::DepthBook(change) => Self::of_depth(change),
            Event::Trade(update) => Self::of_trade(update.trade),
            Event::Record(update) => Self::of_record(update.record),
            Event::Raw(message) => {
                Self { hash: FixedState::default().hash_one(message.text), ..Self::NONE }
            }
            _ => Self::NONE,
        }
    }

    #[inline]
    pub(super) fn of_book(book: &Book5) -> Self {
        let levels = book.asks().iter().chain(book.bids());
        Self::of_levels(book.seq, book.ts_event, book.asks().len() as u64, levels)
    }

    #[inline]
    fn of_depth(change: &DepthChange<'_>) -> Self {
        let update = change.update;
        if update.action == DepthAction::RestSnapshot {
            // The book has what follows the snapshot, whose own number is that of no update.
            let view = change.book.view();
            return Self { seq: view.seq().unwrap_or(NO_SEQ), ts: view.ts_event, ..Self::NONE };
        }
        let checksum = u64::from(update.checksum.unwrap_or_default().cast_unsigned());
        let levels = update.asks.iter().chain(update.bids);
        Self::of_levels(update.seq, update.ts_event, checksum, levels)
    }

    /// The key of what consists of levels: by its number, or by its time and content.
    #[inline]
    fn of_levels<'l>(
        seq: i64,
        ts: UnixNanos,
        extra: u64,
        levels: impl Iterator<Item = &'l Level>,
    ) -> Self {
        if seq != NO_SEQ {
            return Self { seq, ts, hash: 0 };
        }
        let mut hasher = FixedState::default().build_hasher();
        (ts.0, extra).hash(&mut hasher);
        // Word by word: an array would be hashed as bytes, with its length.
        levels.flat_map(|level| level.to_words()).for_each(|word| hasher.write_u64(word));
        Self { seq, ts, hash: hasher.finish() }
    }

    #[inline]
    pub(super) fn of_trade(trade: &Trade) -> Self {
        // An id can come again behind a sequence reset; with its time it does not.
        let seq = i64::try_from(trade.trade_id).unwrap_or(i64::MAX);
        Self { seq, ts: trade.ts_event, hash: trade.ts_event.0 }
    }

    pub(super) fn of_record(record: &Record) -> Self {
        let mut hasher = FixedState::default().build_hasher();
        // All but when it was received.
        let sent = Record { ts_recv: UnixNanos::UNKNOWN, ..*record };
        sent.put_words(0, |_, word| word.hash(&mut hasher));
        Self { seq: NO_SEQ, ts: record.order(), hash: hasher.finish() }
    }

    pub(super) const fn both_numbered(&self, other: &Self) -> bool {
        self.seq != NO_SEQ && other.seq != NO_SEQ
    }

    /// Whether both are one update, whatever their times.
    pub(super) const fn is_same(&self, other: &Self) -> bool {
        self.seq == other.seq && self.hash == other.hash
    }
}
