//! What can go wrong with a server.

use std::io;
use std::path::PathBuf;

/// A failure to begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// The text is no URL of a server.
    #[error("{0:?} is no URL of a NATS server; write nats://HOST:4222 or tls://HOST:4222")]
    Url(String),
    /// A comma in the URL may be one of a password.
    #[error(
        "the login in the URL of the NATS server is not clear: write , in a password as %2C, and of \
         several servers the login at the first, with nats:// or tls://"
    )]
    CommaInLogin,
    /// The file of credentials can't be read.
    #[error("can't read the credentials in {path:?}: {source}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is no name of a writer.
    #[error("{0:?} is no name of a writer; give 1 to 32 letters, digits, - or _")]
    Writer(String),
    /// The text is no subject that a source can read.
    #[error(
        "{0:?} is no subject of a market; write md.okx.v5.books5.* or md.okx.v5.books.BTC-USDT"
    )]
    Subject(String),
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
}
