//! Redundant lines: several handlers before one arbiter.

use okx_feed::{Arbiter, Dialect, Event, EventSink, FeedHandler, Frame, Subscription, UnixNanos};

/// The handlers of several lines of v5, and the arbiter that has their events.
pub struct Lines {
    pub handlers: Vec<FeedHandler>,
    pub arbiter: Arbiter,
}

impl Lines {
    /// So many lines with these subscriptions.
    pub fn new(count: usize, subscriptions: &[Subscription]) -> Self {
        let mut arbiter = Arbiter::new(count);
        let mut handlers: Vec<_> = (0..count).map(|_| FeedHandler::new(Dialect::V5)).collect();
        for of in subscriptions {
            handlers.iter_mut().for_each(|handler| handler.subscribe(*of).unwrap());
            arbiter.subscribe(*of);
        }
        Self { handlers, arbiter }
    }

    /// Lets a line's handler do something that gives the arbiter events, and that the sink.
    pub fn pass(
        &mut self,
        line: usize,
        sink: &mut impl EventSink,
        act: impl FnOnce(&mut FeedHandler, &mut dyn FnMut(&Event<'_>)),
    ) {
        let Self { handlers, arbiter } = self;
        act(&mut handlers[line], &mut |event| arbiter.on_event(line, event, sink));
    }

    /// A line delivers a message.
    pub fn deliver(&mut self, line: usize, text: &str, at: UnixNanos, sink: &mut impl EventSink) {
        self.pass(line, sink, |handler, mut pass| {
            handler.on_frame(Frame::Text(text.as_bytes()), at, &mut pass).unwrap();
        });
    }
}
