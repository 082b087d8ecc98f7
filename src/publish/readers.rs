//! The publishers and readers of each kind of state, by name.

use super::depth::DepthSnapshot;
use super::latest::{SeqPublisher, SeqReader};
use super::ring::{RingPublisher, RingReader};
use crate::book::Book5;
#[cfg(feature = "client")]
use crate::model::{BookState, UnixNanos};
use crate::model::{Record, Trade};

/// The writer of a published five-level book.
pub type BookPublisher = SeqPublisher<Book5>;

/// A reader of a published five-level book. Can be cloned and used on any thread.
pub type BookReader = SeqReader<Book5>;

/// The writer of the published best levels of an order book.
pub type DepthPublisher = SeqPublisher<DepthSnapshot>;

/// A reader of the published best levels of an order book. Can be cloned and used on any thread.
pub type DepthReader = SeqReader<DepthSnapshot>;

/// The writer of a published ring of trades.
pub type TradePublisher = RingPublisher<Trade>;

/// A reader of a published ring of trades. Can be cloned and used on any thread.
pub type TradeReader = RingReader<Trade>;

/// The writer of a published record that each message replaces.
pub type RecordPublisher = SeqPublisher<Record>;

/// A reader of the latest record. Can be cloned and used on any thread.
pub type RecordReader = SeqReader<Record>;

/// The writer of a published ring of records.
pub type RecordRingPublisher = RingPublisher<Record>;

/// A reader of a published ring of records. Can be cloned and used on any thread.
pub type RecordRingReader = RingReader<Record>;

/// The readers of one subscription; `None` for data that its channel does not have. Can be cloned
/// and used on any thread.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Readers {
    /// Of the five-level book, or of the best five levels of an order book.
    pub book: Option<BookReader>,
    /// Of the best levels of an order book.
    pub depth: Option<DepthReader>,
    /// Of the last trades.
    pub trades: Option<TradeReader>,
    /// Of the latest record.
    pub record: Option<RecordReader>,
    /// Of the last records of a stream, such as liquidations.
    pub records: Option<RecordRingReader>,
}

#[cfg(feature = "client")]
impl Readers {
    /// The state of the subscription; `None` if it has no reader.
    pub(crate) fn state(&self) -> Option<BookState> {
        let Self { book, depth, trades, record, records } = self;
        let book = book.as_ref().map(|reader| reader.snapshot().state);
        let depth = || depth.as_ref().map(|reader| reader.snapshot().state);
        let trades = || trades.as_ref().map(RingReader::state);
        let record = || record.as_ref().map(|reader| reader.snapshot().state);
        let records = || records.as_ref().map(RingReader::state);
        book.or_else(depth).or_else(trades).or_else(record).or_else(records)
    }

    /// When the last message came, and its exchange time; both unknown before the first.
    pub(crate) fn times(&self) -> (UnixNanos, UnixNanos) {
        let Self { book, depth, trades, record, records } = self;
        let book = || book.as_ref().map(|reader| reader.value()).map(|b| (b.ts_recv, b.ts_event));
        let depth = depth.as_ref().map(|reader| reader.value()).map(|d| (d.ts_recv, d.ts_event));
        let trade = || trades.as_ref()?.last().map(|trade| (trade.ts_recv, trade.ts_event));
        let record = || record.as_ref().map(|reader| reader.value());
        let record = || record().or_else(|| records.as_ref()?.last());
        let record = || record().map(|record| (record.ts_recv, record.ts_event));
        depth.or_else(book).or_else(trade).or_else(record).unwrap_or_default()
    }
}
