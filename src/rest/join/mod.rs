//! The join of history with what is live, sans-IO: trades by id, order books by sequence number.

mod book;
mod trades;

pub use book::{BookJoin, BookJoinStep};
pub use trades::{JoinRequest, JoinStats, TradeJoin};
