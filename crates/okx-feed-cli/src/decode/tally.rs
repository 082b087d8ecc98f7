//! The counts of a recording.

use std::fmt;

use okx_feed::Event;
use okx_feed::book::{Checksum, Sequence};

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
                self.mismatches += u64::from(change.applied.checksum == Checksum::Mismatch);
                self.gaps += u64::from(change.applied.sequence == Sequence::Gap);
                &mut self.depths
            }
            Event::Depth(_) => {
                self.left_out += 1;
                &mut self.skipped
            }
            Event::Skipped(_) => &mut self.skipped,
            // Only a feed emits the rest.
            _ => return,
        };
        *count += 1;
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
