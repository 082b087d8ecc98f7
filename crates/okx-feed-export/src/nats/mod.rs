//! Books, trades and records over NATS: an [`Exporter`] behind a feed on one machine, a
//! [`NatsSource`] in its place on another.
//!
//! `docs/NATS.md` has the subjects, the headers, the payloads and what is guaranteed.

mod ack;
mod config;
mod decode;
mod encode;
mod error;
mod exporter;
mod exporter_options;
mod head;
mod outbox;
mod passage;
mod publishing;
mod queue;
mod refusals;
mod source;
mod stats;
pub mod subject;
mod topics;

pub use config::{NatsAuth, NatsServer, StreamOptions};
pub use error::NatsError;
pub use exporter::Exporter;
pub use exporter_options::ExporterOptions;
pub use head::{HEADER, Head};
pub use source::{
    Delivery, NatsSource, ParsePositionError, Position, SourceOptions, SourceStats, Start,
};
pub use stats::ExporterStats;
