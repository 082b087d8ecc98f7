//! Decoding of single frames.

use std::sync::{Arc, Mutex, PoisonError};

use okx_feed::client::OwnedEvent;
use okx_feed::{Decoder, Dialect, Event, Frame, UnixNanos};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::errors;
use crate::event::{PyDepthUpdate, object};
use crate::instruments::PyInstruments;
use crate::subscriptions::dialect as dialect_of;

/// A frame's payload.
#[derive(FromPyObject)]
pub(crate) enum Payload<'py> {
    /// A text message.
    Text(Bound<'py, PyString>),
    /// `bytes`: a binary message in v3 and of SBE, else a text.
    Bytes(Bound<'py, PyBytes>),
}

/// Calls with the frame of a payload.
pub(crate) fn with_frame<R>(
    payload: &Payload<'_>,
    is_binary: bool,
    f: impl FnOnce(Frame<'_>) -> R,
) -> PyResult<R> {
    Ok(match payload {
        Payload::Text(text) => f(Frame::Text(text.to_cow()?.as_bytes())),
        Payload::Bytes(bytes) if is_binary => f(Frame::Binary(bytes.as_bytes())),
        Payload::Bytes(bytes) => f(Frame::Text(bytes.as_bytes())),
    })
}

/// Adds an event to a list.
fn add<'py>(list: &Bound<'py, PyList>, event: &Event<'_>) -> PyResult<()> {
    let py = list.py();
    match event {
        Event::Depth(update) => list.append(Bound::new(py, PyDepthUpdate::new(update))?),
        _ => match OwnedEvent::new(event) {
            Some(owned) => list.append(object(py, &owned)?),
            None => Ok(()),
        },
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
    #[pyo3(signature = (dialect="v5", *, sbe=None))]
    fn new(dialect: &str, sbe: Option<&Bound<'_, PyInstruments>>) -> PyResult<Self> {
        let made = Self::of(dialect_of(dialect)?);
        let Some(instruments) = sbe else { return Ok(made) };
        let mut decoder = made.decoder.into_inner().unwrap_or_else(PoisonError::into_inner);
        decoder.set_sbe(Arc::new(instruments.get().codes()));
        Ok(Self { is_binary: true, decoder: Box::new(Mutex::new(decoder)) })
    }

    /// The events of one frame. `str` is a text message; `bytes` a binary one in v3 and of SBE,
    /// else a text. Books are not kept: those of order books are a `DepthUpdate`.
    ///
    /// Raises:
    ///     DecodeError: The frame is malformed; no event of it is given.
    #[pyo3(signature = (frame, ts_recv=0))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        frame: Payload<'py>,
        ts_recv: u64,
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let mut result = Ok(());
        let sink = &mut |event: &Event<'_>| {
            if result.is_ok() {
                result = add(&list, event);
            }
        };
        let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        let ts_recv = UnixNanos(ts_recv);
        let decoded =
            with_frame(&frame, self.is_binary, |frame| decoder.decode(frame, ts_recv, sink))?;
        decoded.map_err(|error| errors::decode(&error))?;
        result.map(|()| list)
    }

    /// The text of the last frame that was inflated; empty otherwise.
    #[getter]
    fn last_text(&self) -> String {
        let decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(decoder.last_text()).into_owned()
    }
}

/// Decodes one frame.
#[pyfunction]
#[pyo3(signature = (frame, dialect="v5", *, ts_recv=0))]
pub(crate) fn decode<'py>(
    py: Python<'py>,
    frame: Payload<'py>,
    dialect: &str,
    ts_recv: u64,
) -> PyResult<Bound<'py, PyList>> {
    PyDecoder::of(dialect_of(dialect)?).decode(py, frame, ts_recv)
}
