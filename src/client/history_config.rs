//! How a client uses the REST interface.

use crate::model::UnixNanos;
use crate::rest::RetryConfig;

/// How trades and order books are joined with the REST interface
/// ([`ClientBuilder::with_trade_history`], [`ClientBuilder::with_book_snapshots`]).
///
/// [`ClientBuilder::with_trade_history`]: crate::ClientBuilder::with_trade_history
/// [`ClientBuilder::with_book_snapshots`]: crate::ClientBuilder::with_book_snapshots
#[derive(Clone, Debug)]
pub struct HistoryConfig {
    /// From when on trades are passed on; `None` where they are not joined.
    pub since: Option<UnixNanos>,
    /// Whether broken order books recover by a snapshot of the REST interface.
    pub books: bool,
    /// The address of the REST interface; `None` for the exchange's own address of the region.
    pub url: Option<String>,
    /// When failed requests are sent again. Once one was given up, the live trades that waited for
    /// it are passed on with a count of what is missing.
    pub retry: RetryConfig,
}

impl Default for HistoryConfig {
    /// Nothing is joined, at the exchange's own address.
    fn default() -> Self {
        Self { since: None, books: false, url: None, retry: RetryConfig::default() }
    }
}
