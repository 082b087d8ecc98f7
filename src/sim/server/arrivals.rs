//! How long the frames of a [`FrameSender`] take to where a client is done with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::{CreationError, Histogram};

use super::frame_sender::FrameSender;

/// The longest time that the histogram distinguishes, in nanoseconds.
const MAX_NS: u64 = 10_000_000_000;

/// The times from the write of each frame to the call of [`Arrivals::note`], which the client is to
/// make for each, in their order and on its own thread.
#[derive(Debug)]
pub struct Arrivals {
    start: Instant,
    sent: Arc<[AtomicU64]>,
    seen: usize,
    /// How many frames were seen when counting began.
    began: Option<usize>,
    latency: Histogram<u64>,
    last: u64,
}

impl Arrivals {
    /// Of the frames of a sender that was started with the same `start`.
    ///
    /// # Errors
    /// If the histogram can't be made, which its fixed bounds rule out.
    pub fn new(sender: &FrameSender, start: Instant) -> Result<Self, CreationError> {
        let latency = Histogram::new_with_bounds(1, MAX_NS, 3)?;
        Ok(Self { start, sent: sender.sent(), seen: 0, began: None, latency, last: 0 })
    }

    /// The client is done with one more frame. Returns how many that are. Allocates nothing.
    #[inline]
    pub fn note(&mut self) -> usize {
        self.last = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(sent) = self.sent.get(self.seen) {
            if self.began.is_some() {
                let sent = sent.load(Ordering::Acquire);
                self.latency.saturating_record(self.last.saturating_sub(sent).max(1));
            }
            self.seen += 1;
        }
        self.seen
    }

    /// The frames from here on count: those before were to warm up.
    pub const fn begin(&mut self) {
        self.began = Some(self.seen);
    }

    /// Whether the frames count.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Whether all frames have come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.seen == self.sent.len()
    }

    /// How many frames counted.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.began.map_or(0, |began| self.seen - began)
    }

    /// From the write of the first frame that counted to the last call of [`Arrivals::note`].
    #[must_use]
    pub fn span(&self) -> Duration {
        let first = self.began.and_then(|began| self.sent.get(began));
        let first = first.map_or(self.last, |sent| sent.load(Ordering::Acquire));
        Duration::from_nanos(self.last.saturating_sub(first))
    }

    /// The times of those that counted, in nanoseconds.
    #[must_use]
    pub const fn latency(&self) -> &Histogram<u64> {
        &self.latency
    }
}
