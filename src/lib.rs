//! A low-latency, allocation-free feed handler for the OKX v5 and OKEX v3 market-data WebSockets.

pub mod feed;
pub mod model;
pub mod wire;

pub use feed::*;
pub use model::*;
pub use wire::*;
