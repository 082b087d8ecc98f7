//! Whether an update is new, or a copy of one that another line has brought.

use std::time::Duration;

use crate::model::{NO_SEQ, UnixNanos};

/// How far a line's own times must run back for the exchange's clock to have been set back. Less is
/// a message out of order.
const CLOCK_BACK: Duration = Duration::from_secs(1);
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

impl Mark {
    /// Whether numbers and times say the opposite: the exchange has begun to count anew, or has set
    /// its clock, between the two.
    fn contradicts(&self, other: &Self) -> bool {
        let numbered = self.seq != NO_SEQ && other.seq != NO_SEQ;
        numbered
            && (self.seq < other.seq && self.ts > other.ts
                || self.seq > other.seq && self.ts < other.ts)
    }
}

/// Where one line is: what it brought last, and how often the exchange has started anew on it.
///
/// Lines bring the same stream, so they see the same new starts; one that lags sees them later.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    pub(super) last: Option<Mark>,
    epoch: u32,
    /// Whether anything that it brought on this connection counted, or was known.
    proven: bool,
}

impl Position {
    /// Whether the line has brought something since the exchange started anew so often.
    pub(super) fn has_come_to(&self, epoch: u32) -> bool {
        self.last.is_some() && self.epoch >= epoch
    }

    /// Goes on to the next book of the line; gives the one before. What the line's own feed takes for
    /// an old copy does not come here, so a book from long before is a new start.
    fn step_book(&mut self, mark: Mark, judged_epoch: u32) -> Option<Mark> {
        let back = |last: Mark| last.ts.since(mark.ts).unwrap_or_default() >= CLOCK_BACK;
        let numbered = |last: Mark| mark.seq != NO_SEQ && last.seq != NO_SEQ;
        let anew = |last| if numbered(last) { mark.contradicts(&last) } else { back(last) };
        self.step(mark, judged_epoch, anew)
    }

    /// As [`Position::step_book`] for a trade, which may come late, and whose id says more than a
    /// clock that is set back.
    fn step_trade(&mut self, mark: Mark, judged_epoch: u32) {
        self.step(mark, judged_epoch, |last| mark.seq < last.seq && mark.ts > last.ts);
    }

    fn step(&mut self, mark: Mark, judged_epoch: u32, anew: impl Fn(Mark) -> bool) -> Option<Mark> {
        self.epoch = match self.last {
            // A new connection is where the exchange is.
            None => judged_epoch,
            Some(last) => self.epoch + u32::from(anew(last)),
        };
        self.last.replace(mark)
    }
}

/// The first book after the exchange has begun to count anew or has set its clock.
#[derive(Clone, Copy, Debug)]
struct Turn {
    first: Mark,
    renumbered: bool,
    at: UnixNanos,
}

impl Turn {
    /// Whether a book that comes at `at` is from before: by what went on at the turn, be it the numbers
    /// or the time. After half a minute no line lags so far.
    fn is_after(&self, mark: Mark, at: UnixNanos) -> bool {
        let is_recent = at.since(self.at).is_none_or(|since| since < FROZEN);
        let is_before = match self.renumbered {
            true => mark.ts < self.first.ts,
            false => mark.seq < self.first.seq,
        };
        is_recent && mark.seq != NO_SEQ && is_before
    }
}

/// The last updates of one subscription.
#[derive(Debug)]
pub(super) struct Judge {
    keys: Vec<(u64, i64)>,
    won: Vec<(usize, UnixNanos)>,
    next: usize,
    last: Option<Mark>,
    /// When the last that counts came.
    at: UnixNanos,
    epoch: u32,
    /// Where the epoch began, if that is known.
    turn: Option<Turn>,
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
            turn: None,
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
        let before = position.step_book(mark, self.epoch);
        let Some(last) = self.last else { return self.first(position) };
        let numbered = mark.seq != NO_SEQ && last.seq != NO_SEQ;
        match self.find(mark.key) {
            // Within a moment a book may go to and fro; only a line's own order can tell.
            Some((winner, _)) if winner == line && !numbered && mark.ts >= last.ts => {}
            Some((winner, won_at)) => {
                if mark.key == last.key {
                    // What is shown is still so: a quiet book is not frozen.
                    self.at = at;
                }
                position.proven = true;
                return Copy::Of(winner, won_at);
            }
            None => {}
        }
        // What is from before the last new start comes late, on a new connection too.
        let before_turn =
            position.epoch <= self.epoch && self.turn.is_some_and(|turn| turn.is_after(mark, at));
        if before_turn {
            position.epoch = position.epoch.min(self.epoch.saturating_sub(1));
        }
        let behind = position.epoch < self.epoch;
        let (newer, doubtful) = if numbered {
            let newer = mark.ts >= last.ts && mark.seq > last.seq
                || mark.ts > last.ts && mark.seq == last.seq;
            // Both back may as well be a line that lags: only patience tells.
            (newer, mark.contradicts(&last))
        } else {
            // Within a moment only a line that has come to the last that counts can lead on.
            let there = before.is_some_and(|before| before.key == last.key);
            let newer = mark.ts > last.ts || mark.ts == last.ts && there;
            (newer && !behind, mark.ts > last.ts || position.epoch > self.epoch)
        };
        let impatient = || {
            let silent = at.since(self.at).unwrap_or_default();
            // A line that has not seen a new start may lag for long; one that has brings what follows.
            let doubted = doubtful && !before_turn;
            silent >= FROZEN || doubted && silent >= CONTRADICTED && !is_led(self.epoch)
        };
        // The first of a new connection may have waited for seconds: while others go on, what it
        // contradicts them in is no new start yet.
        let is_quiet = at.since(self.at).unwrap_or_default() >= CONTRADICTED;
        let believed = !behind && (position.proven || is_quiet);
        if newer || doubtful && believed || impatient() {
            if doubtful && !newer && position.epoch == self.epoch {
                position.epoch += 1;
            }
            if position.epoch > self.epoch {
                let renumbered = mark.seq < last.seq;
                self.turn = numbered.then_some(Turn { first: mark, renumbered, at });
            }
            return self.first(position);
        }
        Copy::Old
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
        position.proven = true;
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
        let numbered = |last: Mark| mark.seq != NO_SEQ && last.seq != NO_SEQ;
        let older = |last: Mark| mark.ts < last.ts && (!numbered(last) || mark.seq < last.seq);
        self.last.is_some_and(older) && at.since(self.at).unwrap_or_default() < FROZEN
    }

    /// Whether nothing has counted for so long that what a line brings should have.
    pub(super) fn is_frozen(&self, mark: Mark, at: UnixNanos) -> bool {
        let current = self.last.is_some_and(|last| last.key == mark.key);
        !current && at.since(self.at).unwrap_or_default() >= CONTRADICTED
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
