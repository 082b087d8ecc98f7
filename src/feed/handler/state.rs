//! What a handler keeps: books, trades, their readers, the counters; and messages from elsewhere.

use super::FeedHandler;
use crate::book::{Book5, DepthBook, DepthUpdate};
use crate::event::EventSink;
use crate::feed::slot::RING_LEN;
use crate::feed::slots::Slots;
use crate::feed::stats::Stats;
use crate::model::{Origin, Record, Subscription, TradeRing};
use crate::publish::{
    BookReader, DepthReader, Readers, RecordReader, RecordRingReader, TradeReader,
};

impl FeedHandler {
    /// Applies a message of an order book that no frame has brought: a snapshot of the REST
    /// interface, or an update that had to wait for it.
    pub fn apply_depth(
        &mut self,
        update: &DepthUpdate<'_>,
        origin: Origin,
        sink: &mut impl EventSink,
    ) {
        self.slots.apply_depth(update, origin, &mut self.stats, sink);
    }

    /// The last best five levels of a subscription, for any book channel. `None` if there is no
    /// such subscription or its channel has no book. The slot's state says whether the book is
    /// valid.
    #[must_use]
    pub fn book(&self, subscription: &Subscription) -> Option<Book5> {
        self.slots.get(subscription)?.book()
    }

    /// The order book of a subscription; `None` if there is no such subscription or its channel has
    /// no order book. The slot's state, not the book, says whether it is stale or down.
    #[must_use]
    pub fn depth(&self, subscription: &Subscription) -> Option<&DepthBook> {
        self.slots.get(subscription)?.depth()
    }

    /// The last trades of a subscription; `None` if there is no such subscription or its channel
    /// has no trades.
    #[must_use]
    pub fn trades(&self, subscription: &Subscription) -> Option<&TradeRing<RING_LEN>> {
        self.slots.get(subscription)?.trades()
    }

    /// A reader of a subscription's book for another thread.
    pub fn book_reader(&mut self, subscription: &Subscription) -> Option<BookReader> {
        self.slots.get_mut(subscription)?.book_reader()
    }

    /// A reader of the best levels of a subscription's order book for another thread.
    pub fn depth_reader(&mut self, subscription: &Subscription) -> Option<DepthReader> {
        self.slots.get_mut(subscription)?.depth_reader()
    }

    /// A reader of a subscription's trades for another thread.
    pub fn trade_reader(&mut self, subscription: &Subscription) -> Option<TradeReader> {
        self.slots.get_mut(subscription)?.trade_reader()
    }

    /// The latest record of a subscription, such as its ticker; `None` before the first one, and if
    /// there is no such subscription or the channel has none.
    #[must_use]
    pub fn record(&self, subscription: &Subscription) -> Option<Record> {
        self.slots.get(subscription)?.record()
    }

    /// A reader of a subscription's latest record for another thread.
    pub fn record_reader(&mut self, subscription: &Subscription) -> Option<RecordReader> {
        self.slots.get_mut(subscription)?.record_reader()
    }

    /// A reader of a subscription's last records for another thread, such as liquidations.
    pub fn record_ring_reader(&mut self, subscription: &Subscription) -> Option<RecordRingReader> {
        self.slots.get_mut(subscription)?.record_ring_reader()
    }

    /// All readers of a subscription for other threads; none without such a subscription. All that
    /// it has is published from then on.
    pub fn readers(&mut self, subscription: &Subscription) -> Readers {
        let Some(slot) = self.slots.get_mut(subscription) else { return Readers::default() };
        Readers {
            book: slot.book_reader(),
            depth: slot.depth_reader(),
            trades: slot.trade_reader(),
            record: slot.record_reader(),
            records: slot.record_ring_reader(),
        }
    }

    /// The slots of all subscriptions.
    #[must_use]
    pub const fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The counters so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }
}
