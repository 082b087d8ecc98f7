//! Decoding of single frames.

use std::sync::{Arc, Mutex, PoisonError};

use okx_feed::{Decoder, Dialect, Event, Frame, UnixNanos};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::arguments::Arg;
use crate::errors;
use crate::instruments::PyInstruments;
use crate::objects::append_message;
use crate::subscriptions::dialect as dialect_of;
use crate::wait::lock;

/// A frame's payload.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a, 'py> {
    /// A text message.
    Text(Borrowed<'a, 'py, PyString>),
    /// `bytes`: a binary message in v3 and of SBE, else a text.
    Bytes(Borrowed<'a, 'py, PyBytes>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Payload<'a, 'py> {
    type Error = PyErr;

    fn extract(payload: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = payload.cast::<PyString>() {
            return Ok(Self::Text(text));
        }
        let bytes = payload.cast::<PyBytes>().map(Self::Bytes);
        bytes.map_err(|_| PyTypeError::new_err("a frame is a str or bytes"))
    }
}

impl Payload<'_, '_> {
    /// Calls with the frame.
    ///
    /// # Errors
    /// What `encode` of a text raises.
    pub(crate) fn with<R>(&self, is_binary: bool, f: impl FnOnce(Frame<'_>) -> R) -> PyResult<R> {
        match self {
            Self::Text(text) => match text.to_cow() {
                Ok(text) => Ok(f(Frame::Text(text.as_bytes()))),
                // Half a character is no UTF-8: the decoder says that the frame is malformed.
                Err(_) => {
                    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
                    Ok(f(Frame::Text(bytes.cast_into::<PyBytes>()?.as_bytes())))
                }
            },
            Self::Bytes(bytes) if is_binary => Ok(f(Frame::Binary(bytes.as_bytes()))),
            Self::Bytes(bytes) => Ok(f(Frame::Text(bytes.as_bytes()))),
        }
    }
}

/// Decodes the frames of one connection.
#[pyclass(frozen, module = "okx_feed", name = "Decoder")]
#[derive(Debug)]
pub(crate) struct PyDecoder {
    decoder: Box<Mutex<Decoder>>,
    is_binary: bool,
}

impl PyDecoder {
    fn of(dialect: Dialect) -> Self {
        let decoder = Box::new(Mutex::new(Decoder::new(dialect)));
        Self { decoder, is_binary: dialect == Dialect::V3 }
    }
}

#[pymethods]
impl PyDecoder {
    #[new]
    #[pyo3(signature = (dialect=Arg("v5"), *, sbe=None),
        text_signature = "(dialect='v5', *, sbe=None)")]
    fn new(dialect: Arg<&str>, sbe: Option<&Bound<'_, PyInstruments>>) -> PyResult<Self> {
        let dialect = dialect_of(dialect.0)?;
        let made = Self::of(dialect);
        let Some(instruments) = sbe else { return Ok(made) };
        if dialect == Dialect::V3 {
            return Err(errors::config("sbe: v3 has no binary encoding"));
        }
        let mut decoder = made.decoder.into_inner().unwrap_or_else(PoisonError::into_inner);
        decoder.set_sbe(Arc::new(instruments.get().codes()));
        Ok(Self { is_binary: true, decoder: Box::new(Mutex::new(decoder)) })
    }

    /// The events of one frame. `str` is a text message; `bytes` a binary one in v3 and of SBE,
    /// else a text. Books are not kept: those of order books are a `DepthUpdate`.
    ///
    /// Raises:
    ///     DecodeError: The frame is malformed; no event of it is given.
    ///     ConfigError: `ts_recv` is no time: nanoseconds since 1970, or 0 if unknown.
    #[pyo3(signature = (frame, ts_recv=Arg(0)), text_signature = "($self, frame, ts_recv=0)")]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        frame: Payload<'_, 'py>,
        ts_recv: Arg<u64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let mut result = Ok(());
        let sink = &mut |event: &Event<'_>| {
            if result.is_ok() {
                result = append_message(&list, event);
            }
        };
        let mut decoder = lock(py, &self.decoder);
        let ts_recv = UnixNanos(ts_recv.0);
        let decoded = frame.with(self.is_binary, |frame| decoder.decode(frame, ts_recv, sink))?;
        drop(decoder);
        decoded.map_err(|error| errors::decode(&error))?;
        result.map(|()| list)
    }

    /// The text of the last frame that was inflated; empty otherwise.
    #[getter]
    fn last_text(&self, py: Python<'_>) -> String {
        String::from_utf8_lossy(lock(py, &self.decoder).last_text()).into_owned()
    }
}

/// Decodes one frame.
#[pyfunction]
#[pyo3(signature = (frame, dialect=Arg("v5"), *, ts_recv=Arg(0)),
    text_signature = "(frame, dialect='v5', *, ts_recv=0)")]
pub(crate) fn decode<'py>(
    py: Python<'py>,
    frame: Payload<'_, 'py>,
    dialect: Arg<&str>,
    ts_recv: Arg<u64>,
) -> PyResult<Bound<'py, PyList>> {
    PyDecoder::of(dialect_of(dialect.0)?).decode(py, frame, ts_recv)
}
