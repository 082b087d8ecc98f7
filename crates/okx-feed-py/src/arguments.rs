//! Arguments, by one rule: of a wrong type they are a `TypeError`, of a value that does not fit a
//! `ConfigError`. What the interpreter raises itself (`OverflowError` of integers,
//! `UnicodeEncodeError` of texts) becomes the latter.

use std::time::Duration;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::errors;

/// The longest duration: some 30 years. The sum of a time and a longer one may not fit.
const MAX_SECONDS: f64 = 1e9;

/// An argument of a type that Python converts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arg<T>(pub(crate) T);

impl<'a, 'py, T: FromPyObject<'a, 'py>> FromPyObject<'a, 'py> for Arg<T> {
    type Error = PyErr;

    fn extract(argument: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        argument.extract().map(Self).map_err(|error: T::Error| misfit(&argument, error.into()))
    }
}

/// What an argument that can't be converted raises.
#[cold]
fn misfit(argument: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = argument.py();
    let is_of_value = error.is_instance_of::<PyOverflowError>(py)
        || (error.is_instance_of::<PyValueError>(py) && !errors::is_own(py, &error));
    if !is_of_value {
        return error;
    }
    // An integer of thousands of digits can't be shown.
    let shown = argument.repr().map_or_else(|_| "the argument".to_owned(), |text| text.to_string());
    let shown: String = shown.chars().take(60).collect();
    errors::config(format!("{shown}: {}", error.value(py)))
}

/// How many, at least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) usize);

impl<'a, 'py> FromPyObject<'a, 'py> for Count {
    type Error = PyErr;

    fn extract(argument: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match argument.extract::<Arg<usize>>()?.0 {
            0 => Err(errors::config("0 is too few: at least 1")),
            count => Ok(Self(count)),
        }
    }
}

/// A duration in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl<'a, 'py> FromPyObject<'a, 'py> for Seconds {
    type Error = PyErr;

    fn extract(argument: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let Arg(value): Arg<f64> = argument.extract()?;
        match (0.0..=MAX_SECONDS).contains(&value) {
            true => Ok(Self(Duration::from_secs_f64(value))),
            false => Err(errors::config(format!("{value} is no duration of 0 to 1e9 seconds"))),
        }
    }
}

/// An error, with the name of what it is about.
pub(crate) fn named(py: Python<'_>, name: &str, error: &PyErr) -> PyErr {
    let text = format!("{name}: {}", error.value(py));
    match error.is_instance_of::<PyTypeError>(py) {
        true => PyTypeError::new_err(text),
        false => errors::config(text),
    }
}

/// An argument that was passed on in a dictionary; `None` if it is not in it.
///
/// # Errors
/// `TypeError`, `okx_feed.ConfigError`, with its name. They do not show the value, which may be
/// secret.
pub(crate) fn given<'py, T>(arguments: &Bound<'py, PyDict>, name: &str) -> PyResult<T>
where
    T: FromPyObjectOwned<'py>,
{
    let py = arguments.py();
    let value = arguments.get_item(name)?.unwrap_or_else(|| py.None().into_bound(py));
    value.extract().map_err(|error: T::Error| named(py, name, &error.into()))
}

/// The pairs of an argument that is a mapping.
///
/// # Errors
/// `TypeError` of anything else.
pub(crate) fn pairs<'py, K, V>(argument: &Bound<'py, PyAny>) -> PyResult<Vec<(K, V)>>
where
    K: FromPyObjectOwned<'py>,
    V: FromPyObjectOwned<'py>,
{
    argument.cast::<PyMapping>()?.items()?.extract()
}

/// Headers: a mapping of names to values, which may be secret.
///
/// # Errors
/// `TypeError`, `okx_feed.ConfigError`.
pub(crate) fn headers(argument: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    pairs(argument).map_err(|error| named(argument.py(), "headers", &error))
}
