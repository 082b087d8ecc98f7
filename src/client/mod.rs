//! The client: its thread, the connections that it supervises, and the handle to it.

mod builder;
mod config;
mod connection_id;
mod credentials;
mod driver;
mod error;
mod events;
mod group;
mod handle;
mod handover_backoff;
mod health;
mod heartbeat;
#[cfg(feature = "rest")]
mod history;
#[cfg(feature = "rest")]
mod history_config;
mod host_limits;
mod messages;
mod new_group;
mod on_thread;
mod owned_event;
mod readers;
mod received;
mod recorder;
mod routes;
#[cfg(feature = "rest")]
mod selected;
#[cfg(feature = "rest")]
mod selections;
mod shared;
#[cfg(feature = "rest")]
mod snapshot_fetcher;
mod stats;
mod supervisor;
mod thread;
mod threads;

pub use crate::event::NoSink;
pub use crate::transport::RefusedOption;
pub use builder::ClientBuilder;
pub use config::{ClientConfig, TransportKind};
pub use credentials::Credentials;
pub use error::ClientError;
pub use events::{DroppedEvents, Events};
pub use handle::Client;
pub use health::{Health, Loss};
pub use heartbeat::Heartbeat;
#[cfg(feature = "rest")]
pub use history_config::HistoryConfig;
pub use owned_event::OwnedEvent;
pub use stats::{ClientStats, ConnectionStats, StopReport};
pub use thread::ThreadOptions;
