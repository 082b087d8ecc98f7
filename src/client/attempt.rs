//! A connection's attempts to connect: from the gate to an open WebSocket, and what failures mean.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::driver::{Pump, Transport};
use super::host_limits;
use crate::event::EventSink;
use crate::transport::{ConnectError, Connector, Route, Socket};

/// How soon at least a connection that others are to be opened before looks again whether they are.
const TURN_CHECK: Duration = Duration::from_millis(10);

type Task<T> = JoinHandle<Result<T, ConnectError>>;

/// An attempt to connect that goes on, each of its steps a task of its own.
pub(super) enum Attempt {
    Resolving(Task<Vec<SocketAddr>>),
    Dialing(Task<TcpStream>),
    Handshaking(Task<Socket>),
}

/// A step of an attempt that is done.
pub(super) enum Step {
    Resolved(Vec<SocketAddr>),
    Dialed(TcpStream),
    Open(Socket),
    Failed(ConnectError),
}

impl Attempt {
    /// Waits for the end of the step. Can be broken off and called again.
    pub(super) async fn next(&mut self) -> Step {
        let step = match self {
            Self::Resolving(task) => joined(task).await.map(Step::Resolved),
            Self::Dialing(task) => joined(task).await.map(Step::Dialed),
            Self::Handshaking(task) => joined(task).await.map(Step::Open),
        };
        step.unwrap_or_else(Step::Failed)
    }

    /// Breaks the step off. A look-up goes on for whoever asks next.
    pub(super) fn abort(&self) {
        match self {
            Self::Resolving(task) => task.abort(),
            Self::Dialing(task) => task.abort(),
            Self::Handshaking(task) => task.abort(),
        }
    }
}

/// What a task came to; one that has panicked is a failed attempt.
async fn joined<T>(task: &mut Task<T>) -> Result<T, ConnectError> {
    task.await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}

/// Where a connection connects to.
pub(super) struct Reach {
    pub(super) connector: Arc<Connector>,
    /// Where each attempt begins.
    pub(super) home: Route,
    /// Where the attempt was sent by a redirect.
    pub(super) redirected: Option<Route>,
}

impl Reach {
    /// Where the attempt goes now.
    pub(super) fn route(&self) -> &Route {
        self.redirected.as_ref().unwrap_or(&self.home)
    }
}

impl<S: EventSink> Pump<S> {
    /// Begins an attempt, if the host takes one now, with the look-up of its name.
    pub(super) fn connect(&mut self) {
        let (connector, route) = (Arc::clone(&self.reach.connector), self.reach.route().clone());
        self.intake.hub.borrow_mut().waits(self.intake.place);
        let checked = self.in_turn().and_then(|()| {
            host_limits::check(&route.target.host_and_port(), self.config.session.connect_limit)
        });
        if let Err(pause) = checked {
            return self.postpone(pause);
        }
        tracing::debug!(url = %route.target, "connecting");
        match connector.known(&route) {
            Some(addrs) => self.dial(addrs),
            None => {
                self.intake.session.handle_resolving(self.intake.clock.mono());
                let resolve = tokio::spawn(connector.resolve(route));
                self.transport = Transport::Attempt(Attempt::Resolving(resolve));
            }
        }
    }

    /// Opens the TCP connection, if the host takes one now. The attempt counts from here on: the
    /// look-up may have taken long, and others may have been faster.
    fn dial(&mut self, addrs: Vec<SocketAddr>) {
        let (connector, route) = (Arc::clone(&self.reach.connector), self.reach.route().clone());
        let taken = self.in_turn().and_then(|()| {
            host_limits::take(&route.target.host_and_port(), self.config.session.connect_limit)
        });
        if let Err(pause) = taken {
            return self.postpone(pause);
        }
        self.intake.hub.borrow_mut().waits_no_more(self.intake.place);
        let session = &mut self.intake.session;
        session.handle_resolved(self.intake.clock.mono());
        // Lines begin with different addresses, and go on to the next where an attempt fails.
        let place = self.intake.place;
        let failures = usize::try_from(session.failures()).unwrap_or_default();
        let turn = place.group.wrapping_add(place.line).wrapping_add(failures);
        let dial = tokio::spawn(connector.dial(route, addrs, turn));
        self.transport = Transport::Attempt(Attempt::Dialing(dial));
    }

    /// What was asked for first is connected first: gives how long to wait for those before it.
    fn in_turn(&self) -> Result<(), Duration> {
        let limit = self.config.session.connect_limit;
        match self.intake.hub.borrow().ahead_of(self.intake.place) {
            0 => Ok(()),
            ahead => {
                let rounds = u32::try_from(ahead / limit.attempts.max(1)).unwrap_or(u32::MAX);
                Err(limit.per.saturating_mul(rounds).max(TURN_CHECK))
            }
        }
    }

    fn postpone(&mut self, pause: Duration) {
        self.transport = Transport::Closed;
        let until = self.intake.clock.mono() + pause;
        self.intake.session.handle_rate_limited(until);
    }

    /// Goes on with the attempt.
    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Resolved(addrs) => self.dial(addrs),
            Step::Dialed(tcp) => {
                self.intake.session.handle_tcp_connected(self.intake.clock.mono());
                let connector = Arc::clone(&self.reach.connector);
                let handshake = tokio::spawn(connector.handshake(self.reach.route().clone(), tcp));
                self.transport = Transport::Attempt(Attempt::Handshaking(handshake));
            }
            Step::Open(socket) => {
                self.reach.redirected = None;
                self.transport = Transport::Open(socket);
                self.intake.session.handle_connected(self.intake.clock.mono());
            }
            Step::Failed(error) => self.failed(&error),
        }
    }

    /// Follows a redirect, once; else the attempt has failed.
    fn failed(&mut self, error: &ConnectError) {
        let now = self.intake.clock.mono();
        if self.reach.redirected.is_none() {
            self.reach.redirected = self.reach.connector.redirected(&self.reach.home, error);
            if let Some(route) = &self.reach.redirected {
                tracing::debug!(%error, to = %route.target, "redirected");
                self.intake.session.handle_resolving(now);
                return self.connect();
            }
        }
        let Some((status, retry_after)) = error.refusal() else { return self.lost(error) };
        let host = self.reach.route().target.host_and_port();
        self.note_loss(error);
        self.intake.session.handle_refused(status, retry_after, now);
        // What the host asks for it asks of all that come from here.
        let until = self.intake.session.poll_timeout();
        if let Some(until) = until.filter(|_| status == 429 || retry_after.is_some()) {
            host_limits::hold(&host, until.since(now));
        }
    }
}
