//! Word of a book's subscription, before its levels are read.

use crate::event::{Event, EventSink};
use crate::model::Channel;

/// A sink that hears which subscription a book is of as soon as that is read: v5 says it first.
///
/// While the levels are read, the state that they will change can come near. It is a hint and no
/// more: the message may turn out malformed, or be read by a parser that gives no hints. There is
/// none for trades, which are read in less time than it takes to find them twice.
pub(crate) trait PrefetchHint: EventSink {
    /// Takes the hint.
    fn prefetch(&mut self, channel: Channel, inst_id: &str);
}

/// A sink that has nothing to bring near.
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
