//! Scratch memory for the levels of a message, from which its event borrows.

use super::unread::UnreadCounts;
use crate::book::{Book5, NonRpiSizes};
use crate::model::{Decimal, Level, Qty, Record, Trade};

/// The largest number of levels in a side of an order-book message.
///
/// The largest recorded snapshot has 452, the largest update 163.
pub(crate) const MAX_DEPTH_LEVELS: usize = 1024;

/// Scratch memory for one message, for both parsers. Allocated once, never grows.
#[derive(Debug)]
pub struct Scratch {
    /// A five-level book.
    pub book: Book5,
    /// A trade.
    pub(super) trade: Trade,
    /// A record.
    pub record: Record,
    /// The asks of an order book's message.
    pub asks: DepthLevels,
    /// The bids of an order book's message.
    pub bids: DepthLevels,
    /// The optional values that could not be read in the last message of the general parser.
    pub(super) unread: UnreadCounts,
}

impl Scratch {
    /// Allocates empty scratch memory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            book: Book5::EMPTY,
            trade: Trade::EMPTY,
            record: Record::EMPTY,
            asks: DepthLevels::new(),
            bids: DepthLevels::new(),
            unread: UnreadCounts::default(),
        }
    }
}

impl Scratch {
    /// The level arrays of both sides, so that a scanner writes levels in place.
    /// [`DepthLevels::fill`] must follow for each side.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn sides_mut(&mut self) -> SidesMut<'_> {
        (&mut self.asks.levels, &mut self.bids.levels)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// The arrays of both sides, asks first.
type SidesMut<'s> = (&'s mut [Level; MAX_DEPTH_LEVELS], &'s mut [Level; MAX_DEPTH_LEVELS]);

/// The sizes of both sides without RPI orders; `None` if the channel does not send them.
#[inline]
pub(in crate::wire) fn non_rpi<'s>(
    asks: &'s DepthLevels,
    bids: &'s DepthLevels,
) -> Option<NonRpiSizes<'s>> {
    let (asks, bids) = (asks.non_rpi()?, bids.non_rpi()?);
    Some(NonRpiSizes { asks, bids })
}

/// The levels of one side of an order book's message, in the order of the text.
#[derive(Debug)]
pub struct DepthLevels {
    levels: Box<[Level; MAX_DEPTH_LEVELS]>,
    // INVARIANT: at most `MAX_DEPTH_LEVELS`; entries past it are levels of older messages.
    len: usize,
    /// The part of each level's size without RPI orders, if `has_non_rpi`.
    non_rpi: Box<[Qty; MAX_DEPTH_LEVELS]>,
    has_non_rpi: bool,
}

impl DepthLevels {
    fn new() -> Self {
        Self {
            levels: Box::new([Level::EMPTY; MAX_DEPTH_LEVELS]),
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
        self.levels.get(..self.len).unwrap_or_default()
    }

    /// Clears the side. `has_non_rpi`: the levels include the size without RPI orders.
    pub(super) const fn clear(&mut self, has_non_rpi: bool) {
        (self.len, self.has_non_rpi) = (0, has_non_rpi);
    }

    /// Adds a level. A side with a level whose size without RPI orders is not known has no such
    /// sizes. Returns false if the side is full.
    #[inline]
    pub(super) fn push(&mut self, level: Level, non_rpi: Option<Qty>) -> bool {
        let Some(entry) = self.levels.get_mut(self.len) else { return false };
        *entry = level;
        self.has_non_rpi &= non_rpi.is_some();
        if let (Some(entry), Some(size)) = (self.non_rpi.get_mut(self.len), non_rpi) {
            *entry = size;
        }
        self.len += 1;
        true
    }

    /// Lets `write` write levels in place, from the first entry on, and return their number. If it
    /// returns none, the side is empty.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut [Level; MAX_DEPTH_LEVELS]) -> Option<usize>,
    ) -> Option<()> {
        let written = write(&mut self.levels);
        self.len = written.unwrap_or(0).min(MAX_DEPTH_LEVELS);
        self.has_non_rpi = false;
        written.map(|_| ())
    }

    /// As [`DepthLevels::fill`], for levels with a size without RPI orders.
    #[inline]
    pub(super) fn fill_with_non_rpi(
        &mut self,
        write: impl FnOnce(
            &mut [Level; MAX_DEPTH_LEVELS],
            &mut [Qty; MAX_DEPTH_LEVELS],
        ) -> Option<usize>,
    ) -> Option<()> {
        let written = write(&mut self.levels, &mut self.non_rpi);
        self.len = written.unwrap_or(0).min(MAX_DEPTH_LEVELS);
        self.has_non_rpi = true;
        written.map(|_| ())
    }
}
