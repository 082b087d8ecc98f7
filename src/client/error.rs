//! Errors of a client's options and calls.

use std::io;

use crate::model::SubscriptionError;
use crate::transport::TransportError;

/// Why a client could not be started, or a call failed.
///
/// A failed connection is not an error: the client tries again for as long as it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A subscription can't be parsed.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// A channel is of the other dialect than the connection.
    #[error("{0} is not a channel of the connection's dialect")]
    WrongDialect(String),
    /// Nothing was subscribed.
    #[error("nothing to subscribe: name at least one channel")]
    NoSubscription,
    /// A connection can't be set up as configured.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The REST client of the history can't be set up as configured.
    #[cfg(feature = "rest")]
    #[error(transparent)]
    Rest(#[from] crate::rest::RestError),
    /// Trades can't be joined with their history.
    #[cfg(feature = "rest")]
    #[error("trades can't be joined with their history: {0}")]
    NoHistory(&'static str),
    /// Instruments can't be selected.
    #[cfg(feature = "rest")]
    #[error("instruments can't be selected: {0}")]
    NoSelection(&'static str),
    /// A text is not a selection.
    #[cfg(feature = "rest")]
    #[error(transparent)]
    Selection(#[from] crate::model::SelectionError),
    /// v3 had neither regions nor demo trading.
    #[error("v3 has neither regions nor demo trading; leave them out, or give a URL")]
    NoRegion,
    /// The key, the secret or the passphrase is missing or can't be read.
    #[error("can't log in: {0}")]
    Credentials(String),
    /// The recording can't begin.
    #[cfg(feature = "capture")]
    #[error(transparent)]
    Record(#[from] crate::capture::CaptureError),
    /// [`ThreadOptions::name`](super::ThreadOptions::name) holds a null byte, which the name of no
    /// thread may.
    #[error("the name of the thread holds a null byte; leave it out")]
    ThreadName,
    /// The path of SBE can't be used.
    #[error("SBE can't be used: {0}")]
    Sbe(&'static str),
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
