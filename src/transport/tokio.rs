//! The transport over tokio and tokio-tungstenite. Each step of an attempt is a task of its own.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::connect::{Connector, Route, Socket};
use super::connection::{CloseReason, Ready, Transport};
use super::error::ConnectError;
use crate::wire::Frame;

/// How long a proper close in the background may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many messages are read in a row before other tasks get a turn.
const MAX_STREAK: u32 = 64;

type Step<T> = JoinHandle<Result<T, ConnectError>>;

/// A [`Transport`] over tokio's sockets.
pub(crate) struct TokioTransport {
    connector: Arc<Connector>,
    /// Where each attempt begins.
    home: Route,
    /// Where a redirect has sent the attempt.
    redirected: Option<Route>,
    state: State,
    /// The message that came last. It is given back before the next is read: as long as it lives,
    /// the read buffer can't be used again.
    message: Option<Message>,
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

impl TokioTransport {
    /// A transport along a route, with no attempt begun.
    pub(crate) const fn new(connector: Arc<Connector>, home: Route) -> Self {
        Self { connector, home, redirected: None, state: State::Idle, message: None }
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
                let handshake = Arc::clone(&self.connector).handshake(self.route().clone(), tcp);
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
                self.state = State::Open(socket);
                Ready::Open
            }
            Err(error) => self.failed(error),
        }
    }

    /// Follows a redirect, once; else the attempt has failed.
    fn failed(&mut self, error: ConnectError) -> Ready {
        self.state = State::Idle;
        if self.redirected.is_none() {
            self.redirected = self.connector.redirected(&self.home, &error);
            if let Some(route) = &self.redirected {
                tracing::debug!(%error, to = %route.target, "redirected");
                return Ready::Redirected;
            }
        }
        Ready::Failed(error)
    }

    fn received(&mut self, message: Option<Result<Message, WsError>>) -> Ready {
        match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                self.message = Some(message);
                Ready::Frame
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map(|frame| CloseReason {
                    code: Some(frame.code.into()),
                    text: frame.reason.to_string(),
                });
                Ready::CloseRequested(reason.unwrap_or_default())
            }
            // tungstenite answers pings itself, with the next write or read.
            Some(Ok(_)) => Ready::Control,
            Some(Err(error)) => Ready::Ended(Some(io_error(error))),
            None => Ready::Ended(None),
        }
    }
}

impl Transport for TokioTransport {
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

    fn dial(&mut self, turn: usize) {
        if let State::Resolved(addrs) = std::mem::replace(&mut self.state, State::Idle) {
            let dial = Arc::clone(&self.connector).dial(self.route().clone(), addrs, turn);
            self.state = State::Dialing(tokio::spawn(dial));
        }
    }

    #[inline]
    async fn ready(&mut self) -> Ready {
        self.message = None;
        match &mut self.state {
            State::Open(socket) => {
                let message = socket.next().await;
                self.received(message)
            }
            State::Resolving(step) => {
                let step = joined(step).await;
                self.resolved(step)
            }
            State::Dialing(step) => {
                let step = joined(step).await;
                self.dialed(step)
            }
            State::Handshaking(step) => {
                let step = joined(step).await;
                self.opened(step)
            }
            State::Idle | State::Resolved(_) => std::future::pending().await,
        }
    }

    #[inline]
    fn frame(&self) -> Frame<'_> {
        match &self.message {
            Some(Message::Text(text)) => Frame::Text(text.as_bytes()),
            Some(Message::Binary(body)) => Frame::Binary(body),
            _ => Frame::Text(&[]),
        }
    }

    async fn send(&mut self, text: String) -> io::Result<()> {
        match &mut self.state {
            State::Open(socket) => socket.send(Message::text(text)).await.map_err(io_error),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn close(&mut self) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(socket) => {
                tokio::spawn(close(socket));
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
            // The method of the stream itself sends nothing where the other side has closed first.
            State::Open(socket) => SinkExt::close(&mut **socket).await.map_err(io_error),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn reset(&mut self) {
        self.message = None;
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
async fn joined<T>(step: &mut Step<T>) -> Result<T, ConnectError> {
    step.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}

/// Closes a connection properly, within a bound.
async fn close(mut socket: Socket) {
    let closing = async {
        SinkExt::close(&mut *socket).await?;
        let mut streak = 0;
        while socket.next().await.transpose()?.is_some() {
            streak += 1;
            if streak % MAX_STREAK == 0 {
                // Else a flood would leave the bound no chance.
                tokio::task::yield_now().await;
            }
        }
        Ok::<(), WsError>(())
    };
    // The other side may be gone.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
}

fn io_error(error: WsError) -> io::Error {
    match error {
        WsError::Io(error) => error,
        other => io::Error::other(other),
    }
}
