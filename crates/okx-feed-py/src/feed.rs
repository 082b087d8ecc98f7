//! The sans-IO part: frames to books, for programs with sockets of their own.

use std::sync::{Arc, Mutex, PoisonError};

use okx_feed::client::OwnedEvent;
use okx_feed::{BookState, Dialect, Event, FeedHandler, Subscription, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::book::{Change, Levels, PyBook};
use crate::decode::{Payload, with_frame};
use crate::event::{self, Item};
use crate::subscriptions::{Wanted, dialect as dialect_of, find, texts};
use crate::{errors, stats};

/// Keeps books and trades from the frames of one connection.
#[pyclass(frozen, module = "okx_feed", name = "FeedHandler")]
#[derive(Debug)]
pub(crate) struct PyFeedHandler {
    dialect: Dialect,
    handler: Box<Mutex<FeedHandler>>,
}

impl PyFeedHandler {
    fn with<R>(&self, f: impl FnOnce(&mut FeedHandler) -> R) -> R {
        f(&mut self.handler.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, handler: &FeedHandler, name: &str, wanted: Wanted) -> PyResult<Subscription> {
        let all: Vec<_> = handler.slots().iter().map(|slot| *slot.subscription()).collect();
        find(&all, self.dialect, name, wanted)
    }
}

fn state(handler: &FeedHandler, subscription: &Subscription) -> Option<BookState> {
    Some(handler.slots().get(subscription)?.state())
}

#[pymethods]
impl PyFeedHandler {
    #[new]
    #[pyo3(signature = (subscriptions, dialect="v5"))]
    fn new(subscriptions: &Bound<'_, PyAny>, dialect: &str) -> PyResult<Self> {
        let dialect = dialect_of(dialect)?;
        let mut handler = FeedHandler::new(dialect);
        for text in texts(Some(subscriptions))? {
            let parsed = Subscription::parse(dialect, &text);
            let added = parsed.and_then(|parsed| handler.subscribe(parsed));
            added.map_err(|error| errors::subscription(&error))?;
        }
        Ok(Self { dialect, handler: Box::new(Mutex::new(handler)) })
    }

    /// Processes a frame. A malformed one raises, and the books that it may belong to are not live.
    #[pyo3(signature = (frame, ts_recv=0))]
    fn on_frame(&self, frame: Payload<'_>, ts_recv: u64) -> PyResult<()> {
        let (is_binary, ts_recv) = (self.dialect == Dialect::V3, UnixNanos(ts_recv));
        let decoded = with_frame(&frame, is_binary, |frame| {
            self.with(|handler| handler.on_frame(frame, ts_recv, &mut |_: &Event<'_>| {}))
        })?;
        decoded.map(drop).map_err(|error| errors::decode(&error))
    }

    /// Processes a frame and gives its events. A malformed one is an event.
    #[pyo3(signature = (frame, ts_recv=0))]
    fn events<'py>(
        &self,
        py: Python<'py>,
        frame: Payload<'py>,
        ts_recv: u64,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut items = Vec::new();
        let sink = &mut |event: &Event<'_>| items.extend(OwnedEvent::new(event).map(Item::Event));
        let (is_binary, ts_recv) = (self.dialect == Dialect::V3, UnixNanos(ts_recv));
        with_frame(&frame, is_binary, |frame| {
            // It is an event as well.
            let _ = self.with(|handler| handler.on_frame(frame, ts_recv, sink));
        })?;
        event::list(py, &items)
    }

    /// The book of a subscription, or the best five levels of its order book.
    fn book(&self, name: &str) -> PyResult<PyBook> {
        self.with(|handler| {
            let found = self.find(handler, name, Wanted::Book)?;
            let book = handler.book(&found).unwrap_or_default();
            let made = PyBook::of_event(Some(found), book, Change::default());
            Ok(PyBook { state: state(handler, &found), ..made })
        })
    }

    /// The whole order book of a subscription.
    fn depth(&self, name: &str) -> PyResult<PyBook> {
        self.with(|handler| {
            let found = self.find(handler, name, Wanted::Depth)?;
            let book = handler.depth(&found).cloned().unwrap_or_default();
            Ok(PyBook {
                subscription: Some(found),
                levels: Arc::new(Levels::All(Box::new(book))),
                state: state(handler, &found),
                version: 0,
                change: Change::default(),
            })
        })
    }

    /// Ends all states: the connection is lost.
    #[pyo3(signature = (ts_recv=0))]
    fn disconnected(&self, ts_recv: u64) {
        self.with(|handler| handler.forget(UnixNanos(ts_recv), &mut |_: &Event<'_>| {}));
    }

    /// The counters.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = self.with(|handler| *handler.stats());
        stats::feed(py, &all)
    }
}
