//! The faults that were injected so far.

use std::collections::VecDeque;

use super::fault::FaultKind;
use crate::model::MonoNanos;

/// How many faults are kept one by one.
const KEPT: usize = 4_096;

/// One fault that was injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected {
    /// When, in exchange time.
    pub at: MonoNanos,
    /// What.
    pub kind: FaultKind,
    /// The number of the connection, from 1; `None` where it was the exchange itself.
    pub connection: Option<u64>,
}

/// How many faults of each kind were injected, and when the last 4 096 were.
#[derive(Clone, Debug)]
pub struct FaultLog {
    counts: [u64; FaultKind::ALL.len()],
    recent: VecDeque<Injected>,
}

impl Default for FaultLog {
    fn default() -> Self {
        Self { counts: [0; FaultKind::ALL.len()], recent: VecDeque::new() }
    }
}

impl FaultLog {
    /// The faults of one kind, however old.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.counts.get(kind as usize).copied().unwrap_or_default()
    }

    /// The faults of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The last faults, oldest first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Injected> {
        self.recent.iter()
    }

    pub(crate) fn note(&mut self, kind: FaultKind, connection: Option<u64>, at: MonoNanos) {
        if let Some(count) = self.counts.get_mut(kind as usize) {
            *count += 1;
        }
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(Injected { at, kind, connection });
        tracing::debug!(%kind, ?connection, "a fault is injected");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_last_remembered() {
        let mut log = FaultLog::default();
        for n in 0..5_000 {
            log.note(FaultKind::Gap, Some(1), MonoNanos(n));
        }
        log.note(FaultKind::Clock, None, MonoNanos(5_000));
        assert_eq!((log.count(FaultKind::Gap), log.count(FaultKind::Clock)), (5_000, 1));
        assert_eq!((log.total(), log.recent().count()), (5_001, KEPT));
        assert_eq!(log.recent().next_back().map(|fault| fault.at), Some(MonoNanos(5_000)));
    }
}
