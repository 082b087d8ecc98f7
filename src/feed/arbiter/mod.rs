//! Several connections with the same subscriptions: each update is emitted once.

mod accepted;
mod entry;
mod filter;
mod key;
mod line_stats;
mod lines;

pub use line_stats::LineStats;
pub use lines::Arbiter;
