//! Several connections with the same subscriptions: each update is emitted once.

mod entry;
mod filter;
mod hold;
mod line_stats;
mod lines;
mod log;
mod records;

pub use line_stats::LineStats;
pub use lines::Arbiter;
