//! One connection's conversation with the exchange, sans-IO: connect, log in, subscribe,
//! acknowledge, fetch broken books anew, ping, back off.

mod asks;
mod attempt;
mod backoff;
mod config;
mod gate;
mod heard;
mod leaving;
mod liveness;
mod login;
mod machine;
mod outgoing;
mod pace;
mod replies;
mod requests;
mod types;
mod wanted;

pub use config::{BackoffConfig, ConnectLimit, ResyncConfig, SessionConfig};
pub use gate::ConnectGate;
pub use machine::Session;
pub use types::{Action, LostReason, SessionEvent, SessionStats};
