//! Options that the system has refused.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// An option that the system has refused, so that the client runs without it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedOption {
    /// The option, as the system names it: `SCHED_FIFO`, `SO_BUSY_POLL`.
    pub option: &'static str,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for RefusedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.reason)
    }
}

/// What a client was refused, each option once. Clones share one list.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedOptions(Arc<Mutex<Vec<RefusedOption>>>);

impl RefusedOptions {
    /// Adds a refusal, which is logged as a warning where the option has none yet: every connection
    /// asks for the same.
    pub(crate) fn add(&self, option: &'static str, reason: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.iter().all(|refused| refused.option != option) {
            tracing::warn!(%reason, "the system refuses {option}");
            all.push(RefusedOption { option, reason });
        }
    }

    /// All refusals so far.
    pub(crate) fn list(&self) -> Vec<RefusedOption> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_every_connection_is_refused_is_listed_once() {
        let refused = RefusedOptions::default();
        let of_another_connection = refused.clone();
        of_another_connection.add("SO_BUSY_POLL", "not permitted".to_owned());
        refused.add("SO_BUSY_POLL", "not permitted".to_owned());
        refused.add("SCHED_FIFO", "priority 1: not permitted".to_owned());
        let texts: Vec<_> = refused.list().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["SO_BUSY_POLL: not permitted", "SCHED_FIFO: priority 1: not permitted"]);
    }
}
