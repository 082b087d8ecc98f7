//! The updates of one subscription that were accepted last, in their order.

use std::cmp::Ordering;
use std::time::Duration;

use super::key::UpdateKey;
use crate::model::{NO_SEQ, UnixNanos};

/// No line lags by longer: so long after a sequence reset or a clock step none delivers anything
/// from before it, and what no line has confirmed for so long need not be the exchange's any more.
pub(super) const LONGEST_LAG: Duration = Duration::from_secs(30);

/// An update, which line delivered it first, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) key: UpdateKey,
    pub(super) line: usize,
    pub(super) at: UnixNanos,
}

/// The updates that were accepted last. Positions count from 1 over all accepted updates.
#[derive(Debug)]
pub(super) struct AcceptedUpdates {
    /// A ring, whose length is a power of two.
    ring: Box<[Accepted]>,
    /// The position of the last update, 0 where there is none.
    pub(super) end: u64,
    /// When something was accepted, or confirmed to be still so.
    pub(super) at: UnixNanos,
    /// When the first update after the last sequence reset was accepted, and after the last clock
    /// step.
    reset_at: Option<UnixNanos>,
    step_at: Option<UnixNanos>,
    /// The latest time since the last clock step of what was accepted, and of duplicates and what
    /// was outdated.
    latest: UnixNanos,
    /// Whether there were updates before the oldest one here.
    pub(super) has_forgotten: bool,
    /// The highest number here.
    pub(super) highest: i64,
}

impl AcceptedUpdates {
    /// Makes room for so many updates, a power of two. This is all the memory that it takes.
    pub(super) fn new(len: usize) -> Self {
        let at = UnixNanos::UNKNOWN;
        let none = Accepted { key: UpdateKey::NONE, line: usize::MAX, at };
        let ring = vec![none; len.next_power_of_two()].into();
        let (reset_at, step_at, has_forgotten) = (None, None, false);
        let (latest, highest) = (UnixNanos::UNKNOWN, NO_SEQ);
        Self { ring, end: 0, at, reset_at, step_at, latest, has_forgotten, highest }
    }

    /// The first position that is still here.
    fn oldest(&self) -> u64 {
        (self.end + 1).saturating_sub(self.ring.len() as u64).max(1)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are the place in the ring")]
    fn slot(&self, position: u64) -> usize {
        position as usize & self.ring.len().wrapping_sub(1)
    }

    /// The update at a position; `None` of 0 and of what is no longer here.
    #[inline]
    pub(super) fn get(&self, position: u64) -> Option<&Accepted> {
        (position >= self.oldest()).then(|| self.ring.get(self.slot(position)))?
    }

    /// The last update.
    #[inline]
    pub(super) fn last(&self) -> Option<&Accepted> {
        self.get(self.end)
    }

    /// Whether the update at a position is sent again, at whatever time.
    pub(super) fn is_repeat(&self, position: u64, key: &UpdateKey) -> bool {
        self.get(position).is_some_and(|accepted| accepted.key.is_same(key))
    }

    /// The earliest position after `position` of an update. Too early only delays a line; too late
    /// could emit an old update. Soon after a sequence reset numbers come again, at other times;
    /// but the number that a line begins with may have a later time of its own.
    #[inline]
    pub(super) fn find_after(
        &self,
        position: u64,
        key: &UpdateKey,
        may_be_later: bool,
    ) -> Option<u64> {
        let is_exact = is_recent(self.reset_at, self.at);
        let is_it = |known: &Accepted| {
            let is_time = known.key.ts == key.ts || may_be_later && known.key.ts < key.ts;
            known.key.is_same(key) && (!is_exact || is_time)
        };
        let mut positions = (position + 1).max(self.oldest())..=self.end;
        positions.find(|position| self.get(*position).is_some_and(is_it))
    }

    /// Notes the time of a duplicate or of what is outdated. A clock step shows by that if not by
    /// the last accepted update: that may have been confirmed at a later time, and what came
    /// between may have been too old at receipt to be accepted.
    #[inline]
    pub(super) fn note_time(&mut self, ts: UnixNanos) {
        self.latest = self.latest.max(ts);
    }

    /// Adds an update. A clock step may lie before it though its time is later, where nothing shows
    /// where its line was.
    pub(super) fn append(&mut self, key: UpdateKey, line: usize, at: UnixNanos, may_be_step: bool) {
        if let Some(Accepted { key: last, .. }) = self.last() {
            let is_reset = key.both_numbered(last) && key.seq < last.seq;
            let is_step = key.ts < self.latest || may_be_step;
            self.reset_at = if is_reset { Some(at) } else { self.reset_at };
            self.step_at = if is_step { Some(at) } else { self.step_at };
        }
        (self.end, self.at, self.latest) = (self.end + 1, at, key.ts);
        self.has_forgotten |= self.end > self.ring.len() as u64;
        let slot = self.slot(self.end);
        if let Some(entry) = self.ring.get_mut(slot) {
            *entry = Accepted { key, line, at };
        }
        if slot == 0 && key.seq < self.highest {
            // After a sequence reset, once in each turn of the ring.
            self.highest = self.ring.iter().map(|known| known.key.seq).max().unwrap_or(NO_SEQ);
        }
        self.highest = self.highest.max(key.seq);
    }

    /// Whether a line may still deliver something from before a sequence reset or a clock step.
    pub(super) fn is_discontinuous(&self, at: UnixNanos) -> bool {
        is_recent(self.reset_at, at) || is_recent(self.step_at, at)
    }

    /// Whether an update is older than the last one or newer, by its number and its time; `None`
    /// where that is unclear: soon after a sequence reset or a clock step.
    pub(super) fn compare(&self, key: &UpdateKey, at: UnixNanos) -> Option<Ordering> {
        let Some(Accepted { key: last, .. }) = self.last() else { return Some(Ordering::Greater) };
        let (is_reset, is_step) = (is_recent(self.reset_at, at), is_recent(self.step_at, at));
        let (is_older, is_newer) = match key.both_numbered(last) {
            true => (
                key.seq <= last.seq && key.ts <= last.ts || self.is_before_reset(key, at),
                key.seq > last.seq && (!is_reset || key.ts >= last.ts && !is_step),
            ),
            false => (key.ts < last.ts, key.ts > last.ts && !is_step),
        };
        let newer = is_newer.then_some(Ordering::Greater);
        if is_older { Some(Ordering::Less) } else { newer }
    }

    /// Whether an update is from before a recent sequence reset, whatever its number: it is earlier
    /// than the last one, and there was no clock step.
    fn is_before_reset(&self, key: &UpdateKey, at: UnixNanos) -> bool {
        let is_earlier = self.last().is_some_and(|last| key.ts < last.key.ts);
        is_earlier && is_recent(self.reset_at, at) && !is_recent(self.step_at, at)
    }

    /// Whether the number of an update lies between those at a position and at the end: then other
    /// lines lost it.
    pub(super) fn has_skipped(&self, position: u64, key: &UpdateKey) -> bool {
        let is_after = |known: &Accepted| key.seq > known.key.seq && known.key.seq != NO_SEQ;
        self.get(position).is_some_and(is_after)
            && self.last().is_some_and(|last| key.seq < last.key.seq)
    }

    /// Whether a trade may have been here once: it is not later than the last one and its id not
    /// above the oldest one, or it is from before a sequence reset.
    pub(super) fn may_have_forgotten(&self, key: &UpdateKey, at: UnixNanos) -> bool {
        let is_low = self.get(self.oldest()).is_some_and(|oldest| key.seq <= oldest.key.seq);
        let is_later = self.last().is_some_and(|last| key.ts > last.key.ts);
        let is_low = is_low && key.seq != NO_SEQ && !is_later;
        self.has_forgotten && (is_low || self.is_before_reset(key, at))
    }
}

/// Whether something was so short ago that a line may still deliver what was before it.
fn is_recent(event: Option<UnixNanos>, at: UnixNanos) -> bool {
    event.is_some_and(|event| at.since(event).is_none_or(|since| since < LONGEST_LAG))
}
