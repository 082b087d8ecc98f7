//! Whether the blocks of a file follow one another, by their trailers.

use super::trailer::Trailer;
use crate::model::UnixNanos;

/// Where a file is in the numbers and the times of its blocks.
#[derive(Debug, Default)]
pub(super) struct BlockOrder {
    /// The number of the next block.
    next: u64,
    /// The earliest time of all blocks.
    first: Option<UnixNanos>,
    /// The latest time so far.
    latest: UnixNanos,
    /// Whether the last block was there before.
    is_again: bool,
}

/// A block behind the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockOrderCheck {
    /// It is the next one.
    Next,
    /// It is not, and later than what was there: so many blocks are missing before it, 0 where the
    /// numbers do not say, and this is the time since when.
    AfterHole(u64, UnixNanos),
    /// Its number and its time have gone by. The first of a run of them says so.
    Again { is_first: bool },
}

impl BlockOrder {
    /// Notes the next block.
    pub(super) fn place(&mut self, trailer: &Trailer) -> BlockOrderCheck {
        let Trailer { number, first, last, .. } = *trailer;
        let is_begun = self.first.is_some();
        let is_next = number == self.next;
        // Several files in one begin again at 0, each with a line that says what it is.
        let is_file = number == 0 && is_begun && first >= self.latest;
        if is_begun && number < self.next && last <= self.latest && !is_file {
            return BlockOrderCheck::Again {
                is_first: !std::mem::replace(&mut self.is_again, true),
            };
        }
        let since = if is_begun { self.latest } else { first };
        let missing = number.saturating_sub(self.next);
        (self.next, self.is_again) = (number.saturating_add(1), false);
        self.first.get_or_insert(first);
        self.latest = self.latest.max(last);
        if is_next || is_file {
            BlockOrderCheck::Next
        } else {
            BlockOrderCheck::AfterHole(missing, since)
        }
    }

    /// The times of the first block and of the latest so far.
    pub(super) fn times(&self) -> Option<(UnixNanos, UnixNanos)> {
        Some((self.first?, self.latest))
    }

    /// The latest time so far.
    pub(super) const fn latest(&self) -> UnixNanos {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(blocks: &[(u64, u64)]) -> Vec<BlockOrderCheck> {
        let mut order = BlockOrder::default();
        let place = |(number, at): &(u64, u64)| {
            let (first, last) = (UnixNanos(*at), UnixNanos(at + 5));
            order.place(&Trailer { number: *number, first, last, ..Trailer::default() })
        };
        blocks.iter().map(place).collect()
    }

    #[test]
    fn what_does_not_follow_is_a_hole_and_what_was_there_is_left_out() {
        use BlockOrderCheck::{AfterHole, Again, Next};
        let (once, more) = (Again { is_first: true }, Again { is_first: false });
        let hole = |count, since| AfterHole(count, UnixNanos(since));
        for (blocks, expected) in [
            (&[(0, 10), (1, 20), (2, 24)][..], &[Next, Next, Next][..]),
            // Missing, at the start too.
            (&[(0, 10), (2, 30), (3, 40)], &[Next, hole(1, 15), Next]),
            (&[(2, 30), (3, 40)], &[hole(2, 30), Next]),
            // Doubled, swapped, begun again.
            (&[(0, 10), (1, 20), (1, 20), (2, 30)], &[Next, Next, once, Next]),
            (&[(0, 10), (2, 30), (1, 20), (3, 40)], &[Next, hole(1, 15), once, Next]),
            (&[(0, 10), (1, 20), (0, 10), (1, 20)], &[Next, Next, once, more]),
            // Two files in one.
            (&[(0, 10), (1, 20), (0, 30), (1, 40)], &[Next, Next, Next, Next]),
            // A number that nothing covers is damaged: what follows is not left out.
            (&[(0, 10), (9, 20), (2, 30), (3, 40)], &[Next, hole(8, 15), hole(0, 25), Next]),
        ] {
            assert_eq!(places(blocks), expected, "{blocks:?}");
        }
    }
}
