//! The difference of two books, level by level.

use super::liquidity::Sides;
use super::side::BookSide;
use crate::model::Level;

/// One change among the levels of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LevelChange {
    /// The side.
    pub side: BookSide,
    /// The level before; `None` if it was not among the compared levels.
    pub before: Option<Level>,
    /// The level after; `None` if it is no longer among the compared levels: deleted, or pushed out
    /// by better ones.
    pub after: Option<Level>,
}

impl Sides<'_> {
    /// Reports the changes from `before` to these sides, asks first. Returns the number of changes;
    /// see [`Book5::changes_since`](super::top5::Book5::changes_since).
    pub(crate) fn changes_since(
        self,
        before: Sides<'_>,
        mut each: impl FnMut(LevelChange),
    ) -> usize {
        side_changes(BookSide::Ask, before.asks, self.asks, &mut each)
            + side_changes(BookSide::Bid, before.bids, self.bids, &mut each)
    }
}

/// Walks both lists at once, best first. Each level of either is in one pair, so that the changes
/// convert `old` to `new` even if a list is not sorted.
fn side_changes(
    side: BookSide,
    old: &[Level],
    new: &[Level],
    each: &mut impl FnMut(LevelChange),
) -> usize {
    let mut count = 0;
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let (take_old, take_new) = match (old.peek(), new.peek()) {
            (None, None) => return count,
            (Some(_), None) => (true, false),
            (None, Some(_)) => (false, true),
            (Some(old), Some(new)) => {
                let (old, new) = (old.px(), new.px());
                let old_is_better = if side == BookSide::Ask { old < new } else { old > new };
                (old_is_better || old == new, !old_is_better)
            }
        };
        let before = if take_old { old.next().copied() } else { None };
        let after = if take_new { new.next().copied() } else { None };
        if before != after {
            count += 1;
            each(LevelChange { side, before, after });
        }
    }
}
