//! The sink of `watch`: prints events, counts them, and notes what was refused.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::event_json::{Stamp, write_event, write_missed as write_missed_json};
use super::event_line::{write_line, write_missed};
use super::format::Printable;
use super::pipe::PipeWriter;
use crate::model::{BookState, Control, ControlKind, DownReason, Event, Sink, StateChange};

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Lines,
}

/// What the sink tells the command.
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
}

impl News {
    /// The rejections since the last call, one line each.
    pub(crate) fn take_rejections(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.rejections))
    }

    /// Whether as many events came as were asked for.
    pub(crate) fn enough(&self) -> bool {
        self.with(|state| state.enough)
    }

    fn with<R>(&self, f: impl FnOnce(&mut NewsState) -> R) -> R {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes each event on the feed's thread.
pub(crate) struct Tap {
    /// Where events are printed; `None` where the books are drawn instead.
    pub(crate) out: Option<(PipeWriter, Style)>,
    /// The levels a side that a book is printed with, where it has as many.
    pub(crate) depth: usize,
    /// How many more books and trades are wanted; `None` for all.
    pub(crate) left: Option<u64>,
    pub(crate) news: Arc<News>,
    /// What the exchange said last in an error: it comes right before the state that it causes.
    pub(crate) refusal: String,
}

impl Sink for Tap {
    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Control(control) => self.note_error(control),
            Event::State(change) => self.note_rejection(change),
            _ => {}
        }
        if self.left == Some(0) {
            return;
        }
        if let Some((out, style)) = &self.out {
            let stamp = Stamp { key: "ts_recv_ns", value: event.ts_recv().0 };
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

/// Whether an event is a book or a trade, which a count is of; all others only stand between them.
const fn is_data(event: &Event<'_>) -> bool {
    matches!(event, Event::Book(_) | Event::Trade(_) | Event::Depth(_) | Event::DepthBook(_))
}

impl Tap {
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
