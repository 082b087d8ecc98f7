//! The deep book: a snapshot, the increments after it, and whether it can be believed.

use std::time::Duration;

use super::book_ref::BookRef;
use super::checksum::{self, BookChecksum, Checksum, Verify};
use super::non_rpi::NonRpiBook;
use super::sequence::Sequence;
use super::side::{BookSide, DepthSide, SideChange};
use super::sync::{ApplyOutcome, BookSync, DesyncCause, FaultPolicy};
use super::update::{DepthAction, DepthUpdate};
use crate::model::{Decimal, Level, NO_SEQ, UnixNanos};

/// The levels that a side of a [`DepthBook`] has room for unless told otherwise.
///
/// Snapshots of 452 levels were recorded; later ones have at most 400, and the books never grew
/// past 401.
pub(crate) const DEFAULT_DEPTH: usize = 512;

/// So long after the last message a snapshot that looks older than the book is believed: number and
/// clock of the exchange have begun anew at once.
const OLD_SNAPSHOTS: Duration = Duration::from_secs(30);

/// The most levels a side that a [`DepthBook`] can be made for: a few megabytes a side.
pub(crate) const MAX_DEPTH: usize = 1 << 16;

/// A book of up to a fixed number of levels a side, kept by a snapshot and increments.
///
/// All memory is taken when it is made; nothing after that allocates, faults and new snapshots
/// included. A book whose messages do not add up is [`BookSync::Broken`] and is not shown by
/// [`DepthBook::live`] until the next snapshot; nothing is repaired in silence.
///
/// Within a message the levels count in their order, asks first: where a price comes twice the last
/// one holds.
///
/// A snapshot from before the book that was there last ([`Sequence::Old`]) breaks the book, be it in
/// the middle of a chain or the first one of a new connection. A lower number at a later time is a new
/// count and is taken, and so is what looks older half a minute after the last message that counted.
///
/// When a side is full the worst level leaves. From its price on the book may lack levels of the
/// exchange, so it keeps nothing there and says so ([`BookRef::ask_limit`]): what it has is
/// always without holes. Should such a side shrink below
/// [`Checksum::LEVELS`] levels (or half of a smaller capacity) the book is
/// broken.
///
/// Source: v3 `depth`, `depth_l2_tbt`; v5 `books`, `books-l2-tbt` and their like. Sizes are
/// absolute, zero deletes.
///
/// # Example
/// ```
/// use okx_feed::{Channel, DepthAction, DepthBook, DepthUpdate, Level, Topic, UnixNanos};
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
/// // A message is missing before this one: the book is live no more.
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
    /// Updates since the last one that was verified.
    unverified: u32,
    /// The number of the last message, applied or not: what the next one must follow.
    last_seq: i64,
    /// Whether an update since the snapshot had a `prevSeqId`.
    is_chained: bool,
    /// The number of the last message that was applied.
    seq: i64,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    /// Number and times of the book that was there when [`DepthBook::clear`] emptied it.
    cleared: Place,
    /// The sizes that are not of RPI orders; only where [`DepthBook::keep_non_rpi`] was called.
    non_rpi: Option<Box<NonRpiBook>>,
}

impl DepthBook {
    /// The levels that a side of a [`DepthBook`] has room for unless told otherwise.
    ///
    /// Snapshots of 452 levels were recorded; later ones have at most 400, and the books never grew
    /// past 401.
    pub const DEFAULT_CAPACITY: usize = DEFAULT_DEPTH;

    /// The most levels a side that a [`DepthBook`] can be made for: a few megabytes a side.
    pub const MAX_CAPACITY: usize = MAX_DEPTH;
}

impl DepthBook {
    /// Makes a book with room for [`DepthBook::DEFAULT_CAPACITY`] levels a side.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_DEPTH)
    }

    /// Makes a book with room for so many levels a side, at least 1 and at most [`DepthBook::MAX_CAPACITY`].
    ///
    /// Allocates all that the book will ever need: about 100 bytes a level and 5 kB.
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
            cleared: Place::UNKNOWN,
            non_rpi: None,
        }
    }

    /// Has the book keep, beside all sizes, those that are not of RPI orders, of messages that say
    /// them ([`DepthUpdate::non_rpi`]). Takes as much memory again; to be called before the first
    /// message.
    pub fn keep_non_rpi(&mut self) {
        self.non_rpi = Some(Box::new(NonRpiBook::new(self.capacity())));
    }

    /// Sets which messages have their checksum compared: all, unless told otherwise.
    pub fn set_verify(&mut self, verify: Verify) {
        self.verify = verify;
        self.unverified = 0;
        self.checksum.forget();
    }

    /// Sets what the book does with updates once it is broken: refuse them, unless told otherwise.
    pub const fn set_fault_policy(&mut self, fault_policy: FaultPolicy) {
        self.fault_policy = fault_policy;
    }

    /// The levels that a side has room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.asks.capacity()
    }

    /// Whether the book can be believed.
    #[inline]
    #[must_use]
    pub const fn sync(&self) -> BookSync {
        self.sync
    }

    /// The book, if its messages add up: `None` before the first snapshot and while it is broken.
    /// That it is silent for too long, or its connection lost, the book does not know: see
    /// [`BookState`](crate::model::BookState).
    #[inline]
    #[must_use]
    pub fn live(&self) -> Option<BookRef<'_>> {
        (self.sync == BookSync::Live).then(|| self.view())
    }

    /// The levels as they are, whether or not they can be believed: for diagnosis. What trades
    /// uses [`DepthBook::live`].
    #[inline]
    #[must_use]
    pub fn view(&self) -> BookRef<'_> {
        BookRef::new(&self.asks, &self.bids, self.seq, self.ts_event, self.ts_recv)
    }

    /// The book of the sizes that are not of RPI orders, if it can be believed; `None` as well where
    /// [`DepthBook::keep_non_rpi`] was not called. A level that has no such size is not in it.
    #[must_use]
    pub fn live_non_rpi(&self) -> Option<BookRef<'_>> {
        self.live()?;
        self.non_rpi_view()
    }

    /// The levels of [`DepthBook::live_non_rpi`], whether or not they can be believed.
    #[must_use]
    pub fn non_rpi_view(&self) -> Option<BookRef<'_>> {
        let (seq, ts_event, ts_recv) = (self.seq, self.ts_event, self.ts_recv);
        self.non_rpi.as_ref().map(|book| book.view(seq, ts_event, ts_recv))
    }

    /// Forgets everything but the settings, as after a lost connection: the book then waits for a
    /// snapshot. Where it was is remembered, so that no older snapshot is taken for the book of now.
    pub fn clear(&mut self) {
        self.cleared = self.last_place();
        self.clear_levels();
        self.sync = BookSync::NoSnapshot;
        (self.last_seq, self.seq) = (NO_SEQ, NO_SEQ);
        (self.ts_event, self.ts_recv) = (UnixNanos::UNKNOWN, UnixNanos::UNKNOWN);
    }

    /// As [`DepthBook::clear`], and does not remember where it was: as if nothing had ever come.
    pub fn forget(&mut self) {
        self.clear();
        self.cleared = Place::UNKNOWN;
    }

    /// Notes that a message was lost, such as one that can't be read: this book's, or it may
    /// have been. True where that breaks a live book.
    ///
    /// Where it is not known whose it was, a book whose messages are numbered waits for the next
    /// one, which will show it. Where they are not, nothing need ever do so (a checksum knows the
    /// best levels only), so the book is broken.
    pub const fn message_lost(&mut self, is_known: bool) -> bool {
        let breaks = matches!(self.sync, BookSync::Live) && (is_known || self.last_seq == NO_SEQ);
        if breaks {
            self.sync = BookSync::Broken(DesyncCause::Lost);
        }
        breaks
    }

    /// Takes a message: a snapshot replaces the book, an update changes it, wholly or not at all.
    ///
    /// The caller sees to it that the message is of this book's channel and instrument. Allocates
    /// nothing. The work is bound by the levels of the message times the levels of the book, and is
    /// far less for changes near either end of a side.
    pub fn apply(&mut self, update: &DepthUpdate<'_>) -> ApplyOutcome {
        let sequence = match update.action {
            DepthAction::Snapshot if self.is_old(update) => Sequence::Old,
            DepthAction::Snapshot => Sequence::of_snapshot(update),
            DepthAction::Update if self.sync == BookSync::NoSnapshot => {
                return self.refused(Sequence::None);
            }
            DepthAction::Update => Sequence::of_update(self.last_seq, self.is_chained, update),
        };
        self.last_seq = update.seq;
        self.is_chained =
            update.action == DepthAction::Update && (self.is_chained || update.prev_seq != NO_SEQ);
        if update.asks.iter().chain(update.bids).any(|level| level.sz() < Decimal::ZERO) {
            // A snapshot as well: the book that it should have replaced is an old one.
            self.sync = self.sync.broken_by(DesyncCause::NegativeSize);
            return self.refused(sequence);
        }
        if update.action == DepthAction::Snapshot {
            if sequence == Sequence::Old {
                self.sync = self.sync.refused_snapshot();
                if self.fault_policy == FaultPolicy::Reject {
                    return self.refused(sequence);
                }
            } else {
                self.sync = BookSync::Live;
            }
            self.clear_levels();
        } else {
            if sequence == Sequence::Gap {
                self.sync = self.sync.broken_by(DesyncCause::Gap);
            }
            if self.sync != BookSync::Live && self.fault_policy == FaultPolicy::Reject {
                return self.refused(sequence);
            }
        }
        self.take(update, sequence)
    }

    /// Where the book was last, be it before it was cleared.
    fn last_place(&self) -> Place {
        let Self { seq, ts_event, ts_recv, .. } = *self;
        match ts_event {
            UnixNanos::UNKNOWN => self.cleared,
            _ => Place { seq, ts_event, ts_recv },
        }
    }

    /// Whether a snapshot is from before the book that was there last, as far as can be told.
    #[cold]
    fn is_old(&self, snapshot: &DepthUpdate<'_>) -> bool {
        let last = self.last_place();
        let is_old = match (last.seq, snapshot.seq) {
            (NO_SEQ, _) | (_, NO_SEQ) => snapshot.ts_event < last.ts_event,
            _ => snapshot.seq < last.seq && snapshot.ts_event <= last.ts_event,
        };
        let since = snapshot.ts_recv.since(last.ts_recv);
        let is_long_ago = since.is_some_and(|since| since >= OLD_SNAPSHOTS);
        // In a chain that goes on, time alone does not make an old snapshot a new one.
        is_old && (self.sync == BookSync::Live || !is_long_ago)
    }

    /// Applies a message that nothing speaks against.
    #[inline]
    fn take(&mut self, update: &DepthUpdate<'_>, sequence: Sequence) -> ApplyOutcome {
        let mut tally = Tally::NOTHING;
        let (mut asks, mut bids) = (update.asks, update.bids);
        if update.action == DepthAction::Snapshot {
            // The book is empty and the checksum's texts are forgotten.
            (asks, bids) = (self.asks.append_sorted(asks), self.bids.append_sorted(bids));
            // Also where it has no levels at all: those that were there are gone.
            tally.first = 0;
        }
        for level in asks {
            self.set(BookSide::Ask, level, &mut tally);
        }
        for level in bids {
            self.set(BookSide::Bid, level, &mut tally);
        }
        if let Some(non_rpi) = &mut self.non_rpi {
            non_rpi.apply(update);
        }
        self.seq = update.seq;
        (self.ts_event, self.ts_recv) = (update.ts_event, update.ts_recv);
        if self.asks.is_starved() || self.bids.is_starved() {
            self.sync = self.sync.broken_by(DesyncCause::Truncated);
        }
        let checksum = self.compare_checksum(update);
        if checksum == Checksum::Mismatch {
            self.sync = self.sync.broken_by(DesyncCause::Checksum);
        }
        ApplyOutcome {
            applied: true,
            checksum,
            missing: tally.missing,
            out_of_capacity: tally.out_of_capacity,
            first_changed: (tally.first < usize::MAX).then_some(tally.first),
            ..self.refused(sequence)
        }
    }

    #[inline]
    fn set(&mut self, side: BookSide, level: &Level, tally: &mut Tally) {
        let levels = match side {
            BookSide::Ask => &mut self.asks,
            BookSide::Bid => &mut self.bids,
        };
        let change = levels.set(*level);
        self.checksum.note(side, change);
        tally.count(change);
    }

    fn compare_checksum(&mut self, update: &DepthUpdate<'_>) -> Checksum {
        let (asks, bids) = (self.asks.levels(), self.bids.levels());
        let dialect = update.topic.channel.dialect();
        let empty = asks.is_empty() && bids.is_empty();
        let Some(expected) = checksum::expected(update.checksum, dialect, empty) else {
            // What sends none mostly goes on so: notes of each change would be for nothing.
            self.checksum.forget();
            return Checksum::None;
        };
        let is_turn = match self.verify {
            Verify::Every => true,
            Verify::EveryNth(n) => {
                self.unverified = self.unverified.saturating_add(1);
                update.action == DepthAction::Snapshot || self.unverified >= n.get()
            }
            Verify::Off => false,
        };
        if !is_turn || self.asks.lacks_checksum_levels() || self.bids.lacks_checksum_levels() {
            return Checksum::None;
        }
        self.unverified = 0;
        let computed = self.checksum.compute(asks, bids);
        if computed == expected { Checksum::Ok } else { Checksum::Mismatch }
    }

    /// What is to be said of a message that did not touch the levels.
    const fn refused(&self, sequence: Sequence) -> ApplyOutcome {
        ApplyOutcome {
            applied: false,
            sync: self.sync,
            sequence,
            checksum: Checksum::None,
            missing: 0,
            out_of_capacity: 0,
            truncated: self.asks.is_truncated() || self.bids.is_truncated(),
            first_changed: None,
        }
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

/// Where a book was, and when its last message came.
#[derive(Clone, Copy, Debug)]
struct Place {
    seq: i64,
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
}

impl Place {
    const UNKNOWN: Self =
        Self { seq: NO_SEQ, ts_event: UnixNanos::UNKNOWN, ts_recv: UnixNanos::UNKNOWN };
}

/// What the levels of one message did.
struct Tally {
    missing: u32,
    out_of_capacity: u32,
    /// The smallest place that changed; `usize::MAX` where none did.
    first: usize,
}

impl Tally {
    const NOTHING: Self = Self { missing: 0, out_of_capacity: 0, first: usize::MAX };

    #[inline]
    fn count(&mut self, change: SideChange) {
        match change {
            SideChange::Inserted { at, full } => {
                self.out_of_capacity += u32::from(full);
                self.first = self.first.min(at);
            }
            SideChange::Replaced(at) | SideChange::Removed(at) => self.first = self.first.min(at),
            SideChange::Missing => self.missing += 1,
            SideChange::Beyond => self.out_of_capacity += 1,
        }
    }
}
