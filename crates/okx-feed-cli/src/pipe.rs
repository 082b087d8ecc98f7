//! From the feed's thread to standard output. The feed never waits for the reader.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use super::error::CliError;
use super::output::Output;

/// Bytes that may wait to be written. A reader that is further behind misses events, and receives
/// their number.
const MAX_WAITING: usize = 64 << 20;

/// How long the rest may take to be written to standard output.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The text that waits to be written, and the state of its writer.
#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    /// Events that did not fit since the last one that did, and in all.
    missed: u64,
    missed_in_all: u64,
    closed: bool,
    failure: Option<CliError>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    failed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that receives events, on any thread.
#[derive(Clone, Debug)]
pub(crate) struct PipeWriter {
    shared: Arc<Shared>,
}

impl PipeWriter {
    /// Appends one event by `write`. If events were missed before it, `write_missed` first appends
    /// their number. Does not wait for standard output, and allocates nothing once warm.
    pub(crate) fn event(
        &self,
        write: impl FnOnce(&mut Vec<u8>),
        write_missed: impl FnOnce(&mut Vec<u8>, u64),
    ) {
        let mut waiting = self.shared.lock();
        if waiting.text.len() > MAX_WAITING || waiting.closed {
            waiting.missed += 1;
            waiting.missed_in_all += 1;
            return;
        }
        let idle = waiting.text.is_empty();
        let missed = std::mem::take(&mut waiting.missed);
        if missed > 0 {
            write_missed(&mut waiting.text, missed);
        }
        write(&mut waiting.text);
        drop(waiting);
        if idle {
            self.shared.changed.notify_one();
        }
    }
}

/// Standard output behind a thread that writes the waiting text.
#[derive(Debug)]
pub(crate) struct Pipe {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Pipe {
    /// Starts the writer.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(crate) fn start() -> Result<Self, CliError> {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("okx-stdout".to_owned())
            .spawn(move || {
                if let Err(error) = write_all(&writer) {
                    let mut waiting = writer.lock();
                    waiting.closed = true;
                    waiting.failure = Some(error);
                    writer.failed.notify_one();
                }
            })
            .map_err(CliError::Start)?;
        Ok(Self { shared, thread })
    }

    /// The end that receives events.
    pub(crate) fn writer(&self) -> PipeWriter {
        PipeWriter { shared: Arc::clone(&self.shared) }
    }

    /// Waits until standard output is closed by its reader, or fails.
    pub(crate) async fn failed(&self) {
        self.shared.failed.notified().await;
    }

    /// Writes the rest for at most `timeout`, and gives the number of missed events.
    ///
    /// # Errors
    /// Why writing to standard output failed.
    pub(crate) fn close(self, timeout: Duration) -> Result<u64, CliError> {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
        // A reader that keeps the pipe open but stops reading must not block the end.
        let step = Duration::from_millis(5);
        let steps = timeout.as_millis() / step.as_millis();
        for _ in 0..steps {
            if self.thread.is_finished() {
                break;
            }
            std::thread::sleep(step);
        }
        let mut waiting = self.shared.lock();
        match waiting.failure.take() {
            Some(error) => Err(error),
            None => Ok(waiting.missed_in_all),
        }
    }
}

/// Writes the waiting text until the pipe is closed and empty.
fn write_all(shared: &Shared) -> Result<(), CliError> {
    let mut out = Output::stdout();
    loop {
        let mut waiting = shared.lock();
        while waiting.text.is_empty() && !waiting.closed {
            waiting = shared.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.text.is_empty() {
            return Ok(());
        }
        // The two buffers are swapped, so that both keep their size.
        std::mem::swap(&mut waiting.text, out.buf());
        drop(waiting);
        out.flush()?;
    }
}
