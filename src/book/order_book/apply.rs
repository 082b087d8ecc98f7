//! Applies messages to an order book, with sequence and checksum verification.

use std::time::Duration;

use super::{BookVersion, DepthBook};
use crate::book::checksum::{self, Checksum, Verify};
use crate::book::sequence::Sequence;
use crate::book::side::{BookSide, SideChange};
use crate::book::sync::{ApplyOutcome, BookSync, DesyncCause, FaultPolicy};
use crate::book::update::{DepthAction, DepthUpdate};
use crate::model::{Level, NO_SEQ};

/// A snapshot that looks older than the book is accepted this long after the last message, because
/// the exchange has reset its sequence numbers and its clock at once.
const RESET_AFTER: Duration = Duration::from_secs(30);

impl DepthBook {
    /// Applies a message, entirely or not at all: a snapshot replaces the book, an update changes
    /// it.
    ///
    /// The caller ensures that channel and instrument are this book's. Allocates nothing. The cost
    /// is bounded by the levels of the message times the levels of the book, and is far lower for
    /// changes near either end of a side.
    #[inline]
    pub fn apply(&mut self, update: &DepthUpdate<'_>) -> ApplyOutcome {
        // First what nearly every message is, without a call.
        if update.action == DepthAction::Update && self.sync == BookSync::Live {
            let sequence = Sequence::of_update(self.last_seq, self.is_chained, update);
            let fault = self.fault_of(sequence, update);
            if fault.is_none() {
                self.note_numbers(update);
                return self.apply_levels(update, sequence);
            }
        }
        self.apply_rare(update)
    }

    /// As [`DepthBook::apply`], for a message that is no update of a live book, or has a fault.
    #[cold]
    #[inline(never)]
    fn apply_rare(&mut self, update: &DepthUpdate<'_>) -> ApplyOutcome {
        let sequence = match update.action {
            DepthAction::Snapshot if self.is_old(update) => Sequence::Old,
            DepthAction::Snapshot => Sequence::of_snapshot(update),
            DepthAction::RestSnapshot => return self.splice(update),
            DepthAction::Update if self.sync == BookSync::NoSnapshot => {
                let begins_chain = self.keep(update);
                return ApplyOutcome { begins_chain, ..self.refused(Sequence::None) };
            }
            DepthAction::Update if self.sync == BookSync::Unlinked => match self.link(update) {
                Sequence::Old => {
                    let begins_chain = self.keep(update);
                    return ApplyOutcome { begins_chain, ..self.refused(Sequence::Old) };
                }
                sequence => sequence,
            },
            DepthAction::Update => Sequence::of_update(self.last_seq, self.is_chained, update),
        };
        self.note_numbers(update);
        let fault = self.fault_of(sequence, update);
        if fault == Some(DesyncCause::NegativeSize) {
            // For a snapshot too, because the book that it should replace is outdated.
            self.sync = match (self.sync, update.action) {
                (BookSync::NoSnapshot, DepthAction::Snapshot) => {
                    BookSync::Broken(DesyncCause::NegativeSize)
                }
                (sync, _) => sync.broken_by(DesyncCause::NegativeSize),
            };
            // A snapshot that this update follows would lack it.
            self.drop_pending();
            return self.refused(sequence);
        }
        if update.action == DepthAction::Snapshot {
            if sequence == Sequence::Old {
                self.sync = self.sync.refused_snapshot();
                if self.fault_policy == FaultPolicy::Reject {
                    return self.refused(sequence);
                }
                self.diagnose();
            } else {
                (self.sync, self.is_diagnosed) = (BookSync::Live, false);
                // What was kept may not lead to the next ones.
                self.drop_pending();
            }
            self.clear_levels();
        } else {
            if let Some(cause) = fault {
                self.sync = self.sync.broken_by(cause);
            }
            if self.sync != BookSync::Live {
                return self.apply_broken(update, sequence);
            }
        }
        self.apply_levels(update, sequence)
    }

    /// Why a message can't be applied to the book before it.
    #[inline]
    fn fault_of(&self, sequence: Sequence, update: &DepthUpdate<'_>) -> Option<DesyncCause> {
        if update.asks.iter().chain(update.bids).any(Level::has_negative_sz) {
            return Some(DesyncCause::NegativeSize);
        }
        match sequence {
            Sequence::Gap => Some(DesyncCause::Gap),
            // An unnumbered update that is late shows only by its time: if a later update has
            // reverted the levels, the checksum matches.
            Sequence::None if update.ts_event < self.ts_event => Some(DesyncCause::Lost),
            _ => None,
        }
    }

    /// Notes the numbers of a message, applied or not.
    #[inline]
    fn note_numbers(&mut self, update: &DepthUpdate<'_>) {
        let names_previous = update.prev_seq != NO_SEQ;
        self.last_seq = update.seq;
        self.is_chained =
            update.action == DepthAction::Update && (self.is_chained || names_previous);
        self.names_previous = self.is_chained || names_previous;
    }

    /// Applies an update to a book that is not live, where that is wanted.
    #[cold]
    fn apply_broken(&mut self, update: &DepthUpdate<'_>, sequence: Sequence) -> ApplyOutcome {
        let begins_chain = self.keep(update);
        let outcome = match self.fault_policy {
            FaultPolicy::Reject => self.refused(sequence),
            FaultPolicy::ApplyAnyway => {
                self.diagnose();
                self.apply_levels(update, sequence)
            }
        };
        ApplyOutcome { begins_chain, ..outcome }
    }

    /// Whether a snapshot is older than the last book.
    #[cold]
    fn is_old(&self, snapshot: &DepthUpdate<'_>) -> bool {
        self.is_older(snapshot, self.last_version())
    }

    /// Whether a message is older than a version of the book.
    pub(super) fn is_older(&self, snapshot: &DepthUpdate<'_>, last: BookVersion) -> bool {
        let is_old = match (last.seq, snapshot.seq) {
            (NO_SEQ, _) | (_, NO_SEQ) => snapshot.ts_event < last.ts_event,
            _ => snapshot.seq < last.seq && snapshot.ts_event <= last.ts_event,
        };
        let since = snapshot.ts_recv.since(last.ts_recv);
        let is_long_ago = since.is_some_and(|since| since >= RESET_AFTER);
        // A live book accepts no old snapshot, however long ago its last message was.
        is_old && (self.sync == BookSync::Live || !is_long_ago)
    }

    /// Applies the levels of a message that passed all checks.
    #[inline]
    pub(super) fn apply_levels(
        &mut self,
        update: &DepthUpdate<'_>,
        sequence: Sequence,
    ) -> ApplyOutcome {
        let mut tally = Tally::NOTHING;
        let (mut asks, mut bids) = (update.asks, update.bids);
        if update.action != DepthAction::Update {
            // The book is empty and the checksum's texts are invalid.
            (asks, bids) = (self.asks.append_sorted(asks), self.bids.append_sorted(bids));
            // A snapshot without levels removes the existing ones, which is a change too.
            tally.first = 0;
        }
        let Self { asks: ask_side, bids: bid_side, checksum, .. } = self;
        ask_side.set_all(asks, |change| {
            checksum.note(BookSide::Ask, change);
            tally.count(change);
        });
        bid_side.set_all(bids, |change| {
            checksum.note(BookSide::Bid, change);
            tally.count(change);
        });
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
    fn compare_checksum(&mut self, update: &DepthUpdate<'_>) -> Checksum {
        let (asks, bids) = (self.asks.levels(), self.bids.levels());
        let is_empty = asks.is_empty() && bids.is_empty();
        let expected = checksum::expected(update.checksum, update.topic.channel, is_empty);
        let Some(expected) = expected else {
            // A channel without checksums rarely starts sending them, so changes are not tracked.
            self.checksum.forget();
            return Checksum::None;
        };
        let is_due = match self.verify {
            Verify::Every => true,
            Verify::EveryNth(n) => {
                self.unverified = self.unverified.saturating_add(1);
                update.action == DepthAction::Snapshot || self.unverified >= n.get()
            }
            Verify::Off => false,
        };
        if !is_due || self.asks.lacks_checksum_levels() || self.bids.lacks_checksum_levels() {
            return Checksum::None;
        }
        self.unverified = 0;
        let computed = self.checksum.compute(asks, bids);
        if computed == expected { Checksum::Ok } else { Checksum::Mismatch }
    }

    /// The outcome of a message that did not change the levels.
    pub(super) const fn refused(&self, sequence: Sequence) -> ApplyOutcome {
        ApplyOutcome {
            applied: false,
            sync: self.sync,
            sequence,
            checksum: Checksum::None,
            missing: 0,
            out_of_capacity: 0,
            truncated: self.asks.is_truncated() || self.bids.is_truncated(),
            first_changed: None,
            begins_chain: false,
        }
    }
}

/// The effects of the levels of one message.
struct Tally {
    missing: u32,
    out_of_capacity: u32,
    /// The smallest index that changed; `usize::MAX` if none did.
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
