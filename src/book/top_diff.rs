//! The changes in the best levels since the last call.

use arrayvec::ArrayVec;

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
#[derive(Clone, Debug, Default)]
pub struct TopDiff<const K: usize> {
    asks: ArrayVec<Level, K>,
    bids: ArrayVec<Level, K>,
}

impl<const K: usize> TopDiff<K> {
    /// Makes a diff against an empty book: all levels are new at the first call.
    #[must_use]
    pub const fn new() -> Self {
        Self { asks: ArrayVec::new_const(), bids: ArrayVec::new_const() }
    }

    /// Reports the changes since the last call, asks first, each side best price first. Returns the
    /// number of changes. A level with another size, number of orders or text is one change.
    /// Allocates nothing.
    pub fn changes(&mut self, view: &BookRef<'_>, each: impl FnMut(LevelChange)) -> usize {
        let (asks, bids) = view.top(K);
        let before = Sides { asks: &self.asks, bids: &self.bids };
        let count = Sides { asks, bids }.changes_since(before, each);
        store(&mut self.asks, asks);
        store(&mut self.bids, bids);
        count
    }
}

/// Stores these levels, at most `K`, for the next comparison.
fn store<const K: usize>(stored: &mut ArrayVec<Level, K>, levels: &[Level]) {
    stored.clear();
    stored.extend(levels.iter().copied().take(K));
}
