//! The counters of a ring.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of a ring, for any thread.
#[derive(Debug, Default)]
pub struct RingStats {
    pub(super) pushed: AtomicU64,
    pub(super) dropped: AtomicU64,
}

impl RingStats {
    /// The events that entered the ring.
    #[must_use]
    pub fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// The events that were dropped because the ring was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
