//! Waiting without the interpreter's lock, so that other threads run and Ctrl-C is seen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{hint, thread};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use crate::arguments::Seconds;

/// How long a thread waits without looking for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

#[expect(clippy::disallowed_methods, reason = "a time-out of a caller, not of the feed")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Locks for a thread that has the interpreter's lock, and gives that up while it waits.
pub(crate) fn lock<'m, T>(py: Python<'_>, mutex: &'m Mutex<T>) -> MutexGuard<'m, T> {
    mutex.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
}

/// Waits in slices, without the interpreter's lock, until `is_done`, or for `timeout`. Between two
/// slices signals are handled, so that Ctrl-C raises.
///
/// # Errors
/// What a handler of a signal raises.
pub(crate) fn wait_in_slices(
    py: Python<'_>,
    timeout: Option<Seconds>,
    mut is_done: impl FnMut(Instant) -> bool + Send,
) -> PyResult<bool> {
    let end = timeout.and_then(|Seconds(timeout)| now().checked_add(timeout));
    loop {
        let slice = now() + SIGNAL_INTERVAL;
        let until = end.map_or(slice, |end| end.min(slice));
        if py.detach(|| is_done(until)) {
            return Ok(true);
        }
        py.check_signals()?;
        if end.is_some_and(|end| end <= now()) {
            return Ok(false);
        }
    }
}

/// Looks again and again until something is so, or it is `until`.
pub(crate) fn poll_until(until: Instant, mut is_so: impl FnMut() -> bool) -> bool {
    let spin_until = now() + Duration::from_micros(20);
    loop {
        if is_so() {
            return true;
        }
        let now = now();
        if now >= until {
            return false;
        }
        if now < spin_until {
            hint::spin_loop();
        } else {
            thread::sleep(Duration::from_micros(50).min(until - now));
        }
    }
}
