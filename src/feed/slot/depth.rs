//! Applies order-book messages to a slot.

use super::{Slot, SlotData};
use crate::book::{ApplyOutcome, BookSync, DepthAction, DepthUpdate};
use crate::event::EventSink;
use crate::feed::stats::Stats;
use crate::model::{BookState, UnixNanos};
use crate::publish::publish_order_book;

impl Slot {
    /// Lets an order book keep the updates before a REST snapshot, as SBE needs it.
    pub(in crate::feed) fn keep_updates(&mut self) {
        if let SlotData::Depth { book, .. } = &mut self.data {
            book.keep_updates();
            self.begins_unlinked = true;
        }
    }

    /// Begins another chain of updates, which does not follow the last one whatever its numbers.
    /// Returns the state; `None` if a snapshot begins each chain.
    pub(in crate::feed) fn begin_chain(
        &mut self,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Option<BookState> {
        let to = match self.state {
            BookState::Connecting | BookState::Down(_) => self.state,
            _ => BookState::AwaitingSnapshot,
        };
        self.begins_unlinked.then(|| self.set_state(to, ts_recv, sink))?;
        Some(to)
    }

    /// Applies a message to the order book and updates the state. Returns the previous state and
    /// the outcome; `None` if the slot has no order book.
    #[inline]
    pub(in crate::feed) fn apply_depth(
        &mut self,
        update: &DepthUpdate<'_>,
        is_old: bool,
        stats: &mut Stats,
    ) -> Option<(BookState, ApplyOutcome)> {
        let was_queued = is_old && self.was_queued(update.ts_event);
        let SlotData::Depth { book, publisher, levels } = &mut self.data else { return None };
        let is_requested = update.action == DepthAction::RestSnapshot;
        if update.ts_event < self.ts_event && !is_requested {
            stats.backwards += 1;
        }
        let before = book.sync();
        let outcome = book.apply(update);
        stats.applied(before, &outcome);
        if !is_requested {
            (self.ts_event, self.ts_recv) = (update.ts_event, update.ts_recv);
        } else if outcome.applied {
            let view = book.view();
            (self.ts_event, self.ts_recv) = (view.ts_event, view.ts_recv);
        } else {
            return Some((self.state, outcome));
        }
        let to = match outcome.sync {
            BookSync::Live if was_queued => BookState::Stale,
            BookSync::Live => BookState::Live,
            BookSync::Broken(_) => BookState::Resyncing,
            BookSync::NoSnapshot | BookSync::Unlinked => self.state,
        };
        let from = std::mem::replace(&mut self.state, to);
        // Levels and state are published in one write, and only if a published level or the state
        // changed.
        let first_changed = if from == to { outcome.first_changed } else { Some(0) };
        publish_order_book(publisher, levels, book, first_changed, to);
        Some((from, outcome))
    }
}
