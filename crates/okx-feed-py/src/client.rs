//! The client.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use foldhash::fast::RandomState;
use okx_feed::{BookReader, BookState, Client, Dialect, DownReason, Subscription};
use pyo3::prelude::*;
use pyo3::sync::RwLockExt;
use pyo3::types::PyDict;

use crate::arguments::{Arg, Count, Seconds, given};
use crate::book::PyBook;
use crate::builder::builder;
use crate::events::PyEventQueue;
use crate::process::Process;
use crate::readers::{PyBookReader, Source};
use crate::record::PyRecord;
use crate::subscriptions::{Wanted, dialect, find, state_of, texts};
use crate::texts::{PyTextQueue, TextSink};
use crate::trade::PyTrades;
use crate::wait::{lock, now, wait_in_slices};
use crate::{errors, stats};

/// How often `wait` looks at the states.
const WAIT_INTERVAL: Duration = Duration::from_millis(1);

/// Readers of books by name.
type Books = HashMap<String, (Subscription, BookReader), RandomState>;

/// A running client.
#[pyclass(frozen, subclass, module = "okx_feed", name = "Client")]
pub(crate) struct PyClient {
    dialect: Dialect,
    /// `None` once it was stopped.
    client: RwLock<Option<Client>>,
    /// The readers that were looked up, by the names that they were asked for by.
    books: Mutex<Books>,
    texts: Option<Py<PyTextQueue>>,
    process: Process,
}

impl PyClient {
    /// Calls with the running client.
    ///
    /// # Errors
    /// `okx_feed.StoppedError`, `okx_feed.ForkedError`.
    fn with<R>(&self, py: Python<'_>, f: impl FnOnce(&Client) -> PyResult<R>) -> PyResult<R> {
        self.process.check()?;
        let client = self.client.read_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        f(client.as_ref().ok_or_else(errors::stopped)?)
    }

    /// As `with`, for what waits: without the interpreter's lock. `None` if it has stopped.
    fn detached<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&Client) -> R + Send,
    ) -> PyResult<Option<R>> {
        self.process.check()?;
        Ok(py.detach(|| self.if_running(f)))
    }

    /// As `detached`, for a thread that is without the interpreter's lock.
    fn if_running<R>(&self, f: impl FnOnce(&Client) -> R) -> Option<R> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(f)
    }

    /// Calls with the running client and the subscription that a name means.
    fn with_found<R>(
        &self,
        py: Python<'_>,
        name: &str,
        wanted: Wanted,
        f: impl FnOnce(&Client, &Subscription) -> Option<R>,
    ) -> PyResult<R> {
        self.with(py, |client| {
            let found = find(&client.subscriptions(), self.dialect, name, wanted)?;
            // It may have ended between the two.
            f(client, &found).ok_or_else(|| errors::not_subscribed(format!("{found} has ended")))
        })
    }

    fn books(&self, py: Python<'_>) -> MutexGuard<'_, Books> {
        lock(py, &self.books)
    }

    fn parse(&self, text: &str) -> PyResult<Subscription> {
        Subscription::parse(self.dialect, text).map_err(|error| errors::subscription(&error))
    }

    /// Removes the client, so that others see it as stopped, and ends it.
    fn end(&self) {
        if !self.process.is_current() {
            // Its thread runs in the parent, and so may a thread that held the lock at the fork:
            // nobody must wait for either here. The process' end gives all back.
            return;
        }
        let taken = self.client.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(client) = taken {
            client.stop();
        }
    }
}

#[pymethods]
impl PyClient {
    #[new]
    #[pyo3(signature = (**arguments))]
    fn new(py: Python<'_>, arguments: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let no_arguments = PyDict::new(py);
        let arguments = arguments.unwrap_or(&no_arguments);
        let dialect = dialect(&given::<String>(arguments, "dialect")?)?;
        let (sink, texts) = TextSink::new(given(arguments, "text_capacity")?)?;
        let texts = texts.map(|texts| Py::new(py, texts)).transpose()?;
        let builder = builder(arguments, dialect, sink)?;
        let client = py.detach(|| builder.spawn()).map_err(errors::client)?;
        Ok(Self {
            dialect,
            client: RwLock::new(Some(client)),
            books: Mutex::default(),
            texts,
            process: Process::current(),
        })
    }

    /// `v3` or `v5`.
    #[getter]
    fn dialect(&self) -> &'static str {
        self.dialect.name()
    }

    /// The texts of messages, where `text_capacity` was given.
    #[getter]
    fn texts(&self, py: Python<'_>) -> Option<Py<PyTextQueue>> {
        self.texts.as_ref().map(|texts| texts.clone_ref(py))
    }

    /// Whether it runs: it was not stopped, and this is the process that made it.
    #[getter]
    fn is_running(&self, py: Python<'_>) -> bool {
        self.process.is_current()
            && self.client.read_py_attached(py).unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The five-level book of a name, or the best five levels of its order book.
    ///
    /// Raises:
    ///     NotSubscribedError: There is none of that name.
    ///     StoppedError, ForkedError: It runs no more, or in another process.
    ///     ConfigError: The name is no UTF-8.
    fn book(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyBook> {
        self.process.check()?;
        let Arg(name) = name;
        let mut books = self.books(py);
        if let Some((subscription, reader)) = books.get(name) {
            let latest = reader.snapshot();
            if !matches!(latest.state, BookState::Down(_)) {
                return Ok(PyBook::top(*subscription, latest));
            }
            // Perhaps it was subscribed again since, and has another reader.
            books.remove(name);
        }
        drop(books);
        self.with_found(py, name, Wanted::Book, |client, found| {
            let reader = client.book_reader(found)?;
            let latest = reader.snapshot();
            self.books(py).insert(name.to_owned(), (*found, reader));
            Some(PyBook::top(*found, latest))
        })
    }

    /// The best 25 levels of an order book. Raises as `book`.
    fn depth(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyBook> {
        self.with_found(py, name.0, Wanted::Depth, |client, found| {
            Some(PyBook::best(*found, client.depth_reader(found)?.snapshot()))
        })
    }

    /// A reader of one book that looks nothing up: for loops. Raises as `book`.
    #[pyo3(signature = (name, *, depth=false))]
    fn book_reader(&self, py: Python<'_>, name: Arg<&str>, depth: bool) -> PyResult<PyBookReader> {
        let wanted = if depth { Wanted::Depth } else { Wanted::Book };
        self.with_found(py, name.0, wanted, |client, found| {
            let source = match depth {
                true => Source::Best(client.depth_reader(found)?),
                false => Source::Top(client.book_reader(found)?),
            };
            Some(PyBookReader { subscription: *found, source, process: self.process })
        })
    }

    /// The trades from number `since` on, as far as they are held: the last 1,024 by default.
    /// `next` of what it gives is the `since` of the next call. Raises as `book`.
    #[pyo3(signature = (name, since=Arg(0)), text_signature = "($self, name, since=0)")]
    fn trades(&self, py: Python<'_>, name: Arg<&str>, since: Arg<u64>) -> PyResult<PyTrades> {
        self.with_found(py, name.0, Wanted::Trades, |client, found| {
            Some(PyTrades::read(*found, &client.trade_reader(found)?, since.0))
        })
    }

    /// The latest value of a name: a ticker, a mark price, a candle. Raises as `book`.
    fn latest(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<PyRecord> {
        self.with_found(py, name.0, Wanted::Latest, |client, found| {
            Some(PyRecord::latest(*found, client.record_reader(found)?.snapshot()))
        })
    }

    /// Records of a stream, such as liquidations, with their numbers, from `since` on.
    /// Raises as `book`.
    #[pyo3(signature = (name, since=Arg(0)), text_signature = "($self, name, since=0)")]
    fn records(
        &self,
        py: Python<'_>,
        name: Arg<&str>,
        since: Arg<u64>,
    ) -> PyResult<Vec<(u64, PyRecord)>> {
        self.with_found(py, name.0, Wanted::Stream, |client, found| {
            let reader = client.record_ring_reader(found)?;
            let records = reader.since(since.0);
            let object = |record| PyRecord::of_event(Some(*found), record);
            Some(records.map(|(number, record)| (number, object(record))).collect())
        })
    }

    /// The state of a name. Raises as `book`.
    fn state(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<&'static str> {
        let find = |client: &Client, found: &Subscription| client.state(found);
        self.with_found(py, name.0, Wanted::Any, find).map(BookState::name)
    }

    /// The states of all subscriptions. Raises `StoppedError` and `ForkedError`.
    fn states(&self, py: Python<'_>) -> PyResult<HashMap<String, &'static str>> {
        self.with(py, |client| {
            let all = client.subscriptions().into_iter();
            // One that ends between the two is left out.
            let state = |one: Subscription| Some((one.to_string(), client.state(&one)?.name()));
            Ok(all.filter_map(state).collect())
        })
    }

    /// The current subscriptions, sorted. Raises `StoppedError` and `ForkedError`.
    fn subscriptions(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |client| {
            let mut all = client.subscriptions();
            all.sort_unstable();
            Ok(all.iter().map(Subscription::to_string).collect())
        })
    }

    /// Adds subscriptions.
    ///
    /// Raises:
    ///     ConfigError: One can't be read, or is of the other dialect: then none is added.
    ///     StoppedError, ForkedError: It runs no more, or in another process.
    fn subscribe(&self, py: Python<'_>, subscriptions: &Bound<'_, PyAny>) -> PyResult<()> {
        let names = texts(Some(subscriptions))?;
        let parsed: Vec<_> = names.iter().map(|name| self.parse(name)).collect::<PyResult<_>>()?;
        self.books(py).clear();
        let done = self.detached(py, |client| client.subscribe_all(parsed))?;
        done.ok_or_else(errors::stopped)?.map_err(errors::client)
    }

    /// Ends a subscription, named with its channel.
    ///
    /// Raises:
    ///     NotSubscribedError: It is not subscribed.
    ///     ConfigError: It can't be read.
    ///     StoppedError, ForkedError: It runs no more, or in another process.
    fn unsubscribe(&self, py: Python<'_>, name: Arg<&str>) -> PyResult<()> {
        let parsed = self.parse(name.0)?;
        self.books(py).clear();
        self.with_found(py, name.0, Wanted::Any, |client, _| Some(client.unsubscribe(&parsed)))?
            .map_err(errors::client)
    }

    /// Waits until all of `names` are in a state, such as `live`; without `names` all that is
    /// subscribed, at least one. `timeout` is in seconds, up to 1e9; `None` waits without end.
    /// False if it was not so in that time.
    ///
    /// Raises:
    ///     NotSubscribedError: One is not subscribed, or not any more.
    ///     ConfigError: There is no such state, or the duration is none.
    ///     StoppedError, ForkedError: It runs no more, or in another process.
    #[pyo3(signature = (names=None, *, state=Arg("live"), timeout=None),
        text_signature = "($self, names=None, *, state='live', timeout=None)")]
    fn wait(
        &self,
        py: Python<'_>,
        names: Option<&Bound<'_, PyAny>>,
        state: Arg<&str>,
        timeout: Option<Seconds>,
    ) -> PyResult<bool> {
        let wanted = state_of(state.0)?;
        let names = names.map(|names| texts(Some(names))).transpose()?;
        let named: Option<Vec<_>> = self.with(py, |client| {
            let all = client.subscriptions();
            let find = |name: &String| find(&all, self.dialect, name, Wanted::Any);
            names.map(|names| names.iter().map(find).collect()).transpose()
        })?;
        // Whether all are, or the one that has ended.
        let is_so = |client: &Client| {
            let all = named.clone().unwrap_or_else(|| client.subscriptions());
            for one in &all {
                let ended = BookState::Down(DownReason::Unsubscribed);
                match client.state(one) {
                    Some(state) if state != wanted => return Ok(false),
                    None if named.is_some() && wanted != ended => return Err(*one),
                    _ => {}
                }
            }
            Ok(named.is_some() || !all.is_empty())
        };
        let mut last = Some(Ok(false));
        wait_in_slices(py, timeout, |until| {
            loop {
                last = self.if_running(is_so);
                match last {
                    Some(Ok(false)) if now() < until => thread::sleep(WAIT_INTERVAL),
                    Some(Ok(false)) => return false,
                    _ => return true,
                }
            }
        })?;
        match last {
            Some(Ok(is_so)) => Ok(is_so),
            Some(Err(ended)) => Err(errors::not_subscribed(format!("{ended} has ended"))),
            None => Err(errors::stopped()),
        }
    }

    /// A queue of the later events. Raises `ConfigError`, `StoppedError` and `ForkedError`.
    #[pyo3(signature = (capacity=Count(65536)), text_signature = "($self, capacity=65536)")]
    fn event_queue(&self, py: Python<'_>, capacity: Count) -> PyResult<PyEventQueue> {
        // The queue allocates as it is filled, but can't be larger than this.
        let capacity = capacity.0.min(usize::MAX >> 4);
        let events = self.with(py, |client| client.events(capacity).map_err(errors::client))?;
        Ok(PyEventQueue::new(events))
    }

    /// Whether the connections are open, and if not, why and since when. Raises `StoppedError` and
    /// `ForkedError`.
    fn health<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let health = self.with(py, |client| Ok(client.health()))?;
        stats::health(py, &health)
    }

    /// The counters, the latencies in nanoseconds and each connection. Raises `StoppedError` and
    /// `ForkedError`.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = self.detached(py, Client::stats)?;
        stats::client(py, &all.ok_or_else(errors::stopped)?.map_err(errors::client)?)
    }

    /// Seconds since the feed's thread ran last. Raises `StoppedError` and `ForkedError`.
    #[getter]
    fn heartbeat_age(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |client| Ok(client.heartbeat().age().as_secs_f64()))
    }

    /// Ends the client.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.end());
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        self.stop(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.with(py, |client| Ok(client.health().to_string())) {
            Ok(health) => format!("Client({}, {health})", self.dialect),
            Err(_) => format!("Client({}, stopped)", self.dialect),
        }
    }
}

impl Drop for PyClient {
    fn drop(&mut self) {
        if !self.process.is_current() {
            // To stop it would wait for a thread that only the parent has.
            let client = self.client.get_mut().unwrap_or_else(PoisonError::into_inner);
            mem::forget(client.take());
            return;
        }
        // Without the interpreter's lock, where it still runs: the end takes up to two seconds.
        if Python::try_attach(|py| py.detach(|| self.end())).is_none() {
            self.end();
        }
    }
}
