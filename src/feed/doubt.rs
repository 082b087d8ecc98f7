//! Whether a book that looks older than the one before is an old copy, or the exchange counts anew.

use std::time::Duration;

use crate::model::{Book5, NO_SEQ, UnixNanos};

/// So many older books in a row, none older than the one before it, are no stragglers: the
/// exchange's clock was set back.
const RUN: u8 = 8;
/// After so long a run need not be as many: a quiet book has a message a minute.
const LONG: Duration = Duration::from_secs(30);

/// The older books that came since the last one that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    run: u8,
    ts: UnixNanos,
    seq: i64,
    since: UnixNanos,
}

impl Doubt {
    /// Takes a book that is older than the last one that counts. True where it counts all the same.
    #[cold]
    pub(super) fn settles(&mut self, book: &Book5) -> bool {
        let follows = self.run > 0 && book.ts_event >= self.ts && book.seq >= self.seq;
        if !follows {
            (self.run, self.since) = (0, book.ts_recv);
        }
        (self.run, self.ts, self.seq) = (self.run.saturating_add(1), book.ts_event, book.seq);
        let lasted = book.ts_recv.since(self.since).unwrap_or_default();
        self.run >= RUN || self.run > 1 && lasted >= LONG
    }
}

/// Whether a book is older than the last one, whose number and time these are.
///
/// Where both have numbers they decide, but for numbers that start anew: then the time goes on.
#[cold]
pub(super) fn is_older(book: &Book5, seq: i64, ts: UnixNanos) -> bool {
    let numbered = book.seq != NO_SEQ && seq != NO_SEQ;
    if numbered { book.seq < seq && book.ts_event <= ts } else { book.ts_event < ts }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 1_000_000;

    fn book(seq: i64, ms: u64, recv_secs: u64) -> Book5 {
        let mut book = Book5::EMPTY;
        (book.seq, book.ts_event) = (seq, UnixNanos((BASE + ms) * 1_000_000));
        book.ts_recv = UnixNanos((BASE + recv_secs) * 1_000_000_000);
        book
    }

    fn is_older_than(seq: i64, ms: u64, last_seq: i64, last_ms: u64) -> bool {
        let last = book(last_seq, last_ms, 0);
        is_older(&book(seq, ms, 0), last.seq, last.ts_event)
    }

    #[test]
    fn numbers_decide_unless_they_start_anew_and_else_the_time() {
        assert!(is_older_than(4, 90, 5, 100) && is_older_than(4, 100, 5, 100));
        assert!(!is_older_than(6, 90, 5, 100) && !is_older_than(5, 90, 5, 100));
        assert!(!is_older_than(1, 101, 5, 100));
        assert!(is_older_than(NO_SEQ, 99, NO_SEQ, 100) && !is_older_than(NO_SEQ, 100, NO_SEQ, 100));
        assert!(is_older_than(9, 99, NO_SEQ, 100) && is_older_than(NO_SEQ, 99, 9, 100));
    }

    #[test]
    fn a_run_that_goes_on_settles_it_and_stragglers_do_not() {
        let mut doubt = Doubt::default();
        assert!((0..7).all(|n| !doubt.settles(&book(n, n.cast_unsigned(), 0))));
        assert!(doubt.settles(&book(7, 7, 0)));
        // Each older than the one before: a pile that is turned over.
        let mut doubt = Doubt::default();
        assert!((0..20).all(|n| !doubt.settles(&book(20 - n, 50, 0))));
        // A quiet book: two, half a minute apart.
        let mut doubt = Doubt::default();
        assert!(!doubt.settles(&book(1, 1, 0)) && !doubt.settles(&book(2, 2, 29)));
        assert!(doubt.settles(&book(3, 3, 30)));
        let mut doubt = Doubt::default();
        assert!(!doubt.settles(&book(3, 3, 0)) && !doubt.settles(&book(1, 1, 60)));
    }
}
