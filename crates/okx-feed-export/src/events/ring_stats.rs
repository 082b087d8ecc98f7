//! The counters of a ring.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of a ring, for any thread.
#[derive(Debug, Default)]
pub struct RingStats {
    pub(super) pushed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) taken: OwnLine,
}

/// A counter in a cache line that it shares with no counter of another thread: else each of them
/// would wait for the line at each event. Processors fetch two lines at a time.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct OwnLine(pub(super) AtomicU64);

impl RingStats {
    /// The events that entered the ring.
    #[must_use]
    pub fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// The events that wait in the ring.
    #[must_use]
    pub fn queued(&self) -> u64 {
        // In this order, so that what is pushed meanwhile is not below zero.
        let taken = self.taken.0.load(Ordering::Acquire);
        self.pushed().saturating_sub(taken)
    }

    /// The events that were dropped because the ring was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
