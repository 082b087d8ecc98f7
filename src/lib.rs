//! A low-latency, allocation-free feed handler for the OKX v5 and OKEX v3 market-data WebSockets.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod model;
pub mod wire;

pub use model::*;
pub use wire::*;
