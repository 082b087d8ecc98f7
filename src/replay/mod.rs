//! Replay: captures through the same path as live frames, with the recorded times.

mod builder;
mod config;
mod connections;
mod discovery;
mod error;
mod file;
mod marks;
mod merge;
mod pace;
mod player;
mod report;
mod session;

pub use builder::ReplayBuilder;
pub use config::{Lines, ReplayConfig, Speed};
pub use error::ReplayError;
pub use report::ReplayReport;
pub use session::Replay;
