//! Whether an order-book message is new to a book that several writers feed.

use okx_feed::DepthUpdate;
use okx_feed::book::{BookRef, BookSync};

use crate::nats::decode::DepthPayload;

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Apply it: the next one, or one that shows a gap.
    Apply,
    /// The book has it already.
    Old,
    /// It is the whole book at this very number: compare.
    Compare,
}

/// Sorts a message. `is_snapshot`: it is a whole book.
///
/// Writers read the same numbers in the same order, each at its own place. So a message whose
/// number is not above the book's, at a time that is not later, was applied before or is part of a
/// snapshot. A lower number at a later time is a reset of the exchange's.
pub(super) fn step(
    view: &BookRef<'_>,
    sync: BookSync,
    message: &DepthPayload,
    is_snapshot: bool,
) -> Step {
    if sync == BookSync::NoSnapshot {
        return Step::Apply;
    }
    let seq = view.seq().unwrap_or(DepthUpdate::NO_SEQ);
    let is_live = sync == BookSync::Live;
    let is_earlier = match (message.seq, seq) {
        // Without numbers, updates of one millisecond follow one another.
        (DepthUpdate::NO_SEQ, _) | (_, DepthUpdate::NO_SEQ) if is_snapshot => {
            message.ts_event <= view.ts_event
        }
        (DepthUpdate::NO_SEQ, _) | (_, DepthUpdate::NO_SEQ) => message.ts_event < view.ts_event,
        (new, old) => new <= old && message.ts_event <= view.ts_event,
    };
    match (is_snapshot, is_live) {
        (true, true) if message.seq != DepthUpdate::NO_SEQ && message.seq == seq => Step::Compare,
        // A broken book takes any whole one.
        (true, false) => Step::Apply,
        (true, true) if is_earlier => Step::Old,
        // What follows the book's number is the next one, whatever the clock says.
        (false, _) if is_earlier && (message.prev_seq != seq || seq == DepthUpdate::NO_SEQ) => {
            Step::Old
        }
        _ => Step::Apply,
    }
}
