//! The join of history with what is live, sans-IO: trades by id, order books by sequence number.

mod book;
mod stats;
mod trades;

pub use book::{BookJoin, BookJoinStep};
pub use stats::JoinStats;
pub use trades::{JoinRequest, TradeJoin};
