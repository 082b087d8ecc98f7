//! The queue of a client's events, for Python: drained in batches, with a descriptor to wait on.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use futures_util::Stream;
use okx_feed::client::Events;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::event::{self, Item};
use crate::numbers;
use crate::process::Process;
use crate::wait::{now, wait_in_slices};

/// Wakes a thread that waits.
struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Makes a descriptor readable.
struct FdWaker(UnixStream);

impl Wake for FdWaker {
    fn wake(self: Arc<Self>) {
        // Where it is full, it is readable.
        let _ = (&self.0).write(&[1]);
    }
}

/// The descriptor on which an event loop waits, and what makes it readable.
struct EventFd {
    reader: UnixStream,
    waker: Waker,
}

impl EventFd {
    fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { reader, waker: Arc::new(FdWaker(writer)).into() })
    }

    fn clear(&self) {
        let mut bytes = [0; 64];
        while (&self.reader).read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
    }
}

/// The receiving end.
struct Receiver {
    events: Events,
    /// What came while it was waited for.
    next: Option<Item>,
    is_ended: bool,
    /// What was to be woken last: a look at the queue must not take its place.
    waker: Waker,
}

impl Receiver {
    /// Whether something is there or the client has stopped; else `waker` is woken once it is so.
    fn is_ready(&mut self, waker: &Waker) -> bool {
        self.waker.clone_from(waker);
        self.poll()
    }

    fn poll(&mut self) -> bool {
        if self.next.is_some() || self.is_ended {
            return true;
        }
        let waker = self.waker.clone();
        match Pin::new(&mut self.events).poll_next(&mut Context::from_waker(&waker)) {
            Poll::Pending => false,
            Poll::Ready(None) => {
                self.is_ended = true;
                true
            }
            Poll::Ready(Some(received)) => {
                self.next = Some(item(received));
                true
            }
        }
    }

    /// Takes what has come, `most` at most.
    fn take(&mut self, most: usize) -> Vec<Item> {
        let mut taken: Vec<_> = self.next.take().into_iter().collect();
        while taken.len() < most {
            let Some(received) = self.events.try_recv() else { break };
            taken.push(item(received));
        }
        taken
    }
}

fn item(received: Result<okx_feed::client::OwnedEvent, okx_feed::client::DroppedEvents>) -> Item {
    received.map_or_else(Item::Dropped, Item::Event)
}

/// The events of a client.
#[pyclass(frozen, module = "okx_feed", name = "EventQueue")]
pub(crate) struct PyEventQueue {
    receiver: Mutex<Receiver>,
    fd: OnceLock<EventFd>,
    process: Process,
}

impl PyEventQueue {
    pub(crate) fn new(events: Events) -> Self {
        let waker = Waker::noop().clone();
        let receiver = Receiver { events, next: None, is_ended: false, waker };
        let (fd, process) = (OnceLock::new(), Process::current());
        Self { receiver: Mutex::new(receiver), fd, process }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Receiver) -> R) -> R {
        f(&mut self.receiver.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn event_fd(&self) -> io::Result<&EventFd> {
        if let Some(fd) = self.fd.get() {
            return Ok(fd);
        }
        let made = EventFd::new()?;
        Ok(self.fd.get_or_init(|| made))
    }

    /// Waits until something is there, the client has stopped, or it is `until`.
    fn wait(&self, until: Option<Instant>) -> bool {
        let waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
        loop {
            if self.with(|receiver| receiver.is_ready(&waker)) {
                return true;
            }
            let now = now();
            match until {
                Some(until) if until <= now => return false,
                Some(until) => thread::park_timeout(until - now),
                None => thread::park(),
            }
        }
    }
}

#[pymethods]
impl PyEventQueue {
    /// Events that have come, oldest first.
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
            wait_in_slices(py, timeout, |until| self.wait(Some(until)))?;
        }
        let items = py.detach(|| self.with(|receiver| receiver.take(most.max(1))));
        event::list(py, &items)
    }

    /// Whether the client has stopped and nothing is left.
    #[getter]
    fn is_ended(&self) -> bool {
        self.with(|receiver| receiver.poll() && receiver.next.is_none())
    }

    /// The descriptor that becomes readable once something has come after `arm`.
    fn fileno(&self) -> PyResult<RawFd> {
        self.process.check()?;
        Ok(self.event_fd()?.reader.as_raw_fd())
    }

    /// Has the descriptor become readable with the next event. True if something is there already,
    /// or the client has stopped: then the descriptor stays as it is.
    fn arm(&self) -> PyResult<bool> {
        self.process.check()?;
        let fd = self.event_fd()?;
        fd.clear();
        Ok(self.with(|receiver| receiver.is_ready(&fd.waker)))
    }

    fn __repr__(&self) -> &'static str {
        "EventQueue()"
    }
}
