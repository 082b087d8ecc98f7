#![cfg_attr(
    not(feature = "internals"),
    allow(
        dead_code,
        unnameable_types,
        unreachable_pub,
        unused_imports,
        reason = "only `internals` names some items; the lints run with it"
    )
)]
//! A low-latency, allocation-free feed handler for the OKX v5 and OKEX v3 market-data WebSockets.

pub mod book;
pub mod event;
pub mod feed;
pub mod model;
#[cfg(feature = "client")]
pub mod net;
pub mod publish;
pub mod session;
#[cfg(feature = "sim")]
pub mod sim;
pub mod wire;

pub use book::*;
pub use event::*;
pub use feed::*;
pub use model::*;
#[cfg(feature = "client")]
pub use net::*;
pub use publish::*;
pub use session::*;
pub use wire::*;

/// What benchmarks, fuzz targets and differential tests reach into. No part of the public interface.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::wire::deflate::{
        Inflated, Invalid, MAX_INPUT, MAX_OUTPUT, OUTPUT_SPACE, Refusal, SLACK, SmallInflate,
        Unsupported,
    };
    pub use crate::wire::inflate::Inflater;
    pub use crate::wire::scan::{PADDING, PaddedText, Scanned, Scanner, TextEnd};
    pub use crate::wire::scratch::{DepthLevels, Scratch};
}
