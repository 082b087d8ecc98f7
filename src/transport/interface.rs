//! The interface between a connection driver and its transport.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use super::clock::Clock;
use super::error::ConnectError;
use crate::model::{MonoNanos, UnixNanos};
use crate::wire::Frame;

/// Moves the frames of one connection, over all its attempts to connect.
///
/// An attempt goes from [`Transport::resolve`] over [`Transport::dial`] to [`Ready::Open`]; the
/// driver is called back between the steps, so that it can keep the host's limits. Only one attempt
/// or connection exists at a time.
pub(crate) trait Transport {
    /// Begins an attempt with the addresses of the host. True where they are known already, so that
    /// [`Transport::dial`] may follow at once; else [`Ready::Resolved`] says so.
    fn resolve(&mut self) -> bool;

    /// Connects to one of the addresses. `rotation` says which address is tried first.
    fn dial(&mut self, rotation: usize);

    /// The next event, of which the task is notified; never one if there is no attempt and no
    /// connection.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready>;

    /// Waits for the next event. Cancel-safe.
    fn ready(&mut self) -> impl Future<Output = Ready> {
        poll_fn(|cx| self.poll_ready(cx))
    }

    /// The frame that [`Ready::Frame`] announced, until the next event is asked for.
    fn frame(&self) -> Frame<'_>;

    /// What else the last read has given: reads nothing itself.
    #[inline]
    fn buffered(&mut self) -> Buffered {
        Buffered::Unknown
    }

    /// Keeps what a frame needs before it is decoded in the caches, where none comes for a while.
    fn warm_caches(&mut self) {}

    /// When the bytes of the frame were received.
    #[inline]
    fn received(&self, clock: &Clock) -> Received {
        Received::now(clock)
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// What the connection failed with; it is of no use any more then.
    fn send(&mut self, text: String) -> impl Future<Output = io::Result<()>>;

    /// Gives up the attempt or the connection. One that is open is closed properly in the
    /// background, beside whatever follows.
    fn close(&mut self);

    /// Sends a close frame, or answers the one that came. [`Ready::Frame`] may still follow, and
    /// [`Ready::Ended`] in the end.
    ///
    /// # Errors
    /// What the connection failed with.
    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>>;

    /// Gives up the attempt or the connection at once, without a close frame.
    fn reset(&mut self);

    /// Whether a connection is open.
    fn is_open(&self) -> bool;

    /// The host and the port of the attempt or the connection, by which attempts are counted.
    fn host(&self) -> String;

    /// The address of the attempt or the connection as it may be logged.
    fn address(&self) -> impl fmt::Display;
}

/// What happened on a [`Transport`].
#[derive(Debug)]
pub(crate) enum Ready {
    /// The addresses of the host are known; [`Transport::dial`] may follow.
    Resolved,
    /// The TCP connection is there; TLS and the upgrade to a WebSocket go on by themselves.
    TcpConnected,
    /// The connection is open.
    Open,
    /// The host has sent the attempt elsewhere, where it has to begin again.
    Redirected,
    /// The attempt has failed.
    Failed(ConnectError),
    /// A text or binary frame came: see [`Transport::frame`].
    Frame,
    /// A ping or pong of the WebSocket came. The transport answers a ping.
    PingOrPong,
    /// The other side closes the connection. [`Transport::close`] answers it.
    CloseRequested(CloseReason),
    /// The connection has ended, by an error where there is one.
    Ended(Option<io::Error>),
}

/// What a transport has read but not given yet.
#[derive(Debug)]
pub(crate) enum Buffered {
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    /// This is next.
    Ready(Ready),
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    /// Nothing: what was read last has been given in whole.
    Drained,
    /// The transport does not know without a read.
    Unknown,
}

/// When bytes were received. All frames of a read have the same: the later ones wait for the
/// earlier, and that is part of their latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// When they were read from the socket.
    pub(crate) mono: MonoNanos,
    /// When they came: the kernel's stamp where it has given one, else the time of the read.
    pub(crate) wall: UnixNanos,
    /// How long they lay in the kernel before the read; `None` where it has given no stamp.
    pub(crate) in_kernel: Option<Duration>,
}

impl Received {
    /// Read now, without a stamp.
    #[inline]
    pub(crate) fn now(clock: &Clock) -> Self {
        let (mono, wall) = clock.now();
        Self { mono, wall, in_kernel: None }
    }
}

/// The code and the text of a close frame; neither where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CloseReason {
    /// The code (RFC 6455, section 7.4).
    pub(crate) code: Option<u16>,
    /// The text.
    pub(crate) text: String,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} ({code})", self.text),
            None => f.write_str("closed by the other side"),
        }
    }
}
