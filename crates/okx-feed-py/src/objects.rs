//! The way of events to Python: each becomes an object. Nothing here runs code of Python.

use okx_feed::client::{DroppedEvents, OwnedEvent};
use okx_feed::{Book5, Event, Subscription, TradeUpdate, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::book::{Change, PyBook};
use crate::event::{
    PyControl, PyDepthUpdate, PyDropped, PyGap, PyMalformed, PySkipped, PyStateChange,
};
use crate::record::PyRecord;
use crate::trade::PyTrade;

fn book<'py>(
    py: Python<'py>,
    subscription: Subscription,
    book: Book5,
    change: Change,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(py, PyBook::of_event(Some(subscription), book, change))?.into_any())
}

fn trade(py: Python<'_>, trade: PyTrade) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, trade)?.into_any())
}

/// Appends an event to a list, if it is one of Python's. Runs no code of Python.
pub(crate) fn append(list: &Bound<'_, PyList>, event: &Event<'_>) -> PyResult<()> {
    let py = list.py();
    // The most frequent ones are not copied before.
    let made = match event {
        Event::Book(update) => {
            let Ok(subscription) = Subscription::of(&update.topic) else { return Ok(()) };
            book(py, subscription, *update.book, Change::default())?
        }
        Event::Trade(update) => {
            let Ok(subscription) = Subscription::of(&update.topic) else { return Ok(()) };
            let TradeUpdate { trade: of, replayed, missed, origin, .. } = *update;
            let subscription = Some(subscription);
            trade(py, PyTrade { subscription, trade: *of, replayed, missed, origin })?
        }
        other => match OwnedEvent::new(other) {
            Some(owned) => object(py, &owned)?,
            None => return Ok(()),
        },
    };
    list.append(made)
}

/// As [`append`], with messages of order books as they are.
pub(crate) fn append_message(list: &Bound<'_, PyList>, event: &Event<'_>) -> PyResult<()> {
    match event {
        Event::Depth(update) => list.append(Bound::new(list.py(), PyDepthUpdate::new(update))?),
        other => append(list, other),
    }
}

/// An event as an object. Runs no code of Python.
pub(crate) fn object<'py>(py: Python<'py>, event: &OwnedEvent) -> PyResult<Bound<'py, PyAny>> {
    Ok(match *event {
        OwnedEvent::Book { subscription, book: of, .. } => {
            book(py, subscription, of, Change::default())?
        }
        OwnedEvent::Trade { subscription, trade: of, replayed, missed, origin, .. } => {
            let subscription = Some(subscription);
            trade(py, PyTrade { subscription, trade: of, replayed, missed, origin })?
        }
        OwnedEvent::DepthBook { subscription, action, sync, best, .. } => {
            book(py, subscription, best, Change { action: Some(action), sync: Some(sync) })?
        }
        OwnedEvent::State { subscription, from, to, ts_recv, .. } => {
            Bound::new(py, PyStateChange { subscription, from, to, ts_recv })?.into_any()
        }
        OwnedEvent::Record { subscription, ref record, .. } => {
            Bound::new(py, PyRecord::of_event(Some(subscription), *record))?.into_any()
        }
        OwnedEvent::Control { ref kind, code, ref message, ts_recv } => {
            let message = Some(message.to_string()).filter(|text| !text.is_empty());
            let (kind, ts_recv) = (kind.to_string(), ts_recv.0);
            Bound::new(py, PyControl { kind, code, message, ts_recv })?.into_any()
        }
        OwnedEvent::Skipped { ref channel, ts_recv } => {
            let (channel, ts_recv) = (channel.to_string(), ts_recv.0);
            Bound::new(py, PySkipped { channel, ts_recv })?.into_any()
        }
        OwnedEvent::Malformed(malformed) => {
            Bound::new(py, PyMalformed::from(malformed))?.into_any()
        }
        _ => py.None().into_bound(py),
    })
}

/// What a queue or a replay holds for Python.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
#[derive(Debug)]
pub(crate) enum Item {
    /// An event.
    Event(OwnedEvent),
    /// Events that were dropped before the next one.
    Dropped(DroppedEvents),
    /// Lines that a recording lacks: how many, why, and when.
    Gap(u64, String, UnixNanos),
}

impl Item {
    /// The object of Python. Runs no code of Python.
    pub(crate) fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Event(event) => object(py, event),
            Self::Dropped(dropped) => Ok(Bound::new(py, PyDropped::from(*dropped))?.into_any()),
            Self::Gap(lines, reason, ts_recv) => {
                let (lines, reason, ts_recv) = (*lines, reason.clone(), ts_recv.0);
                Ok(Bound::new(py, PyGap { lines, reason, ts_recv })?.into_any())
            }
        }
    }
}
