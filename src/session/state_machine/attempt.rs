//! The steps of an attempt to connect, reported by the owner of the socket.

use std::time::Duration;

use super::{Link, Session};
use crate::model::MonoNanos;

impl Session {
    /// The host accepts no attempt before `until`. Replaces the connection that
    /// [`Action::Connect`](crate::session::Action::Connect) requested, and does not count as a
    /// failure.
    pub const fn handle_rate_limited(&mut self, until: MonoNanos) {
        if let Link::Resolving { .. } | Link::Connecting { .. } = self.link {
            self.stats.attempts -= 1;
            self.stats.postponed += 1;
            self.link = Link::Waiting { until };
        }
    }

    /// The look-up of the host's name has begun, or has begun again after a redirect. Without this
    /// call the attempt counts as opening a TCP connection.
    pub const fn handle_resolving(&mut self, now: MonoNanos) {
        if self.is_attempting() {
            self.link = Link::Resolving { since: now };
        }
    }

    /// The addresses of the host are known; the TCP connection follows.
    pub const fn handle_resolved(&mut self, now: MonoNanos) {
        if let Link::Resolving { .. } = self.link {
            self.link = Link::Connecting { since: now };
        }
    }

    /// The TCP connection is open; TLS and the upgrade to a WebSocket follow.
    pub const fn handle_tcp_connected(&mut self, now: MonoNanos) {
        if let Link::Connecting { .. } = self.link {
            self.link = Link::Handshaking { since: now };
        }
    }

    /// The attempt was refused with an HTTP status, by the host or by a proxy before it.
    ///
    /// Like [`Session::handle_disconnected`], but the next attempt waits for `retry_after` where
    /// the answer gives one. Else it waits longer after 403, 429 and 503 than after other failures.
    /// See [`BackoffConfig`](crate::session::BackoffConfig).
    pub fn handle_refused(&mut self, status: u16, retry_after: Option<Duration>, now: MonoNanos) {
        if self.is_attempting() {
            self.backoff.refused(status, retry_after);
            self.handle_disconnected(now);
        }
    }

    /// The number of failed attempts and of connections that ended early, since one was stable.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    pub(super) const fn is_attempting(&self) -> bool {
        matches!(
            self.link,
            Link::Resolving { .. } | Link::Connecting { .. } | Link::Handshaking { .. }
        )
    }
}
