//! The options of an exporter.

use std::time::Duration;

use super::config::{NatsServer, StreamOptions};

/// The options of an exporter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExporterOptions {
    /// The server.
    pub server: NatsServer,
    /// The name of this writer, another one for each of several: 1 to 32 letters, digits, `-` or
    /// `_`.
    pub writer: String,
    /// The stream that keeps what is published and acknowledges it; `None` for core NATS alone,
    /// where a message that nobody takes is lost.
    pub stream: Option<StreamOptions>,
    /// The most messages that wait for their acknowledgement.
    pub unacknowledged: usize,
    /// How often readers get a sign of life.
    pub heartbeat: Duration,
}

impl ExporterOptions {
    /// Options with defaults for all else: a stream, 8,192 messages, 500 ms.
    #[must_use]
    pub fn new(server: NatsServer, writer: impl Into<String>) -> Self {
        Self {
            server,
            writer: writer.into(),
            stream: Some(StreamOptions::default()),
            unacknowledged: 8_192,
            heartbeat: Duration::from_millis(500),
        }
    }
}
