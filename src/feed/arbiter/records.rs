//! Which records of redundant lines are new.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::filter::Arbitration;
use crate::model::{Record, UnixNanos};

/// How many records are remembered, of channels whose messages replace one another and of others.
const LATEST: usize = 64;
const STREAM: usize = 256;

/// After so long without an accepted record, one with an earlier time follows a clock step.
const STUCK: Duration = Duration::from_secs(10);

/// A record that was accepted.
#[derive(Clone, Copy, Debug)]
struct Accepted {
    hash: u64,
    line: usize,
    at: UnixNanos,
}

/// The records of one subscription that were accepted last.
///
/// A record that equals one of them is a duplicate. Of a channel whose messages replace one
/// another, one with an earlier time than the last is outdated. Nothing is held: a record stands
/// alone, so one that was missed on a line changes no other.
#[derive(Debug)]
pub(super) struct RecordFilter {
    accepted: Vec<Accepted>,
    /// The entry that the next one replaces, once all are used.
    oldest: usize,
    is_latest: bool,
    ts_event: UnixNanos,
    /// When the last one was accepted, or delivered again.
    at: UnixNanos,
}

impl RecordFilter {
    /// All its memory is taken here.
    pub(super) fn new(is_latest: bool) -> Self {
        Self {
            accepted: Vec::with_capacity(if is_latest { LATEST } else { STREAM }),
            oldest: 0,
            is_latest,
            ts_event: UnixNanos::UNKNOWN,
            at: UnixNanos::UNKNOWN,
        }
    }

    /// When the last record was accepted, or delivered again.
    pub(super) const fn at(&self) -> UnixNanos {
        self.at
    }

    /// What becomes of a record; one that is accepted is remembered.
    pub(super) fn arbitrate(&mut self, line: usize, record: &Record) -> Arbitration {
        self.arbitrate_content(line, content_hash(record), (record.order(), record.ts_recv))
    }

    /// As [`RecordFilter::arbitrate`] for a message that is not decoded.
    pub(super) fn arbitrate_text(
        &mut self,
        line: usize,
        text: &str,
        ts_recv: UnixNanos,
    ) -> Arbitration {
        let hash = FixedState::default().hash_one(text);
        self.arbitrate_content(line, hash, (UnixNanos::UNKNOWN, ts_recv))
    }

    fn arbitrate_content(
        &mut self,
        line: usize,
        hash: u64,
        (ts_event, at): (UnixNanos, UnixNanos),
    ) -> Arbitration {
        if let Some(known) = self.accepted.iter().find(|accepted| accepted.hash == hash) {
            let duplicate = Arbitration::Duplicate { line: known.line, first_seen: known.at };
            if self.newest().is_some_and(|newest| newest.hash == hash) {
                self.at = at;
            }
            return duplicate;
        }
        let is_stuck = at.since(self.at).is_some_and(|since| since >= STUCK);
        if self.is_latest && ts_event < self.ts_event && !is_stuck {
            return Arbitration::Outdated;
        }
        self.remember(Accepted { hash, line, at });
        (self.ts_event, self.at) = (ts_event, at);
        Arbitration::Accepted
    }

    /// Remembers a record that was emitted before there were several lines.
    pub(super) fn note(&mut self, line: usize, record: &Record) {
        self.arbitrate(line, record);
    }

    fn remember(&mut self, accepted: Accepted) {
        if self.accepted.len() < self.accepted.capacity() {
            return self.accepted.push(accepted);
        }
        if let Some(entry) = self.accepted.get_mut(self.oldest) {
            *entry = accepted;
        }
        self.oldest = (self.oldest + 1) % self.accepted.len().max(1);
    }

    fn newest(&self) -> Option<&Accepted> {
        let before = self.oldest.checked_sub(1);
        before.map_or_else(|| self.accepted.last(), |at| self.accepted.get(at))
    }

    /// Whether a record is the last one that was accepted.
    pub(super) fn is_newest(&self, record: &Record) -> bool {
        self.newest().is_some_and(|newest| newest.hash == content_hash(record))
    }
}

/// What distinguishes records: all but when they were received.
fn content_hash(record: &Record) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let sent = Record { ts_recv: UnixNanos::UNKNOWN, ..*record };
    sent.put_words(0, |_, word| word.hash(&mut hasher));
    hasher.finish()
}
