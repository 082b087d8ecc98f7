//! The order book: a snapshot, the updates after it, and its sync state.

use super::book_ref::BookRef;
use super::checksum::{BookChecksum, Verify};
use super::non_rpi::NonRpiBook;
use super::pending::PendingUpdates;
use super::side::{BookSide, DepthSide};
use super::sync::{Attribution, BookSync, DesyncCause, FaultPolicy};
use crate::model::{NO_SEQ, UnixNanos};

mod apply;
mod splice;

/// The default capacity of a side of a [`DepthBook`], in levels.
///
/// Recorded snapshots have up to 452 levels. Later ones have at most 400, and the books stay within
/// 401.
pub(crate) const DEFAULT_DEPTH: usize = 512;

/// The largest capacity of a side, in levels: a few megabytes a side.
pub(crate) const MAX_DEPTH: usize = 1 << 16;

/// An order book of up to a fixed number of levels a side, maintained by snapshots and updates.
///
/// Allocates all memory when it is made. Nothing allocates after that, faults and new snapshots
/// included.
///
/// - **Verification.** If sequence numbers or checksum do not match, the book is
///   [`BookSync::Broken`], and [`DepthBook::live`] returns `None` until the next snapshot.
/// - **Order.** The levels of a message are applied in their order, asks first. For a repeated
///   price the last level applies.
/// - **Old snapshots.** A snapshot older than the last book
///   ([`Sequence::Old`](super::sequence::Sequence::Old)) breaks the book, within a chain and at the
///   start of a new connection. A lower number at a later time is a sequence reset and is accepted.
///   A broken or empty book accepts any snapshot 30 s after the last message.
/// - **REST snapshots.** After [`DepthBook::keep_updates`], a
///   [`DepthAction::RestSnapshot`](super::update::DepthAction::RestSnapshot) is joined with the
///   chain of updates around it by their numbers. A live book ignores it.
/// - **Capacity.** When a side is full, the worst level is dropped. From its price on the book may
///   lack levels of the exchange, so it keeps none there and reports the limit
///   ([`BookRef::ask_limit`]). The levels before the limit are complete. If such a side shrinks
///   below [`Checksum::LEVELS`](super::checksum::Checksum::LEVELS) levels (or half of a smaller
///   capacity), the book is broken.
///
/// Source: v3 `depth`, `depth_l2_tbt`; v5 `books`, `books-l2-tbt` and their like. Sizes are
/// absolute, zero deletes.
///
/// # Example
/// ```
/// use okx_feed::book::DepthAction;
/// use okx_feed::{Channel, DepthBook, DepthUpdate, Level, Topic, UnixNanos};
///
/// let level = |px: &str, sz: &str| Level::new(px.parse().unwrap(), sz.parse().unwrap(), 1);
/// let (asks, bids) = ([level("2.1", "5")], [level("2.0", "7")]);
/// let snapshot = DepthUpdate {
///     topic: Topic::v5(Channel::Books, "BTC-USDT"),
///     action: DepthAction::Snapshot,
///     ts_event: UnixNanos(1),
///     ts_recv: UnixNanos(2),
///     seq: 10,
///     prev_seq: -1,
///     checksum: None,
///     asks: &asks,
///     bids: &bids,
///     non_rpi: None,
/// };
/// let mut book = DepthBook::new();
/// assert!(book.live().is_none());
/// book.apply(&snapshot);
/// assert_eq!(book.live().unwrap().best_bid().unwrap().px().to_string(), "2.0");
///
/// // A message is missing before this one, so the book is no longer live.
/// let update =
///     DepthUpdate { action: DepthAction::Update, seq: 13, prev_seq: 12, bids: &[], ..snapshot };
/// assert!(!book.apply(&update).applied);
/// assert!(book.live().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct DepthBook {
    asks: DepthSide,
    bids: DepthSide,
    checksum: Box<BookChecksum>,
    sync: BookSync,
    verify: Verify,
    fault_policy: FaultPolicy,
    /// The number of updates since the last verified one.
    unverified: u32,
    /// The sequence number of the last message, applied or not, which the next one must follow.
    last_seq: i64,
    /// Whether an update since the snapshot had a `prevSeqId`.
    is_chained: bool,
    /// The sequence number of the last applied message.
    seq: i64,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    /// The version of the book before [`DepthBook::clear`].
    cleared: BookVersion,
    /// Whether the book has changed since it broke, for diagnosis: `cleared` is its version then.
    is_diagnosed: bool,
    /// Whether the last message named the number before its own, as a snapshot does with -1.
    names_previous: bool,
    /// The sizes without RPI orders; only after [`DepthBook::keep_non_rpi`].
    non_rpi: Option<Box<NonRpiBook>>,
    /// The updates that await a REST snapshot; only after [`DepthBook::keep_updates`].
    pending: Option<Box<PendingUpdates>>,
}

impl DepthBook {
    /// The default capacity of a side, in levels.
    ///
    /// Recorded snapshots have up to 452 levels. Later ones have at most 400, and the books stay
    /// within 401.
    pub const DEFAULT_CAPACITY: usize = DEFAULT_DEPTH;

    /// The largest capacity of a side, in levels: a few megabytes a side.
    pub const MAX_CAPACITY: usize = MAX_DEPTH;
}

impl DepthBook {
    /// Makes a book with a capacity of [`DepthBook::DEFAULT_CAPACITY`] levels a side.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_DEPTH)
    }

    /// Makes a book with a capacity of `levels_per_side`, clamped to 1 to
    /// [`DepthBook::MAX_CAPACITY`].
    ///
    /// Allocates all memory of the book: about 100 bytes a level and 5 kB.
    #[must_use]
    pub fn with_capacity(levels_per_side: usize) -> Self {
        let capacity = levels_per_side.clamp(1, MAX_DEPTH);
        Self {
            asks: DepthSide::new(BookSide::Ask, capacity),
            bids: DepthSide::new(BookSide::Bid, capacity),
            checksum: Box::new(BookChecksum::new()),
            sync: BookSync::NoSnapshot,
            verify: Verify::Every,
            fault_policy: FaultPolicy::Reject,
            unverified: 0,
            last_seq: NO_SEQ,
            is_chained: false,
            seq: NO_SEQ,
            ts_event: UnixNanos::UNKNOWN,
            ts_recv: UnixNanos::UNKNOWN,
            cleared: BookVersion::UNKNOWN,
            is_diagnosed: false,
            names_previous: false,
            non_rpi: None,
            pending: None,
        }
    }

    /// Keeps the updates that arrive while the book is not live, so that a
    /// [`DepthAction::RestSnapshot`](super::update::DepthAction::RestSnapshot) can be joined with
    /// them. Allocates about 220 kB: up to 512 updates of 8,192 levels. Call it before the first
    /// message.
    pub fn keep_updates(&mut self) {
        self.pending = Some(Box::new(PendingUpdates::new()));
    }

    /// Maintains a second book of the sizes without RPI orders, from
    /// [`DepthUpdate::non_rpi`](super::update::DepthUpdate::non_rpi). Doubles the memory. Call it
    /// before the first message.
    pub fn keep_non_rpi(&mut self) {
        self.non_rpi = Some(Box::new(NonRpiBook::new(self.capacity())));
    }

    /// Sets which messages are verified by checksum. The default is [`Verify::Every`].
    pub fn set_verify(&mut self, verify: Verify) {
        self.verify = verify;
        self.unverified = 0;
        self.checksum.forget();
    }

    /// Sets whether a broken book rejects updates. The default is [`FaultPolicy::Reject`].
    pub const fn set_fault_policy(&mut self, fault_policy: FaultPolicy) {
        self.fault_policy = fault_policy;
    }

    /// The capacity of a side, in levels.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.asks.capacity()
    }

    /// The sync state: whether the book matches the exchange's messages.
    #[inline]
    #[must_use]
    pub const fn sync(&self) -> BookSync {
        self.sync
    }

    /// The book if it is [`BookSync::Live`]: `None` before the first snapshot and while it is
    /// broken.
    ///
    /// Does not cover a silent channel or a lost connection; see
    /// [`BookState`](crate::model::BookState).
    #[inline]
    #[must_use]
    pub fn live(&self) -> Option<BookRef<'_>> {
        (self.sync == BookSync::Live).then(|| self.view())
    }

    /// The current levels in any sync state, for diagnosis. Use [`DepthBook::live`] for trading.
    #[inline]
    #[must_use]
    pub fn view(&self) -> BookRef<'_> {
        BookRef::new(&self.asks, &self.bids, self.seq, self.ts_event, self.ts_recv)
    }

    /// The book of the sizes without RPI orders if it is live; `None` also without
    /// [`DepthBook::keep_non_rpi`]. Omits levels that only have RPI orders.
    #[must_use]
    pub fn live_non_rpi(&self) -> Option<BookRef<'_>> {
        self.live()?;
        self.non_rpi_view()
    }

    /// The levels of [`DepthBook::live_non_rpi`] in any sync state, for diagnosis.
    #[must_use]
    pub fn non_rpi_view(&self) -> Option<BookRef<'_>> {
        let (seq, ts_event, ts_recv) = (self.seq, self.ts_event, self.ts_recv);
        self.non_rpi.as_ref().map(|book| book.view(seq, ts_event, ts_recv))
    }

    /// Removes all levels and awaits a snapshot, as after a lost connection. Settings stay. The
    /// version of the book is retained, so that an older snapshot is detected.
    pub fn clear(&mut self) {
        self.cleared = self.last_version();
        self.is_diagnosed = false;
        if let Some(pending) = &mut self.pending {
            pending.clear();
        }
        self.clear_levels();
        self.sync = BookSync::NoSnapshot;
        (self.last_seq, self.seq) = (NO_SEQ, NO_SEQ);
        (self.ts_event, self.ts_recv) = (UnixNanos::UNKNOWN, UnixNanos::UNKNOWN);
    }

    /// As [`DepthBook::clear`], and drops the version too: the book is in its initial state.
    pub fn forget(&mut self) {
        self.clear();
        self.cleared = BookVersion::UNKNOWN;
    }

    /// Handles a lost message, such as a malformed one. Returns true if that breaks a live book.
    ///
    /// - [`Attribution::Exact`]: the book is broken.
    /// - Otherwise, a book whose updates name the number before theirs stays live, because the next
    ///   message shows a gap.
    /// - Otherwise, the book is broken: rising numbers alone show no loss, and a checksum covers
    ///   the best levels only.
    pub const fn message_lost(&mut self, attribution: Attribution) -> bool {
        let is_certain = matches!(attribution, Attribution::Exact) || !self.names_previous;
        let breaks = matches!(self.sync, BookSync::Live) && is_certain;
        if breaks {
            self.sync = BookSync::Broken(DesyncCause::Lost);
        }
        breaks
    }

    /// The version of the last book, also after [`DepthBook::clear`].
    fn last_version(&self) -> BookVersion {
        let Self { seq, ts_event, ts_recv, .. } = *self;
        match ts_event {
            _ if self.is_diagnosed => self.cleared,
            UnixNanos::UNKNOWN => self.cleared,
            _ => BookVersion { seq, ts_event, ts_recv },
        }
    }

    /// Notes that a broken book changes for diagnosis. Its version stays that of the last live one,
    /// with which the next snapshot is compared.
    #[cold]
    fn diagnose(&mut self) {
        self.cleared = self.last_version();
        self.is_diagnosed = true;
    }

    fn clear_levels(&mut self) {
        self.asks.clear();
        self.bids.clear();
        self.checksum.forget();
        self.unverified = 0;
    }
}

impl Default for DepthBook {
    fn default() -> Self {
        Self::new()
    }
}

/// The sequence number and times of a book's last message.
#[derive(Clone, Copy, Debug)]
struct BookVersion {
    seq: i64,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
}

impl BookVersion {
    const UNKNOWN: Self =
        Self { seq: NO_SEQ, ts_event: UnixNanos::UNKNOWN, ts_recv: UnixNanos::UNKNOWN };
}
