//! What a walk did not find, as ranges.

/// Ranges of numbers, both ends included, in ascending order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Those of an earlier walk that end before `next`, from where it is gone on with.
    pub(super) fn before(all: &[(u64, u64)], next: u64) -> Self {
        let is_before = |(first, last): &&(u64, u64)| first <= last && *last < next;
        Self(all.iter().filter(is_before).copied().collect())
    }

    /// Adds a range behind all others; one that follows the last is joined with it.
    pub(super) fn add(&mut self, first: u64, last: u64) {
        self.add_by(first, last, 1);
    }

    /// Adds a range of numbers that are `step` apart.
    pub(super) fn add_by(&mut self, first: u64, last: u64, step: u64) {
        match self.0.last_mut() {
            Some(before) if before.1.checked_add(step) == Some(first) => before.1 = last,
            _ => self.0.push((first, last)),
        }
    }

    pub(super) fn as_slice(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// How many numbers, `step` apart, the ranges have.
    pub(super) fn count(&self, step: u64) -> u64 {
        let of = |(first, last): &(u64, u64)| (last - first) / step.max(1) + 1;
        self.0.iter().map(of).sum()
    }
}
