//! The readers of one subscription, which the client's handle gives out.

use crate::feed::{Arbiter, FeedHandler};
use crate::model::{BookState, Subscription, UnixNanos};
use crate::publish::{BookReader, DepthReader, RecordReader, RecordRingReader, TradeReader};

/// The readers of one subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers {
    pub(super) book: Option<BookReader>,
    pub(super) depth: Option<DepthReader>,
    pub(super) trades: Option<TradeReader>,
    pub(super) record: Option<RecordReader>,
    pub(super) records: Option<RecordRingReader>,
}

impl Readers {
    pub(super) fn of(handler: &mut FeedHandler, subscription: &Subscription) -> Self {
        Self {
            book: handler.book_reader(subscription),
            depth: handler.depth_reader(subscription),
            trades: handler.trade_reader(subscription),
            record: handler.record_reader(subscription),
            records: handler.record_ring_reader(subscription),
        }
    }

    /// The state of the subscription; `None` if it has no reader.
    pub(super) fn state(&self) -> Option<BookState> {
        let Self { book, depth, trades, record, records } = self;
        let book = book.as_ref().map(|reader| reader.snapshot().state);
        let depth = || depth.as_ref().map(|reader| reader.snapshot().state);
        let trades = || trades.as_ref().map(TradeReader::state);
        let record = || record.as_ref().map(|reader| reader.snapshot().state);
        let records = || records.as_ref().map(RecordRingReader::state);
        book.or_else(depth).or_else(trades).or_else(record).or_else(records)
    }

    /// When the last message came, and its exchange time; both unknown before the first.
    pub(super) fn times(&self) -> (UnixNanos, UnixNanos) {
        let Self { book, depth, trades, record, records } = self;
        let book = || book.as_ref().map(|reader| reader.value()).map(|b| (b.ts_recv, b.ts_event));
        let depth = depth.as_ref().map(|reader| reader.value()).map(|d| (d.ts_recv, d.ts_event));
        let trade = || trades.as_ref()?.last().map(|trade| (trade.ts_recv, trade.ts_event));
        let record = || record.as_ref().map(|reader| reader.value());
        let record = || record().or_else(|| records.as_ref()?.last());
        let record = || record().map(|record| (record.ts_recv, record.ts_event));
        depth.or_else(book).or_else(trade).or_else(record).unwrap_or_default()
    }

    pub(super) fn of_lines(arbiter: &Arbiter, subscription: &Subscription) -> Self {
        Self {
            book: arbiter.book_reader(subscription),
            depth: arbiter.depth_reader(subscription),
            trades: arbiter.trade_reader(subscription),
            record: arbiter.record_reader(subscription),
            records: arbiter.record_ring_reader(subscription),
        }
    }
}
