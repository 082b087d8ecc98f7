//! The queue of a client's events, for Python: drained in batches, with a descriptor to wait on.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_util::Stream;
use okx_feed::client::Events;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arguments::{Count, Seconds};
use crate::objects::{self, Item};
use crate::process::Process;
use crate::wait::{lock, now, wait_in_slices};

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

    /// The next one that has come already, as an object. An event is large, and is not moved more
    /// often than it has to be.
    fn next_object<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(item) = self.next.take() {
            return item.object(py).map(Some);
        }
        match self.events.try_recv() {
            Some(Ok(event)) => objects::object(py, &event).map(Some),
            Some(Err(dropped)) => Item::Dropped(dropped).object(py).map(Some),
            None => Ok(None),
        }
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

    fn event_fd(&self) -> io::Result<&EventFd> {
        if let Some(fd) = self.fd.get() {
            return Ok(fd);
        }
        let made = EventFd::new()?;
        Ok(self.fd.get_or_init(|| made))
    }

    /// Waits until something is there, the client has stopped, or it is `until`. For a thread
    /// without the interpreter's lock.
    fn wait(&self, until: Instant) -> bool {
        let waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
        loop {
            let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
            if receiver.is_ready(&waker) {
                return true;
            }
            drop(receiver);
            let now = now();
            if until <= now {
                return false;
            }
            thread::park_timeout(until - now);
        }
    }
}

#[pymethods]
impl PyEventQueue {
    /// Events that have come, oldest first.
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
            wait_in_slices(py, timeout, |until| self.wait(until))?;
        }
        let list = PyList::empty(py);
        // To make an event runs no code of Python, which might want this lock too.
        let mut receiver = lock(py, &self.receiver);
        for _ in 0..most.0 {
            let Some(event) = receiver.next_object(py)? else { break };
            list.append(event)?;
        }
        Ok(list)
    }

    /// Whether the client has stopped and nothing is left.
    #[getter]
    fn is_ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.process.check()?;
        let mut receiver = lock(py, &self.receiver);
        Ok(receiver.poll() && receiver.next.is_none())
    }

    /// The descriptor that becomes readable once something has come after `arm`.
    fn fileno(&self) -> PyResult<RawFd> {
        self.process.check()?;
        Ok(self.event_fd()?.reader.as_raw_fd())
    }

    /// Has the descriptor become readable with the next event. True if something is there already,
    /// or the client has stopped: then the descriptor stays as it is.
    fn arm(&self, py: Python<'_>) -> PyResult<bool> {
        self.process.check()?;
        let fd = self.event_fd()?;
        fd.clear();
        Ok(lock(py, &self.receiver).is_ready(&fd.waker))
    }

    fn __repr__(&self) -> &'static str {
        "EventQueue()"
    }
}
