//! The counts of a recording.

use std::fmt;

use crate::report::unread_notes;
use okx_feed::Event;
use okx_feed::book::{Checksum, Sequence};
use okx_feed::wire::UnreadCounts;

/// The counts of a recording.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) frames: u64,
    books: u64,
    trades: u64,
    depths: u64,
    records: u64,
    mismatches: u64,
    gaps: u64,
    controls: u64,
    skipped: u64,
    pub(super) malformed: u64,
    /// Places where a recording lacks lines.
    pub(super) holes: u64,
    /// Messages of order books for which there was no room.
    pub(super) left_out: u64,
    /// Trades that were not compared with earlier ones, since there was no room.
    pub(super) unchecked_trades: u64,
}

impl Tally {
    /// The number of books and trades.
    pub(super) const fn data(&self) -> u64 {
        self.books + self.trades + self.depths + self.records + self.left_out
    }

    pub(super) fn count(&mut self, event: &Event<'_>) {
        let count = match event {
            Event::Book(_) => &mut self.books,
            Event::Trade(_) => &mut self.trades,
            Event::Record(_) => &mut self.records,
            Event::Control(_) => &mut self.controls,
            Event::DepthBook(change) => {
                self.mismatches += u64::from(change.outcome.checksum == Checksum::Mismatch);
                self.gaps += u64::from(change.outcome.sequence == Sequence::Gap);
                &mut self.depths
            }
            Event::Skipped(_) => &mut self.skipped,
            Event::Malformed(_) => &mut self.malformed,
            // Only a feed emits the rest.
            _ => return,
        };
        *count += 1;
    }

    /// Counts a trade that was not compared with earlier ones.
    pub(super) const fn unchecked_trade(&mut self) {
        self.trades += 1;
        self.unchecked_trades += 1;
    }

    /// Counts a message of an order book for which there was no room.
    pub(super) const fn left_out(&mut self) {
        self.skipped += 1;
        self.left_out += 1;
    }
}

/// The optional values that could not be read, as the end of a summary.
pub(super) struct Unread<'c>(pub(super) &'c UnreadCounts);

impl fmt::Display for Unread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => Ok(()),
            false => {
                write!(f, "; optional values that could not be read: {}", unread_notes(self.0))
            }
        }
    }
}

/// The summary, with the names that the events have.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, books, trades, depths, controls, skipped, malformed, .. } = self;
        write!(
            f,
            "{frames} frames: {books} book, {trades} trade, {depths} depth, {controls} control, \
             {skipped} skipped, {malformed} malformed"
        )?;
        if self.records > 0 {
            write!(f, ", {} record", self.records)?;
        }
        if self.mismatches + self.gaps > 0 {
            let Self { mismatches, gaps, .. } = self;
            write!(f, "; order books: {mismatches} checksum mismatch, {gaps} sequence gap")?;
        }
        match self.holes {
            0 => Ok(()),
            holes => write!(f, "; {holes} gap in the recording"),
        }
    }
}
