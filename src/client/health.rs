//! Whether the connections of a client are open, readable without the feed's thread.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::UnixNanos;
use crate::transport::{RefusedOption, RefusedOptions};

/// Whether the connections of a client are open, and if not, why and since when.
///
/// Displayed as one line: `connected`, `1 of 2 connections (...)`, or `not connected (connection
/// refused)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How many connections are open now.
    pub open: usize,
    /// How many there are to be; 0 once the client has stopped.
    pub connections: usize,
    /// Since when no connection is open, by the local clock; `None` while one is.
    pub down_since: Option<UnixNanos>,
    /// The last end of a connection, or of an attempt at one; `None` where there was none.
    pub last_loss: Option<Loss>,
    /// The options of thread and sockets that the system has refused, each once.
    pub refused: Vec<RefusedOption>,
}

/// An end of a connection, or of an attempt at one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// Why, in words.
    pub reason: String,
    /// When, by the local clock.
    pub at: UnixNanos,
}

impl Health {
    /// Whether every connection is open.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.open == self.connections && self.connections > 0
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.open, self.connections) {
            (_, 0) => return f.write_str("stopped"),
            (1, 1) => return f.write_str("connected"),
            (0, _) => f.write_str("not connected")?,
            (open, all) => write!(f, "{open} of {all} connections")?,
        }
        match &self.last_loss {
            Some(loss) if !self.is_whole() => write!(f, " ({})", loss.reason),
            _ => Ok(()),
        }
    }
}

/// The health of a client, written by its connections and read by its handle. The lock is held for
/// a copy only, and never on the hot path.
#[derive(Clone, Debug)]
pub(super) struct SharedHealth {
    health: Arc<Mutex<Health>>,
    refused: RefusedOptions,
}

impl SharedHealth {
    pub(super) fn new(now: UnixNanos, refused: RefusedOptions) -> Self {
        let health = Health { down_since: Some(now), ..Health::default() };
        Self { health: Arc::new(Mutex::new(health)), refused }
    }

    pub(super) fn read(&self) -> Health {
        Health { refused: self.refused.list(), ..self.with(|health| health.clone()) }
    }

    /// What the system has refused.
    pub(super) const fn refused(&self) -> &RefusedOptions {
        &self.refused
    }

    /// One more connection is to be opened.
    pub(super) fn begun(&self) {
        self.with(|health| health.connections += 1);
    }

    /// A connection has ended for good, which was open or not.
    pub(super) fn ended(&self, was_open: bool, now: UnixNanos) {
        self.with(|health| {
            health.connections = health.connections.saturating_sub(1);
            health.close(was_open, now);
        });
    }

    pub(super) fn connected(&self) {
        self.with(|health| {
            health.open += 1;
            health.down_since = None;
        });
    }

    /// A connection that was open, or an attempt at one, is lost.
    pub(super) fn lost(&self, was_open: bool, reason: &str, now: UnixNanos) {
        self.with(|health| {
            health.last_loss = Some(Loss { reason: reason.to_owned(), at: now });
            health.close(was_open, now);
        });
    }

    fn with<R>(&self, f: impl FnOnce(&mut Health) -> R) -> R {
        f(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Health {
    fn close(&mut self, was_open: bool, now: UnixNanos) {
        self.open -= usize::from(was_open).min(self.open);
        if self.open == 0 {
            self.down_since.get_or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_shows_why_and_since_when_a_connection_is_down() {
        let refused = RefusedOptions::default();
        let health = SharedHealth::new(UnixNanos(1), refused.clone());
        (0..2).for_each(|_| health.begun());
        assert_eq!(health.read().to_string(), "not connected");
        health.lost(false, "refused", UnixNanos(2));
        assert_eq!(health.read().to_string(), "not connected (refused)");
        assert_eq!(health.read().down_since, Some(UnixNanos(1)));
        health.connected();
        assert_eq!(health.read().to_string(), "1 of 2 connections (refused)");
        assert_eq!((health.read().down_since, health.read().is_whole()), (None, false));
        health.connected();
        assert_eq!(
            (health.read().to_string().as_str(), health.read().is_whole()),
            ("2 of 2 connections", true)
        );
        health.ended(true, UnixNanos(3));
        assert_eq!(health.read().to_string(), "connected");
        health.lost(true, "reset", UnixNanos(4));
        assert_eq!(health.read().down_since, Some(UnixNanos(4)));
        let loss = Loss { reason: "reset".to_owned(), at: UnixNanos(4) };
        assert_eq!(health.read().last_loss, Some(loss));
        health.lost(false, "refused", UnixNanos(5));
        assert_eq!(health.read().down_since, Some(UnixNanos(4)));
        refused.add("SCHED_FIFO", "not permitted".to_owned());
        assert_eq!(health.read().refused.len(), 1);
        health.ended(false, UnixNanos(6));
        assert_eq!(health.read().to_string(), "stopped");
    }
}
