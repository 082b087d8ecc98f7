//! What a connection notes for a recording besides its frames.

use super::ConnectionDriver;
use crate::client::recorder::Noted;
use crate::event::EventSink;
use crate::model::UnixNanos;
use crate::transport::Transport;

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Records what is no frame, where the client records.
    pub(super) fn record<R: AsRef<str>>(
        &self,
        noted: Noted,
        ts: UnixNanos,
        text: impl FnOnce() -> R,
    ) {
        self.shared.lock().recorder.note(self.id, noted, ts, text);
    }

    /// Records what is subscribed here, where the client records.
    pub(super) fn record_subscriptions(&self, ts: UnixNanos) {
        let lines = self.config.redundancy.max(1);
        let recorder = &mut self.shared.lock().recorder;
        recorder.subscriptions(self.id, lines, &self.handler, ts);
    }
}
