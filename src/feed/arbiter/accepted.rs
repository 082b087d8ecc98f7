//! The updates of one subscription that were accepted last, in their order.

use std::cmp::Ordering;
use std::collections::VecDeque;
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
#[derive(Debug, Default)]
pub(super) struct AcceptedUpdates {
    list: VecDeque<Accepted>,
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
    /// The highest number here.
    pub(super) highest: i64,
}

impl AcceptedUpdates {
    /// Makes room for so many updates. This is all the memory that it takes.
    pub(super) fn new(len: usize) -> Self {
        Self { list: VecDeque::with_capacity(len), highest: NO_SEQ, ..Self::default() }
    }

    /// The first position that is still here.
    fn oldest(&self) -> u64 {
        self.end + 1 - self.list.len() as u64
    }

    /// The update at a position; `None` of 0 and of what is no longer here.
    #[inline]
    pub(super) fn get(&self, position: u64) -> Option<&Accepted> {
        self.list.get(usize::try_from(position.checked_sub(self.oldest())?).ok()?)
    }

    /// The key of the last update.
    #[inline(always)]
    pub(super) fn last(&self) -> UpdateKey {
        match self.list.back() {
            Some(last) => last.key,
            None => UpdateKey::NONE,
        }
    }

    /// Whether the last update is of another line than the one before it.
    #[inline]
    pub(super) fn is_other(&self) -> bool {
        let mut lines = self.list.iter().rev().map(|known| known.line);
        lines.next() != lines.next()
    }

    /// The earliest position from `from` on of an update, and what is there. Too early only delays
    /// a line; too late could emit an old update. Numbers come again after a sequence reset, which
    /// no line need have seen, so the times agree; but what a line sends again, and the number that
    /// it begins with, may have a later time.
    #[inline]
    pub(super) fn find(
        &self,
        from: u64,
        key: &UpdateKey,
        may_be_later: bool,
    ) -> Option<(u64, Accepted)> {
        (from.max(self.oldest())..=self.end).find_map(|position| {
            let known = self.get(position).filter(|known| known.key.is_same(key))?;
            let is_time = known.key.ts == key.ts || may_be_later && known.key.ts < key.ts;
            (is_time || position == from).then_some((position, *known))
        })
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
    #[inline]
    pub(super) fn append(&mut self, key: UpdateKey, line: usize, at: UnixNanos, may_be_step: bool) {
        let last = self.last();
        if key.both_numbered(&last) && key.seq < last.seq {
            self.reset_at = Some(at);
        }
        if key.ts < self.latest || may_be_step {
            self.step_at = Some(at);
        }
        (self.end, self.at, self.latest) = (self.end + 1, at, key.ts);
        let is_full = self.list.len() == self.list.capacity();
        let oldest = if is_full { self.list.pop_front() } else { None };
        let forgets_highest = oldest.is_some_and(|known| known.key.seq == self.highest);
        self.list.push_back(Accepted { key, line, at });
        if forgets_highest && key.seq < self.highest {
            // Once after a sequence reset.
            self.highest = self.list.iter().map(|known| known.key.seq).max().unwrap_or(NO_SEQ);
        }
        self.highest = self.highest.max(key.seq);
    }

    /// Whether a line may still deliver something from before a sequence reset, and from before a
    /// clock step.
    pub(super) fn discontinuities(&self, at: UnixNanos) -> (bool, bool) {
        (is_recent(self.reset_at, at), is_recent(self.step_at, at))
    }

    /// Whether an update is older than the last one or newer, by its number and its time; `None`
    /// where that is unclear: soon after a sequence reset or a clock step.
    pub(super) fn compare(&self, key: &UpdateKey, at: UnixNanos) -> Option<Ordering> {
        let last = self.last();
        let (is_reset, is_step) = self.discontinuities(at);
        let (is_older, is_newer) = match key.both_numbered(&last) {
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
        key.ts < self.last().ts && self.discontinuities(at) == (true, false)
    }

    /// Whether a trade may have been here once: it is not later than the last one and its id not
    /// above the oldest one, or it is from before a sequence reset.
    pub(super) fn may_have_forgotten(&self, key: &UpdateKey, at: UnixNanos) -> bool {
        let is_low = self.list.front().is_some_and(|oldest| key.seq <= oldest.key.seq);
        let is_low = is_low && key.seq != NO_SEQ && key.ts <= self.last().ts;
        self.oldest() > 1 && (is_low || self.is_before_reset(key, at))
    }
}

/// Whether something was so short ago that a line may still deliver what was before it.
fn is_recent(event: Option<UnixNanos>, at: UnixNanos) -> bool {
    event.is_some_and(|event| at.since(event).is_none_or(|since| since < LONGEST_LAG))
}
