//! A low-latency, allocation-free feed handler for the OKX v5 and OKEX v3 market-data WebSockets.

pub mod model;
#[cfg(feature = "sim")]
pub mod sim;

pub use model::*;
