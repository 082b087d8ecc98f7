//! When what comes out of a ring has entered it.

use std::collections::VecDeque;

use okx_feed::MonoNanos;

/// The counters of a ring, and what left it, at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Events that entered the ring, or left it.
    pub(super) events: u64,
    /// Events that were dropped, or whose drop was marked.
    pub(super) dropped: u64,
}

impl Counts {
    const fn covers(self, other: Self) -> bool {
        self.events >= other.events && self.dropped >= other.dropped
    }
}

/// Follows the time through a ring, whose entries have none, by looks at its counters.
#[derive(Debug)]
pub(super) struct Passage {
    looks: VecDeque<(MonoNanos, Counts)>,
    passed: MonoNanos,
}

impl Passage {
    /// Of a ring whose entries are of `now` at the earliest.
    pub(super) const fn new(now: MonoNanos) -> Self {
        Self { looks: VecDeque::new(), passed: now }
    }

    /// All that entered the ring before this time has left it, and what comes next entered it
    /// after.
    pub(super) const fn passed(&self) -> MonoNanos {
        self.passed
    }

    /// Notes what has entered the ring until `now`.
    pub(super) fn look(&mut self, now: MonoNanos, entered: Counts) {
        // Nothing has entered since the look before: a later time says more.
        if self.looks.back().is_some_and(|(_, counts)| *counts == entered) {
            self.looks.pop_back();
        }
        self.looks.push_back((now, entered));
    }

    /// Notes what has left the ring.
    pub(super) fn leave(&mut self, left: Counts) {
        while let Some((at, _)) = self.looks.front().filter(|(_, counts)| left.covers(*counts)) {
            self.passed = *at;
            self.looks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_follows_what_leaves_the_ring() {
        let at = MonoNanos;
        let counts = |events, dropped| Counts { events, dropped };
        let mut passage = Passage::new(at(5));
        passage.look(at(10), counts(0, 0));
        passage.leave(counts(0, 0));
        assert_eq!(passage.passed(), at(10));
        passage.look(at(20), counts(100, 0));
        passage.look(at(30), counts(150, 4));
        passage.leave(counts(99, 0));
        assert_eq!(passage.passed(), at(10));
        passage.leave(counts(149, 0));
        assert_eq!(passage.passed(), at(20));
        // Later events do not stand for those that were dropped, until that is marked.
        passage.leave(counts(170, 3));
        assert_eq!(passage.passed(), at(20));
        // Nothing enters for long: one look is kept.
        (31..99).for_each(|time| passage.look(at(time), counts(170, 4)));
        assert_eq!(passage.looks.len(), 2);
        passage.leave(counts(170, 4));
        assert_eq!(passage.passed(), at(98));
    }
}
