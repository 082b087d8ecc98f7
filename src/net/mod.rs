//! Sockets, files and clocks: the only I/O.

mod builder;
mod client;
mod clock;
mod connect;
mod director;
mod error;
mod gate;
mod heartbeat;
mod hub;
mod intake;
mod line;
mod login;
mod pump;
mod stats;

pub use builder::{ClientBuilder, ClientConfig, NoSink, default_url};
pub use client::Client;
pub use clock::Clock;
pub use connect::TlsConfig;
pub use error::ClientError;
pub use heartbeat::Heartbeat;
pub use intake::LATENCY_MAX_NS;
pub use login::Credentials;
pub use stats::{ClientStats, ConnectionStats, StopReport};
