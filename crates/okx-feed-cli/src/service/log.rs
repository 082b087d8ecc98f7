//! The log of a service.

use std::io;

use tracing_subscriber::EnvFilter;

use super::config::{LogConfig, LogFormat};

/// Sends the log to standard error, as text or as one JSON object a line. `RUST_LOG` overrides the
/// level.
pub(super) fn start(config: &LogConfig) {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let filter =
        EnvFilter::builder().parse_lossy(asked.as_deref().unwrap_or(config.level.get_ref()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Errors of the log would go to standard error too, and panic if that is closed.
    let log = log.log_internal_errors(false).with_ansi(false);
    // It fails only if a log is set up already, which is used then.
    let _ = match config.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
