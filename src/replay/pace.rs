//! The pace of a replay.
#![expect(
    clippy::disallowed_methods,
    reason = "a replay at a recorded pace compares it with this machine's time"
)]

use std::time::{Duration, Instant};

use super::config::Speed;
use crate::model::UnixNanos;

/// Waits until a recorded time has come.
#[derive(Debug)]
pub(super) struct Pace {
    /// How much longer or shorter than recorded a time is; `None` where nothing waits.
    factor: Option<f64>,
    /// The first recorded time, and when it was played.
    start: Option<(UnixNanos, Instant)>,
}

impl Pace {
    pub(super) fn new(speed: Speed) -> Self {
        let factor = match speed {
            Speed::Max => None,
            Speed::Times(times) => Some(1.0 / times),
        };
        Self { factor, start: None }
    }

    /// Waits until it is time for what was recorded at `ts`.
    #[inline]
    pub(super) fn wait(&mut self, ts: UnixNanos) {
        if let Some(factor) = self.factor {
            self.wait_scaled(ts, factor);
        }
    }

    #[cold]
    fn wait_scaled(&mut self, ts: UnixNanos, factor: f64) {
        let (first, begun) = *self.start.get_or_insert_with(|| (ts, Instant::now()));
        let recorded = ts.since(first).unwrap_or_default().as_secs_f64();
        // A wait that can't be expressed never ends; a year is as good.
        let due = Duration::try_from_secs_f64(recorded * factor);
        let due = due.unwrap_or(Duration::from_secs(31_536_000));
        if let Some(left) = due.checked_sub(begun.elapsed()) {
            std::thread::sleep(left);
        }
    }
}
