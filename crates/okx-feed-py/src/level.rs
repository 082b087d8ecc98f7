//! Levels of books.

use std::ffi::c_int;
use std::fmt::Debug;
use std::sync::Arc;

use okx_feed::Level;
use pyo3::exceptions::PyIndexError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

use crate::{buffer, errors, numbers};

/// A price level.
#[pyclass(frozen, module = "okx_feed", name = "Level")]
#[derive(Debug)]
pub(crate) struct PyLevel(pub(crate) Level);

fn tuple<'py>(py: Python<'py>, level: &Level) -> PyResult<Bound<'py, PyTuple>> {
    let (px, sz) = (numbers::exact(py, level.px())?, numbers::exact(py, level.sz())?);
    (px, sz, level.orders()).into_pyobject(py)
}

#[pymethods]
impl PyLevel {
    /// The price, exact.
    #[getter]
    fn px<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.0.px())
    }

    /// The size, exact: base currency on spot, contracts on derivatives.
    #[getter]
    fn sz<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numbers::exact(py, self.0.sz())
    }

    /// How many orders make up the size; 0 if unknown.
    #[getter]
    const fn orders(&self) -> u32 {
        self.0.orders()
    }

    /// The price as the nearest `float`.
    #[getter]
    fn px_float(&self) -> f64 {
        self.0.px().to_f64()
    }

    /// The size as the nearest `float`.
    #[getter]
    fn sz_float(&self) -> f64 {
        self.0.sz().to_f64()
    }

    /// The price as a whole number of ticks, exact.
    ///
    /// Raises:
    ///     DecimalError: It is between two ticks, or the tick is not positive.
    ///     TypeError: The tick is a `float`, which is not exact.
    fn ticks(&self, tick: &Bound<'_, PyAny>) -> PyResult<i64> {
        self.0.ticks(numbers::read(tick)?).map_err(errors::decimal)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        tuple(py, &self.0)?.try_iter()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.px().mantissa().cast_unsigned() ^ self.0.sz().mantissa().cast_unsigned()
    }

    fn __repr__(&self) -> String {
        let Self(level) = self;
        format!("Level(px={}, sz={}, orders={})", level.px(), level.sz(), level.orders())
    }
}

/// The item of an index of Python, which counts from the end if it is negative.
pub(crate) fn item<T>(items: &[T], index: isize) -> Option<&T> {
    match usize::try_from(index) {
        Ok(at) => items.get(at),
        Err(_) => items.get(items.len().checked_sub(index.unsigned_abs())?),
    }
}

/// What has levels: a book, or a message of one. It never changes, and its levels never move.
pub(crate) trait SideLevels: Debug + Send + Sync {
    /// The asks, in order.
    fn asks(&self) -> &[Level];

    /// The bids, in order.
    fn bids(&self) -> &[Level];
}

/// One side of a book or of a message: a sequence of levels, and their memory.
#[pyclass(frozen, sequence, module = "okx_feed", name = "Side")]
#[derive(Debug)]
pub(crate) struct PySide {
    of: Arc<dyn SideLevels>,
    is_asks: bool,
}

impl PySide {
    /// The asks of something.
    pub(crate) const fn asks(of: Arc<dyn SideLevels>) -> Self {
        Self { of, is_asks: true }
    }

    /// The bids of something.
    pub(crate) const fn bids(of: Arc<dyn SideLevels>) -> Self {
        Self { of, is_asks: false }
    }

    fn levels(&self) -> &[Level] {
        if self.is_asks { self.of.asks() } else { self.of.bids() }
    }
}

#[pymethods]
impl PySide {
    fn __len__(&self) -> usize {
        self.levels().len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<PyLevel> {
        let level = item(self.levels(), index);
        level.copied().map(PyLevel).ok_or_else(|| PyIndexError::new_err("no such level"))
    }

    /// The levels as tuples of price, size and number of orders, best first.
    #[pyo3(name = "levels")]
    fn levels_exact<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let levels = self.levels().iter().map(|level| tuple(py, level));
        PyList::new(py, levels.collect::<PyResult<Vec<_>>>()?)
    }

    /// Price and size of each level as the nearest `float`, best first.
    fn floats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.levels().iter().map(Level::to_f64))
    }

    #[expect(unsafe_code, reason = "the buffer protocol of Python is unsafe")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        // SAFETY: the interpreter's pointer is passed on. The side is frozen and keeps what has the
        // levels alive, which `SideLevels` promises never to change or move.
        unsafe { buffer::export(slf.as_any(), slf.get().levels(), view, flags) }
    }

    fn __repr__(&self) -> String {
        let side = if self.is_asks { "asks" } else { "bids" };
        format!("Side({side}, {:?})", self.levels())
    }
}
