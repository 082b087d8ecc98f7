//! Which trades and messages were emitted already.

use std::collections::{HashMap, HashSet, VecDeque};

use okx_feed::Record;
use okx_feed::model::{FieldValue, stable_hash};

/// How many trades or messages of a topic are remembered.
const KEPT: usize = 4_096;

/// Of how many instruments of a topic the last message is remembered.
const INSTRUMENTS: usize = 16_384;

/// The ids of a topic's last trades. A trade of v5 covers several ids.
#[derive(Debug, Default)]
pub(super) struct SeenTrades {
    ranges: VecDeque<(u64, u64)>,
    ids: HashSet<u64>,
    last: Option<u64>,
}

impl SeenTrades {
    /// The highest id.
    pub(super) const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Notes the ids `first..=last`. False if all of them were noted before.
    pub(super) fn note(&mut self, first: u64, last: u64) -> bool {
        // Most trades are newer than all before; a merged trade covers ids that came singly.
        let is_new = self.last.is_none_or(|newest| last > newest);
        let covers = |range: &(u64, u64)| range.0 <= first && last <= range.1;
        if !is_new && (self.ids.contains(&last) || self.ranges.iter().any(covers)) {
            return false;
        }
        if self.ranges.len() == KEPT
            && let Some((_, oldest)) = self.ranges.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.ranges.push_back((first, last));
        self.ids.insert(last);
        self.last = self.last.max(Some(last));
        true
    }
}

/// The hashes of a topic's last messages.
#[derive(Debug, Default)]
pub(super) struct SeenMessages {
    order: VecDeque<u64>,
    all: HashSet<u64>,
    /// Of messages without a time: the last one's hash, by that of the instrument's id.
    untimed: HashMap<u64, u64>,
}

impl SeenMessages {
    /// Notes a hash. False if it was noted before.
    pub(super) fn note(&mut self, hash: u64) -> bool {
        if !self.all.insert(hash) {
            return false;
        }
        if self.order.len() == KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
        self.order.push_back(hash);
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

    #[test]
    fn a_trade_is_noted_once_also_as_a_part_of_a_merged_one() {
        let mut seen = SeenTrades::default();
        assert!(seen.note(7, 7) && seen.note(9, 12) && !seen.note(9, 12) && !seen.note(7, 7));
        // Late, from another writer; then the fills of the merged trade, from history.
        assert!(seen.note(8, 8) && !seen.note(10, 10) && !seen.note(12, 12));
        assert_eq!(seen.last(), Some(12));
        (13..20_000).for_each(|id| assert!(seen.note(id, id)));
        assert_eq!((seen.ranges.len(), seen.ids.len()), (KEPT, KEPT));
    }
}
