//! The publishers and readers of each kind of state, by name.

use super::depth::DepthSnapshot;
use super::latest::{SeqPublisher, SeqReader};
use super::ring::{RingPublisher, RingReader};
use crate::book::Book5;
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
