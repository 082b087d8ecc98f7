//! Updates of an order book that await a REST snapshot.

use super::update::{DepthAction, DepthUpdate};
use crate::model::{Level, NO_SEQ, Topic, UnixNanos};

/// The most updates that are kept, and the most levels in them.
///
/// The exchange updates a snapshot every 500 ms and sends an update every 10 ms at most; a recorded
/// update has up to 163 levels and seldom more than 16.
const MAX_UPDATES: usize = 512;
const MAX_LEVELS: usize = 8192;

/// The place of a snapshot among the kept updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SnapshotPosition {
    /// It is older than all of them.
    Before,
    /// The update at this index is the first that spans its number.
    At(usize),
    /// It is newer than all of them.
    After,
}

/// An update without its topic; its levels are a range of the common memory, asks first.
#[derive(Clone, Copy, Debug)]
struct PendingUpdate {
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    seq: i64,
    prev_seq: i64,
    checksum: Option<i32>,
    first: usize,
    asks: usize,
    bids: usize,
}

/// The chain of updates since the last gap or sequence reset: each follows the one before by its
/// numbers, and its own number is higher.
///
/// Memory is allocated once. If it is full, all updates are dropped: the snapshot must then be
/// newer than they are.
#[derive(Clone, Debug)]
pub(super) struct PendingUpdates {
    updates: Vec<PendingUpdate>,
    levels: Vec<Level>,
    /// The number of the chain's last update, kept or not; [`NO_SEQ`] without a chain.
    last: i64,
}

impl PendingUpdates {
    pub(super) fn new() -> Self {
        Self {
            updates: Vec::with_capacity(MAX_UPDATES),
            levels: Vec::with_capacity(MAX_LEVELS),
            last: NO_SEQ,
        }
    }

    /// Drops all updates, and the chain.
    pub(super) fn clear(&mut self) {
        self.drop_updates();
        self.last = NO_SEQ;
    }

    fn drop_updates(&mut self) {
        self.updates.clear();
        self.levels.clear();
    }

    /// Whether there is a chain.
    pub(super) const fn has_chain(&self) -> bool {
        self.last != NO_SEQ
    }

    /// Whether an update continues the chain. Its number is higher, or it is a heartbeat: levels
    /// cannot change without a new number, so a reset has given the number once more.
    pub(super) const fn is_continued_by(&self, update: &DepthUpdate<'_>) -> bool {
        let &DepthUpdate { seq, prev_seq, asks, bids, .. } = update;
        let is_heartbeat = seq == prev_seq && asks.is_empty() && bids.is_empty();
        self.has_chain() && self.last == prev_seq && (prev_seq < seq || is_heartbeat)
    }

    /// Adds an update. True if it begins a chain, because it does not follow the last one or is a
    /// sequence reset: nothing before it can be joined with what comes after it.
    pub(super) fn push(&mut self, update: &DepthUpdate<'_>) -> bool {
        let is_next = self.is_continued_by(update);
        self.last = update.seq;
        if !is_next {
            self.drop_updates();
        } else if update.seq == update.prev_seq {
            // A heartbeat.
            return false;
        }
        let (asks, bids) = (update.asks.len(), update.bids.len());
        let is_full = self.updates.len() == MAX_UPDATES;
        if is_full || self.levels.len() + asks + bids > MAX_LEVELS {
            self.drop_updates();
        }
        if asks + bids <= MAX_LEVELS {
            let first = self.levels.len();
            self.levels.extend_from_slice(update.asks);
            self.levels.extend_from_slice(update.bids);
            let &DepthUpdate { ts_event, ts_recv, seq, prev_seq, checksum, .. } = update;
            let kept =
                PendingUpdate { ts_event, ts_recv, seq, prev_seq, checksum, first, asks, bids };
            self.updates.push(kept);
        }
        !is_next
    }

    /// The place of a snapshot of this number, which is not older than the chain's first update.
    /// The first update that spans the number is right even where another one does so too: sizes
    /// are absolute, so an update that the snapshot contains may be applied again if all after it
    /// are.
    pub(super) fn place(&self, seq: i64) -> SnapshotPosition {
        let spans = |update: &PendingUpdate| {
            update.seq == seq || update.prev_seq <= seq && seq < update.seq
        };
        match self.updates.iter().position(spans) {
            Some(at) => SnapshotPosition::At(at),
            None if seq < self.last => SnapshotPosition::Before,
            None => SnapshotPosition::After,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.updates.len()
    }

    /// An update, with the topic of its snapshot.
    pub(super) fn at<'f>(&'f self, at: usize, topic: Topic<'f>) -> Option<DepthUpdate<'f>> {
        let update = self.updates.get(at)?;
        let levels = self.levels.get(update.first..update.first + update.asks + update.bids)?;
        let (asks, bids) = levels.split_at_checked(update.asks)?;
        Some(DepthUpdate {
            topic,
            action: DepthAction::Update,
            ts_event: update.ts_event,
            ts_recv: update.ts_recv,
            seq: update.seq,
            prev_seq: update.prev_seq,
            checksum: update.checksum,
            asks,
            bids,
            non_rpi: None,
        })
    }
}
