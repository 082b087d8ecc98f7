//! The readers of one subscription, which the client's handle gives out.

use crate::feed::{Arbiter, FeedHandler};
use crate::model::Subscription;
use crate::publish::{BookReader, DepthReader, TradeReader};

/// The readers of one subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers {
    pub(super) book: Option<BookReader>,
    pub(super) depth: Option<DepthReader>,
    pub(super) trades: Option<TradeReader>,
}

impl Readers {
    pub(super) fn of(handler: &mut FeedHandler, subscription: &Subscription) -> Self {
        Self {
            book: handler.book_reader(subscription),
            depth: handler.depth_reader(subscription),
            trades: handler.trade_reader(subscription),
        }
    }

    pub(super) fn of_lines(arbiter: &Arbiter, subscription: &Subscription) -> Self {
        Self {
            book: arbiter.book_reader(subscription),
            depth: arbiter.depth_reader(subscription),
            trades: arbiter.trade_reader(subscription),
        }
    }
}
