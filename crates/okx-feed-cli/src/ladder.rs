//! The best levels of a book as they are drawn, for every book channel.

use okx_feed::publish::Latest;
use okx_feed::{Book5, BookReader, BookState, DepthReader, Level, UnixNanos};

/// A snapshot of a book, cut to the levels that are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ladder {
    pub(crate) state: BookState,
    pub(crate) ts_event: UnixNanos,
    /// How often the book or its state was published before.
    pub(crate) version: u64,
    /// Best first.
    pub(crate) asks: Vec<Level>,
    pub(crate) bids: Vec<Level>,
}

impl Ladder {
    /// The best levels of a full-snapshot channel: at most five a side.
    pub(crate) fn of_book(reader: &BookReader, levels: usize) -> Self {
        let Latest { value: book, state, version } = reader.snapshot();
        let asks = best(book.asks(), levels).to_vec();
        let bids = best(book.bids(), levels).to_vec();
        Self { state, ts_event: book.ts_event, version, asks, bids }
    }

    /// The best levels of an order book, down to the published depth.
    pub(crate) fn of_depth(reader: &DepthReader, levels: usize) -> Self {
        let seen = reader.snapshot();
        let asks = best(seen.asks(), levels).to_vec();
        let bids = best(seen.bids(), levels).to_vec();
        Self { state: seen.state, ts_event: seen.ts_event, version: seen.version, asks, bids }
    }

    /// The levels of the longer side.
    pub(crate) fn levels(&self) -> usize {
        self.asks.len().max(self.bids.len())
    }

    /// The same book in five levels, for its spread and middle.
    pub(crate) fn top(&self) -> Book5 {
        Book5::new(best(&self.asks, Book5::LEVELS), best(&self.bids, Book5::LEVELS))
    }
}

/// The first `levels` of a side.
pub(crate) fn best(side: &[Level], levels: usize) -> &[Level] {
    side.get(..levels).unwrap_or(side)
}
