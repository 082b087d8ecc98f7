//! What the connections of one thread share.

use std::cell::Cell;

use super::heartbeat::Beats;
use crate::model::{MonoNanos, UnixNanos};

/// What the connections of one thread share.
#[derive(Debug)]
pub(super) struct OnThread {
    pub(super) beats: Beats,
    /// When a frame came or was run again last, on whichever connection: all run the same code.
    pub(super) last_frame: Cell<MonoNanos>,
    /// The receive time of the last frame: it does not run backwards.
    pub(super) last_received: Cell<UnixNanos>,
}

impl OnThread {
    pub(super) const fn new(beats: Beats) -> Self {
        Self {
            beats,
            last_frame: Cell::new(MonoNanos::ZERO),
            last_received: Cell::new(UnixNanos::UNKNOWN),
        }
    }
}
