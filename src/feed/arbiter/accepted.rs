//! The updates of one subscription that were accepted last, in their order.

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

/// The first update after a sequence reset or a clock step, where it is, and when it came.
#[derive(Clone, Copy, Debug)]
struct Discontinuity {
    key: UpdateKey,
    position: u64,
    at: UnixNanos,
}

impl Discontinuity {
    /// Whether a line may still deliver something from before it.
    fn is_recent(&self, at: UnixNanos) -> bool {
        at.since(self.at).is_none_or(|since| since < LONGEST_LAG)
    }
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
    /// The last sequence reset, and the last clock step.
    reset: Option<Discontinuity>,
    step: Option<Discontinuity>,
    /// Whether there were updates before the oldest one here.
    pub(super) has_forgotten: bool,
    /// The highest number here.
    pub(super) highest: i64,
}

impl AcceptedUpdates {
    /// Makes room for so many updates, a power of two. This is all the memory that it takes.
    pub(super) fn new(len: usize) -> Self {
        let none = Accepted { key: UpdateKey::NONE, line: usize::MAX, at: UnixNanos::UNKNOWN };
        Self {
            ring: vec![none; len.next_power_of_two()].into(),
            end: 0,
            at: UnixNanos::UNKNOWN,
            reset: None,
            step: None,
            has_forgotten: false,
            highest: NO_SEQ,
        }
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

    /// The key of the last update.
    #[inline]
    pub(super) fn last(&self) -> Option<&UpdateKey> {
        self.get(self.end).map(|accepted| &accepted.key)
    }

    /// Whether the update at a position is sent again, at whatever time.
    pub(super) fn is_repeat(&self, position: u64, key: &UpdateKey) -> bool {
        self.get(position).is_some_and(|accepted| accepted.key.is_same(key))
    }

    /// The earliest position after `position` of an update. Too early only delays a line; too late
    /// could emit an old update.
    #[inline]
    pub(super) fn find_after(&self, position: u64, key: &UpdateKey) -> Option<u64> {
        let is_exact = self.is_discontinuous(self.at);
        let is_it = |known: &Accepted| {
            known.key.is_same(key) && (!is_exact || known.key.is_delivered_as(key))
        };
        let mut positions = (position + 1).max(self.oldest())..=self.end;
        positions.find(|position| self.get(*position).is_some_and(is_it))
    }

    /// Adds an update. A clock step may lie before it though its time is later: where it has no
    /// number, and where a sequence reset lies before it.
    pub(super) fn append(&mut self, key: UpdateKey, line: usize, at: UnixNanos, may_be_step: bool) {
        let here = Discontinuity { key, position: self.end + 1, at };
        if let Some(last) = self.last() {
            let is_reset = key.both_numbered(last) && key.seq < last.seq;
            let is_step = key.ts < last.ts || may_be_step && (is_reset || !key.both_numbered(last));
            self.reset = if is_reset { Some(here) } else { self.reset };
            self.step = if is_step { Some(here) } else { self.step };
        }
        (self.end, self.at) = (self.end + 1, at);
        self.has_forgotten |= self.end > self.ring.len() as u64;
        let slot = self.slot(self.end);
        let Some(entry) = self.ring.get_mut(slot) else { return };
        let replaced = std::mem::replace(entry, Accepted { key, line, at }).key.seq;
        if key.seq < self.highest && self.highest == replaced {
            // Rare: the oldest is mostly the lowest.
            self.highest =
                self.ring.iter().map(|accepted| accepted.key.seq).max().unwrap_or(NO_SEQ);
        }
        self.highest = self.highest.max(key.seq);
    }

    /// Whether a line may still deliver something from before a sequence reset or a clock step.
    pub(super) fn is_discontinuous(&self, at: UnixNanos) -> bool {
        self.reset.iter().chain(&self.step).any(|last| last.is_recent(at))
    }

    /// Whether an update is newer than the last one for certain: by its number, or by its time
    /// where it has none. Soon after a sequence reset its time has to agree with its number, and
    /// soon after a clock step a time says nothing.
    pub(super) fn is_newer(&self, key: &UpdateKey, at: UnixNanos) -> bool {
        let is_recent = |last: Option<Discontinuity>| last.is_some_and(|last| last.is_recent(at));
        let Some(last) = self.last() else { return false };
        if !key.both_numbered(last) {
            return key.ts > last.ts && !is_recent(self.step);
        }
        let is_later = key.ts >= last.ts && !is_recent(self.step);
        key.seq > last.seq && (is_later || !is_recent(self.reset))
    }

    /// Whether an update is older than the last one, or from before the last sequence reset.
    pub(super) fn is_older(&self, key: &UpdateKey) -> bool {
        self.last().is_some_and(|last| key.is_before(last)) || self.is_before_reset(key)
    }

    /// Whether an update has a higher number at an earlier time than the first one after the last
    /// sequence reset, and no clock step came since.
    fn is_before_reset(&self, key: &UpdateKey) -> bool {
        let step = self.step.map_or(0, |step| step.position);
        let first = self.reset.filter(|first| first.position >= step);
        first.is_some_and(|first| key.seq > first.key.seq && key.ts < first.key.ts)
    }

    /// Whether the number of an update lies between those at a position and at the end, and no
    /// sequence reset does: then other lines lost it.
    pub(super) fn has_skipped(&self, position: u64, key: &UpdateKey) -> bool {
        let is_after = |known: &Accepted| key.seq > known.key.seq && known.key.seq != NO_SEQ;
        self.get(position).is_some_and(is_after)
            && self.last().is_some_and(|last| key.seq < last.seq)
            && self.reset.is_none_or(|first| first.position <= position)
    }

    /// Whether a trade may have been here once: its id is not above the oldest one, and no
    /// sequence reset lies between, or it is from before one.
    pub(super) fn may_have_forgotten(&self, key: &UpdateKey) -> bool {
        let is_above = |oldest: &Accepted| key.seq > oldest.key.seq || key.seq == NO_SEQ;
        let is_low = !self.get(self.oldest()).is_some_and(is_above);
        let is_later = self.last().is_some_and(|last| key.ts > last.ts);
        self.has_forgotten && (is_low && !is_later || self.is_before_reset(key))
    }
}
