//! The client: its thread, the connections that it supervises, and the handle to it.

mod attempt;
mod builder;
mod credentials;
mod driver;
mod error;
mod group;
mod handle;
mod health;
mod heartbeat;
mod host_limits;
mod intake;
mod shared;
mod stats;
mod supervisor;

pub use builder::{ClientBuilder, ClientConfig, NoSink};
pub use credentials::Credentials;
pub use error::ClientError;
pub use handle::Client;
pub use health::{Health, Loss};
pub use heartbeat::Heartbeat;
pub use intake::LATENCY_MAX_NS;
pub use stats::{ClientStats, ConnectionStats, StopReport};
