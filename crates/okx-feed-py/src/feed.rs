//! The sans-IO part: frames to books, for programs with sockets of their own.

use std::collections::HashMap;
use std::sync::Mutex;

use foldhash::fast::RandomState;
use okx_feed::feed::Slot;
use okx_feed::{BookReader, Dialect, Event, FeedHandler, Subscription, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::arguments::Arg;
use crate::book::{Change, Levels, PyBook, TopFloats, top_floats};
use crate::decode::Payload;
use crate::objects;
use crate::subscriptions::{Wanted, dialect as dialect_of, find, texts};
use crate::wait::lock;
use crate::{errors, stats};

/// Keeps books and trades from the frames of one connection.
#[pyclass(frozen, module = "okx_feed", name = "FeedHandler")]
#[derive(Debug)]
pub(crate) struct PyFeedHandler {
    dialect: Dialect,
    state: Box<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    handler: FeedHandler,
    /// The readers that were looked up, by the names that they were asked for by.
    books: HashMap<String, (Subscription, BookReader), RandomState>,
}

impl State {
    fn find(&self, dialect: Dialect, name: &str, wanted: Wanted) -> PyResult<Subscription> {
        let all: Vec<_> = self.handler.slots().iter().map(|slot| *slot.subscription()).collect();
        find(&all, dialect, name, wanted)
    }

    /// Calls with the reader of a book.
    fn with_book<R>(
        &mut self,
        dialect: Dialect,
        name: &str,
        f: impl FnOnce(Subscription, &BookReader) -> R,
    ) -> PyResult<R> {
        if let Some((subscription, reader)) = self.books.get(name) {
            return Ok(f(*subscription, reader));
        }
        let found = self.find(dialect, name, Wanted::Book)?;
        let reader = self.handler.book_reader(&found);
        let reader =
            reader.ok_or_else(|| errors::not_subscribed(format!("no book of {name:?}")))?;
        let result = f(found, &reader);
        self.books.insert(name.to_owned(), (found, reader));
        Ok(result)
    }
}

#[pymethods]
impl PyFeedHandler {
    #[new]
    #[pyo3(signature = (subscriptions, dialect=Arg("v5")),
        text_signature = "(subscriptions, dialect='v5')")]
    fn new(subscriptions: &Bound<'_, PyAny>, dialect: Arg<&str>) -> PyResult<Self> {
        let dialect = dialect_of(dialect.0)?;
        let mut handler = FeedHandler::new(dialect);
        for text in texts(Some(subscriptions))? {
            let parsed = Subscription::parse(dialect, &text);
            let added = parsed.and_then(|parsed| handler.subscribe(parsed));
            added.map_err(|error| errors::subscription(&error))?;
        }
        if handler.slots().is_empty() {
            return Err(errors::config("nothing is subscribed"));
        }
        let state = Mutex::new(State { handler, books: HashMap::default() });
        Ok(Self { dialect, state: Box::new(state) })
    }

    /// Processes a frame.
    ///
    /// Raises:
    ///     DecodeError: It is malformed. The books that it may belong to are not live any more.
    ///     ConfigError: `ts_recv` is no time: nanoseconds since 1970, or 0 if unknown.
    #[pyo3(signature = (frame, ts_recv=Arg(0)), text_signature = "($self, frame, ts_recv=0)")]
    fn on_frame(&self, py: Python<'_>, frame: Payload<'_, '_>, ts_recv: Arg<u64>) -> PyResult<()> {
        let (is_binary, ts_recv) = (self.dialect == Dialect::V3, UnixNanos(ts_recv.0));
        let decoded = frame.with(is_binary, |frame| {
            let sink = &mut |_: &Event<'_>| {};
            lock(py, &self.state).handler.on_frame(frame, ts_recv, sink)
        })?;
        decoded.map(drop).map_err(|error| errors::decode(&error))
    }

    /// Processes a frame and gives its events. A malformed one is an event. Raises `ConfigError` as
    /// `on_frame`.
    #[pyo3(signature = (frame, ts_recv=Arg(0)), text_signature = "($self, frame, ts_recv=0)")]
    fn events<'py>(
        &self,
        py: Python<'py>,
        frame: Payload<'_, 'py>,
        ts_recv: Arg<u64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let mut result = Ok(());
        let sink = &mut |event: &Event<'_>| {
            if result.is_ok() {
                result = objects::append(&list, event);
            }
        };
        let (is_binary, ts_recv) = (self.dialect == Dialect::V3, UnixNanos(ts_recv.0));
        frame.with(is_binary, |frame| {
            // It is an event as well.
            let _ = lock(py, &self.state).handler.on_frame(frame, ts_recv, sink);
        })?;
        result.map(|()| list)
    }

    /// The book of a subscription, or the best five levels of its order book.
    ///
    /// Raises:
    ///     NotSubscribedError: There is none of that name.
    ///     ConfigError: The name is no UTF-8.
    fn book(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyBook> {
        lock(py, &self.state).with_book(self.dialect, name.0, |subscription, reader| {
            PyBook::top(subscription, reader.snapshot())
        })
    }

    /// The best prices and sizes as `Book.top_floats` gives them, without a book; `None` unless the
    /// book is live. Raises as `book`.
    fn top_floats(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<Option<TopFloats>> {
        let top = |_, reader: &BookReader| {
            reader.live().and_then(|book| top_floats(book.bids(), book.asks()))
        };
        lock(py, &self.state).with_book(self.dialect, name.0, top)
    }

    /// The whole order book of a subscription. Raises as `book`.
    fn depth(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyBook> {
        let state = lock(py, &self.state);
        let found = state.find(self.dialect, name.0, Wanted::Depth)?;
        let book = state.handler.depth(&found).cloned().unwrap_or_default();
        Ok(PyBook {
            subscription: Some(found),
            levels: Levels::All(Box::new(book)),
            state: state.handler.slots().get(&found).map(Slot::state),
            version: 0,
            change: Change::default(),
        })
    }

    /// Ends all states: the connection is lost. Raises `ConfigError` as `on_frame`.
    #[pyo3(signature = (ts_recv=Arg(0)), text_signature = "($self, ts_recv=0)")]
    fn disconnected(&self, py: Python<'_>, ts_recv: Arg<u64>) {
        let sink = &mut |_: &Event<'_>| {};
        lock(py, &self.state).handler.forget(UnixNanos(ts_recv.0), sink);
    }

    /// The counters.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = *lock(py, &self.state).handler.stats();
        stats::feed(py, &all)
    }
}
