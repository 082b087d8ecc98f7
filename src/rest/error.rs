//! Errors of REST requests.

use std::time::Duration;

use crate::model::DecimalError;
use crate::transport::TransportError;

/// Why a request could not be made or failed for good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The client can't be set up as configured.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The address is no `http://` or `https://` URL.
    #[error(
        "{url:?} is not an address of a REST interface; write https://HOST or http://HOST:PORT"
    )]
    Url {
        /// The address, without user and password.
        url: String,
    },
    /// v3 has no REST interface any more.
    #[error("v3 has no REST interface any more; give the URL of one that speaks it")]
    NoUrl,
    /// The exchange refused the request, and would again.
    #[error("the exchange refuses {target}: code {code}: {message}")]
    Refused {
        /// The path and the query of the request.
        target: String,
        /// The exchange's code, or the HTTP status where the reply has none.
        code: i64,
        /// The exchange's text.
        message: String,
    },
    /// The request failed for too long.
    #[error("{target} failed {tries} times in {after:?}: {why}")]
    GaveUp {
        /// The path and the query of the request.
        target: String,
        /// How often it was sent.
        tries: u32,
        /// The time from the first failure.
        after: Duration,
        /// What the last one failed with.
        why: String,
    },
    /// The end was requested before there was a reply
    /// ([`RestClient::stop_when`](super::RestClient::stop_when)).
    #[error("the request was ended before there was a reply")]
    Stopped,
    /// A reply has a row that can't be read.
    #[error("a reply to {target} can't be read: {why}")]
    Row {
        /// The path and the query of the request.
        target: String,
        /// What is wrong, and where.
        why: RowError,
    },
}

/// What is wrong with the rows of a reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The JSON is not of the documented shape.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// A number is not a decimal, or needs more digits than a decimal has.
    #[error("{field} of row {row}: {error}")]
    Number {
        /// The row, from 0.
        row: usize,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        error: DecimalError,
    },
    /// A field has a value that its kind does not have.
    #[error("{field} of row {row} has the value {value:?}")]
    Value {
        /// The row, from 0.
        row: usize,
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A member of an instrument has a value that it can't have.
    #[error("{key} of row {row} has the value {value}")]
    Member {
        /// The row, from 0.
        row: usize,
        /// The member's key.
        key: String,
        /// Its value as JSON, or the beginning of it.
        value: String,
    },
    /// The reply has no row, and must have one.
    #[error("it has no row")]
    Empty,
    /// It is an answer that refuses the request.
    #[error("it is a refusal with the code {code:?}: {message:?}")]
    Refused {
        /// The exchange's code.
        code: String,
        /// The exchange's message.
        message: String,
    },
}
