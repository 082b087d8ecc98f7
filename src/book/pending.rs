//! Updates of an order book that await a snapshot by request.

use std::time::Duration;

use super::update::{DepthAction, DepthUpdate};
use crate::model::{Level, Topic, UnixNanos};

/// The most updates that are kept, and the most levels in them.
///
/// The exchange updates a snapshot every 500 ms and sends an update every 10 ms at most; a recorded
/// update has up to 163 levels and seldom more than 16.
const MAX_UPDATES: usize = 512;
const MAX_LEVELS: usize = 8192;

/// The times of a snapshot and of an update come from different servers of the exchange: within
/// this they may differ for one state of the book.
const TOLERANCE: Duration = Duration::from_millis(250);

/// How long after a sequence reset was received a snapshot may still be from before it: the
/// exchange answers from a cache of about 500 ms, and numbers of before may occur after it.
const CACHE_AGE: Duration = Duration::from_millis(2_500);

/// Whether a time is before another by more than the servers' clocks may differ.
pub(super) fn is_clearly_before(ts: UnixNanos, other: UnixNanos) -> bool {
    other.since(ts).is_some_and(|by| by > TOLERANCE)
}

/// The place of a snapshot among the kept updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
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
    first: usize,
    asks: usize,
    bids: usize,
}

/// The updates since the last gap or sequence reset: each follows the one before by its numbers.
///
/// Memory is allocated once. If it is full, all updates are dropped: the snapshot must then be
/// newer than they are.
#[derive(Clone, Debug)]
pub(super) struct PendingUpdates {
    updates: Vec<PendingUpdate>,
    levels: Vec<Level>,
    /// When a sequence reset was received last.
    reset_at: UnixNanos,
}

impl PendingUpdates {
    pub(super) fn new() -> Self {
        Self {
            updates: Vec::with_capacity(MAX_UPDATES),
            levels: Vec::with_capacity(MAX_LEVELS),
            reset_at: UnixNanos::UNKNOWN,
        }
    }

    /// Notes that a sequence reset was received.
    pub(super) const fn note_reset(&mut self, ts_recv: UnixNanos) {
        self.reset_at = ts_recv;
    }

    /// Whether a snapshot that is received at this time may be from before the last reset, whatever
    /// its number and its time say: the exchange's clock may step at a reset. The reset itself
    /// follows one of exactly its number.
    pub(super) fn may_be_from_before_reset(&self, seq: i64, ts_recv: UnixNanos) -> bool {
        let since = ts_recv.since(self.reset_at);
        let is_soon = since.is_some_and(|since| since < CACHE_AGE);
        let is_exact = self.updates.first().is_some_and(|first| first.prev_seq == seq);
        self.reset_at != UnixNanos::UNKNOWN && is_soon && !is_exact
    }

    pub(super) fn clear(&mut self) {
        self.updates.clear();
        self.levels.clear();
    }

    /// Adds an update. One that does not follow the last one replaces all: nothing before it can be
    /// joined with what comes after it. So does a sequence reset, which may be the first update.
    pub(super) fn push(&mut self, update: &DepthUpdate<'_>) {
        let is_next = self.updates.last().is_some_and(|last| last.seq == update.prev_seq);
        let is_reset = update.seq < update.prev_seq;
        if is_reset {
            self.note_reset(update.ts_recv);
        }
        if !is_next || is_reset {
            self.clear();
        } else if update.seq == update.prev_seq {
            // A heartbeat.
            return;
        }
        let (asks, bids) = (update.asks.len(), update.bids.len());
        let is_full = self.updates.len() == MAX_UPDATES;
        if is_full || self.levels.len() + asks + bids > MAX_LEVELS {
            self.clear();
        }
        if asks + bids > MAX_LEVELS {
            return;
        }
        let first = self.levels.len();
        self.levels.extend_from_slice(update.asks);
        self.levels.extend_from_slice(update.bids);
        let &DepthUpdate { ts_event, ts_recv, seq, prev_seq, .. } = update;
        self.updates.push(PendingUpdate { ts_event, ts_recv, seq, prev_seq, first, asks, bids });
    }

    /// The place of a snapshot of this number and time. The first update that spans the number is
    /// right even where another one does so too: sizes are absolute, so an update that the snapshot
    /// contains may be applied again if all after it are.
    ///
    /// Numbers that their times contradict are from before or after a sequence reset.
    pub(super) fn place(&self, seq: i64, ts_event: UnixNanos) -> Place {
        let spans = |update: &PendingUpdate| {
            let is_within = update.prev_seq < seq && seq < update.seq;
            (update.prev_seq == seq || update.seq == seq || is_within)
                && !is_clearly_before(update.ts_event, ts_event)
        };
        let at = self.updates.iter().position(spans);
        let is_older = self.updates.last().is_some_and(|last| at.is_none() && seq < last.seq);
        let mut contained = self.updates.iter().take(at.unwrap_or(self.updates.len()));
        match at {
            _ if is_older => Place::Before,
            _ if contained.any(|update| is_clearly_before(ts_event, update.ts_event)) => {
                Place::Before
            }
            Some(at) => Place::At(at),
            None => Place::After,
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
            checksum: None,
            asks,
            bids,
            non_rpi: None,
        })
    }
}
