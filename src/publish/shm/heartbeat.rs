//! The heartbeat by which readers see that the writing process runs.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::clock::MonotonicNanos;
use super::layout::header;
use super::segment::Segment;

/// A thread that writes the heartbeat until it is dropped.
///
/// It shows that the process runs, not that its feed does: a feed that receives nothing has a state
/// of its own for each subscription.
#[derive(Debug)]
pub(super) struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(super) fn start(segment: Arc<Segment>, every: Duration) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let beat = move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                segment.set_header(header::HEARTBEAT, MonotonicNanos::now().0);
            }
        };
        let thread = std::thread::Builder::new().name("okx-feed-shm".into()).spawn(beat)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}
