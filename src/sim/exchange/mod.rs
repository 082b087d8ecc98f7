//! The exchange, sans I/O and clock: requests in, frames out.
//!
//! ```text
//! machine -> answers -> engine -> publisher -> topic -> depth -> depth_text
//!               \                      \         \-> record_topic -> record_text
//!                \                      \-> push_schedule
//!                 \-> access, error_replies -> v3, v5 -> request
//! machine -> rest
//! connections -> connection
//! ```

mod access;
mod answers;
mod body;
mod connection;
mod connections;
mod deflate;
mod depth;
mod depth_text;
mod engine;
mod error_replies;
mod event_text;
mod machine;
mod option_text;
mod publisher;
mod push_schedule;
mod record;
mod record_key;
mod record_text;
mod record_topic;
mod request;
mod rest;
mod sbe;
mod snapshots;
mod topic;
mod v3;
mod v5;

pub use access::TbtAccess;
pub use connection::{ConnectionId, Endpoint, Limits};
pub use machine::{Exchange, ExchangeConfig};
pub use push_schedule::PushIntervals;
pub use record::record;
pub(crate) use record::record_with_reply;
pub use rest::RestReply;
