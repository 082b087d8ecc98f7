//! Exact numbers: `decimal.Decimal` in Python.

use okx_feed::Decimal;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

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

/// Reads a `Decimal`, an integer or a `str`.
///
/// # Errors
/// `TypeError` of anything else, such as a float, which is not exact; `okx_feed.DecimalError` of
/// what does not fit.
pub(crate) fn read(value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    let py = value.py();
    let is_text = value.is_instance_of::<PyString>();
    let value = match is_text || value.is_instance(DECIMAL.import(py, "decimal", "Decimal")?)? {
        true => value.clone(),
        // Those of numpy are no `int`.
        false => index(value)?,
    };
    // A text may be no UTF-8, and an integer too long to be shown.
    let text = value.str().and_then(|text| Ok(text.to_cow()?.into_owned()));
    let text = text.map_err(|error| errors::decimal_text(error.value(py).to_string()))?;
    Decimal::parse_value(text.as_bytes()).map_err(errors::decimal)
}

/// The `int` of an integer.
fn index<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    let index = py.import(intern!(py, "operator"))?.call_method1(intern!(py, "index"), (value,));
    index.map_err(|error| match error.is_instance_of::<PyTypeError>(py) {
        true => PyTypeError::new_err(format!(
            "{} is not exact: pass a Decimal, an int or a str",
            value.get_type()
        )),
        false => error,
    })
}

/// The `Decimal` of a number's text, which may have more digits than a [`Decimal`].
pub(crate) fn of_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    DECIMAL.import(py, "decimal", "Decimal")?.call1((text,))
}
