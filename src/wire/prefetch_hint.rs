//! Prefetch hints: the subscription of a book, before its levels are read; and events of SBE, whose
//! instrument has a number.

use crate::book::DepthUpdate;
use crate::event::{BookUpdate, Event, EventSink, TradeUpdate};
use crate::model::Channel;

/// A sink that receives the subscription of a v5 book before the levels are read, to prefetch its
/// state.
///
/// The hint is optional: the message may be malformed, or be read by a parser without hints. Trades
/// have no hint, because decoding a trade takes less time than a second lookup.
///
/// The events of SBE come with the number of their instrument (`instIdCode`), by which they are
/// looked up faster than by the id. An event is a method of its own, so that its value need not be
/// written to memory and read again.
pub(crate) trait PrefetchHint: EventSink {
    /// Prefetches the state of a subscription.
    fn prefetch(&mut self, channel: Channel, inst_id: &str);

    /// Prefetches the state of a subscription by the number of its instrument.
    fn prefetch_numbered(&mut self, channel: Channel, code: i64);

    /// Handles a book of the instrument with this number.
    fn on_numbered_book(&mut self, code: i64, update: &BookUpdate<'_>);

    /// Handles a trade of the instrument with this number.
    fn on_numbered_trade(&mut self, code: i64, update: &TradeUpdate<'_>);

    /// Handles a message of an order book of the instrument with this number.
    fn on_numbered_depth(&mut self, code: i64, update: &DepthUpdate<'_>);
}

/// Wraps a sink that has nothing to prefetch.
pub(super) struct NoPrefetch<'s, S>(pub(super) &'s mut S);

impl<S: EventSink> EventSink for NoPrefetch<'_, S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.on_event(event);
    }
}

impl<S: EventSink> PrefetchHint for NoPrefetch<'_, S> {
    #[inline(always)]
    fn prefetch(&mut self, _: Channel, _: &str) {}

    #[inline(always)]
    fn prefetch_numbered(&mut self, _: Channel, _: i64) {}

    #[inline(always)]
    fn on_numbered_book(&mut self, _: i64, update: &BookUpdate<'_>) {
        self.0.on_event(&Event::Book(*update));
    }

    #[inline(always)]
    fn on_numbered_trade(&mut self, _: i64, update: &TradeUpdate<'_>) {
        self.0.on_event(&Event::Trade(*update));
    }

    #[inline(always)]
    fn on_numbered_depth(&mut self, _: i64, update: &DepthUpdate<'_>) {
        self.0.on_event(&Event::Depth(*update));
    }
}
