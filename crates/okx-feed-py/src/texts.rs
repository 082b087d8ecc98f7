//! The texts of messages as they are received: for programs that read them themselves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use okx_feed::{Event, EventSink};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::arguments::{Count, Seconds};
use crate::errors;
use crate::process::Process;
use crate::wait::{lock, now, wait_in_slices};

/// The most texts that a queue holds: its memory is allocated at once.
const MAX_TEXTS: usize = 1 << 20;

/// The sink of a client: queues the text of each message, where somebody wants it. Never waits.
pub(crate) struct TextSink(Option<Outlet>);

/// The feed's end of a queue.
struct Outlet {
    sender: SyncSender<Box<[u8]>>,
    dropped: Arc<AtomicU64>,
}

impl TextSink {
    /// A sink, and its queue for `capacity` texts; without one for none.
    ///
    /// # Errors
    /// `okx_feed.ConfigError` of more than [`MAX_TEXTS`].
    pub(crate) fn new(capacity: usize) -> PyResult<(Self, Option<PyTextQueue>)> {
        if capacity == 0 {
            return Ok((Self(None), None));
        }
        if capacity > MAX_TEXTS {
            return Err(errors::config(format!("text_capacity: at most {MAX_TEXTS}")));
        }
        let (sender, receiver) = sync_channel(capacity);
        let dropped = Arc::new(AtomicU64::new(0));
        let receiver = Mutex::new(Texts { receiver, next: None, is_ended: false });
        let queue =
            PyTextQueue { receiver, dropped: Arc::clone(&dropped), process: Process::current() };
        Ok((Self(Some(Outlet { sender, dropped })), Some(queue)))
    }
}

impl EventSink for TextSink {
    fn on_event(&mut self, _: &Event<'_>) {}

    fn on_text(&mut self, text: &[u8]) {
        let Some(Outlet { sender, dropped }) = &self.0 else { return };
        match sender.try_send(text.into()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => self.0 = None,
        }
    }
}

struct Texts {
    receiver: Receiver<Box<[u8]>>,
    /// What came while it was waited for.
    next: Option<Box<[u8]>>,
    is_ended: bool,
}

impl Texts {
    fn is_ready(&mut self, timeout: Duration) -> bool {
        if self.next.is_some() || self.is_ended {
            return true;
        }
        match self.receiver.recv_timeout(timeout) {
            Ok(text) => self.next = Some(text),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return false,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => self.is_ended = true,
        }
        true
    }

    fn take(&mut self, most: usize) -> Vec<Box<[u8]>> {
        let mut taken: Vec<_> = self.next.take().into_iter().collect();
        while taken.len() < most {
            match self.receiver.try_recv() {
                Ok(text) => taken.push(text),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.is_ended = true;
                    break;
                }
            }
        }
        taken
    }
}

/// The texts of a client's messages.
#[pyclass(frozen, module = "okx_feed", name = "TextQueue")]
pub(crate) struct PyTextQueue {
    receiver: Mutex<Texts>,
    dropped: Arc<AtomicU64>,
    process: Process,
}

#[pymethods]
impl PyTextQueue {
    /// The texts that have come, oldest first, at most `most`, which is at least 1. Waits up to
    /// `timeout` seconds for the first, at most 1e9; `None` waits without end. Empty where nothing
    /// came, and once the client has stopped (`is_ended`). Bytes that are no UTF-8 are replaced.
    ///
    /// Raises:
    ///     ForkedError: This is a child of the process that it was made in.
    #[pyo3(signature = (most=Count(65536), timeout=Some(Seconds(Duration::ZERO))),
        text_signature = "($self, most=65536, timeout=0.0)")]
    fn drain<'py>(
        &self,
        py: Python<'py>,
        most: Count,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.process.check()?;
        if timeout.is_none_or(|Seconds(timeout)| !timeout.is_zero()) {
            wait_in_slices(py, timeout, |until| {
                let mut texts = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
                texts.is_ready(until.saturating_duration_since(now()))
            })?;
        }
        let taken = lock(py, &self.receiver).take(most.0);
        // A malformed message may be no UTF-8.
        let texts = taken.iter().map(|text| PyString::new(py, &String::from_utf8_lossy(text)));
        PyList::new(py, texts)
    }

    /// Whether the client has stopped and nothing is left.
    ///
    /// Raises:
    ///     ForkedError: This is a child of the process that it was made in.
    #[getter]
    fn is_ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.process.check()?;
        let mut texts = lock(py, &self.receiver);
        Ok(texts.is_ready(Duration::ZERO) && texts.next.is_none())
    }

    /// How many texts were dropped because the queue was full. Raises as `is_ended`.
    #[getter]
    fn dropped(&self) -> PyResult<u64> {
        self.process.check()?;
        Ok(self.dropped.load(Ordering::Relaxed))
    }
}
