//! Prefetch hints: the subscription of a book, before its levels are read.

use crate::event::{Event, EventSink};
use crate::model::Channel;

/// A sink that receives the subscription of a v5 book before the levels are read, to prefetch its
/// state.
///
/// The hint is optional: the message may be malformed, or be read by a parser without hints. Trades
/// have no hint, because decoding a trade takes less time than a second lookup.
pub(crate) trait PrefetchHint: EventSink {
    /// Prefetches the state of a subscription.
    fn prefetch(&mut self, channel: Channel, inst_id: &str);
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
}
