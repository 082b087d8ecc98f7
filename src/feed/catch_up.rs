//! Whether a book came too late: a new connection may begin behind the one before it.

use std::time::Duration;

use crate::book::Book5;
use crate::model::{BookState, NO_SEQ, UnixNanos};

/// So long after the last accepted book the first one of a new connection may be from anywhere.
const LONGEST_LAG: Duration = Duration::from_secs(30);

/// Where a book stands in its feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FeedPosition {
    /// The exchange's time.
    pub(super) ts: UnixNanos,
    /// The sequence number, [`NO_SEQ`] where there is none.
    pub(super) seq: i64,
    /// When it was received.
    pub(super) ts_recv: UnixNanos,
}

impl FeedPosition {
    pub(super) const fn of(book: &Book5) -> Self {
        Self { ts: book.ts_event, seq: book.seq, ts_recv: book.ts_recv }
    }

    /// Whether this is older than `last`: by number and by time, or by time where one has no
    /// number. A lower number at a later time is a sequence reset, and a higher one at an earlier
    /// time a clock step.
    pub(super) const fn is_behind(self, last: Self) -> bool {
        if self.seq == NO_SEQ || last.seq == NO_SEQ {
            return self.ts.0 < last.ts.0;
        }
        self.seq < last.seq && self.ts.0 <= last.ts.0
    }
}

/// Rejects the books of a new connection until it has come to where the one before it was. Within
/// one connection the order is the exchange's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CatchUpFilter {
    /// Whether no book of this connection was accepted yet.
    pub(super) is_new_connection: bool,
}

impl CatchUpFilter {
    /// Notes a new state of the subscription.
    pub(super) const fn on_state(&mut self, to: BookState) {
        self.is_new_connection |= !matches!(to, BookState::Live | BookState::Stale);
    }

    /// Whether a book is outdated, where `last` is the last accepted one.
    #[cold]
    pub(super) fn rejects(&mut self, book: FeedPosition, last: FeedPosition) -> bool {
        let since = book.ts_recv.since(last.ts_recv);
        let is_recent = since.is_none_or(|since| since < LONGEST_LAG);
        self.is_new_connection = is_recent && book.is_behind(last);
        self.is_new_connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(seq: i64, ts: u64, ts_recv: u64) -> FeedPosition {
        FeedPosition { ts: UnixNanos(ts), seq, ts_recv: UnixNanos(ts_recv) }
    }

    #[test]
    fn numbers_and_times_have_to_agree_that_a_book_is_behind() {
        let is_behind = |this: (i64, u64), last: (i64, u64)| {
            at(this.0, this.1, 0).is_behind(at(last.0, last.1, 0))
        };
        assert!(is_behind((4, 90), (5, 100)) && is_behind((4, 100), (5, 100)));
        // An equal number is an equal book; a reset; a clock step.
        assert!(![(5, 90), (1, 101), (6, 90)].iter().any(|this| is_behind(*this, (5, 100))));
        // Where one has no number the time decides.
        for (this, last) in [(NO_SEQ, NO_SEQ), (9, NO_SEQ), (NO_SEQ, 9)] {
            assert!(is_behind((this, 99), (last, 100)) && !is_behind((this, 100), (last, 100)));
        }
    }

    #[test]
    fn a_new_connection_is_rejected_until_it_has_caught_up_or_half_a_minute_has_passed() {
        let mut filter = CatchUpFilter::default();
        filter.on_state(BookState::Live);
        assert!(!filter.is_new_connection);
        filter.on_state(BookState::Connecting);
        filter.on_state(BookState::Stale);
        let last = at(90, 90, SECOND);
        for n in 10..90 {
            assert!(filter.rejects(at(n, n.unsigned_abs(), 2 * SECOND), last));
        }
        assert!(!filter.rejects(at(90, 90, 2 * SECOND), last));
        assert!(!filter.is_new_connection);
        for (ts_recv, is_rejected) in [(31 * SECOND - 1, true), (31 * SECOND, false)] {
            assert_eq!(filter.rejects(at(1, 1, ts_recv), last), is_rejected);
        }
    }
}
