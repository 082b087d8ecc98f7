//! Where the levels of a message are put before its event is made.

use crate::model::{Book5, Level};

/// The most levels that a side of a deep-book message may have.
///
/// The largest recorded snapshot has 452, the largest update 163.
pub const MAX_DEPTH_LEVELS: usize = 1024;

/// The places of one message's levels, for both parsers. Made once, never grows.
#[derive(Debug)]
pub struct Scratch {
    /// A five-level book.
    pub book: Book5,
    /// The asks of a deep book's message.
    pub asks: DepthLevels,
    /// The bids of a deep book's message.
    pub bids: DepthLevels,
}

impl Scratch {
    /// Makes the places, empty.
    #[must_use]
    pub fn new() -> Self {
        Self { book: Book5::EMPTY, asks: DepthLevels::new(), bids: DepthLevels::new() }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// The levels of one side of a deep book's message, in the order of the text.
#[derive(Debug)]
pub struct DepthLevels {
    places: Box<[Level; MAX_DEPTH_LEVELS]>,
    // INVARIANT: at most `MAX_DEPTH_LEVELS`; the places past it hold levels of older messages.
    len: usize,
}

impl DepthLevels {
    fn new() -> Self {
        Self { places: Box::new([Level::EMPTY; MAX_DEPTH_LEVELS]), len: 0 }
    }

    /// The levels.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[Level] {
        self.places.get(..self.len).unwrap_or_default()
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a level; false where the side is full.
    #[inline]
    pub(super) fn push(&mut self, level: Level) -> bool {
        let Some(place) = self.places.get_mut(self.len) else { return false };
        *place = level;
        self.len += 1;
        true
    }

    /// Lets `write` put levels where they stay; it gives how many, from the first place on. Where it
    /// gives up the side is empty.
    #[inline]
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut [Level; MAX_DEPTH_LEVELS]) -> Option<usize>,
    ) -> Option<()> {
        let written = write(&mut self.places);
        self.len = written.unwrap_or(0).min(MAX_DEPTH_LEVELS);
        written.map(|_| ())
    }
}
