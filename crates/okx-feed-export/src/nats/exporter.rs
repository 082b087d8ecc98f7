//! The exporter's thread: from the ring to the server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::NatsError;
use super::exporter_options::ExporterOptions;
use super::outbox::Outbox;
use super::publishing::{End, Publishing};
use super::queue::Queue;
use super::refusals::Refusals;
use super::stats::ExporterStats;
use super::subject::is_writer_name;
use super::topics::Topics;
use crate::events::RingReceiver;
use okx_feed::transport::Clock;

/// How long a pause between two attempts to connect is at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long the exporter goes on after its end was requested, for what is still to be sent.
const LINGER: Duration = Duration::from_secs(3);

/// Publishes what comes out of a ring, on a thread of its own.
///
/// A slow or absent server fills the ring, which then drops events and marks where; the feed never
/// waits. After a loss of the connection, all that is not acknowledged is sent again in order.
#[derive(Debug)]
pub struct Exporter {
    stats: Arc<ExporterStats>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Starts it. It connects by itself, and again where it has to.
    ///
    /// # Errors
    /// [`NatsError`] if the URL, the name of the writer or the credentials are wrong, or no thread
    /// can be started.
    pub fn spawn(options: ExporterOptions, receiver: RingReceiver) -> Result<Self, NatsError> {
        if !is_writer_name(&options.writer) {
            return Err(NatsError::Writer(options.writer));
        }
        options.server.addresses()?;
        let (stats, stop) = (Arc::<ExporterStats>::default(), Arc::<AtomicBool>::default());
        let clock = Clock::start();
        let (now, started) = clock.now();
        let has_ids = options.stream.is_some();
        let topics = Topics::new(options.writer.clone(), started.0 / 1_000_000, has_ids);
        let mut publishing = Publishing {
            outbox: Outbox::default(),
            stats: Arc::clone(&stats),
            stop: Arc::clone(&stop),
            options,
            queue: Queue::new(receiver, topics, now),
            clock,
            pending: None,
            refusals: Refusals::default(),
        };
        let thread = std::thread::Builder::new().name("okx-nats-export".to_owned());
        let thread = thread.spawn(move || run(&mut publishing)).map_err(NatsError::Thread)?;
        Ok(Self { stats, stop, thread: Some(thread) })
    }

    /// The counters.
    #[must_use]
    pub const fn stats(&self) -> &Arc<ExporterStats> {
        &self.stats
    }

    /// Whether it has ended, which it does by itself once the feed has.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Sends what is still in the ring, for a few seconds at most, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was reported by it.
            let _ = thread.join();
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.end();
    }
}

/// Connects until it is enough.
///
/// Each connection has a runtime of its own, which ends with it: a client that reconnected by
/// itself would first send what is left in its queue, behind which what was lost before can't be
/// sent again in order.
fn run(publishing: &mut Publishing) {
    let mut pause = Duration::from_millis(20);
    loop {
        let end = match runtime() {
            Ok(runtime) => {
                let end = runtime.block_on(publishing.connection(LINGER));
                runtime.shutdown_background();
                end
            }
            Err(error) => End::Lost { was_useful: false, why: error.to_string() },
        };
        publishing.stats.is_connected.store(false, Ordering::Relaxed);
        match end {
            End::Finished => return,
            End::Lost { was_useful, why } => {
                let server = publishing.options.server.shown();
                tracing::warn!(server, why, "nothing reaches NATS; trying again, the feed goes on");
                publishing.stats.note_error(why);
                pause = match was_useful {
                    true => Duration::from_millis(20),
                    false => LONGEST_PAUSE.min(pause * 2),
                };
            }
        }
        if publishing.stop.load(Ordering::Relaxed) || publishing.is_over() {
            return;
        }
        publishing.queue.tick(publishing.clock.mono());
        std::thread::sleep(pause);
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
