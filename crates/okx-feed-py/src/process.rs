//! The process that a client belongs to. A fork copies the handle, but not the feed's thread.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::errors;

/// How many forks lie between the process that loaded the module and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Notes that this process is a new child. `os.register_at_fork` calls it.
#[pyfunction]
#[pyo3(name = "_note_fork")]
pub(crate) fn note_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process in which something was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u64);

impl Process {
    /// This process.
    pub(crate) fn current() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether this is the process. Costs a load.
    pub(crate) fn is_current(self) -> bool {
        self.0 == FORKS.load(Ordering::Relaxed)
    }

    /// Checks that this is the process.
    ///
    /// # Errors
    /// `okx_feed.ForkedError` in a child.
    pub(crate) fn check(self) -> PyResult<()> {
        if self.is_current() { Ok(()) } else { Err(errors::forked()) }
    }
}
