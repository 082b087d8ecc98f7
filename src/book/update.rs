//! A message of an order book.

use crate::model::{Level, NO_SEQ, Qty, Topic, UnixNanos};

/// Whether an order-book message replaces the book or changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DepthAction {
    /// The whole book: v3 `partial`, v5 `snapshot`.
    Snapshot,
    /// Changed levels: `update`.
    Update,
    /// A REST snapshot (in SBE: template 1006). The channel's updates must span its number before
    /// the book is live.
    RestSnapshot,
}

impl DepthAction {
    /// The action's name: `snapshot`, `update` or `rest_snapshot`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Update => "update",
            Self::RestSnapshot => "rest_snapshot",
        }
    }
}

/// One order-book message: a snapshot, or the levels that changed.
#[derive(Clone, Copy, Debug)]
pub struct DepthUpdate<'f> {
    /// The channel and the instrument.
    pub topic: Topic<'f>,
    /// Snapshot or update.
    pub action: DepthAction,
    /// The exchange's time of the book.
    pub ts_event: UnixNanos,
    /// The receive time of the frame.
    pub ts_recv: UnixNanos,
    /// v5's `seqId`, [`DepthUpdate::NO_SEQ`] if it was not sent.
    pub seq: i64,
    /// v5's `prevSeqId`, [`DepthUpdate::NO_SEQ`] if it was not sent; -1 in a snapshot.
    pub prev_seq: i64,
    /// The checksum of the book after this message; `None` if it was not sent.
    ///
    /// Since 2026-06-23 v5 always sends 0, which is passed on unchanged.
    pub checksum: Option<i32>,
    /// Ask levels in the order of the message, which is best first; a size of zero deletes.
    pub asks: &'f [Level],
    /// Bid levels in the order of the message, which is best first; a size of zero deletes.
    pub bids: &'f [Level],
    /// The part of each level's size without RPI orders; `None` for channels that do not send it.
    pub non_rpi: Option<NonRpiSizes<'f>>,
}

/// The part of each level's size without RPI orders (formerly ELP), in the order of the levels.
///
/// Source: the third element of a level of `books-rpi`; 0 if it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonRpiSizes<'f> {
    /// One size per ask level.
    pub asks: &'f [Qty],
    /// One size per bid level.
    pub bids: &'f [Qty],
}

impl DepthUpdate<'_> {
    /// The value of a missing sequence number of a trade or book.
    pub const NO_SEQ: i64 = NO_SEQ;
}

impl DepthUpdate<'_> {
    /// v5's `seqId`; `None` if it was not sent.
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        if self.seq == NO_SEQ { None } else { Some(self.seq) }
    }
}
