//! The sink of `watch` and `record`: prints events, counts them, and notes refusals.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::event_line::{write_line, write_missed};
use super::format::Printable;
use super::pipe::PipeWriter;
use okx_feed::event::{ControlKind, StateChange};
use okx_feed::{BookState, Control, Dialect, DownReason, Event, EventSink, Malformed};
use okx_feed_export::json::{Stamp, write_event, write_missed as write_missed_json};

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Lines,
}

/// Messages from the sink to the command.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Wakes the command: there is a rejection, or there were enough events.
    pub(crate) changed: Notify,
    state: Mutex<NewsState>,
}

#[derive(Debug, Default)]
struct NewsState {
    rejections: Vec<String>,
    enough: bool,
    /// The dialect of the messages, if it is not the connection's.
    other_dialect: Option<Dialect>,
}

impl News {
    /// The rejections since the last call, one line each.
    pub(crate) fn take_rejections(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.rejections))
    }

    /// Whether the requested number of events was received.
    pub(crate) fn enough(&self) -> bool {
        self.with(|state| state.enough)
    }

    /// The dialect of the messages, if it is not the requested one.
    pub(crate) fn other_dialect(&self) -> Option<Dialect> {
        self.with(|state| state.other_dialect)
    }

    fn with<R>(&self, f: impl FnOnce(&mut NewsState) -> R) -> R {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Receives each event on the feed's thread.
pub(crate) struct EventWriter {
    /// The output and its style; `None` if the books are drawn instead.
    pub(crate) out: Option<(PipeWriter, Style)>,
    /// The most levels a side that are printed of a book.
    pub(crate) depth: usize,
    /// How many more books and trades are wanted; `None` for all.
    pub(crate) left: Option<u64>,
    pub(crate) news: Arc<News>,
    pub(crate) dialect: Dialect,
    /// Whether a book or a trade was received, which proves the dialect.
    pub(crate) has_data: bool,
    /// The last error text of the exchange. It precedes the state change that it causes.
    pub(crate) refusal: String,
}

impl EventSink for EventWriter {
    fn on_event(&mut self, event: &Event<'_>) {
        self.note_dialect(event);
        match event {
            Event::Control(control) => self.note_error(control),
            Event::State(change) => self.note_rejection(change),
            _ => {}
        }
        if self.left == Some(0) {
            return;
        }
        if let Some((out, style)) = &self.out {
            let stamp = Stamp { key: "ts_recv_ns", value: event.ts_recv().0, ts_recv: None };
            match style {
                Style::Json => out.event(
                    |buf| write_event(buf, stamp, self.depth, event),
                    |buf, count| write_missed_json(buf, stamp, count),
                ),
                Style::Lines => out.event(|buf| write_line(buf, event), write_missed),
            }
        }
        if let Some(left) = &mut self.left
            && is_data(event)
        {
            *left -= 1;
            if *left == 0 {
                self.news.with(|state| state.enough = true);
                self.news.changed.notify_one();
            }
        }
    }
}

/// Whether an event is a book or a trade. `--count` counts no others.
const fn is_data(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Book(_)
            | Event::Trade(_)
            | Event::Depth(_)
            | Event::DepthBook(_)
            | Event::Record(_)
            | Event::Raw(_)
    )
}

impl EventWriter {
    /// One that prints nothing: it notes refusals.
    pub(crate) fn quiet(dialect: Dialect, news: Arc<News>) -> Self {
        let (out, left, refusal) = (None, None, String::new());
        Self { out, depth: 0, left, news, dialect, has_data: false, refusal }
    }

    /// Detects messages of the other dialect until the first one of this dialect.
    fn note_dialect(&mut self, event: &Event<'_>) {
        if self.has_data {
            return;
        }
        let other = match (self.dialect, event) {
            _ if is_data(event) => {
                self.has_data = true;
                return;
            }
            // v3 is binary, and v5 never.
            (Dialect::V5, Event::Malformed(Malformed { kind: "unexpected_binary", .. })) => {
                Dialect::V3
            }
            // v5's pushes have no table, and its errors have other members than v3's.
            (Dialect::V3, Event::Skipped(skipped)) if skipped.channel.is_empty() => Dialect::V5,
            (Dialect::V3, Event::Control(control))
                if control.kind == ControlKind::Error
                    && control.code.is_none()
                    && control.message.is_none() =>
            {
                Dialect::V5
            }
            _ => return,
        };
        self.news.with(|state| state.other_dialect = Some(other));
        self.news.changed.notify_one();
    }

    fn note_error(&mut self, control: &Control<'_>) {
        if matches!(control.kind, ControlKind::Error | ControlKind::ChannelConnCountError) {
            let code = control.code.map(|code| format!("{code} ")).unwrap_or_default();
            let message = control.message.unwrap_or("no reason was given");
            self.refusal = format!("{code}{}", Printable(message));
        }
    }

    fn note_rejection(&mut self, change: &StateChange<'_>) {
        if change.to == BookState::Down(DownReason::Rejected) {
            let subscription = change.subscription;
            let text = match std::mem::take(&mut self.refusal) {
                why if why.is_empty() => {
                    format!("{subscription} was ended by the exchange; asking again")
                }
                why => format!("{subscription} is refused: {why}; asking again"),
            };
            self.news.with(|state| state.rejections.push(text));
            self.news.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::{FeedHandler, Frame, UnixNanos};

    /// The dialect that is detected in the messages, if it is not the requested one.
    fn other_dialect(asked: Dialect, frames: &[Frame<'_>]) -> Option<Dialect> {
        let news = Arc::new(News::default());
        let mut writer = EventWriter::quiet(asked, Arc::clone(&news));
        let mut feed = FeedHandler::new(asked);
        for frame in frames {
            // A malformed frame is an event of the sink.
            let _ = feed.on_frame(*frame, UnixNanos(1), &mut writer);
        }
        news.other_dialect()
    }

    #[test]
    fn messages_of_the_other_dialect_are_noticed() {
        const V5_ERROR: &[u8] = br#"{"event":"error","msg":"Illegal request","code":"60012"}"#;
        const V5_PUSH: &[u8] = br#"{"arg":{"channel":"tickers","instId":"A"},"data":[{}]}"#;
        const V3_ERROR: &[u8] = br#"{"event":"error","message":"x","errorCode":30040}"#;
        const V3_TRADE: &[u8] = br#"{"table":"spot/trade","data":[{"side":"sell","trade_id":"7",
            "price":"8","size":"5","instrument_id":"A","timestamp":"2020-02-29T12:00:00.007Z"}]}"#;
        let of_v3 = |texts: &[&'static [u8]]| {
            other_dialect(
                Dialect::V3,
                &texts.iter().map(|text| Frame::Text(text)).collect::<Vec<_>>(),
            )
        };
        assert_eq!(of_v3(&[V5_ERROR]), Some(Dialect::V5));
        assert_eq!(of_v3(&[V5_PUSH]), Some(Dialect::V5));
        assert_eq!(of_v3(&[V3_ERROR]), None);
        assert_eq!(of_v3(&[V3_TRADE, V5_PUSH]), None);
        let v5 = |frame| other_dialect(Dialect::V5, &[frame]);
        assert_eq!(v5(Frame::Binary(b"any")), Some(Dialect::V3));
        assert_eq!(v5(Frame::Text(V5_ERROR)), None);
        assert_eq!(v5(Frame::Text(V5_PUSH)), None);
        assert_eq!(v5(Frame::Text(b"pong")), None);
    }
}
