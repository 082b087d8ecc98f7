//! What a format of files is: where each kind of message goes.

use std::borrow::Cow;
use std::path::PathBuf;

use super::amounts::ContractValues;
use super::error::ExportError;
use crate::book::Book5;
use crate::event::RecordUpdate;
use crate::model::{Level, Topic, Trade, UnixNanos};

/// How many of an order book's best levels a format gets with each message.
pub(super) const BEST_LEVELS: usize = 25;

/// A format of files.
pub(super) trait Format {
    fn trade(&mut self, topic: &Topic<'_>, row: &TradeRow) -> Result<Written, ExportError>;

    fn book(&mut self, topic: &Topic<'_>, book: &Book5) -> Result<Written, ExportError>;

    /// Whether the order book of a topic is written, at `local`.
    fn takes_depth(&mut self, topic: &Topic<'_>, local: UnixNanos) -> Result<Takes, ExportError>;

    fn depth(&mut self, topic: &Topic<'_>, rows: &DepthRows<'_>) -> Result<Written, ExportError>;

    /// Writes a record; not every format has a place for it.
    fn record(&mut self, _: &RecordUpdate<'_>, _: &ContractValues) -> Result<Written, ExportError> {
        Ok(Written::LeftOut)
    }

    /// Writes what is left; gives the files and how many rows they have.
    fn finish(&mut self) -> Result<(Vec<PathBuf>, u64), ExportError>;
}

/// Whether a message was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    /// The format has no place for it, or another channel has the same content.
    LeftOut,
}

/// Whether an order book is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Yes,
    /// Its file begins here: it has to begin with a whole book.
    Whole,
    /// Another channel has the same content.
    No,
}

/// A trade.
pub(super) struct TradeRow {
    pub(super) trade: Trade,
    pub(super) replayed: bool,
    pub(super) missed: u64,
}

/// What is written of a message of an order book.
pub(super) struct DepthRows<'a> {
    pub(super) ts_event: UnixNanos,
    pub(super) ts_recv: UnixNanos,
    pub(super) seq: i64,
    pub(super) prev_seq: i64,
    /// Whether the levels are those of the whole book.
    pub(super) is_snapshot: bool,
    pub(super) asks: Cow<'a, [Level]>,
    pub(super) bids: Cow<'a, [Level]>,
    /// The best asks and bids after it.
    pub(super) best: (Cow<'a, [Level]>, Cow<'a, [Level]>),
}
