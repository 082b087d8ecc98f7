//! The control plane of one connection, sans-IO: connect, log in, subscribe, acknowledge,
//! resynchronise, ping, back off.

mod activity;
mod config;
mod connect_rate_limiter;
mod error_target;
mod reconnect_backoff;
mod reply_match;
mod request_quota;
mod resync_backoff;
mod state_machine;
mod subscription_state;
mod subscriptions;
mod types;
mod unsubscribes;

pub use config::{BackoffConfig, ConnectRateLimit, ResyncConfig, SessionConfig};
pub use connect_rate_limiter::ConnectRateLimiter;
pub use state_machine::Session;
pub use types::{Action, DisconnectReason, SessionEvent, SessionStats};
