//! A connection's attempts to connect: within the host's limits, and what their failures mean.

use std::time::Duration;

use super::ConnectionDriver;
use crate::client::host_limits;
use crate::event::EventSink;
use crate::transport::{ConnectError, Ready, Transport};

/// How soon at least a connection that others are to be opened before checks again whether they
/// are.
const QUEUE_CHECK: Duration = Duration::from_millis(10);

/// The status with which a login in the upgrade is refused.
const UNAUTHORIZED: u16 = 401;

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Begins an attempt, if the host takes one now, with the look-up of its name.
    pub(super) fn connect(&mut self) {
        self.shared.lock().join_connect_queue(self.id);
        let limit = self.config.session.connect_limit;
        // The host first: while it accepts nobody, those behind in the queue need not look either.
        let checked =
            host_limits::check(&self.transport.host(), limit).and_then(|()| self.check_queue());
        if let Err(pause) = checked {
            return self.postpone(pause);
        }
        match self.transport.resolve() {
            true => self.dial(),
            false => self.session.handle_resolving(self.clock.mono()),
        }
    }

    /// Opens the TCP connection, if the host takes one now. The attempt counts from here on: the
    /// look-up may have taken long, and others may have been faster.
    fn dial(&mut self) {
        let limit = self.config.session.connect_limit;
        let acquired = self
            .check_queue()
            .and_then(|()| host_limits::try_acquire(&self.transport.host(), limit));
        if let Err(pause) = acquired {
            return self.postpone(pause);
        }
        self.shared.lock().leave_connect_queue(self.id);
        self.session.handle_resolved(self.clock.mono());
        // Redundant connections begin with different addresses, and go on to the next where an
        // attempt fails.
        let failures = usize::try_from(self.session.failures()).unwrap_or_default();
        let rotation = self.id.group.wrapping_add(self.id.line).wrapping_add(failures);
        self.transport.dial(rotation);
    }

    /// Connections are opened in the order in which they were requested.
    ///
    /// # Errors
    /// How long to wait for those before it.
    fn check_queue(&self) -> Result<(), Duration> {
        let limit = self.config.session.connect_limit;
        let ahead = self.shared.lock().queued_before(self.id);
        match ahead {
            0 => Ok(()),
            ahead => {
                let rounds = u32::try_from(ahead / limit.attempts.max(1)).unwrap_or(u32::MAX);
                Err(limit.per.saturating_mul(rounds).max(QUEUE_CHECK))
            }
        }
    }

    fn postpone(&mut self, pause: Duration) {
        self.transport.reset();
        self.session.handle_rate_limited(self.clock.mono() + pause);
    }

    /// Goes on with the attempt.
    pub(super) fn on_attempt(&mut self, ready: Ready) {
        let now = self.clock.mono();
        match ready {
            Ready::Resolved => self.dial(),
            Ready::TcpConnected => self.session.handle_tcp_connected(now),
            Ready::Open => self.session.handle_connected(now),
            Ready::Redirected => {
                self.session.handle_resolving(now);
                self.connect();
            }
            Ready::Failed(error) => self.on_attempt_failed(&error),
            Ready::Frame | Ready::PingOrPong | Ready::CloseRequested(_) | Ready::Ended(_) => {}
        }
    }

    fn on_attempt_failed(&mut self, error: &ConnectError) {
        let now = self.clock.mono();
        let Some((status, retry_after)) = error.refusal() else {
            return self.on_disconnected(error);
        };
        let host = self.transport.host();
        if self.is_sbe && status == UNAUTHORIZED {
            self.on_login_refused(None, &error.to_string());
        }
        self.note_loss(error);
        self.session.handle_refused(status, retry_after, now);
        // What the host asks for it asks of all that come from here.
        let until = self.session.poll_timeout();
        if let Some(until) = until.filter(|_| status == 429 || retry_after.is_some()) {
            host_limits::hold(&host, until.since(now));
        }
    }
}
