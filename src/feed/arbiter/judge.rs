//! Whether an update is new, or a copy of one that another line has brought.

use crate::model::{NO_SEQ, UnixNanos};

/// How many copies may be refused in a row before the next update counts as new: numbers that make
/// no sense must not freeze a book that its line knows to be whole.
const MAX_REFUSED: u32 = 128;

/// What an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// The first copy.
    First,
    /// A copy of what the line of that number brought at that time.
    Of(usize, UnixNanos),
    /// Older than what is known, and not remembered.
    Old,
}

/// What tells updates of one subscription apart and puts them in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The exchange's number, [`NO_SEQ`] where it sends none; of trades their id.
    pub(super) seq: i64,
    /// The exchange's time.
    pub(super) ts: UnixNanos,
    /// A hash of number, time and, where there is no number, content.
    pub(super) key: u64,
}

/// The last updates of one subscription.
#[derive(Debug)]
pub(super) struct Judge {
    keys: Vec<u64>,
    won: Vec<(usize, UnixNanos)>,
    next: usize,
    last: Option<Mark>,
    /// The highest number that was forgotten.
    forgotten: i64,
    refused: u32,
}

impl Judge {
    /// Makes a judge that remembers so many updates. This is all the memory that it takes.
    pub(super) fn new(memory: usize) -> Self {
        Self {
            keys: vec![0; memory],
            won: vec![(usize::MAX, UnixNanos::UNKNOWN); memory],
            next: 0,
            last: None,
            forgotten: NO_SEQ,
            refused: 0,
        }
    }

    /// Judges a book. `before` is what the same line brought before: where its own numbers or times
    /// run backwards, the exchange has started anew, and the line is not late.
    pub(super) fn book(&mut self, mark: Mark, before: Option<Mark>) -> Copy {
        let Some(last) = self.last else { return Copy::First };
        if let Some((line, at)) = self.find(mark.key) {
            self.refused = 0;
            return Copy::Of(line, at);
        }
        let numbered = mark.seq != NO_SEQ && last.seq != NO_SEQ;
        let newer = if numbered {
            mark.seq > last.seq || mark.seq == last.seq && mark.ts > last.ts
        } else {
            mark.ts >= last.ts
        };
        let anew = before.is_some_and(|before| match numbered {
            true => mark.seq < before.seq,
            false => mark.ts < before.ts,
        });
        // The first of a connection has none before it, so its time has to tell.
        let restarted = before.is_none() && mark.ts > last.ts;
        self.old_unless(newer || anew || restarted)
    }

    /// Judges a trade, whose `seq` is its id: one that a slower line brings late still counts.
    pub(super) fn trade(&mut self, mark: Mark) -> Copy {
        let Some(last) = self.last else { return Copy::First };
        if mark.seq > last.seq {
            return Copy::First;
        }
        if let Some((line, at)) = self.find(mark.key) {
            return Copy::Of(line, at);
        }
        self.old_unless(mark.seq > self.forgotten || mark.ts > last.ts)
    }

    fn old_unless(&mut self, new: bool) -> Copy {
        if new || self.refused >= MAX_REFUSED {
            return Copy::First;
        }
        self.refused += 1;
        Copy::Old
    }

    /// Remembers an update that counts.
    pub(super) fn remember(&mut self, mark: Mark, line: usize, at: UnixNanos, trade: bool) {
        let (Some(key), Some(won)) = (self.keys.get_mut(self.next), self.won.get_mut(self.next))
        else {
            return;
        };
        if trade && won.0 != usize::MAX {
            self.forgotten = self.forgotten.max(i64::from_ne_bytes(key.to_ne_bytes()));
        }
        (*key, *won) = (mark.key, (line, at));
        self.next = (self.next + 1) % self.keys.len().max(1);
        self.refused = 0;
        // A late trade does not move the end.
        let late = trade && self.last.is_some_and(|l| mark.seq < l.seq && mark.ts <= l.ts);
        if !late {
            self.last = Some(mark);
        }
    }

    /// The last that counts.
    pub(super) const fn last(&self) -> Option<Mark> {
        self.last
    }

    /// Looks for a key, the newest first: a copy is mostly a copy of one of the last few.
    fn find(&self, key: u64) -> Option<(usize, UnixNanos)> {
        let (newer, older) = (0..self.next, self.next..self.keys.len());
        let places = newer.rev().chain(older.rev());
        let at = places.into_iter().find(|at| self.keys.get(*at) == Some(&key))?;
        self.won.get(at).copied().filter(|(line, _)| *line != usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: i64, ts: u64, key: u64) -> Mark {
        Mark { seq, ts: UnixNanos(ts), key }
    }

    fn trade(judge: &mut Judge, id: i64, ts: u64) -> bool {
        let mark = mark(id, ts, id.cast_unsigned());
        let first = judge.trade(mark) == Copy::First;
        if first {
            judge.remember(mark, 0, UnixNanos(ts), true);
        }
        first
    }

    #[test]
    fn a_late_trade_counts_and_no_trade_counts_twice() {
        let mut judge = Judge::new(4);
        assert!(trade(&mut judge, 10, 1) && trade(&mut judge, 14, 2));
        assert!(!trade(&mut judge, 10, 1) && !trade(&mut judge, 14, 2));
        assert!(trade(&mut judge, 12, 1) && !trade(&mut judge, 12, 1));
        assert!(trade(&mut judge, 15, 3));
        assert!(trade(&mut judge, 16, 4));
        // 10 is forgotten: it and those before it are old now.
        assert!(!trade(&mut judge, 10, 1) && !trade(&mut judge, 9, 1));
        // Ids that start anew at a later time are new.
        assert!(trade(&mut judge, 1, 9));
    }

    #[test]
    fn books_go_forward_by_number_or_by_time_and_content() {
        let mut judge = Judge::new(8);
        let mut see = |mark: Mark, before| {
            let copy = judge.book(mark, before);
            if copy == Copy::First {
                judge.remember(mark, 1, UnixNanos(5), false);
            }
            copy
        };
        let copy = Copy::Of(1, UnixNanos(5));
        assert_eq!(see(mark(10, 100, 1), None), Copy::First);
        assert_eq!(see(mark(10, 100, 1), None), copy);
        assert_eq!(see(mark(12, 101, 2), Some(mark(10, 100, 1))), Copy::First);
        assert_eq!(see(mark(11, 101, 3), Some(mark(10, 100, 1))), Copy::Old);
        // The line's own numbers run backwards: the exchange counts anew.
        assert_eq!(see(mark(3, 102, 4), Some(mark(12, 101, 2))), Copy::First);
        assert_eq!(see(mark(3, 102, 4), Some(mark(12, 101, 2))), copy);
        // No numbers: the same time with another content is another book.
        assert_eq!(see(mark(NO_SEQ, 103, 5), None), Copy::First);
        assert_eq!(see(mark(NO_SEQ, 103, 6), Some(mark(NO_SEQ, 103, 5))), Copy::First);
        assert_eq!(see(mark(NO_SEQ, 103, 5), None), copy);
        assert_eq!(see(mark(NO_SEQ, 99, 7), Some(mark(NO_SEQ, 98, 8))), Copy::Old);
        assert_eq!(see(mark(NO_SEQ, 99, 7), Some(mark(NO_SEQ, 103, 6))), Copy::First);
    }
}
