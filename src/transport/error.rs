//! Errors of the transport's options, and of attempts to connect.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::refusal::Refusal;

/// Why a connection can't be set up as configured: the URL, the proxy, a header or a file of
/// certificates is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The address is not a WebSocket URL.
    #[error("{url:?} is not a WebSocket URL ({why}); write ws://HOST:PORT/PATH or wss://HOST/PATH")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of CA certificates could not be used.
    #[error("can't use the CA file {path:?}: {why}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The proxy can't be used.
    #[error(
        "can't use the proxy {url:?} ({why}); write http://HOST:PORT or socks5://HOST:PORT, in the \
         option or in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
    )]
    Proxy {
        /// The proxy's URL, without user and password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A header can't be sent.
    #[error("can't send the header {name:?}: {why}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// TLS could not be set up.
    #[error("can't set TLS up: {0}")]
    Tls(String),
}

/// Why an attempt to connect has failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the name {host} could not be looked up: {error}")]
    Lookup { host: String, error: io::Error },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the proxy does not connect: {0}")]
    Socks(String),
    #[error("the proxy does not connect: {0}")]
    ProxyRefused(Box<Refusal>),
    #[error("{0}")]
    Refused(Box<Refusal>),
    #[error("{0}")]
    Reply(&'static str),
    /// The host has no TLS 1.3, which the direct transport needs.
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    #[error("the host has no TLS 1.3")]
    NoTls13,
    /// The host ended the connection in place of an answer to a handshake for TLS 1.3 alone.
    #[cfg_attr(
        not(all(feature = "direct", unix)),
        allow(dead_code, reason = "only the direct transport needs it")
    )]
    #[error("the host does not answer the TLS handshake: {0}")]
    NoTlsAnswer(io::Error),
}

impl ConnectError {
    /// The HTTP status with which the attempt was refused, and how long the client is asked to
    /// wait.
    pub(crate) fn refusal(&self) -> Option<(u16, Option<Duration>)> {
        match self {
            Self::Refused(refusal) | Self::ProxyRefused(refusal) => {
                Some((refusal.status, refusal.retry_after))
            }
            Self::Lookup { .. } | Self::Io(_) | Self::Socks(_) | Self::Reply(_) => None,
            Self::NoTls13 | Self::NoTlsAnswer(_) => None,
        }
    }
}
