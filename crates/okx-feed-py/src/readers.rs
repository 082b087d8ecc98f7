//! Readers of one subscription, which look nothing up.

use okx_feed::{BookReader, DepthReader, Subscription};
use pyo3::prelude::*;

use crate::book::PyBook;
use crate::numbers;
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

    /// Waits for a later version than `version`: spins for 20 µs, then looks every 50 µs.
    #[pyo3(signature = (version, timeout=None))]
    fn wait(&self, py: Python<'_>, version: u64, timeout: Option<f64>) -> PyResult<bool> {
        self.process.check()?;
        let timeout = timeout.map(numbers::seconds).transpose()?;
        wait_in_slices(py, timeout, |until| poll_until(until, || self.published() > version))
    }

    fn __repr__(&self) -> String {
        format!("BookReader({})", self.subscription)
    }
}
