//! Several connections with the same subscriptions: the first copy of each update wins.

mod entry;
mod judge;
mod lines;
mod position;

pub use judge::Arbitration;
pub use lines::{Arbiter, LineStats};
