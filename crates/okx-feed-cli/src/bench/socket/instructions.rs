//! The way from a socket to the book for a tool that counts instructions.
//!
//! The client sleeps between two frames, each of which has a record of TLS, a write and a wake-up
//! of its own: a client that busy-polls would be counted with its empty polls. Counted are the
//! polls of the client's tasks, so that `.ci/instructions` has to subtract a shorter run, which
//! connects as well.

use std::time::Duration;

use super::command::subscription;
use super::run::{Case, Pace, run};
use crate::certificate::LocalCertificate;
use crate::error::CliError;
use okx_feed::Dialect;
use okx_feed::client::{ThreadOptions, TransportKind};

/// Long enough for a frame where a tool runs the program fifty times slower.
const EVERY: Duration = Duration::from_millis(4);

/// The stages, by the transport of each, over `wss://`.
pub(in crate::bench) const STAGES: [&str; 2] =
    ["socket-to-book books5 direct", "socket-to-book books5 tokio"];

/// Runs a stage over so many frames.
///
/// # Errors
/// As [`run`]; and if there is no such transport.
pub(in crate::bench) fn run_stage(stage: &str, count: usize) -> Result<(), CliError> {
    let subscription = subscription(Dialect::V5)?;
    let transport = match stage.ends_with("direct") {
        #[cfg(unix)]
        true => TransportKind::Direct,
        _ => TransportKind::Tokio,
    };
    let tls = LocalCertificate::new().map_err(CliError::Start)?;
    run(&Case {
        subscription,
        seed: 1,
        tls: Some(&tls),
        pace: Pace { burst: 1, every: EVERY },
        count,
        transport,
        busy_poll: false,
        thread: &ThreadOptions::default(),
    })?;
    Ok(())
}
