//! Readers of one subscription, which look nothing up.

use okx_feed::{BookReader, BookState, DepthReader, DownReason, Subscription};
use pyo3::prelude::*;

use crate::arguments::{Arg, Seconds};
use crate::book::{PyBook, TopFloats, top_floats};
use crate::errors;
use crate::process::Process;
use crate::wait::{poll_until, wait_in_slices};

/// What is read.
#[derive(Debug)]
pub(crate) enum Source {
    /// Five levels a side.
    Top(BookReader),
    /// Twenty-five levels a side.
    Best(DepthReader),
}

/// A reader of one book.
#[pyclass(frozen, module = "okx_feed", name = "BookReader")]
#[derive(Debug)]
pub(crate) struct PyBookReader {
    pub(crate) subscription: Subscription,
    pub(crate) source: Source,
    pub(crate) process: Process,
}

impl PyBookReader {
    fn published(&self) -> u64 {
        match &self.source {
            Source::Top(reader) => reader.version(),
            Source::Best(reader) => reader.version(),
        }
    }

    fn latest(&self) -> (u64, BookState) {
        match &self.source {
            Source::Top(reader) => {
                let latest = reader.snapshot();
                (latest.version, latest.state)
            }
            Source::Best(reader) => {
                let latest = reader.snapshot();
                (latest.version, latest.state)
            }
        }
    }

    /// Why nothing is published after `version` any more; `None` if something is.
    fn end_after(&self, version: u64) -> Option<DownReason> {
        match self.latest() {
            (last, BookState::Down(why)) if last <= version => {
                // A refused subscription is requested again.
                (why != DownReason::Rejected).then_some(why)
            }
            _ => None,
        }
    }
}

#[pymethods]
impl PyBookReader {
    /// The subscription.
    #[getter]
    fn topic(&self) -> String {
        self.subscription.to_string()
    }

    /// The number of publications so far.
    #[getter]
    fn version(&self) -> PyResult<u64> {
        self.process.check()?;
        Ok(self.published())
    }

    /// The book now.
    ///
    /// Raises:
    ///     ForkedError: This is a child of the process that it was made in.
    fn read(&self) -> PyResult<PyBook> {
        self.process.check()?;
        Ok(match &self.source {
            Source::Top(reader) => PyBook::top(self.subscription, reader.snapshot()),
            Source::Best(reader) => PyBook::best(self.subscription, reader.snapshot()),
        })
    }

    /// The best prices and sizes as `Book.top_floats` gives them, without a book; `None` unless the
    /// book is live.
    ///
    /// Raises:
    ///     ForkedError: This is a child of the process that it was made in.
    fn top_floats(&self) -> PyResult<Option<TopFloats>> {
        self.process.check()?;
        Ok(match &self.source {
            Source::Top(reader) => reader.live().and_then(|b| top_floats(b.bids(), b.asks())),
            Source::Best(reader) => reader.live().and_then(|b| top_floats(b.bids(), b.asks())),
        })
    }

    /// Waits for a later version than `version`: spins for 20 µs, then looks every 50 µs.
    ///
    /// Args:
    ///     timeout: Seconds, up to 1e9; `None` waits without end.
    ///
    /// Returns:
    ///     False if none came in that time.
    ///
    /// Raises:
    ///     StoppedError: The client has stopped, and there is no later version.
    ///     NotSubscribedError: The same of the subscription.
    ///     ForkedError: This is a child of the process that it was made in.
    #[pyo3(signature = (version, timeout=None))]
    fn wait(&self, py: Python<'_>, version: Arg<u64>, timeout: Option<Seconds>) -> PyResult<bool> {
        self.process.check()?;
        let Arg(version) = version;
        let mut end = None;
        let is_later = wait_in_slices(py, timeout, |until| {
            poll_until(until, || {
                if self.published() > version {
                    return true;
                }
                end = self.end_after(version);
                end.is_some()
            })
        })?;
        match end {
            Some(DownReason::Stopped) => Err(errors::stopped()),
            Some(_) => Err(errors::not_subscribed(format!("{} has ended", self.subscription))),
            None => Ok(is_later),
        }
    }

    fn __repr__(&self) -> String {
        format!("BookReader({})", self.subscription)
    }
}
