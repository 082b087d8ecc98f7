//! Sockets, files and clocks: the only I/O.

mod attempt;
mod builder;
mod client;
mod clock;
mod connect;
mod dial;
mod director;
mod error;
mod gate;
mod heartbeat;
mod hub;
mod intake;
mod line;
mod login;
mod lookup;
mod proxy;
mod pump;
mod region;
mod reply;
mod stats;
mod target;
mod tls;
mod upgrade;

pub use builder::{ClientBuilder, ClientConfig, ExtraHeaders, NoSink};
pub use client::Client;
pub use clock::Clock;
pub use error::ClientError;
pub use heartbeat::Heartbeat;
pub use intake::LATENCY_MAX_NS;
pub use login::Credentials;
pub use lookup::{Resolve, SystemResolver};
pub use proxy::Proxy;
pub use region::{Region, default_url};
pub use stats::{ClientStats, ConnectionStats, StopReport};
pub(crate) use target::without_user;
pub use tls::TlsConfig;
