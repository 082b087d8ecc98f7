//! Whether an update is new, or a copy of one that another line has brought.

use std::time::Duration;

use super::position::{Mark, Position};
use crate::model::{NO_SEQ, UnixNanos};

/// After so long without anything that counts, what contradicts the last that did is believed: a
/// book that a line knows to be whole must not stay frozen.
const CONTRADICTED: Duration = Duration::from_secs(2);
/// After so long even what looks old is believed.
const FROZEN: Duration = Duration::from_secs(30);

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

/// The first book that counted after the exchange had begun to count anew, or had set its clock back.
#[derive(Clone, Copy, Debug)]
struct Turn {
    first: Mark,
    at: UnixNanos,
}

impl Turn {
    /// Whether a line may still bring, at that time, what is from before it.
    fn is_recent(&self, at: UnixNanos) -> bool {
        at.since(self.at).is_none_or(|since| since < FROZEN)
    }
}

/// The last updates of one subscription.
#[derive(Debug)]
pub(super) struct Judge {
    keys: Vec<(u64, i64)>,
    won: Vec<(usize, UnixNanos)>,
    next: usize,
    last: Option<Mark>,
    /// When the last that counts came, or was told to be still so.
    at: UnixNanos,
    epoch: u32,
    /// Where the exchange began to count anew; what has earlier times is from before that.
    counted_anew: Option<Turn>,
    /// Where it set its clock back since then; what has lower numbers is from before that.
    set_back: Option<Turn>,
    /// The highest number that was forgotten since the exchange began to count.
    forgotten: i64,
    /// Whether any trade was ever forgotten.
    forgets: bool,
}

impl Judge {
    /// Makes a judge that remembers so many updates. This is all the memory that it takes.
    pub(super) fn new(memory: usize) -> Self {
        Self {
            keys: vec![(0, 0); memory],
            won: vec![(usize::MAX, UnixNanos::UNKNOWN); memory],
            next: 0,
            last: None,
            at: UnixNanos::UNKNOWN,
            epoch: 0,
            counted_anew: None,
            set_back: None,
            forgotten: NO_SEQ,
            forgets: false,
        }
    }

    /// Judges a book that came on a line at `at`. `is_led` says whether another line has come as
    /// far as the epoch that it is given.
    pub(super) fn book(
        &mut self,
        line: usize,
        position: &mut Position,
        mark: Mark,
        at: UnixNanos,
        is_led: impl FnOnce(u32) -> bool,
    ) -> Copy {
        let confirms = position.confirms(mark);
        let before = position.step_book(mark, self.epoch);
        let Some(last) = self.last else { return self.first(position) };
        let numbered = mark.is_numbered_as(&last);
        if numbered {
            self.place_new_line(position, mark, at);
        }
        match self.find(mark.key) {
            // Within a moment a book may go to and fro; only a line's own order can tell.
            Some((winner, _))
                if winner == line && !numbered && mark.ts >= last.ts && mark.key != last.key => {}
            Some((winner, won_at)) => {
                if mark.key == last.key && confirms {
                    // What is shown is still so: a quiet book is neither frozen nor stale.
                    self.at = at;
                }
                if numbered && !self.is_before_count(mark, at) {
                    position.epoch = self.epoch;
                }
                position.placed = true;
                return Copy::Of(winner, won_at);
            }
            None => {}
        }
        let counts = if numbered {
            self.numbered_counts(position, (mark, last), at, is_led)
        } else {
            // Within a moment only a line that has come to the last that counts can lead on.
            let there = before.is_some_and(|before| before.key == last.key);
            self.timed_counts(position, (mark, last), at, there, is_led)
        };
        if !counts {
            return Copy::Old;
        }
        if numbered {
            self.turn(position, mark, last, at);
        }
        self.first(position)
    }

    /// What a new connection brings may have waited there since before the last count.
    fn place_new_line(&self, position: &mut Position, mark: Mark, at: UnixNanos) {
        if !position.placed && position.epoch <= self.epoch && self.is_before_count(mark, at) {
            position.epoch = position.epoch.min(self.epoch.saturating_sub(1));
        }
    }

    /// Whether a book is from before the exchange began to count anew, as far as a line may lag.
    fn is_before_count(&self, mark: Mark, at: UnixNanos) -> bool {
        self.counted_anew.is_some_and(|turn| turn.is_recent(at) && mark.ts < turn.first.ts)
    }

    /// Whether a book is from before the exchange set its clock back, as far as a line may lag.
    fn is_before_set_back(&self, mark: Mark, at: UnixNanos) -> bool {
        self.set_back.is_some_and(|turn| turn.is_recent(at) && mark.seq < turn.first.seq)
    }

    /// Whether a book with a number counts.
    ///
    /// A line that is known to be of this count goes by its numbers alone: it would have seen the
    /// exchange count anew, and times tell nothing while a clock is set. One that has seen it leads.
    /// Of any other it is not known where it is: while others go on, it waits.
    fn numbered_counts(
        &self,
        position: &Position,
        (mark, last): (Mark, Mark),
        at: UnixNanos,
        is_led: impl FnOnce(u32) -> bool,
    ) -> bool {
        let silent = at.since(self.at).unwrap_or_default();
        if silent >= FROZEN {
            return true;
        }
        if position.placed && position.epoch == self.epoch {
            return mark.is_beyond(&last);
        }
        let newer = mark.ts >= last.ts && mark.is_beyond(&last);
        // Both back is a line that lags: only patience tells otherwise.
        let may_count = newer || mark.contradicts(&last);
        if position.epoch > self.epoch {
            return may_count;
        }
        let behind =
            position.epoch < self.epoch && self.counted_anew.is_some_and(|turn| turn.is_recent(at));
        if newer && !behind {
            return true;
        }
        let is_before =
            self.is_before_count(mark, at) || !position.placed && self.is_before_set_back(mark, at);
        may_count && !is_before && silent >= CONTRADICTED && !(behind && is_led(self.epoch))
    }

    /// Whether a book without a number counts. `there` tells that its line has come to the last that
    /// does.
    fn timed_counts(
        &self,
        position: &Position,
        (mark, last): (Mark, Mark),
        at: UnixNanos,
        there: bool,
        is_led: impl FnOnce(u32) -> bool,
    ) -> bool {
        let silent = at.since(self.at).unwrap_or_default();
        let behind = position.epoch < self.epoch;
        let newer = mark.ts > last.ts || mark.ts == last.ts && there;
        // The first of a new connection may have waited for seconds: while others go on, what it
        // contradicts them in is no new start yet.
        let leads = position.epoch > self.epoch && (position.placed || silent >= CONTRADICTED);
        // A line that has not seen a new start may lag for long; one that has brings what follows.
        let doubtful = mark.ts > last.ts || position.epoch > self.epoch;
        newer && !behind
            || leads
            || silent >= FROZEN
            || doubtful && silent >= CONTRADICTED && !is_led(self.epoch)
    }

    /// Notes where numbers and times part, so that what is from before is known for it later.
    fn turn(&mut self, position: &mut Position, mark: Mark, last: Mark, at: UnixNanos) {
        if mark.counts_anew(&last) && position.epoch == self.epoch {
            position.epoch += 1;
        }
        let turn = Some(Turn { first: mark, at });
        if position.epoch > self.epoch {
            (self.counted_anew, self.set_back) = (turn, None);
        } else if last.counts_anew(&mark) && position.epoch == self.epoch {
            self.set_back = turn;
        }
    }

    /// Judges a trade, whose `seq` is its id: one that a slower line brings late still counts.
    pub(super) fn trade(&mut self, position: &mut Position, mark: Mark) -> Copy {
        position.step_trade(mark, self.epoch);
        if let Some(place) = self.place(mark.key) {
            // Who brings one that has come since ids began anew has come as far.
            if self.keys.get(place).is_some_and(|(_, id)| *id != i64::MAX) {
                position.epoch = position.epoch.max(self.epoch);
            }
            return self.won.get(place).map_or(Copy::Old, |(line, at)| Copy::Of(*line, *at));
        }
        let Some(last) = self.last else { return self.first(position) };
        if position.epoch < self.epoch {
            // From before the exchange began to count anew: only who remembers all trades can say
            // that it was not told.
            return if self.forgets { Copy::Old } else { Copy::First };
        }
        if position.epoch > self.epoch {
            self.count_anew();
            return self.first(position);
        }
        if mark.seq > self.forgotten {
            return Copy::First;
        }
        if mark.ts > last.ts {
            // An id that was long ago, at a new time: ids have begun anew, unseen by any line.
            position.epoch += 1;
            self.count_anew();
            return self.first(position);
        }
        Copy::Old
    }

    /// The exchange's ids have begun anew: those that are remembered are of the count before.
    #[cold]
    fn count_anew(&mut self) {
        (self.last, self.forgotten) = (None, NO_SEQ);
        self.keys.iter_mut().for_each(|(_, id)| *id = i64::MAX);
    }

    fn first(&mut self, position: &mut Position) -> Copy {
        position.placed = true;
        position.epoch = position.epoch.max(self.epoch);
        self.epoch = position.epoch;
        Copy::First
    }

    /// Remembers an update that counts.
    pub(super) fn remember(&mut self, mark: Mark, line: usize, at: UnixNanos, trade: bool) {
        let (Some(key), Some(won)) = (self.keys.get_mut(self.next), self.won.get_mut(self.next))
        else {
            return;
        };
        // What is forgotten from before a new start says nothing of the ids after it.
        let this_count = key.1 <= self.last.map_or(mark.seq, |last| last.seq.max(mark.seq));
        if trade && won.0 != usize::MAX {
            self.forgets = true;
            if this_count {
                self.forgotten = self.forgotten.max(key.1);
            }
        }
        (*key, *won) = ((mark.key, mark.seq), (line, at));
        self.next = (self.next + 1) % self.keys.len().max(1);
        self.at = at;
        // A late trade does not move the end.
        let late = trade && self.last.is_some_and(|last| mark.seq < last.seq);
        if !late {
            self.last = Some(mark);
        }
    }

    /// Forgets the order, but not the copies: no line has brought anything on its connection yet.
    pub(super) const fn start_anew(&mut self) {
        (self.last, self.forgotten) = (None, NO_SEQ);
    }

    /// Whether this is older, by all that can be told, than the last that counts, and that came not long
    /// ago.
    pub(super) fn was_passed_lately(&self, mark: Mark, at: UnixNanos) -> bool {
        let older =
            |last: Mark| mark.ts < last.ts && (!mark.is_numbered_as(&last) || mark.seq < last.seq);
        self.last.is_some_and(older) && at.since(self.at).unwrap_or_default() < FROZEN
    }

    /// Whether nothing has counted for so long that what a line brings should have.
    pub(super) fn is_frozen(&self, mark: Mark, at: UnixNanos) -> bool {
        let current = self.last.is_some_and(|last| last.key == mark.key);
        !current && at.since(self.at).unwrap_or_default() >= CONTRADICTED
    }

    /// When the last that counts came, or was told to be still so.
    pub(super) const fn at(&self) -> UnixNanos {
        self.at
    }

    /// The last that counts.
    pub(super) const fn last(&self) -> Option<Mark> {
        self.last
    }

    /// Who brought the update of a key first, and when.
    fn find(&self, key: u64) -> Option<(usize, UnixNanos)> {
        self.won.get(self.place(key)?).copied()
    }

    /// Where an update is remembered. The newest first: a copy is mostly a copy of one of the last few.
    fn place(&self, key: u64) -> Option<usize> {
        let (newer, older) = (0..self.next, self.next..self.keys.len());
        let mut places = newer.rev().chain(older.rev());
        let place = places.find(|at| self.keys.get(*at).is_some_and(|(known, _)| *known == key))?;
        self.won.get(place).is_some_and(|(line, _)| *line != usize::MAX).then_some(place)
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
