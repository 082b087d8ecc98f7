//! Where the levels of a message are put before its event is made.

use super::unread::UnreadCounts;
use crate::book::{Book5, NonRpiSizes};
use crate::model::{Decimal, Level, Qty, Trade};

/// The most levels that a side of a deep-book message may have.
///
/// The largest recorded snapshot has 452, the largest update 163.
pub(crate) const MAX_DEPTH_LEVELS: usize = 1024;

/// The places of one message's levels, for both parsers. Made once, never grows.
#[derive(Debug)]
pub struct Scratch {
    /// A five-level book.
    pub book: Book5,
    /// A trade.
    pub(super) trade: Trade,
    /// The asks of a deep book's message.
    pub asks: DepthLevels,
    /// The bids of a deep book's message.
    pub bids: DepthLevels,
    /// What of the last message that the general parser read could not be read, and need not be.
    pub(super) unread: UnreadCounts,
}

impl Scratch {
    /// Makes the places, empty.
    #[must_use]
    pub fn new() -> Self {
        Self {
            book: Book5::EMPTY,
            trade: Trade::EMPTY,
            asks: DepthLevels::new(),
            bids: DepthLevels::new(),
            unread: UnreadCounts::default(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// The sizes of both sides that are not of RPI orders; `None` where the message's channel says none.
#[inline]
pub(in crate::wire) fn non_rpi<'s>(
    asks: &'s DepthLevels,
    bids: &'s DepthLevels,
) -> Option<NonRpiSizes<'s>> {
    let (asks, bids) = (asks.non_rpi()?, bids.non_rpi()?);
    Some(NonRpiSizes { asks, bids })
}

/// The levels of one side of a deep book's message, in the order of the text.
#[derive(Debug)]
pub struct DepthLevels {
    places: Box<[Level; MAX_DEPTH_LEVELS]>,
    // INVARIANT: at most `MAX_DEPTH_LEVELS`; the places past it hold levels of older messages.
    len: usize,
    /// The part of each level's size that is not of RPI orders, where `has_non_rpi`.
    non_rpi: Box<[Qty; MAX_DEPTH_LEVELS]>,
    has_non_rpi: bool,
}

impl DepthLevels {
    fn new() -> Self {
        Self {
            places: Box::new([Level::EMPTY; MAX_DEPTH_LEVELS]),
            len: 0,
            non_rpi: Box::new([Decimal::ZERO; MAX_DEPTH_LEVELS]),
            has_non_rpi: false,
        }
    }

    #[inline]
    fn non_rpi(&self) -> Option<&[Qty]> {
        if self.has_non_rpi { self.non_rpi.get(..self.len) } else { None }
    }

    /// The levels.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[Level] {
        self.places.get(..self.len).unwrap_or_default()
    }

    /// Empties the side. `has_non_rpi` tells whether its levels say what of their size is not of RPI
    /// orders.
    pub(super) const fn clear(&mut self, has_non_rpi: bool) {
        (self.len, self.has_non_rpi) = (0, has_non_rpi);
    }

    /// Adds a level; false where the side is full.
    #[inline]
    pub(super) fn push(&mut self, level: Level, non_rpi: Qty) -> bool {
        let Some(place) = self.places.get_mut(self.len) else { return false };
        *place = level;
        if let Some(place) = self.non_rpi.get_mut(self.len).filter(|_| self.has_non_rpi) {
            *place = non_rpi;
        }
        self.len += 1;
        true
    }

    /// Lets `write` put levels where they stay; it gives how many, from the first place on. Where it
    /// gives up the side is empty.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut [Level; MAX_DEPTH_LEVELS]) -> Option<usize>,
    ) -> Option<()> {
        let written = write(&mut self.places);
        self.len = written.unwrap_or(0).min(MAX_DEPTH_LEVELS);
        self.has_non_rpi = false;
        written.map(|_| ())
    }

    /// As [`DepthLevels::fill`], of levels that say what of their size is not of RPI orders.
    #[inline]
    pub(super) fn fill_with_non_rpi(
        &mut self,
        write: impl FnOnce(
            &mut [Level; MAX_DEPTH_LEVELS],
            &mut [Qty; MAX_DEPTH_LEVELS],
        ) -> Option<usize>,
    ) -> Option<()> {
        let written = write(&mut self.places, &mut self.non_rpi);
        self.len = written.unwrap_or(0).min(MAX_DEPTH_LEVELS);
        self.has_non_rpi = true;
        written.map(|_| ())
    }
}
