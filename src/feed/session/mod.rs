//! One connection's conversation with the exchange, sans-IO: connect, subscribe, acknowledge, ping,
//! back off.

mod backoff;
mod config;
mod machine;
mod requests;

pub use config::{BackoffConfig, SessionConfig};
pub use machine::{Action, LostReason, Session, SessionEvent};
