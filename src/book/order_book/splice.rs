//! Joins a REST snapshot with the channel's updates.

use super::{BookVersion, DepthBook};
use crate::book::pending::{PendingUpdates, SnapshotPosition};
use crate::book::sequence::Sequence;
use crate::book::sync::{ApplyOutcome, BookSync, DesyncCause};
use crate::book::update::DepthUpdate;
use crate::model::{Level, NO_SEQ};

impl DepthBook {
    /// Applies a REST snapshot, and the kept updates that follow it.
    ///
    /// The caller ensures that the snapshot is not older than the chain of kept updates
    /// ([`ApplyOutcome::begins_chain`]): its number is then one of the chain's.
    ///
    /// The book is live once an update spans the snapshot's number: among the kept ones, or the
    /// next to arrive. Until then it is [`BookSync::Unlinked`]. A snapshot is not applied without a
    /// chain, nor if its number is below the kept updates ([`Sequence::Old`]), nor to a live book.
    #[cold]
    pub(super) fn splice(&mut self, snapshot: &DepthUpdate<'_>) -> ApplyOutcome {
        if self.sync == BookSync::Live || snapshot.seq == NO_SEQ {
            return self.refused(Sequence::None);
        }
        let place = match &self.pending {
            Some(kept) if !kept.has_chain() => return self.refused(Sequence::None),
            Some(kept) => kept.place(snapshot.seq),
            None => SnapshotPosition::After,
        };
        if place == SnapshotPosition::Before {
            return self.refused(Sequence::Old);
        }
        if snapshot.asks.iter().chain(snapshot.bids).any(Level::has_negative_sz) {
            self.sync = BookSync::Broken(DesyncCause::NegativeSize);
            return self.refused(Sequence::Ok);
        }
        self.clear_levels();
        (self.sync, self.last_seq, self.is_chained) = (BookSync::Unlinked, snapshot.seq, false);
        let mut outcome = self.apply_levels(snapshot, Sequence::Ok);
        if let SnapshotPosition::At(first) = place
            && let Some(kept) = self.pending.take()
        {
            self.replay(&kept, first, snapshot, &mut outcome);
            self.pending = Some(kept);
        }
        if self.sync != BookSync::Unlinked {
            self.drop_pending();
        }
        ApplyOutcome { sync: self.sync, ..outcome }
    }

    /// Applies the kept updates from `first` on, which spans the snapshot's number.
    fn replay(
        &mut self,
        kept: &PendingUpdates,
        first: usize,
        snapshot: &DepthUpdate<'_>,
        outcome: &mut ApplyOutcome,
    ) {
        for update in (first..kept.len()).filter_map(|at| kept.at(at, snapshot.topic)) {
            let applied = self.apply(&update);
            outcome.missing = outcome.missing.saturating_add(applied.missing);
            outcome.out_of_capacity =
                outcome.out_of_capacity.saturating_add(applied.out_of_capacity);
            outcome.truncated = applied.truncated;
        }
    }

    /// Checks an update against the REST snapshot; the book is live if the update spans its
    /// number, and broken if none can any more.
    #[cold]
    pub(super) fn link(&mut self, update: &DepthUpdate<'_>) -> Sequence {
        if self.pending.as_ref().is_some_and(|kept| !kept.is_continued_by(update)) {
            return Sequence::Gap;
        }
        let sequence = Sequence::of_link(self.last_seq, update);
        if matches!(sequence, Sequence::Gap | Sequence::Old) {
            return sequence;
        }
        // The channel itself may be behind the last connection's book.
        let last = self.cleared;
        if last.seq != NO_SEQ && self.is_older(update, last) {
            self.sync = BookSync::Broken(DesyncCause::OldSnapshot);
            return sequence;
        }
        (self.sync, self.cleared, self.is_diagnosed) =
            (BookSync::Live, BookVersion::UNKNOWN, false);
        self.drop_pending();
        sequence
    }

    /// Keeps an update for the next REST snapshot. True if it begins a chain.
    #[cold]
    pub(super) fn keep(&mut self, update: &DepthUpdate<'_>) -> bool {
        self.pending.as_mut().is_some_and(|pending| pending.push(update))
    }

    /// Drops the kept updates.
    #[cold]
    pub(super) fn drop_pending(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.clear();
        }
    }
}
