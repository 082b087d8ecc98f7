//! Several connections with the same subscriptions: each update is emitted once.

mod entry;
mod filter;
mod hold;
mod lines;
mod log;
mod records;

pub use lines::{Arbiter, LineStats};
