//! The client: its thread, the connections that it supervises, and the handle to it.

mod builder;
mod client_reader;
mod config;
mod connection_id;
mod credentials;
mod driver;
mod ends;
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
mod latency;
mod messages;
mod new_group;
mod on_thread;
mod owned_event;
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
mod stats_board;
mod supervisor;
mod thread;
mod threads;

pub use builder::ClientBuilder;
pub use client_reader::{ClientReader, SubscriptionStatus};
pub use config::{ClientConfig, TransportKind};
pub use credentials::Credentials;
pub use ends::StopReport;
pub use error::ClientError;
pub use events::{DroppedEvents, Events};
pub use handle::Client;
pub use health::{Health, Loss};
pub use heartbeat::Heartbeat;
#[cfg(feature = "rest")]
pub use history_config::HistoryConfig;
pub use owned_event::OwnedEvent;
pub use stats::{ClientStats, ConnectionStats};
pub use thread::ThreadOptions;
