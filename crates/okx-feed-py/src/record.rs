//! Records: tickers, prices, candles, instruments and the like.

use okx_feed::model::{FieldValue, RecordData, RecordKind};
use okx_feed::publish::Latest;
use okx_feed::{BookState, Record, Subscription};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::numbers;

/// A record.
#[pyclass(frozen, module = "okx_feed", name = "Record")]
#[derive(Debug)]
pub(crate) struct PyRecord {
    pub(crate) subscription: Option<Subscription>,
    pub(crate) record: Record,
    /// `None` in an event and in a list.
    pub(crate) state: Option<BookState>,
    pub(crate) version: u64,
}

impl PyRecord {
    /// A record without a state.
    pub(crate) const fn of_event(subscription: Option<Subscription>, record: Record) -> Self {
        Self { subscription, record, state: None, version: 0 }
    }

    /// A published record.
    pub(crate) fn latest(subscription: Subscription, latest: Latest<Record>) -> Self {
        let Latest { value, state, version } = latest;
        Self { subscription: Some(subscription), record: value, state: Some(state), version }
    }
}

/// The value of a field: `Decimal`, `str`, nanoseconds, `bool`, `int` or `None`.
fn value<'py>(py: Python<'py>, value: FieldValue<'_>) -> PyResult<Bound<'py, PyAny>> {
    match value {
        FieldValue::Decimal(value) => numbers::exact(py, value),
        FieldValue::Text(text) => text.into_bound_py_any(py),
        FieldValue::Time(time) => time.0.into_bound_py_any(py),
        FieldValue::Bool(value) => value.into_bound_py_any(py),
        FieldValue::Integer(value) => value.into_bound_py_any(py),
        _ => Ok(py.None().into_bound(py)),
    }
}

/// The fields as a dictionary, in declaration order.
pub(crate) fn fields<'py>(py: Python<'py>, data: &RecordData) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let mut result = Ok(());
    data.fields(&mut |name, field| {
        if result.is_ok() {
            result = value(py, field).and_then(|value| dict.set_item(name, value));
        }
    });
    result.map(|()| dict)
}

#[pymethods]
impl PyRecord {
    #[classattr]
    const EVENT: &'static str = "record";

    /// The subscription, such as `tickers:BTC-USDT`; `None` in a list.
    #[getter]
    fn topic(&self) -> Option<String> {
        self.subscription.map(|of| of.to_string())
    }

    /// The channel's name.
    #[getter]
    fn channel(&self) -> Option<&'static str> {
        self.subscription.map(|of| of.channel().name())
    }

    /// What the channel is keyed by: mostly the instrument.
    #[getter]
    fn key(&self) -> Option<&str> {
        self.subscription.as_ref().map(|of| of.inst_id().as_str())
    }

    /// `Ticker`, `MarkPrice` and so on; `None` before the first.
    #[getter]
    fn kind(&self) -> Option<&'static str> {
        self.record.data.kind().map(RecordKind::name)
    }

    /// The state of the subscription; `None` in an event.
    #[getter]
    fn state(&self) -> Option<&'static str> {
        self.state.map(BookState::name)
    }

    /// Whether the state is `live`.
    #[getter]
    fn is_live(&self) -> bool {
        self.state.is_some_and(BookState::is_live)
    }

    /// How often it was published. 0 in an event.
    #[getter]
    const fn version(&self) -> u64 {
        self.version
    }

    /// The exchange's time in nanoseconds since 1970; 0 if unknown.
    #[getter]
    const fn ts_event(&self) -> u64 {
        self.record.ts_event.0
    }

    /// The time of receipt in nanoseconds since 1970; 0 if unknown.
    #[getter]
    const fn ts_recv(&self) -> u64 {
        self.record.ts_recv.0
    }

    /// All fields by name. Each is an attribute too; `None` if the message has none.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields(py, &self.record.data)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let mut found = None;
        self.record.data.fields(&mut |field, of| {
            if field == name {
                found = Some(value(py, of));
            }
        });
        let kind = self.kind().unwrap_or("an empty record");
        found.unwrap_or_else(|| Err(PyAttributeError::new_err(format!("{kind} has no {name}"))))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let kind = self.kind().unwrap_or("Record");
        Ok(format!("{kind}({} {})", self.topic().unwrap_or_default(), self.fields(py)?))
    }
}
