//! What a source has across connections.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use okx_feed::transport::Clock;
use okx_feed::{EventSink, MonoNanos};

use super::filters::Filters;
use super::merge::{Merge, Received};
use super::options::SourceOptions;
use super::position::Position;
use super::readers::Shared;
use crate::nats::head::HEADER_NAME;

/// How long the server may take for an answer.
pub(super) const SERVER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a source has across connections.
pub(super) struct Following<S> {
    pub(super) options: SourceOptions,
    pub(super) filters: Filters,
    pub(super) shared: Arc<Shared>,
    pub(super) merge: Merge<S>,
    pub(super) clock: Clock,
    /// The last message that was read; `None` before the first.
    pub(super) last: Option<Position>,
    /// How many connections in a row were lost before a message was read.
    pub(super) stalled: u32,
    /// How many were lost in a row while the last values were read.
    pub(super) attempts: u32,
    /// The position of the last message that can't be read.
    pub(super) stepped_over: u64,
}

impl<S: EventSink> Following<S> {
    pub(super) fn now(&self) -> MonoNanos {
        self.clock.mono()
    }

    pub(super) fn on_message(&mut self, message: &Message, position: u64) {
        let head = message.headers.as_ref().and_then(|headers| headers.get_last(HEADER_NAME));
        let received = Received {
            subject: &message.subject,
            head: head.map_or("", |head| head.as_str()),
            payload: &message.payload,
            position,
        };
        let now = self.now();
        self.merge.on_message(received, now);
    }
}
