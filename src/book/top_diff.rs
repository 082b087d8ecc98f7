//! What changed in the best levels since one last looked.

use super::book_ref::BookRef;
use super::side::BookSide;
use crate::model::Level;

/// One change among the best levels of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// The side.
    pub side: BookSide,
    /// The level as it was; `None` where it was not among the best levels.
    pub before: Option<Level>,
    /// The level as it is; `None` where it no longer is among the best levels, be it deleted or
    /// pushed out by better ones.
    pub after: Option<Level>,
}

/// The best `K` levels of each side as its holder saw them last, 48 bytes times `K`.
///
/// It belongs to whoever looks, not to the book: there can be many, each as far behind as it likes,
/// and it stays exact over gaps and new snapshots since it compares levels, not messages.
///
/// ```
/// use okx_feed::{DepthBook, TopDiff};
///
/// let book = DepthBook::new();
/// let mut watch = TopDiff::<5>::new();
/// if let Some(view) = book.live() {
///     watch.changes(&view, |change| println!("{change:?}"));
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TopDiff<const K: usize> {
    asks: Top<K>,
    bids: Top<K>,
}

#[derive(Clone, Copy, Debug)]
struct Top<const K: usize> {
    levels: [Level; K],
    len: usize,
}

impl<const K: usize> TopDiff<K> {
    /// A watch that has seen nothing: all levels will be new to it.
    #[must_use]
    pub const fn new() -> Self {
        let top = Top { levels: [Level::EMPTY; K], len: 0 };
        Self { asks: top, bids: top }
    }

    /// Tells what changed since the last call, asks first, each side from the best price on, and
    /// gives the number of changes. A level that has another size, number of orders or text is one
    /// change. Allocates nothing.
    pub fn changes(&mut self, view: &BookRef<'_>, mut each: impl FnMut(LevelChange)) -> usize {
        let (asks, bids) = view.top(K);
        self.asks.changes(BookSide::Ask, asks, &mut each)
            + self.bids.changes(BookSide::Bid, bids, &mut each)
    }
}

impl<const K: usize> Default for TopDiff<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const K: usize> Top<K> {
    fn seen(&self) -> &[Level] {
        self.levels.get(..self.len).unwrap_or(&self.levels)
    }

    /// Walks both sorted lists at once. `new` has at most `K` levels.
    fn changes(
        &mut self,
        side: BookSide,
        new: &[Level],
        each: &mut impl FnMut(LevelChange),
    ) -> usize {
        let mut count = 0;
        let (mut before, mut after) = (self.seen().iter().peekable(), new.iter().peekable());
        loop {
            let (old_first, new_first) = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(old), Some(new)) => {
                    let (old, new) = (old.px(), new.px());
                    let old_is_better = if side == BookSide::Ask { old < new } else { old > new };
                    (old_is_better || old == new, !old_is_better)
                }
            };
            let before = if old_first { before.next().copied() } else { None };
            let after = if new_first { after.next().copied() } else { None };
            if before != after {
                count += 1;
                each(LevelChange { side, before, after });
            }
        }
        self.len = 0;
        for (place, level) in self.levels.iter_mut().zip(new) {
            *place = *level;
            self.len += 1;
        }
        count
    }
}
