//! The client.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use okx_feed::{BookReader, BookState, Client, Dialect, Subscription};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::book::PyBook;
use crate::builder::Arguments;
use crate::events::PyEventQueue;
use crate::process::Process;
use crate::readers::{PyBookReader, Source};
use crate::record::PyRecord;
use crate::subscriptions::{Wanted, dialect, find, texts};
use crate::texts::{PyTextQueue, TextSink};
use crate::trade::PyTrades;
use crate::wait::{now, wait_in_slices};
use crate::{errors, numbers, stats};

/// How often `wait` looks at the states.
const WAIT_INTERVAL: Duration = Duration::from_millis(1);

/// A running client.
#[pyclass(frozen, subclass, module = "okx_feed", name = "Client")]
pub(crate) struct PyClient {
    dialect: Dialect,
    /// `None` once it was stopped.
    client: RwLock<Option<Client>>,
    /// The readers that were looked up, by the names that they were asked for by.
    books: Mutex<HashMap<String, (Subscription, BookReader)>>,
    texts: Option<Py<PyTextQueue>>,
    process: Process,
}

impl PyClient {
    /// Calls with the running client.
    ///
    /// # Errors
    /// `okx_feed.StoppedError`, `okx_feed.ForkedError`.
    fn with<R>(&self, f: impl FnOnce(&Client) -> PyResult<R>) -> PyResult<R> {
        self.process.check()?;
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        f(client.as_ref().ok_or_else(errors::stopped)?)
    }

    /// Calls with the running client and the subscription that a name means.
    fn with_found<R>(
        &self,
        name: &str,
        wanted: Wanted,
        f: impl FnOnce(&Client, &Subscription) -> Option<R>,
    ) -> PyResult<R> {
        self.with(|client| {
            let found = find(&client.subscriptions(), self.dialect, name, wanted)?;
            // It may have ended between the two.
            f(client, &found).ok_or_else(|| errors::not_subscribed(format!("{found} has ended")))
        })
    }

    fn with_books<R>(
        &self,
        f: impl FnOnce(&mut HashMap<String, (Subscription, BookReader)>) -> R,
    ) -> R {
        f(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn parse(&self, text: &str) -> PyResult<Subscription> {
        Subscription::parse(self.dialect, text).map_err(|error| errors::subscription(&error))
    }

    /// Takes the client out, so that others see it as stopped, and ends it.
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
        let arguments: Arguments<'_> = arguments.unwrap_or(&no_arguments).extract()?;
        let dialect = dialect(&arguments.dialect)?;
        let (sink, texts) = TextSink::new(arguments.text_capacity);
        let texts = texts.map(|texts| Py::new(py, texts)).transpose()?;
        let builder = arguments.builder(sink)?;
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
    fn is_running(&self) -> bool {
        self.process.is_current()
            && self.client.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The five-level book of a name, or the best five levels of its order book.
    ///
    /// Raises:
    ///     NotSubscribedError: There is none of that name.
    ///     StoppedError, ForkedError: It runs no more, or in another process.
    fn book(&self, name: &str) -> PyResult<PyBook> {
        self.process.check()?;
        let known = self.with_books(|books| {
            let (subscription, reader) = books.get(name)?;
            Some((*subscription, reader.snapshot()))
        });
        match known {
            Some((_, latest)) if matches!(latest.state, BookState::Down(_)) => {
                // Perhaps it was subscribed again since, and has another reader.
                self.with_books(|books| books.remove(name));
            }
            Some((subscription, latest)) => return Ok(PyBook::top(subscription, latest)),
            None => {}
        }
        self.with_found(name, Wanted::Book, |client, found| {
            let reader = client.book_reader(found)?;
            let latest = reader.snapshot();
            self.with_books(|books| books.insert(name.to_owned(), (*found, reader)));
            Some(PyBook::top(*found, latest))
        })
    }

    /// The best 25 levels of an order book. Raises as `book`.
    fn depth(&self, name: &str) -> PyResult<PyBook> {
        self.with_found(name, Wanted::Depth, |client, found| {
            Some(PyBook::best(*found, client.depth_reader(found)?.snapshot()))
        })
    }

    /// A reader of one book that looks nothing up: for loops. Raises as `book`.
    #[pyo3(signature = (name, *, depth=false))]
    fn book_reader(&self, name: &str, depth: bool) -> PyResult<PyBookReader> {
        let wanted = if depth { Wanted::Depth } else { Wanted::Book };
        self.with_found(name, wanted, |client, found| {
            let source = match depth {
                true => Source::Best(client.depth_reader(found)?),
                false => Source::Top(client.book_reader(found)?),
            };
            Some(PyBookReader { subscription: *found, source, process: self.process })
        })
    }

    /// The trades from number `since` on, as far as they are held: the last 1,024 by default.
    /// `next` of what it gives is the `since` of the next call. Raises as `book`.
    #[pyo3(signature = (name, since=0))]
    fn trades(&self, name: &str, since: u64) -> PyResult<PyTrades> {
        self.with_found(name, Wanted::Trades, |client, found| {
            Some(PyTrades::read(*found, &client.trade_reader(found)?, since))
        })
    }

    /// The latest value of a name: a ticker, a mark price, a candle. Raises as `book`.
    fn latest(&self, name: &str) -> PyResult<PyRecord> {
        self.with_found(name, Wanted::Latest, |client, found| {
            Some(PyRecord::latest(*found, client.record_reader(found)?.snapshot()))
        })
    }

    /// Records of a stream, such as liquidations, with their numbers, from `since` on.
    /// Raises as `book`.
    #[pyo3(signature = (name, since=0))]
    fn records(&self, name: &str, since: u64) -> PyResult<Vec<(u64, PyRecord)>> {
        self.with_found(name, Wanted::Stream, |client, found| {
            let reader = client.record_ring_reader(found)?;
            let records = reader.since(since);
            let object = |record| PyRecord::of_event(Some(*found), record);
            Some(records.map(|(number, record)| (number, object(record))).collect())
        })
    }

    /// The state of a name. Raises as `book`.
    fn state(&self, name: &str) -> PyResult<&'static str> {
        self.with_found(name, Wanted::Any, |client, found| client.state(found)).map(BookState::name)
    }

    /// The states of all subscriptions.
    fn states(&self) -> PyResult<HashMap<String, &'static str>> {
        self.with(|client| {
            let all = client.subscriptions().into_iter();
            let state = |one: &Subscription| client.state(one).map_or("unknown", BookState::name);
            Ok(all.map(|one| (one.to_string(), state(&one))).collect())
        })
    }

    /// The current subscriptions, sorted.
    fn subscriptions(&self) -> PyResult<Vec<String>> {
        self.with(|client| {
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
        self.with_books(HashMap::clear);
        py.detach(|| self.with(|client| client.subscribe_all(parsed).map_err(errors::client)))
    }

    /// Ends a subscription. Raises as `subscribe`.
    fn unsubscribe(&self, name: &str) -> PyResult<()> {
        let parsed = self.parse(name)?;
        self.with_books(HashMap::clear);
        self.with(|client| client.unsubscribe(&parsed).map_err(errors::client))
    }

    /// Waits until all are in a state.
    #[pyo3(signature = (names=None, *, state="live", timeout=None))]
    fn wait(
        &self,
        py: Python<'_>,
        names: Option<&Bound<'_, PyAny>>,
        state: &str,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        let timeout = timeout.map(numbers::seconds).transpose()?;
        let names = texts(names)?;
        let found = self.with(|client| {
            let all = client.subscriptions();
            let find = |name: &String| find(&all, self.dialect, name, Wanted::Any);
            match names.is_empty() {
                true => Ok(all.clone()),
                false => names.iter().map(find).collect(),
            }
        })?;
        let mut result = Ok(());
        let is_so = |client: &Client| {
            let state_of = |one| client.state(one).map(BookState::name);
            Ok(found.iter().all(|one| state_of(one) == Some(state)))
        };
        let done = wait_in_slices(py, timeout, |until| {
            loop {
                match self.with(is_so) {
                    Ok(false) if now() < until => thread::sleep(WAIT_INTERVAL),
                    Ok(is_so) => return is_so,
                    Err(error) => {
                        result = Err(error);
                        return true;
                    }
                }
            }
        })?;
        result.map(|()| done)
    }

    /// A queue of the later events.
    #[pyo3(signature = (capacity=65536))]
    fn event_queue(&self, capacity: usize) -> PyResult<PyEventQueue> {
        // The queue allocates as it is filled, but can't be larger than this.
        let capacity = capacity.min(usize::MAX >> 4);
        self.with(|client| Ok(PyEventQueue::new(client.events(capacity).map_err(errors::client)?)))
    }

    /// Whether the connections are open, and if not, why and since when.
    fn health<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let health = self.with(|client| Ok(client.health()))?;
        stats::health(py, &health)
    }

    /// The counters, the latencies in nanoseconds and each connection.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = py.detach(|| self.with(|client| client.stats().map_err(errors::client)))?;
        stats::client(py, &all)
    }

    /// Seconds since the feed's thread ran last.
    #[getter]
    fn heartbeat_age(&self) -> PyResult<f64> {
        self.with(|client| Ok(client.heartbeat().age().as_secs_f64()))
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

    fn __repr__(&self) -> String {
        match self.with(|client| Ok(client.health().to_string())) {
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
