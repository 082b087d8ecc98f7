//! The publishers of one subscription.

use super::readers::{BookPublisher, DepthPublisher, TradePublisher};
use super::ring::TradeOptions;
use crate::model::{BookState, ChannelKind};

/// The publishers of one subscription; `None` for data that its channel does not have.
#[derive(Debug)]
pub(crate) struct Publishers {
    pub(crate) book: Option<BookPublisher>,
    pub(crate) depth: Option<DepthPublisher>,
    pub(crate) trades: Option<TradePublisher>,
}

impl Publishers {
    /// Makes the publishers that a kind of channel needs, with nothing published.
    pub(crate) fn new(kind: ChannelKind, options: TradeOptions) -> Self {
        let (trades, deep) = (kind == ChannelKind::Trades, kind == ChannelKind::Depth);
        Self {
            book: (!trades).then(BookPublisher::new),
            depth: deep.then(DepthPublisher::new),
            trades: trades.then(|| TradePublisher::with_len(options.tape_len)),
        }
    }

    /// Publishes a state with the data unchanged.
    pub(crate) fn publish_state(&mut self, state: BookState) {
        if let Some(book) = &mut self.book {
            book.publish_state(state);
        }
        if let Some(depth) = &mut self.depth {
            depth.publish_state(state);
        }
        if let Some(trades) = &mut self.trades {
            trades.publish_state(state);
        }
    }
}
