//! A low-latency, allocation-free feed handler for the OKX v5 and OKEX v3 market-data WebSockets.

pub mod model;
mod wire;

pub use model::*;

/// What the benchmarks and the allocation test reach into. No part of the public interface.
#[doc(hidden)]
pub mod bench_internals {
    pub use crate::wire::scan::{PADDING, PaddedText, Scanned, Scanner};
}
