//! Exact numbers: `decimal.Decimal` in Python.

use std::time::Duration;

use okx_feed::Decimal;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFloat, PyType};

use crate::errors;

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The `Decimal` with the digits of the wire: `124.0` stays so.
pub(crate) fn exact(py: Python<'_>, value: Decimal) -> PyResult<Bound<'_, PyAny>> {
    let mut text = [0; Decimal::MAX_TEXT_LEN];
    let text = std::str::from_utf8(value.write_text(&mut text)).unwrap_or_default();
    DECIMAL.import(py, "decimal", "Decimal")?.call1((text,))
}

/// The `Decimal` of a value that may be absent.
pub(crate) fn exact_option(
    py: Python<'_>,
    value: Option<Decimal>,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    value.map(|value| exact(py, value)).transpose()
}

/// Reads a `Decimal`, an `int` or a `str`.
///
/// # Errors
/// `TypeError` of a float, which is not exact; `okx_feed.DecimalError` of what does not fit.
pub(crate) fn read(value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    if value.is_instance_of::<PyFloat>() {
        return Err(PyTypeError::new_err("a float is not exact: pass a Decimal, an int or a str"));
    }
    let text = value.str()?;
    Decimal::parse_value(text.to_cow()?.as_bytes()).map_err(errors::decimal)
}

/// Reads a duration in seconds.
///
/// # Errors
/// `okx_feed.ConfigError` of what is negative or not finite.
pub(crate) fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| errors::config(format!("{value} is not a duration in seconds")))
}

/// The `Decimal` of a number's text, which may have more digits than a [`Decimal`].
pub(crate) fn of_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    DECIMAL.import(py, "decimal", "Decimal")?.call1((text,))
}
