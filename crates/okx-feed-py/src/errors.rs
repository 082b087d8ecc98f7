//! The exceptions, which are classes of `okx_feed._errors`, and what becomes one.

use okx_feed::model::{DecimalError, SubscriptionError};
use okx_feed::replay::ReplayError;
use okx_feed::rest::RestError;
use okx_feed::{ClientError, DecodeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

/// A class of exceptions, looked up once.
struct Class {
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
}

impl Class {
    const fn new(name: &'static str) -> Self {
        Self { name, class: PyOnceLock::new() }
    }

    /// An exception of the class. `arguments` are those of its constructor.
    fn raise(&self, arguments: impl FnOnce(Python<'_>) -> PyResult<Py<PyTuple>>) -> PyErr {
        Python::attach(|py| {
            let class = self.class.import(py, MODULE, self.name);
            let made = class.and_then(|class| class.call1(arguments(py)?));
            made.map_or_else(|error| error, PyErr::from_value)
        })
    }

    fn of(&self, text: impl Into<String>) -> PyErr {
        let text = text.into();
        self.raise(|py| Ok((text,).into_pyobject(py)?.unbind()))
    }
}

/// The module of the classes.
const MODULE: &str = "okx_feed._errors";

static BASE: Class = Class::new("OkxFeedError");
static CONFIG: Class = Class::new("ConfigError");
static STOPPED: Class = Class::new("StoppedError");
static FORKED: Class = Class::new("ForkedError");
static NOT_SUBSCRIBED: Class = Class::new("NotSubscribedError");
static UNKNOWN_INSTRUMENT: Class = Class::new("UnknownInstrumentError");
static DECODE: Class = Class::new("DecodeError");
static REPLAY: Class = Class::new("ReplayError");
static REST: Class = Class::new("RestError");
static DECIMAL: Class = Class::new("DecimalError");

/// What has no class of its own.
pub(crate) fn other(text: impl Into<String>) -> PyErr {
    BASE.of(text)
}

/// An option or an argument is wrong.
pub(crate) fn config(text: impl Into<String>) -> PyErr {
    CONFIG.of(text)
}

/// The client has stopped.
pub(crate) fn stopped() -> PyErr {
    STOPPED.of("the client has stopped")
}

/// The object belongs to the parent process.
pub(crate) fn forked() -> PyErr {
    FORKED.of("it belongs to the parent process: make one after the fork")
}

/// Nothing fits.
pub(crate) fn not_subscribed(text: impl Into<String>) -> PyErr {
    NOT_SUBSCRIBED.of(text)
}

/// The catalogue has no instrument of that id.
pub(crate) fn unknown_instrument(inst_id: &str) -> PyErr {
    UNKNOWN_INSTRUMENT.of(format!("no instrument {inst_id:?}"))
}

/// A failed call or a wrong option of a client.
pub(crate) fn client(error: ClientError) -> PyErr {
    match error {
        ClientError::Stopped => stopped(),
        ClientError::Rest(error) => rest(&error),
        ClientError::Thread(_) => other(error.to_string()),
        other => config(other.to_string()),
    }
}

/// A text that is no subscription.
pub(crate) fn subscription(error: &SubscriptionError) -> PyErr {
    config(error.to_string())
}

/// A malformed frame: text, kind and offset.
pub(crate) fn decode(error: &DecodeError) -> PyErr {
    let DecodeError { kind, offset } = *error;
    let text = error.to_string();
    DECODE.raise(|py| Ok((text, kind.name(), offset).into_pyobject(py)?.unbind()))
}

/// Captures that can't be played, or a wrong argument.
pub(crate) fn replay(error: &ReplayError) -> PyErr {
    let class = match error {
        ReplayError::Subscription(_)
        | ReplayError::NoFile
        | ReplayError::Times
        | ReplayError::Speed => &CONFIG,
        _ => &REPLAY,
    };
    class.of(error.to_string())
}

/// A failed request: text, and the exchange's code where it has one; or a wrong argument.
pub(crate) fn rest(error: &RestError) -> PyErr {
    let text = error.to_string();
    let code = match error {
        RestError::Transport(_) | RestError::Url { .. } | RestError::NoUrl => return config(text),
        RestError::Refused { code, .. } => Some(*code),
        _ => None,
    };
    REST.raise(|py| Ok((text, code).into_pyobject(py)?.unbind()))
}

/// A number that is not exact, or not a multiple.
pub(crate) fn decimal(error: DecimalError) -> PyErr {
    DECIMAL.of(error.to_string())
}

/// A text that is no number.
pub(crate) fn decimal_text(text: impl Into<String>) -> PyErr {
    DECIMAL.of(text)
}

/// Whether an exception is one of this package.
pub(crate) fn is_own(py: Python<'_>, error: &PyErr) -> bool {
    BASE.class.import(py, MODULE, BASE.name).is_ok_and(|base| error.is_instance(py, base))
}
