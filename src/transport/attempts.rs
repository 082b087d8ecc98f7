//! The transport over sockets: from the name of a host to an open connection. Each step of an
//! attempt is a task of its own.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::connect::{Connector, Route};
use super::error::ConnectError;
use super::interface::{Buffered, Ready, Received, Transport};
use super::socket::Socket;
use crate::wire::Frame;

type Step<T> = JoinHandle<Result<T, ConnectError>>;

/// A [`Transport`] over sockets.
pub(crate) struct SocketTransport {
    connector: Arc<Connector>,
    /// Where each attempt begins.
    home: Route,
    /// Where a redirect has sent the attempt.
    redirected: Option<Route>,
    /// Whether the socket is read directly: not where the host has no TLS 1.3.
    is_direct: bool,
    /// Whether tokio tries, since the host has not answered a handshake for TLS 1.3 alone: it may
    /// have only older versions, or be down.
    is_trial: bool,
    state: State,
}

/// How far an attempt has come.
enum State {
    Idle,
    Resolving(Step<Vec<SocketAddr>>),
    Resolved(Vec<SocketAddr>),
    Dialing(Step<TcpStream>),
    Handshaking(Step<Socket>),
    Open(Socket),
}

impl SocketTransport {
    /// A transport along a route, with no attempt begun.
    pub(crate) fn new(connector: Arc<Connector>, home: Route) -> Self {
        let is_direct = connector.is_direct();
        Self { connector, home, redirected: None, is_direct, is_trial: false, state: State::Idle }
    }

    /// Where the attempt goes now.
    fn route(&self) -> &Route {
        self.redirected.as_ref().unwrap_or(&self.home)
    }

    fn resolved(&mut self, step: Result<Vec<SocketAddr>, ConnectError>) -> Ready {
        match step {
            Ok(addrs) => {
                self.state = State::Resolved(addrs);
                Ready::Resolved
            }
            Err(error) => self.failed(error),
        }
    }

    fn dialed(&mut self, step: Result<TcpStream, ConnectError>) -> Ready {
        match step {
            Ok(tcp) => {
                let (connector, route) = (Arc::clone(&self.connector), self.route().clone());
                let handshake = connector.handshake(route, tcp, self.is_direct);
                self.state = State::Handshaking(tokio::spawn(handshake));
                Ready::TcpConnected
            }
            Err(error) => self.failed(error),
        }
    }

    fn opened(&mut self, step: Result<Socket, ConnectError>) -> Ready {
        match step {
            Ok(socket) => {
                self.redirected = None;
                if std::mem::take(&mut self.is_trial) {
                    self.is_direct = !socket.has_old_tls();
                    if !self.is_direct {
                        self.warn_of_tokio();
                    }
                }
                self.state = State::Open(socket);
                Ready::Open
            }
            Err(error) => self.failed(error),
        }
    }

    fn warn_of_tokio(&self) {
        let url = &self.route().target;
        tracing::warn!(%url, "the host has no TLS 1.3: its connection is read by way of tokio");
    }

    /// Follows a redirect, once; else the attempt has failed.
    fn failed(&mut self, error: ConnectError) -> Ready {
        self.state = State::Idle;
        if matches!(error, ConnectError::NoTls13) {
            self.warn_of_tokio();
            self.is_direct = false;
            return Ready::Redirected;
        }
        if matches!(error, ConnectError::NoTlsAnswer(_)) && self.is_direct {
            (self.is_direct, self.is_trial) = (false, true);
            return Ready::Redirected;
        }
        // The host is down: the next attempt is for the direct transport again.
        self.is_direct |= std::mem::take(&mut self.is_trial);
        if self.redirected.is_none() {
            self.redirected = self.connector.redirected(&self.home, &error);
            if let Some(route) = &self.redirected {
                tracing::debug!(%error, to = %route.target, "redirected");
                return Ready::Redirected;
            }
        }
        Ready::Failed(error)
    }
}

impl Transport for SocketTransport {
    fn resolve(&mut self) -> bool {
        let route = self.route().clone();
        tracing::debug!(url = %route.target, "connecting");
        match self.connector.known(&route) {
            Some(addrs) => {
                self.state = State::Resolved(addrs);
                true
            }
            None => {
                let resolve = Arc::clone(&self.connector).resolve(route);
                self.state = State::Resolving(tokio::spawn(resolve));
                false
            }
        }
    }

    fn dial(&mut self, rotation: usize) {
        if let State::Resolved(addrs) = std::mem::replace(&mut self.state, State::Idle) {
            let dial = Arc::clone(&self.connector).dial(self.route().clone(), addrs, rotation);
            self.state = State::Dialing(tokio::spawn(dial));
        }
    }

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        match &mut self.state {
            State::Open(socket) => socket.poll_ready(cx),
            State::Resolving(step) => poll_step(step, cx).map(|step| self.resolved(step)),
            State::Dialing(step) => poll_step(step, cx).map(|step| self.dialed(step)),
            State::Handshaking(step) => poll_step(step, cx).map(|step| self.opened(step)),
            State::Idle | State::Resolved(_) => Poll::Pending,
        }
    }

    #[inline]
    fn buffered(&mut self) -> Buffered {
        match &mut self.state {
            State::Open(socket) => socket.buffered(),
            _ => Buffered::Unknown,
        }
    }

    fn warm_caches(&mut self) {
        if let State::Open(socket) = &mut self.state {
            socket.warm_caches();
        }
    }

    #[inline]
    fn frame(&self) -> Frame<'_> {
        match &self.state {
            State::Open(socket) => socket.frame(),
            _ => Frame::Text(&[]),
        }
    }

    #[inline]
    fn received(&self, clock: &Clock) -> Received {
        let received = match &self.state {
            State::Open(socket) => socket.received(),
            _ => None,
        };
        received.unwrap_or_else(|| Received::now(clock))
    }

    async fn send(&mut self, text: String) -> io::Result<()> {
        match &mut self.state {
            State::Open(socket) => socket.send(text).await,
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn close(&mut self) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(socket) => {
                tokio::spawn(socket.close());
            }
            State::Dialing(step) => {
                self.connector.unreachable(self.route());
                step.abort();
            }
            other => other.abort(),
        }
        self.reset();
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Open(socket) => socket.shutdown().await,
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn reset(&mut self) {
        self.redirected = None;
        std::mem::replace(&mut self.state, State::Idle).abort();
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn host(&self) -> String {
        self.route().target.host_and_port()
    }

    fn address(&self) -> impl fmt::Display {
        &self.route().target
    }
}

impl State {
    /// Ends the step that runs. A look-up goes on for the next attempt.
    fn abort(self) {
        match self {
            Self::Resolving(step) => step.abort(),
            Self::Dialing(step) => step.abort(),
            Self::Handshaking(step) => step.abort(),
            Self::Idle | Self::Resolved(_) | Self::Open(_) => {}
        }
    }
}

/// The result of a step; one that has panicked is a failed attempt.
fn poll_step<T>(step: &mut Step<T>, cx: &mut Context<'_>) -> Poll<Result<T, ConnectError>> {
    let joined = Pin::new(step).poll(cx);
    joined.map(|step| step.unwrap_or_else(|error| Err(io::Error::other(error).into())))
}
