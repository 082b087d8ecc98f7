//! The publishers of one subscription.

use super::readers::{
    BookPublisher, DepthPublisher, RecordPublisher, RecordRingPublisher, TradePublisher,
};
use super::ring::TradeOptions;
use crate::model::{BookState, ChannelKind};

/// The publishers of one subscription; `None` for data that its channel does not have.
#[derive(Debug, Default)]
pub(crate) struct Publishers {
    pub(crate) book: Option<BookPublisher>,
    pub(crate) depth: Option<DepthPublisher>,
    pub(crate) trades: Option<TradePublisher>,
    pub(crate) record: Option<RecordPublisher>,
    pub(crate) records: Option<RecordRingPublisher>,
}

impl Publishers {
    /// Makes the publishers that a kind of channel needs, with nothing published.
    pub(crate) fn new(kind: ChannelKind, options: TradeOptions) -> Self {
        let mut made = Self::default();
        match kind {
            ChannelKind::Book5 => made.book = Some(BookPublisher::new()),
            ChannelKind::Depth => {
                made.book = Some(BookPublisher::new());
                made.depth = Some(DepthPublisher::new());
            }
            ChannelKind::Trades => made.trades = Some(TradePublisher::with_len(options.tape_len)),
            ChannelKind::Latest(_) => made.record = Some(RecordPublisher::new()),
            // A ring without an entry in use, for its state.
            ChannelKind::Raw => made.records = Some(RecordRingPublisher::with_len(1)),
            ChannelKind::Stream(_) => {
                let len = options.record_ring_len();
                made.records = Some(RecordRingPublisher::with_len(len));
            }
        }
        made
    }

    /// Publishes a state with the data unchanged.
    pub(crate) fn publish_state(&mut self, state: BookState) {
        let Self { book, depth, trades, record, records } = self;
        if let Some(book) = book {
            book.publish_state(state);
        }
        if let Some(depth) = depth {
            depth.publish_state(state);
        }
        if let Some(trades) = trades {
            trades.publish_state(state);
        }
        if let Some(record) = record {
            record.publish_state(state);
        }
        if let Some(records) = records {
            records.publish_state(state);
        }
    }
}
