//! Why a client could not be started or could not do what it was asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::reply::Refusal;
use crate::model::SubscriptionError;

/// Why a client could not be started or could not do what it was asked.
///
/// A connection that fails is no such error: the client tries again for as long as it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A channel that was asked for is none.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// A channel is of the other dialect than the connection.
    #[error("{0} is not a channel of the connection's dialect")]
    WrongDialect(String),
    /// Nothing was subscribed.
    #[error("nothing to subscribe: name at least one channel")]
    NoSubscription,
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
    /// v3 had neither regions nor demo trading.
    #[error("v3 has neither regions nor demo trading; leave them out, or give a URL")]
    NoRegion,
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
    /// The key, the secret or the passphrase is missing or can't be read.
    #[error("can't log in: {0}")]
    Credentials(String),
    /// The thread or its runtime could not be started.
    #[error("can't start the feed's thread: {0}")]
    Thread(#[from] io::Error),
    /// The sink has called what waits for the feed's thread, on which it runs.
    #[error("the sink can't wait for the feed's thread, on which it runs; call this elsewhere")]
    FromSink,
    /// The client has stopped.
    #[error("the client has stopped")]
    Stopped,
}

/// Why an attempt to connect has failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
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
}

impl ConnectError {
    /// The HTTP status with which the attempt was refused, and how long the client is asked to
    /// wait.
    pub(super) fn refusal(&self) -> Option<(u16, Option<Duration>)> {
        match self {
            Self::Refused(refusal) | Self::ProxyRefused(refusal) => {
                Some((refusal.status, refusal.retry_after))
            }
            Self::Lookup { .. } | Self::Io(_) | Self::Socks(_) | Self::Reply(_) => None,
        }
    }
}
