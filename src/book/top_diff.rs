//! The changes in the best levels since the last call.

use super::book_ref::BookRef;
use super::level_change::LevelChange;
use super::liquidity::Sides;
use crate::model::Level;

/// Reports changes in the best `K` levels of a book since the last call. Takes 48 bytes times `K`.
///
/// Each consumer of a book has its own and calls it as rarely as it wants. The result is exact over
/// gaps and new snapshots, because levels are compared, not messages.
///
/// # Example
/// ```
/// use okx_feed::DepthBook;
/// use okx_feed::book::TopDiff;
///
/// let book = DepthBook::new();
/// let mut diff = TopDiff::<5>::new();
/// if let Some(view) = book.live() {
///     diff.changes(&view, |change| println!("{change:?}"));
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
    /// Makes a diff against an empty book: all levels are new at the first call.
    #[must_use]
    pub const fn new() -> Self {
        let top = Top { levels: [Level::EMPTY; K], len: 0 };
        Self { asks: top, bids: top }
    }

    /// Reports the changes since the last call, asks first, each side best price first. Returns the
    /// number of changes. A level with another size, number of orders or text is one change.
    /// Allocates nothing.
    pub fn changes(&mut self, view: &BookRef<'_>, each: impl FnMut(LevelChange)) -> usize {
        let (asks, bids) = view.top(K);
        let before = Sides { asks: self.asks.last(), bids: self.bids.last() };
        let count = Sides { asks, bids }.changes_since(before, each);
        self.asks.store(asks);
        self.bids.store(bids);
        count
    }
}

impl<const K: usize> Default for TopDiff<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const K: usize> Top<K> {
    fn last(&self) -> &[Level] {
        self.levels.get(..self.len).unwrap_or(&self.levels)
    }

    /// Stores these levels, at most `K`, for the next comparison.
    fn store(&mut self, levels: &[Level]) {
        self.len = 0;
        for (slot, level) in self.levels.iter_mut().zip(levels) {
            *slot = *level;
            self.len += 1;
        }
    }
}
