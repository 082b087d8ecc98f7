//! When REST snapshots of an order book are requested that are to be joined with its updates.

use std::time::Duration;

use crate::book::{ApplyOutcome, BookSync, DepthAction, DepthUpdate};
use crate::model::{InstrumentId, NO_SEQ, Topic, UnixNanos};
use crate::rest::error::RowError;
use crate::rest::request::Request;
use crate::rest::v5;

/// The levels a side of a snapshot.
const LEVELS: u32 = 400;

/// The pause before each request: the exchange answers from caches of 50 ms, and a book of before
/// the kept updates can't be joined with them.
const PAUSE: Duration = Duration::from_millis(60);

/// How often a snapshot is requested before the subscription is to be renewed.
const TRIES: u32 = 20;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookJoinStep {
    /// Request a snapshot after a pause ([`BookJoin::request`]).
    Request(Duration),
    /// Wait: for the reply, or for the update that confirms the snapshot.
    Wait,
    /// Nothing: the book is live, and no request is on its way.
    Joined,
    /// Subscribe again: no snapshot could be joined. Reported once for a chain of updates.
    Failed,
}

/// Requests REST snapshots of an order book that is not live, until it is.
///
/// The book keeps its updates meanwhile
/// ([`DepthOptions::keep_updates`](crate::feed::DepthOptions::keep_updates)), and joins a snapshot
/// with them by itself ([`DepthBook::keep_updates`](crate::DepthBook::keep_updates)). So a gap is
/// closed without an unsubscribe and a subscribe request, of which an hour has few, and a book can
/// begin where the exchange sends no snapshot.
///
/// Sans-IO, allocates nothing but requests and replies. Only `books` and `books-l2-tbt` have the
/// REST snapshot's numbers.
///
/// Source: `docs/PROTOCOL.md` 11.5.
#[derive(Clone, Debug)]
pub struct BookJoin {
    inst_id: InstrumentId,
    /// Whether a request is not answered.
    is_requested: bool,
    /// Whether the kept updates begin after that request, or the book is live without it.
    is_outdated: bool,
    is_live: bool,
    tries: u32,
}

impl BookJoin {
    /// Begins without a request.
    #[must_use]
    pub const fn new(inst_id: InstrumentId) -> Self {
        Self { inst_id, is_requested: false, is_outdated: false, is_live: false, tries: 0 }
    }

    /// The instrument.
    #[must_use]
    pub const fn inst_id(&self) -> &InstrumentId {
        &self.inst_id
    }

    /// The request of a snapshot.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::book(&self.inst_id, LEVELS)
    }

    /// Processes the outcome of a message that was applied to the book.
    pub const fn on_applied(&mut self, outcome: &ApplyOutcome) -> BookJoinStep {
        self.is_live = matches!(outcome.sync, BookSync::Live);
        match outcome.sync {
            BookSync::Live => {
                (self.is_outdated, self.tries) = (self.is_requested, 0);
                if self.is_requested { BookJoinStep::Wait } else { BookJoinStep::Joined }
            }
            BookSync::Unlinked => BookJoinStep::Wait,
            BookSync::NoSnapshot | BookSync::Broken(_) if self.is_requested => {
                self.is_outdated |= outcome.begins_chain;
                BookJoinStep::Wait
            }
            BookSync::NoSnapshot | BookSync::Broken(_) => {
                // After a failure too: the renewed subscription may break before it is live.
                if outcome.begins_chain && self.tries > TRIES {
                    self.tries = 0;
                }
                self.request_again()
            }
        }
    }

    /// Records that no usable reply will come.
    ///
    /// No snapshot is requested then until the book is live or another chain of updates begins.
    pub const fn on_failure(&mut self) -> BookJoinStep {
        (self.is_requested, self.is_outdated) = (false, false);
        if self.is_live {
            return BookJoinStep::Joined;
        }
        self.tries = TRIES + 1;
        BookJoinStep::Failed
    }

    /// Processes the rows of the reply to [`BookJoin::request`], received at `ts_recv`. `apply` is
    /// given the snapshot and applies it to the book; it returns `None` if there is no such book.
    ///
    /// # Errors
    /// [`RowError`] where the reply can't be read: see [`BookJoin::on_failure`].
    pub fn on_rows(
        &mut self,
        topic: Topic<'_>,
        rows: &str,
        ts_recv: UnixNanos,
        apply: impl FnOnce(&DepthUpdate<'_>) -> Option<ApplyOutcome>,
    ) -> Result<BookJoinStep, RowError> {
        self.is_requested = false;
        let snapshot = v5::book(rows)?;
        if std::mem::take(&mut self.is_outdated) {
            return Ok(if self.is_live { BookJoinStep::Joined } else { self.request_again() });
        }
        let outcome = snapshot.seq.and_then(|seq| {
            apply(&DepthUpdate {
                topic,
                action: DepthAction::RestSnapshot,
                ts_event: snapshot.ts,
                ts_recv,
                seq,
                prev_seq: NO_SEQ,
                checksum: None,
                asks: &snapshot.asks,
                bids: &snapshot.bids,
                non_rpi: None,
            })
        });
        Ok(match outcome {
            Some(outcome) => self.on_applied(&outcome),
            None => self.on_failure(),
        })
    }

    const fn request_again(&mut self) -> BookJoinStep {
        if self.tries > TRIES {
            return BookJoinStep::Wait;
        }
        self.tries += 1;
        self.is_requested = self.tries <= TRIES;
        if self.is_requested { BookJoinStep::Request(PAUSE) } else { BookJoinStep::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Checksum, DesyncCause, Sequence};
    use crate::model::Channel;

    const ROWS: &str = r#"[{"asks":[["2","1","0","1"]],"bids":[],"ts":"1","seqId":9}]"#;
    const BROKEN: BookSync = BookSync::Broken(DesyncCause::Gap);
    const REQUEST: BookJoinStep = BookJoinStep::Request(PAUSE);

    fn outcome(sync: BookSync, begins_chain: bool) -> ApplyOutcome {
        ApplyOutcome {
            applied: false,
            sync,
            sequence: Sequence::None,
            checksum: Checksum::None,
            missing: 0,
            out_of_capacity: 0,
            truncated: false,
            first_changed: None,
            begins_chain,
        }
    }

    fn join() -> BookJoin {
        BookJoin::new("BTC-USDT".parse().unwrap())
    }

    /// The reply, and what applying it gives; `None` if it must not be applied.
    fn on_rows(join: &mut BookJoin, sync: Option<BookSync>) -> BookJoinStep {
        let topic = Topic::v5(Channel::Books, "BTC-USDT");
        let mut applied = false;
        let step = join.on_rows(topic, ROWS, UnixNanos(1), |snapshot| {
            assert_eq!((snapshot.seq, snapshot.action), (9, DepthAction::RestSnapshot));
            applied = true;
            sync.map(|sync| outcome(sync, false))
        });
        assert_eq!(applied, sync.is_some());
        step.unwrap()
    }

    #[test]
    fn a_snapshot_is_requested_until_the_book_is_live() {
        let mut join = join();
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
        assert_eq!(join.on_applied(&outcome(BROKEN, false)), BookJoinStep::Wait);
        // Too old.
        assert_eq!(on_rows(&mut join, Some(BROKEN)), REQUEST);
        assert_eq!(on_rows(&mut join, Some(BookSync::Unlinked)), BookJoinStep::Wait);
        assert_eq!(join.on_applied(&outcome(BookSync::Unlinked, false)), BookJoinStep::Wait);
        assert_eq!(join.on_applied(&outcome(BookSync::Live, false)), BookJoinStep::Joined);
    }

    #[test]
    fn an_answer_from_before_the_kept_updates_is_not_used() {
        let mut join = join();
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), BookJoinStep::Wait);
        assert_eq!(on_rows(&mut join, None), REQUEST);
        assert_eq!(on_rows(&mut join, Some(BookSync::Live)), BookJoinStep::Joined);
        // Nor where the exchange's own snapshot came first, whatever happens then.
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
        assert_eq!(join.on_applied(&outcome(BookSync::Live, false)), BookJoinStep::Wait);
        assert_eq!(on_rows(&mut join.clone(), None), BookJoinStep::Joined);
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), BookJoinStep::Wait);
        assert_eq!(on_rows(&mut join, None), REQUEST);
    }

    #[test]
    fn a_book_that_breaks_while_its_snapshot_waits_needs_another() {
        let mut join = join();
        assert_eq!(join.on_applied(&outcome(BookSync::NoSnapshot, true)), REQUEST);
        assert_eq!(on_rows(&mut join, Some(BookSync::Unlinked)), BookJoinStep::Wait);
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
    }

    #[test]
    fn requests_end_and_the_failure_is_reported_once() {
        let mut join = join();
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
        for _ in 1..TRIES {
            assert_eq!(on_rows(&mut join, Some(BROKEN)), REQUEST);
        }
        assert_eq!(on_rows(&mut join, Some(BROKEN)), BookJoinStep::Failed);
        assert_eq!(join.on_applied(&outcome(BROKEN, false)), BookJoinStep::Wait);
        assert_eq!(join.on_applied(&outcome(BookSync::Live, false)), BookJoinStep::Joined);
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
    }

    #[test]
    fn the_next_gap_after_a_failed_request_has_a_request() {
        let topic = Topic::v5(Channel::Books, "BTC-USDT");
        for is_refused in [true, false] {
            let mut join = join();
            for is_live in [true, false, true] {
                assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
                // The next gap comes before the failure.
                assert_eq!(join.on_applied(&outcome(BROKEN, true)), BookJoinStep::Wait);
                assert!(is_refused || join.on_rows(topic, "[]", UnixNanos(1), |_| None).is_err());
                assert_eq!(join.on_failure(), BookJoinStep::Failed);
                assert_eq!(join.on_applied(&outcome(BROKEN, false)), BookJoinStep::Wait);
                // The book of the renewed subscription, unless it breaks at once.
                if is_live {
                    let step = join.on_applied(&outcome(BookSync::Live, false));
                    assert_eq!(step, BookJoinStep::Joined);
                }
            }
        }
    }

    #[test]
    fn a_live_book_needs_no_subscription_after_a_failed_request() {
        let mut join = join();
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
        assert_eq!(join.on_applied(&outcome(BookSync::Live, false)), BookJoinStep::Wait);
        assert_eq!(join.on_failure(), BookJoinStep::Joined);
        assert_eq!(join.on_applied(&outcome(BROKEN, true)), REQUEST);
        assert_eq!(on_rows(&mut join, Some(BookSync::Live)), BookJoinStep::Joined);
    }
}
