//! What changed in the best levels since one last looked.

use super::book_ref::BookRef;
use super::level_change::LevelChange;
use super::liquidity::Sides;
use crate::model::Level;

/// The best `K` levels of each side as its holder saw them last, 48 bytes times `K`.
///
/// It belongs to whoever looks, not to the book: there can be many, each as far behind as it likes,
/// and it stays exact over gaps and new snapshots since it compares levels, not messages.
///
/// # Example
/// ```
/// use okx_feed::DepthBook;
/// use okx_feed::book::TopDiff;
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
    pub fn changes(&mut self, view: &BookRef<'_>, each: impl FnMut(LevelChange)) -> usize {
        let (asks, bids) = view.top(K);
        let before = Sides { asks: self.asks.seen(), bids: self.bids.seen() };
        let count = Sides { asks, bids }.changes_since(before, each);
        self.asks.see(asks);
        self.bids.see(bids);
        count
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

    /// Takes these levels, at most `K`, for those seen last.
    fn see(&mut self, levels: &[Level]) {
        self.len = 0;
        for (place, level) in self.levels.iter_mut().zip(levels) {
            *place = *level;
            self.len += 1;
        }
    }
}
