//! What a client records, where it is to. Without the feature `capture` it never is.

use super::connection_id::ConnectionId;
#[cfg(feature = "capture")]
use crate::capture::{CapturedKind, ConnectionLabel, Mark, Recorder};
use crate::feed::{FeedHandler, Slot};
use crate::model::{BookState, Subscription, UnixNanos};
use crate::wire::Frame;

/// What stands in the place of a reply that repeats the login request.
const WITHHELD: &[u8] =
    br#"{"event":"error","message":"(withheld: it repeats the login request)"}"#;

/// What is recorded besides frames.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noted {
    Line,
    Open,
    Control,
    Sent,
    Close,
    Lost,
    State,
    States,
    Tick,
    Unsubscribe,
    End,
}

/// The recorder of a client, where it has one.
#[derive(Debug, Default)]
pub(super) struct ClientRecorder {
    #[cfg(feature = "capture")]
    pub(super) recorder: Option<Recorder>,
}

#[cfg(feature = "capture")]
impl ClientRecorder {
    /// Whether anything is recorded.
    const fn is_on(&self) -> bool {
        self.recorder.is_some()
    }

    /// Records a frame that was received. Allocates nothing.
    #[inline]
    fn record_frame(&mut self, id: ConnectionId, frame: Frame<'_>, ts: UnixNanos) {
        if let Some(recorder) = &mut self.recorder {
            let (kind, payload) = match frame {
                Frame::Text(text) => (CapturedKind::Text, text),
                Frame::Binary(bytes) => (CapturedKind::Binary, bytes),
            };
            recorder.record_of_read(kind, label(id), ts, payload);
        }
    }

    fn record(&mut self, id: ConnectionId, noted: Noted, ts: UnixNanos, text: &str) {
        let mark = match noted {
            Noted::Line => Mark::Line,
            Noted::Open => Mark::Open,
            Noted::Control => Mark::Control,
            Noted::Sent => Mark::Sent,
            Noted::Close => Mark::Close,
            Noted::Lost => Mark::Lost,
            Noted::State => Mark::State,
            Noted::States => Mark::States,
            Noted::Tick => Mark::Tick,
            Noted::Unsubscribe => Mark::Unsubscribe,
            Noted::End => Mark::End,
        };
        if let Some(recorder) = &mut self.recorder {
            recorder.record(CapturedKind::Mark(mark), label(id), ts, text.as_bytes());
        }
    }

    /// Hands to the writer what has waited for long enough, after the frames of a read.
    pub(super) fn on_drained(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.on_drained();
        }
    }

    /// Hands to the writer what has waited for long enough.
    pub(super) fn flush_due(&mut self, now: UnixNanos) {
        if let Some(recorder) = &mut self.recorder {
            recorder.flush_due(now);
        }
    }
}

/// The connection as a capture names it. A client has fewer than 65,536 groups and lines.
#[cfg(feature = "capture")]
fn label(id: ConnectionId) -> ConnectionLabel {
    let number = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    ConnectionLabel { group: number(id.group), line: number(id.line) }
}

#[cfg(not(feature = "capture"))]
impl ClientRecorder {
    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    const fn is_on(&self) -> bool {
        false
    }

    #[inline]
    fn record_frame(&mut self, _: ConnectionId, _: Frame<'_>, _: UnixNanos) {}

    fn record(&mut self, _: ConnectionId, _: Noted, _: UnixNanos, _: &str) {}

    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    pub(super) fn on_drained(&mut self) {}

    pub(super) fn flush_due(&mut self, _: UnixNanos) {}
}

impl ClientRecorder {
    /// Records a frame that was received; one that repeats the login request without its text.
    #[inline]
    pub(super) fn frame(
        &mut self,
        id: ConnectionId,
        frame: Frame<'_>,
        repeats_login: bool,
        ts: UnixNanos,
    ) {
        let frame = if repeats_login { Frame::Text(WITHHELD) } else { frame };
        self.record_frame(id, frame, ts);
    }

    /// Records what is no frame. `text` is only made where anything is recorded.
    pub(super) fn note<T: AsRef<str>>(
        &mut self,
        id: ConnectionId,
        noted: Noted,
        ts: UnixNanos,
        text: impl FnOnce() -> T,
    ) {
        if self.is_on() {
            self.record(id, noted, ts, text().as_ref());
        }
    }

    /// Records the state that the client has set by its own clock.
    pub(super) fn state(
        &mut self,
        id: ConnectionId,
        subscription: &Subscription,
        state: BookState,
        ts: UnixNanos,
    ) {
        self.note(id, Noted::State, ts, || format!("{state} {subscription}"));
    }

    /// Records what a connection subscribes, of a group of so many lines.
    pub(super) fn subscriptions(
        &mut self,
        id: ConnectionId,
        lines: usize,
        handler: &FeedHandler,
        ts: UnixNanos,
    ) {
        self.note(id, Noted::Line, ts, || {
            let mut text = format!("{} {lines}", handler.dialect());
            let all = handler.slots().iter().map(Slot::subscription);
            all.for_each(|subscription| text.push_str(&format!(" {subscription}")));
            text
        });
    }
}
