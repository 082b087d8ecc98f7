//! Whether a book that looks older than the one before is an old copy, or the exchange counts anew.

use std::time::Duration;

use crate::book::Book5;
use crate::model::{BookState, NO_SEQ, UnixNanos};

/// So many older books in a row, none older than the one before it, are no stragglers: the
/// exchange's clock was set back.
const RUN: u8 = 8;
/// After so long a run need not be as many: a quiet book has a message a minute. So long after the last
/// book that counts, the first one of a new connection may be from anywhere.
const LONG: Duration = Duration::from_secs(30);

/// What is known of one subscription besides the last book that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// How many older books have come since, each no older than the one before it.
    run: u8,
    /// The last of them.
    last: Place,
    /// When the first of them came.
    since: UnixNanos,
    /// The last book that counts in spite of its lower number, and the number before it.
    restart: (Place, i64),
    /// The last book that counts in spite of its earlier time.
    set_back: Place,
    /// Whether what counts last came on a connection that is lost: what comes on the next may lag.
    is_new_connection: bool,
}

/// Where a book stands: the exchange's time, and its number, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ts: UnixNanos,
    pub(super) seq: i64,
}

impl Place {
    #[inline]
    pub(super) const fn of(book: &Book5) -> Self {
        Self { ts: book.ts_event, seq: book.seq }
    }

    /// Whether time or number run back from `last` to this.
    #[inline]
    pub(super) const fn runs_back(self, last: Self) -> bool {
        self.ts.0 < last.ts.0 || self.seq < last.seq
    }

    const fn is_numbered(self, last: Self) -> bool {
        self.seq != NO_SEQ && last.seq != NO_SEQ
    }
}

impl Doubt {
    /// Forgets the run of older books: one that counts has come.
    pub(super) const fn end_run(&mut self) {
        (self.run, self.is_new_connection) = (0, false);
    }

    /// Takes note of a new state of the subscription.
    pub(super) fn change(&mut self, to: BookState) {
        let is_lost = !matches!(to, BookState::Live | BookState::Stale);
        *self = Self { is_new_connection: self.is_new_connection || is_lost, ..Self::default() };
    }

    /// Takes a book whose time or number runs back from those of the last that counts. True where it
    /// does not count.
    ///
    /// A higher number counts whatever the clock says, and a lower one at a later time is a new count.
    /// But right after a new count a number that goes on from before it is old, and so is a lower one
    /// right after the clock was set back.
    ///
    /// `last` came at `last_recv`.
    #[cold]
    pub(super) fn takes(&mut self, book: &Book5, last: Place, last_recv: UnixNanos) -> bool {
        let this = Place::of(book);
        let is_restart = this.ts.0 > last.ts.0 && this.seq < last.seq;
        let counts = match this.seq {
            _ if !this.is_numbered(last) => this.ts.0 >= last.ts.0,
            seq if seq > last.seq => self.restart.0 != last || seq <= self.restart.1,
            // Equal numbers are equal books.
            seq if seq == last.seq => true,
            _ => is_restart && self.restart.0 != last && self.set_back != last,
        };
        let goes_on = |doubt: &mut Self| match doubt.is_new_connection {
            true => book.ts_recv.since(last_recv).is_some_and(|since| since >= LONG),
            false => doubt.goes_on(this, book.ts_recv),
        };
        if counts || goes_on(self) {
            if this.is_numbered(last) && is_restart {
                self.restart = (this, last.seq);
            } else if this.ts.0 < last.ts.0 {
                self.set_back = this;
            }
            return false;
        }
        true
    }

    /// Counts an older book. True where there were enough of them.
    fn goes_on(&mut self, this: Place, at: UnixNanos) -> bool {
        if self.run == 0 || this.runs_back(self.last) {
            (self.run, self.since) = (0, at);
        }
        (self.run, self.last) = (self.run.saturating_add(1), this);
        let lasted = at.since(self.since).unwrap_or_default();
        self.run >= RUN || self.run > 1 && lasted >= LONG
    }
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

    /// Whether each of these counts after the first one, by number, time and second of receipt.
    fn counts(books: &[(i64, u64, u64)]) -> Vec<bool> {
        counts_with(Doubt::default(), books)
    }

    fn counts_with(mut doubt: Doubt, books: &[(i64, u64, u64)]) -> Vec<bool> {
        let mut last = None;
        let mut take = |book: Book5| {
            let this = Place::of(&book);
            let counts = match last {
                Some((last, at)) if this.runs_back(last) => !doubt.takes(&book, last, at),
                _ => true,
            };
            if counts {
                if last.is_some() {
                    doubt.end_run();
                }
                last = Some((this, book.ts_recv));
            }
            counts
        };
        books.iter().map(|(seq, ms, recv)| take(book(*seq, *ms, *recv))).skip(1).collect()
    }

    #[test]
    fn numbers_decide_unless_they_start_anew_and_else_the_time() {
        let after = |last: (i64, u64), this: (i64, u64)| {
            counts(&[(last.0, last.1, 0), (this.0, this.1, 0)])[0]
        };
        assert!(!after((5, 100), (4, 90)) && !after((5, 100), (4, 100)));
        assert!(after((5, 100), (6, 90)) && after((5, 100), (5, 90)) && after((5, 100), (1, 101)));
        assert!(!after((NO_SEQ, 100), (NO_SEQ, 99)) && after((NO_SEQ, 100), (NO_SEQ, 100)));
        assert!(!after((NO_SEQ, 100), (9, 99)) && !after((9, 100), (NO_SEQ, 99)));
        assert!(after((NO_SEQ, 100), (9, 101)) && after((9, 100), (NO_SEQ, 100)));
    }

    #[test]
    fn what_was_overtaken_by_a_new_start_is_old() {
        // Numbers start anew; then the one before that comes; then it goes on.
        let books = [(90, 100, 0), (1, 120, 0), (91, 110, 0), (2, 130, 0), (3, 140, 0)];
        assert_eq!(counts(&books), [true, false, true, true]);
        // So with the clock.
        let books = [(90, 100, 0), (92, 20, 0), (91, 110, 0), (93, 30, 0), (94, 10, 0)];
        assert_eq!(counts(&books), [true, false, true, true]);
        // An equal number is an equal book, then too.
        assert_eq!(counts(&[(90, 100, 0), (1, 120, 0), (1, 110, 0)]), [true, true]);
    }

    #[test]
    fn a_higher_number_counts_however_often_the_clock_is_set_back() {
        let books = [(90, 100, 0), (92, 20, 0), (93, 10, 0), (94, 5, 0), (95, 5, 0)];
        assert_eq!(counts(&books), [true; 4]);
        // After numbers have begun anew too, be it right after.
        let books = [(90, 100, 0), (1, 120, 0), (2, 110, 0), (3, 105, 0), (4, 130, 0)];
        assert_eq!(counts(&books), [true; 4]);
        // The clock first, then the numbers: not at once, but with the next that says so.
        let books = [(90, 100, 0), (92, 20, 0), (93, 30, 0), (1, 40, 0), (2, 50, 0)];
        assert_eq!(counts(&books), [true; 4]);
    }

    #[test]
    fn what_a_new_connection_begins_with_may_lag() {
        let counts = |books: &[(i64, u64, u64)]| {
            let mut doubt = Doubt::default();
            doubt.change(BookState::Connecting);
            doubt.change(BookState::AwaitingSnapshot);
            counts_with(doubt, books)
        };
        // However many they are, until it has caught up.
        let run = (10..90_i64).map(|n| (n, n.unsigned_abs(), 1));
        let run: Vec<_> = [(90, 90, 0)].into_iter().chain(run).collect();
        assert_eq!(counts(&run), [false; 80]);
        assert_eq!(
            counts(&[(90, 90, 0), (89, 89, 1), (90, 90, 1), (91, 91, 1)]),
            [false, true, true]
        );
        // A lower number at a later time is a new count, and after half a minute anything may be.
        assert_eq!(counts(&[(90, 90, 0), (1, 91, 1)]), [true]);
        assert_eq!(counts(&[(90, 90, 0), (1, 1, 29), (1, 1, 30)]), [false, true]);
        // Then it is a connection as any other.
        let run = (1..9_i64).map(|n| (n, n.unsigned_abs(), 1));
        let run: Vec<_> = [(90, 90, 0), (91, 91, 1)].into_iter().chain(run).collect();
        assert_eq!(counts(&run)[7..], [false, true]);
    }

    #[test]
    fn a_run_that_goes_on_counts_and_stragglers_do_not() {
        let first = (900, 900, 0);
        let run: Vec<_> =
            [first].into_iter().chain((1_i64..10).map(|n| (n, n.cast_unsigned(), 0))).collect();
        let [doubted @ .., eighth, ninth] = &counts(&run)[..] else { unreachable!() };
        assert!(doubted == [false; 7] && *eighth && *ninth);
        // One moment's books are a run too.
        let run: Vec<_> = [first].into_iter().chain((1..10).map(|n| (n, 5, 0))).collect();
        assert_eq!(counts(&run)[6..], [false, true, true]);
        // One that counts ends it.
        let run = [1_i64, 2, 3, 4, 5, 6, 7, 901, 8].map(|n| (n, n.unsigned_abs(), 0));
        let run: Vec<_> = [first].into_iter().chain(run).collect();
        assert_eq!(counts(&run)[6..], [false, true, false]);
        // Each older than the one before: a pile that is turned over.
        let pile: Vec<_> = [first].into_iter().chain((1..20).map(|n| (20 - n, 50, 0))).collect();
        assert_eq!(counts(&pile), [false; 19]);
        // A quiet book: half a minute.
        assert_eq!(counts(&[first, (1, 1, 0), (2, 2, 29), (3, 3, 30)]), [false, false, true]);
        assert_eq!(counts(&[first, (3, 3, 0), (1, 1, 60)]), [false, false]);
    }
}
