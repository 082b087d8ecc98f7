//! Whether an update is new, or a copy of one that another line has brought.

use std::cmp::Ordering;
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
pub enum Arbitration {
    /// The first copy.
    First,
    /// A copy of what the line of that number brought at that time.
    Of(usize, UnixNanos),
    /// Older than what is known, and not remembered.
    Old,
}

/// What the other lines of the subscription are at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    /// The highest epoch that one of them has brought anything of.
    epoch: Option<u32>,
    /// Whether one that is live stands at what is shown: then that is quiet, not frozen.
    pub(super) hold: bool,
}

impl Others {
    /// The others of one of these lines, where `shown` is the key of what is shown.
    pub(super) fn of(
        line: usize,
        lines: impl Iterator<Item = (Position, bool)>,
        shown: Option<u64>,
    ) -> Self {
        let mut all = Self::default();
        for (_, (position, is_live)) in lines.enumerate().filter(|(at, _)| *at != line) {
            let Some(last) = position.last else { continue };
            all.epoch = all.epoch.max(Some(position.epoch));
            all.hold |= is_live && shown == Some(last.key);
        }
        all
    }

    /// Whether one of them has come as far.
    fn lead(&self, epoch: u32) -> bool {
        self.epoch.is_some_and(|most| most >= epoch)
    }
}

/// The first book that counted after the exchange had started anew, or had set its clock back.
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
    /// The highest number or id among them.
    highest: i64,
    /// Which line brought each, when, and in which epoch.
    won: Vec<(usize, UnixNanos, u32)>,
    next: usize,
    last: Option<Mark>,
    /// When the last that counts came, or was told to be still so.
    at: UnixNanos,
    epoch: u32,
    /// Where the epoch began: the exchange started to count anew or, without numbers, set its clock
    /// back.
    anew: Option<Turn>,
    /// Where it set its clock back among numbers since then.
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
            highest: 0,
            won: vec![(usize::MAX, UnixNanos::UNKNOWN, 0); memory],
            next: 0,
            last: None,
            at: UnixNanos::UNKNOWN,
            epoch: 0,
            anew: None,
            set_back: None,
            forgotten: NO_SEQ,
            forgets: false,
        }
    }

    /// Judges a book that came on a line at `at`.
    pub(super) fn book(
        &mut self,
        line: usize,
        position: &mut Position,
        mark: Mark,
        at: UnixNanos,
        others: Others,
    ) -> Arbitration {
        let confirms = position.confirms(mark);
        let before = position.step_book(mark, self.epoch);
        let Some(last) = self.last else { return self.first(position) };
        let numbered = mark.both_numbered(&last);
        match self.find(mark.key) {
            // Within a moment a book may go to and fro; only a line's own order can tell.
            Some((winner, ..))
                if winner == line && !numbered && mark.ts >= last.ts && mark.key != last.key => {}
            Some((winner, won_at, epoch)) => {
                if mark.key == last.key && confirms {
                    // What is shown is still so: a quiet book is neither frozen nor stale.
                    self.at = at;
                }
                // What it has come to tells where it is.
                position.epoch = epoch;
                position.placed = true;
                return Arbitration::Of(winner, won_at);
            }
            None => {}
        }
        if let Some((winner, won_at)) = self.find_number(line, position, mark, last) {
            if mark.same_number(&last) && confirms {
                self.at = at;
            }
            return Arbitration::Of(winner, won_at);
        }
        let counts = if numbered {
            self.numbered_counts(position, (mark, last), at, others)
        } else {
            // Within a moment only a line that has come to the last that counts can lead on.
            let there = before.is_some_and(|before| before.key == last.key);
            self.timed_counts(position, (mark, last), at, there, others)
        };
        if !counts {
            return Arbitration::Old;
        }
        self.turn(position, mark, last, at);
        self.first(position)
    }

    /// Whether a book is from before a turn that is known, by what went on there: be it the time, which
    /// tells nothing once a clock was set back behind a new count, or the number.
    fn is_before_turn(&self, mark: Mark, at: UnixNanos) -> bool {
        let recent = |turn: Option<Turn>| turn.filter(|turn| turn.is_recent(at));
        match (recent(self.set_back), recent(self.anew)) {
            (Some(set_back), _) => mark.seq < set_back.first.seq,
            (None, Some(anew)) => mark.ts < anew.first.ts,
            (None, None) => false,
        }
    }

    /// Whether a line may still bring what is from before the exchange started anew, or set its clock
    /// back.
    fn turned_lately(&self, at: UnixNanos) -> bool {
        [self.anew, self.set_back].into_iter().flatten().any(|turn| turn.is_recent(at))
    }

    /// Whether a book with a number counts.
    ///
    /// A line that is known to be of this count goes by its numbers alone: it would have seen the
    /// exchange count anew, and times tell nothing while a clock is set. One that has seen it leads.
    /// Of any other it is not known where it is: it waits, while others go on, wherever it
    /// contradicts them or may be from before.
    fn numbered_counts(
        &self,
        position: &Position,
        (mark, last): (Mark, Mark),
        at: UnixNanos,
        others: Others,
    ) -> bool {
        let silent = at.since(self.at).unwrap_or_default();
        let is_known = position.placed && position.epoch <= self.epoch;
        let is_older = mark.is_before(&last) || is_known && mark.seq < last.seq;
        if silent >= FROZEN && !(others.hold && is_older) {
            return true;
        }
        let newer = mark.ts >= last.ts && mark.is_beyond(&last);
        // Both back is a line that lags: only patience tells otherwise.
        let may_count = newer || mark.contradicts(&last);
        match position.epoch.cmp(&self.epoch) {
            Ordering::Equal if position.placed => return mark.is_beyond(&last),
            // It has seen the numbers fall, and with them maybe the time.
            Ordering::Greater if position.placed => return may_count || mark.vetted,
            _ => {}
        }
        let lately = self.turned_lately(at);
        if newer && !lately {
            return true;
        }
        let is_led = position.epoch < self.epoch && others.lead(self.epoch);
        may_count && silent >= CONTRADICTED && !self.is_before_turn(mark, at) && !is_led
    }

    /// Whether a book without a number counts. `there` tells that its line has come to the last that
    /// does.
    fn timed_counts(
        &self,
        position: &Position,
        (mark, last): (Mark, Mark),
        at: UnixNanos,
        there: bool,
        others: Others,
    ) -> bool {
        let silent = at.since(self.at).unwrap_or_default();
        let lately = self.turned_lately(at);
        let newer = mark.ts > last.ts || mark.ts == last.ts && there;
        let is_here = position.epoch == self.epoch;
        // The first of a new connection may have waited for seconds: while others go on, what it
        // contradicts them in is no new start yet, and after one it is not known where it is.
        let waits = !position.placed && silent < CONTRADICTED;
        if silent >= FROZEN
            || position.epoch > self.epoch && !waits
            || newer && is_here && !(waits && lately)
        {
            return true;
        }
        // Here only a line that has not seen a new start is left, which may lag for long.
        mark.ts > last.ts && silent >= CONTRADICTED && !lately && !others.lead(self.epoch)
    }

    /// Notes where numbers and times part, so that what is from before is known for it later.
    fn turn(&mut self, position: &mut Position, mark: Mark, last: Mark, at: UnixNanos) {
        if mark.counts_anew(&last) && position.epoch == self.epoch {
            position.epoch += 1;
        }
        let turn = Some(Turn { first: mark, at });
        if position.epoch > self.epoch {
            (self.anew, self.set_back) = (turn, None);
        } else if last.counts_anew(&mark) && position.epoch == self.epoch {
            self.set_back = turn;
        }
    }

    /// Judges a trade that came at `at`, whose `seq` is its id: one that a slower line brings late still
    /// counts.
    pub(super) fn trade(
        &mut self,
        position: &mut Position,
        mark: Mark,
        at: UnixNanos,
    ) -> Arbitration {
        let before = position.step_trade(mark, self.epoch, self.forgotten);
        // One with a higher id than all that are remembered is no copy of any of them.
        let place = if mark.seq > self.highest { None } else { self.place(mark.key) };
        if let Some(place) = place {
            // Who brings one that has come since ids began anew has come as far.
            if self.keys.get(place).is_some_and(|(_, id)| *id != i64::MAX) {
                position.epoch = position.epoch.max(self.epoch);
            }
            return self
                .won
                .get(place)
                .map_or(Arbitration::Old, |(line, at, _)| Arbitration::Of(*line, *at));
        }
        let Some(last) = self.last else { return self.first(position) };
        // Nothing that any line brings has counted for long, and this line goes on: one bad id, or a
        // clock and ids that were set back at once, must not silence it for good.
        let frozen = at.since(self.at).unwrap_or_default() >= FROZEN
            && before.is_some_and(|before| mark.is_beyond(&before));
        let is_before = position.epoch < self.epoch;
        if is_before && !frozen {
            // From before the exchange began to count anew: only who remembers all trades can say
            // that it was not told.
            return if self.forgets { Arbitration::Old } else { Arbitration::First };
        }
        if position.epoch > self.epoch {
            self.count_anew();
            return self.first(position);
        }
        if mark.seq > self.forgotten && !is_before {
            return Arbitration::First;
        }
        if mark.ts > last.ts || frozen {
            // An id that was long ago, at a new time: ids have begun anew, unseen by any other line.
            position.epoch = self.epoch + 1;
            self.count_anew();
            return self.first(position);
        }
        Arbitration::Old
    }

    /// The exchange's ids have begun anew: those that are remembered are of the count before.
    #[cold]
    fn count_anew(&mut self) {
        (self.last, self.forgotten) = (None, NO_SEQ);
        self.keys.iter_mut().for_each(|(_, id)| *id = i64::MAX);
        self.highest = i64::MAX;
    }

    fn first(&mut self, position: &mut Position) -> Arbitration {
        position.placed = true;
        position.epoch = position.epoch.max(self.epoch);
        self.epoch = position.epoch;
        Arbitration::First
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
        let replaced = key.1;
        (*key, *won) = ((mark.key, mark.seq), (line, at, self.epoch));
        if mark.seq >= self.highest {
            self.highest = mark.seq;
        } else if replaced == self.highest {
            // Rare: the oldest is mostly the lowest.
            self.highest = self.keys.iter().map(|(_, id)| *id).max().unwrap_or(0);
        }
        self.next = (self.next + 1) % self.keys.len().max(1);
        self.at = at;
        // A late trade does not move the end.
        let late = trade && self.last.is_some_and(|last| mark.seq < last.seq);
        if !late {
            self.last = Some(mark);
        }
    }

    /// Forgets all books: no line has brought anything on its connection yet, and where the first of
    /// them leads back, the others are to lead on again.
    pub(super) fn start_anew(&mut self) {
        self.last = None;
        self.won.iter_mut().for_each(|(line, ..)| *line = usize::MAX);
    }

    /// Takes all trades before an id for told and forgotten.
    pub(super) const fn forget_before(&mut self, id: i64) {
        (self.forgotten, self.forgets) = (id.saturating_sub(1), true);
    }

    /// Whether this is older than the last that counts, by number and time or by a turn that is known,
    /// and that came not long ago.
    pub(super) fn was_passed_lately(&self, mark: Mark, at: UnixNanos) -> bool {
        let is_before = mark.seq != NO_SEQ && self.is_before_turn(mark, at);
        (is_before || self.last.is_some_and(|last| mark.is_before(&last)))
            && at.since(self.at).unwrap_or_default() < FROZEN
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

    /// Who brought the update of a key first, when, and in which epoch.
    fn find(&self, key: u64) -> Option<(usize, UnixNanos, u32)> {
        self.won.get(self.place(key)?).copied()
    }

    /// Who brought the update of a number first, at whatever time, and when: another line, in the count
    /// that this one is in. A line that sends a number again itself says that it is still so.
    fn find_number(
        &self,
        line: usize,
        position: &Position,
        mark: Mark,
        last: Mark,
    ) -> Option<(usize, UnixNanos)> {
        // A higher number than the last is in no memory of this count.
        if !mark.both_numbered(&last) || mark.seq > last.seq {
            return None;
        }
        let epoch = if position.placed { position.epoch } else { self.epoch };
        let mut known = self.keys.iter().zip(&self.won);
        let is_same = |((_, seq), (winner, _, of)): &(&(u64, i64), &(usize, UnixNanos, u32))| {
            *seq == mark.seq && *of == epoch && *winner != usize::MAX && *winner != line
        };
        known.find(is_same).map(|(_, (winner, at, _))| (*winner, *at))
    }

    /// Where an update is remembered. The newest first: a copy is mostly a copy of one of the last few.
    fn place(&self, key: u64) -> Option<usize> {
        let (newer, older) = (0..self.next, self.next..self.keys.len());
        let mut places = newer.rev().chain(older.rev());
        let place = places.find(|at| self.keys.get(*at).is_some_and(|(known, _)| *known == key))?;
        self.won.get(place).is_some_and(|(line, ..)| *line != usize::MAX).then_some(place)
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "judge_edges.rs"]
mod edges;

#[cfg(test)]
#[path = "judge_model.rs"]
mod model;
