//! Which trades and messages were emitted already.

use std::collections::{HashMap, HashSet, VecDeque};

use okx_feed::model::{FieldValue, stable_hash};
use okx_feed::{Record, UnixNanos};

/// How many trades or messages of a topic are remembered.
const KEPT: usize = 4_096;

/// Of how many instruments of a topic the last message is remembered.
const INSTRUMENTS: usize = 16_384;

/// The ids of a topic's last trades. A trade of v5 covers several ids.
#[derive(Debug, Default)]
pub(super) struct SeenTrades {
    /// The first and last id of each, and its time.
    ranges: VecDeque<(u64, u64, UnixNanos)>,
    ids: HashSet<u64>,
    last: Option<u64>,
    /// The last one that is remembered no longer.
    forgotten: Option<(u64, UnixNanos)>,
}

impl SeenTrades {
    /// The highest id.
    pub(super) const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Notes the ids `first..=last` of a time. False if all of them were noted before, or are not
    /// later than one that is remembered no longer: a lower id at a later time is a reset of the
    /// exchange's.
    pub(super) fn note(&mut self, first: u64, last: u64, time: UnixNanos) -> bool {
        // Most trades are newer than all before; a merged trade covers ids that came singly.
        let is_new = self.last.is_none_or(|newest| last > newest);
        let covers = |range: &(u64, u64, UnixNanos)| range.0 <= first && last <= range.1;
        if !is_new {
            let is_old = self.forgotten.is_some_and(|(id, at)| last <= id && time <= at);
            if is_old || self.ids.contains(&last) || self.ranges.iter().any(covers) {
                return false;
            }
        }
        if self.ranges.len() == KEPT
            && let Some((_, oldest, at)) = self.ranges.pop_front()
        {
            self.ids.remove(&oldest);
            self.forgotten = Some((oldest, at));
        }
        self.ranges.push_back((first, last, time));
        self.ids.insert(last);
        self.last = self.last.max(Some(last));
        true
    }
}

/// The hashes of a topic's last messages.
#[derive(Debug, Default)]
pub(super) struct SeenMessages {
    order: VecDeque<(u64, UnixNanos)>,
    all: HashSet<u64>,
    /// The time of the last one that is remembered no longer.
    forgotten: Option<UnixNanos>,
    /// Of messages without a time: the last one's hash, by that of the instrument's id.
    untimed: HashMap<u64, u64>,
}

impl SeenMessages {
    /// Notes a hash of a time. False if it was noted before, or is not later than one that is
    /// remembered no longer.
    pub(super) fn note(&mut self, hash: u64, time: UnixNanos) -> bool {
        if self.forgotten.is_some_and(|at| time <= at) || !self.all.insert(hash) {
            return false;
        }
        if self.order.len() == KEPT
            && let Some((oldest, at)) = self.order.pop_front()
        {
            self.all.remove(&oldest);
            self.forgotten = Some(at);
        }
        self.order.push_back((hash, time));
        true
    }

    /// Notes a message without a time, by a hash of what it says. False if it says what the last
    /// one of its instrument did: what comes back after another one is new.
    pub(super) fn note_untimed(&mut self, record: &Record, hash: u64) -> bool {
        let mut instrument = 0;
        record.data.fields(&mut |name, value| {
            if let (ID, FieldValue::Text(id)) = (name, value) {
                instrument = stable_hash(id.as_bytes());
            }
        });
        if self.untimed.len() >= INSTRUMENTS && !self.untimed.contains_key(&instrument) {
            self.untimed.clear();
        }
        self.untimed.insert(instrument, hash) != Some(hash)
    }
}

/// The field with an instrument's id.
const ID: &str = "inst_id";

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(time: u64) -> UnixNanos {
        UnixNanos(time)
    }

    #[test]
    fn a_trade_is_noted_once_also_as_a_part_of_a_merged_one() {
        let mut seen = SeenTrades::default();
        let mut note = |first, last| seen.note(first, last, at(last));
        assert!(note(7, 7) && note(9, 12) && !note(9, 12) && !note(7, 7));
        // Late, from another writer; then the fills of the merged trade, from history.
        assert!(note(8, 8) && !note(10, 10) && !note(12, 12));
        (13..20_000).for_each(|id| assert!(note(id, id)));
        assert_eq!((seen.last(), seen.ranges.len(), seen.ids.len()), (Some(19_999), KEPT, KEPT));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_is_not_new() {
        let end = 2 * KEPT as u64;
        let (mut trades, mut messages) = (SeenTrades::default(), SeenMessages::default());
        for id in (0..end).filter(|id| *id != end - 7) {
            assert!(trades.note(id, id, at(id / 3)) && messages.note(id, at(id / 3)));
        }
        // All of them again, as from a writer that was away, or from the start of the stream.
        for id in (0..end).filter(|id| *id != end - 7) {
            assert!(!trades.note(id, id, at(id / 3)), "{id}");
            assert!(!messages.note(id, at(id / 3)), "{id}");
        }
        // One that only this writer has; then the exchange numbers its trades from the start.
        assert!(trades.note(end - 7, end - 7, at(end / 3)) && messages.note(end - 7, at(end / 3)));
        assert!(trades.note(1, 1, at(end)) && !trades.note(1, 1, at(end)));
    }
}
