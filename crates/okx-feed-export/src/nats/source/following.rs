//! What a source has across connections.

use std::sync::Arc;
use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, HeaderName, Message};
use okx_feed::transport::Clock;
use okx_feed::{EventSink, MonoNanos};

use super::merge::{Merge, Received};
use super::options::SourceOptions;
use super::readers::Shared;
use crate::nats::head::HEADER_NAME;

/// How long the server may take for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The last message that was read: its position, and when the stream stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastRead {
    pub(super) position: u64,
    pub(super) stored: DateTime,
}

/// What a source has across connections.
pub(super) struct Following<S> {
    pub(super) options: SourceOptions,
    pub(super) filters: Vec<String>,
    pub(super) shared: Arc<Shared>,
    pub(super) merge: Merge<S>,
    pub(super) clock: Clock,
    /// The last message that was read; `None` before the first.
    pub(super) last: Option<LastRead>,
}

impl<S: EventSink> Following<S> {
    pub(super) fn now(&self) -> MonoNanos {
        self.clock.mono()
    }

    pub(super) fn on_message(&mut self, message: &Message, position: u64) {
        let header = |name: HeaderName| {
            let headers: &HeaderMap = message.headers.as_ref()?;
            headers.get_last(name).map(|value| value.as_str())
        };
        let received = Received {
            subject: &message.subject,
            head: header(HEADER_NAME).unwrap_or_default(),
            id: header(NATS_MESSAGE_ID).unwrap_or_default(),
            payload: &message.payload,
            position,
        };
        let now = self.now();
        self.merge.on_message(received, now);
    }
}
