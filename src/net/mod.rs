//! Sockets, files and clocks: the only I/O.

mod builder;
mod client;
mod clock;
mod connect;
mod error;
mod gate;
mod pump;

pub use builder::{ClientBuilder, ClientConfig, NoSink, default_url};
pub use client::{Client, ClientStats};
pub use clock::Clock;
pub use connect::TlsConfig;
pub use error::ClientError;
pub use pump::LATENCY_MAX_NS;
