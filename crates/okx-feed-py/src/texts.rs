//! The texts of messages as they are received: for programs that read them themselves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use okx_feed::{Event, EventSink};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::numbers;
use crate::process::Process;
use crate::wait::{now, wait_in_slices};

/// The most texts that a queue holds.
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
    pub(crate) fn new(capacity: usize) -> (Self, Option<PyTextQueue>) {
        if capacity == 0 {
            return (Self(None), None);
        }
        let (sender, receiver) = sync_channel(capacity.min(MAX_TEXTS));
        let dropped = Arc::new(AtomicU64::new(0));
        let receiver = Mutex::new(Texts { receiver, next: None, is_ended: false });
        let queue =
            PyTextQueue { receiver, dropped: Arc::clone(&dropped), process: Process::current() };
        (Self(Some(Outlet { sender, dropped })), Some(queue))
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

impl PyTextQueue {
    fn with<R>(&self, f: impl FnOnce(&mut Texts) -> R) -> R {
        f(&mut self.receiver.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl PyTextQueue {
    /// The texts that have come, oldest first, at most `most`. Waits up to `timeout` seconds for
    /// the first; `None` waits without end. Bytes that are no UTF-8 are replaced.
    #[pyo3(signature = (most=65536, timeout=Some(0.0)))]
    fn drain<'py>(
        &self,
        py: Python<'py>,
        most: usize,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.process.check()?;
        if timeout != Some(0.0) {
            let timeout = timeout.map(numbers::seconds).transpose()?;
            let left = |until: Instant| until.saturating_duration_since(now());
            wait_in_slices(py, timeout, |until| self.with(|texts| texts.is_ready(left(until))))?;
        }
        let taken = py.detach(|| self.with(|texts| texts.take(most.max(1))));
        // A malformed message may be no UTF-8.
        let texts = taken.iter().map(|text| PyString::new(py, &String::from_utf8_lossy(text)));
        PyList::new(py, texts)
    }

    /// Whether the client has stopped and nothing is left.
    #[getter]
    fn is_ended(&self) -> bool {
        self.with(|texts| texts.is_ready(Duration::ZERO) && texts.next.is_none())
    }

    /// How many texts were dropped because the queue was full.
    #[getter]
    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
