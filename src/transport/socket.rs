//! An open connection, by whichever transport.

use std::io;
use std::task::{Context, Poll};

#[cfg(all(feature = "direct", unix))]
use super::direct::DirectSocket;
use super::interface::{Buffered, Ready, Received};
use super::tokio::TokioSocket;
use crate::wire::Frame;

/// An open connection. Boxed: it is large and moves from task to task.
#[derive(Debug)]
pub(crate) enum Socket {
    /// tokio's socket and tungstenite's frames.
    Tokio(Box<TokioSocket>),
    /// A socket that is read directly.
    #[cfg(all(feature = "direct", unix))]
    Direct(Box<DirectSocket>),
}

/// Calls the same method of either.
macro_rules! of_either {
    ($socket:expr, $of:ident => $call:expr) => {
        match $socket {
            Socket::Tokio($of) => $call,
            #[cfg(all(feature = "direct", unix))]
            Socket::Direct($of) => $call,
        }
    };
}

impl Socket {
    #[inline]
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        of_either!(self, socket => socket.poll_ready(cx))
    }

    #[inline]
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(clippy::needless_pass_by_ref_mut, reason = "the direct transport reads")
    )]
    pub(super) fn buffered(&mut self) -> Buffered {
        match self {
            Self::Tokio(_) => Buffered::Unknown,
            #[cfg(all(feature = "direct", unix))]
            Self::Direct(socket) => socket.buffered(),
        }
    }

    #[cfg_attr(
        not(all(feature = "direct", unix)),
        expect(
            clippy::needless_pass_by_ref_mut,
            clippy::unused_self,
            reason = "the direct transport needs it"
        )
    )]
    pub(super) fn warm_caches(&mut self) {
        #[cfg(all(feature = "direct", unix))]
        if let Self::Direct(socket) = self {
            socket.warm_caches();
        }
    }

    #[inline]
    pub(super) fn frame(&self) -> Frame<'_> {
        of_either!(self, socket => socket.frame())
    }

    #[inline]
    pub(super) fn received(&self) -> Option<Received> {
        of_either!(self, socket => socket.received())
    }

    /// Whether it has a version of TLS before 1.3.
    pub(super) fn has_old_tls(&self) -> bool {
        match self {
            Self::Tokio(socket) => socket.has_old_tls(),
            #[cfg(all(feature = "direct", unix))]
            Self::Direct(_) => false,
        }
    }

    pub(super) async fn send(&mut self, text: String) -> io::Result<()> {
        of_either!(self, socket => socket.send(text).await)
    }

    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        of_either!(self, socket => socket.shutdown().await)
    }

    pub(super) async fn close(self) {
        of_either!(self, socket => socket.close().await);
    }
}
