//! The updates of one subscription that were accepted last, in their order.

use std::time::Duration;

use crate::model::{NO_SEQ, UnixNanos};

/// No line lags by longer: so long after a sequence reset or a clock step none delivers anything
/// from before it, and what no line has confirmed for so long need not be the exchange's any more.
pub(super) const LONGEST_LAG: Duration = Duration::from_secs(30);

/// What distinguishes the updates of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UpdateKey {
    /// The exchange's number, [`NO_SEQ`] where it sends none; of trades their id.
    pub(super) seq: i64,
    /// The exchange's time.
    pub(super) ts: UnixNanos,
    /// What distinguishes updates of one number: of trades their time, a hash of time and content
    /// where there is no number, else 0.
    pub(super) hash: u64,
    /// Whether it is what a subscription begins with: that has the number of the last update and a
    /// time of its own.
    pub(super) is_first: bool,
}

impl UpdateKey {
    pub(super) const NONE: Self =
        Self { seq: NO_SEQ, ts: UnixNanos::UNKNOWN, hash: 0, is_first: false };

    const fn both_numbered(&self, other: &Self) -> bool {
        self.seq != NO_SEQ && other.seq != NO_SEQ
    }

    /// Whether both are one update. Of books with numbers these decide, whatever their times.
    pub(super) const fn is_same(&self, other: &Self) -> bool {
        self.seq == other.seq && self.hash == other.hash
    }

    /// Whether this is older than the other: by number and by time, or by time where there are no
    /// numbers.
    fn is_before(&self, other: &Self) -> bool {
        if self.both_numbered(other) {
            self.seq <= other.seq && self.ts <= other.ts
        } else {
            self.ts < other.ts
        }
    }

    /// Whether this has a lower number at a later time: a sequence reset lies between the two.
    fn is_sequence_reset(&self, before: &Self) -> bool {
        self.both_numbered(before) && self.seq < before.seq && self.ts > before.ts
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct LogEntry {
    pub(super) key: UpdateKey,
    /// Which line delivered it, and when.
    pub(super) line: usize,
    pub(super) at: UnixNanos,
}

/// The first update after a sequence reset or a clock step, and when it came.
#[derive(Clone, Copy, Debug)]
struct Discontinuity {
    key: UpdateKey,
    at: UnixNanos,
}

impl Discontinuity {
    /// Whether a line may still deliver something from before it.
    fn is_recent(&self, at: UnixNanos) -> bool {
        at.since(self.at).is_none_or(|since| since < LONGEST_LAG)
    }
}

/// The keys of the last accepted updates. Positions count from 1 over all accepted updates.
#[derive(Debug)]
pub(super) struct UpdateLog {
    /// A ring, whose length is a power of two.
    entries: Box<[LogEntry]>,
    end: u64,
    /// The last update; of trades the last that came in order.
    last: Option<UpdateKey>,
    /// When something was accepted, or confirmed to be still so.
    at: UnixNanos,
    /// The last sequence reset, and the last clock step.
    reset: Option<Discontinuity>,
    step: Option<Discontinuity>,
    /// The position of the first update after a sequence reset, 0 once no line can be from before
    /// it.
    reset_position: u64,
    /// The highest number in the log.
    highest: i64,
    /// The highest number that is in the log no more, since the last sequence reset.
    forgotten: i64,
}

impl UpdateLog {
    /// Makes a log of so many updates, a power of two. This is all the memory that it takes.
    pub(super) fn new(len: usize) -> Self {
        let none = LogEntry { key: UpdateKey::NONE, line: usize::MAX, at: UnixNanos::UNKNOWN };
        Self {
            entries: vec![none; len.next_power_of_two()].into(),
            end: 0,
            last: None,
            at: UnixNanos::UNKNOWN,
            reset: None,
            step: None,
            reset_position: 0,
            highest: NO_SEQ,
            forgotten: NO_SEQ,
        }
    }

    /// The position of the last update, 0 where there is none.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) const fn last(&self) -> Option<UpdateKey> {
        self.last
    }

    /// When something was accepted last, or confirmed to be still so.
    pub(super) const fn at(&self) -> UnixNanos {
        self.at
    }

    /// What is shown is still so.
    pub(super) const fn confirm(&mut self, at: UnixNanos) {
        self.at = at;
    }

    /// The first position that the log still holds.
    fn oldest(&self) -> u64 {
        (self.end + 1).saturating_sub(self.entries.len() as u64).max(1)
    }

    /// Whether a position is in the log; before the first update all lines stand at its end.
    pub(super) fn holds(&self, position: u64) -> bool {
        position == self.end || position >= self.oldest()
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are the place in the ring")]
    fn slot(&self, position: u64) -> usize {
        position as usize & self.entries.len().wrapping_sub(1)
    }

    #[inline]
    pub(super) fn get(&self, position: u64) -> Option<&LogEntry> {
        let entry = self.entries.get(self.slot(position))?;
        (position != 0 && self.holds(position)).then_some(entry)
    }

    /// Whether what a line delivered is an update of the log. Near a sequence reset, behind which
    /// numbers come again, they have to have the same time as well; a first push has a later one.
    pub(super) fn is_one(&self, logged: &UpdateKey, delivered: &UpdateKey) -> bool {
        let is_of_then = match delivered.is_first {
            true => logged.ts <= delivered.ts,
            false => logged.ts == delivered.ts,
        };
        logged.is_same(delivered) && (is_of_then || self.reset_position == 0)
    }

    /// Whether the update at a position is this one.
    pub(super) fn is_at(&self, position: u64, key: &UpdateKey) -> bool {
        self.get(position).is_some_and(|entry| self.is_one(&entry.key, key))
    }

    /// Whether the update at a position has the key of this one, at whatever time.
    pub(super) fn is_repeat(&self, position: u64, key: &UpdateKey) -> bool {
        self.get(position).is_some_and(|entry| entry.key.is_same(key))
    }

    /// The earliest position after `position` that holds the key. Too early only delays a line; too
    /// late could emit an old update.
    pub(super) fn find_after(&self, position: u64, key: &UpdateKey) -> Option<u64> {
        if key.seq > self.highest && key.seq != NO_SEQ {
            return None;
        }
        ((position + 1).max(self.oldest())..=self.end).find(|position| self.is_at(*position, key))
    }

    /// Whether the number of an update lies between two that follow each other in the log after
    /// `position`, with no sequence reset before them: then other lines lost it.
    pub(super) fn is_between(&self, position: u64, key: &UpdateKey) -> bool {
        let seq_at = |position| self.get(position).map_or(NO_SEQ, |entry| entry.key.seq);
        let mut before = seq_at(position);
        if before == NO_SEQ || key.seq <= before {
            return false;
        }
        for next in (position + 1..=self.end).map(seq_at) {
            if next < before || next > key.seq {
                return next > key.seq;
            }
            before = next;
        }
        false
    }

    /// Adds an update. A late one does not move the end of what is in order.
    pub(super) fn append(&mut self, key: UpdateKey, line: usize, at: UnixNanos, is_late: bool) {
        self.end += 1;
        self.at = at;
        if !is_late {
            self.note_discontinuity(key, at);
            self.last = Some(key);
        }
        let slot = self.slot(self.end);
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let replaced = std::mem::replace(entry, LogEntry { key, line, at }).key.seq;
        if self.reset_position + self.entries.len() as u64 <= self.end {
            self.forgotten = self.forgotten.max(replaced);
            if self.reset.is_none_or(|reset| !reset.is_recent(at)) {
                self.reset_position = 0;
            }
        }
        if key.seq >= self.highest {
            self.highest = key.seq;
        } else if replaced == self.highest {
            // Rare: the oldest is mostly the lowest.
            self.highest = self.entries.iter().map(|entry| entry.key.seq).max().unwrap_or(NO_SEQ);
        }
    }

    fn note_discontinuity(&mut self, key: UpdateKey, at: UnixNanos) {
        let Some(last) = self.last else { return };
        if key.ts < last.ts {
            self.step = Some(Discontinuity { key, at });
        }
        if key.both_numbered(&last) && key.seq < last.seq {
            self.reset = Some(Discontinuity { key, at });
            (self.reset_position, self.forgotten) = (self.end, NO_SEQ);
        }
    }

    /// What lies before the last update may have been a clock step that no line could see: its line
    /// began with books that looked older.
    pub(super) const fn note_step(&mut self, key: UpdateKey, at: UnixNanos) {
        self.step = Some(Discontinuity { key, at });
    }

    /// Takes all numbers before one for accepted and forgotten.
    pub(super) const fn forget_before(&mut self, seq: i64) {
        self.forgotten = seq.saturating_sub(1);
    }

    /// Whether the log may have had a trade with this id once: it is not above all that were
    /// forgotten.
    pub(super) const fn may_have_forgotten(&self, key: &UpdateKey) -> bool {
        key.seq <= self.forgotten
    }

    /// Whether a line may still deliver something from before a sequence reset or a clock step.
    pub(super) fn is_discontinuous(&self, at: UnixNanos) -> bool {
        [self.reset, self.step].into_iter().flatten().any(|last| last.is_recent(at))
    }

    /// Whether an update is newer than the last one for certain: by its number, and within reach of
    /// a sequence reset by its time too; without numbers by its time. Within reach of a clock step
    /// a time says nothing.
    pub(super) fn is_newer(&self, key: &UpdateKey, at: UnixNanos) -> bool {
        let Some(last) = self.last else { return false };
        let is_recent = |last: Option<Discontinuity>| last.is_some_and(|last| last.is_recent(at));
        if !key.both_numbered(&last) {
            return key.ts > last.ts && !is_recent(self.step);
        }
        let is_later = key.ts >= last.ts && !is_recent(self.step);
        key.seq > last.seq && (is_later || !is_recent(self.reset))
    }

    /// Whether an update is from before the last sequence reset: a higher number at an earlier
    /// time.
    pub(super) fn is_before_reset(&self, key: &UpdateKey) -> bool {
        self.reset.is_some_and(|reset| reset.key.is_sequence_reset(key))
    }

    /// Whether an update is certainly from before the last sequence reset: no clock step since then
    /// makes its time look earlier.
    pub(super) fn is_surely_before_reset(&self, key: &UpdateKey) -> bool {
        let step_at = self.step.map_or(UnixNanos::UNKNOWN, |step| step.at);
        self.is_before_reset(key) && self.reset.is_some_and(|reset| step_at <= reset.at)
    }

    /// Whether an update is older than the last one.
    pub(super) fn is_outdated(&self, key: &UpdateKey) -> bool {
        self.last.is_some_and(|last| key.is_before(&last))
    }
    /// Whether an update is from before the last one: older, or from before a sequence reset.
    pub(super) fn is_from_before(&self, key: &UpdateKey) -> bool {
        self.is_outdated(key) || self.is_before_reset(key)
    }
}
