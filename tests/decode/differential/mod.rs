//! The decoder against a simple reference (flate2, serde_json, numbers as digits), over messages of
//! every form and over damaged ones.
//!
//! `OKX_FEED_DIFFERENTIAL_CASES` sets another number of frames for each test; a failure prints the
//! frame.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by it")]

mod corruption;
mod forms;
mod syntax;

use okx_feed::Dialect;

const DIALECTS: [Dialect; 2] = [Dialect::V3, Dialect::V5];

/// How many frames a test takes.
fn cases() -> u64 {
    let usual = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    std::env::var("OKX_FEED_DIFFERENTIAL_CASES").ok().map_or(usual, |n| n.parse().unwrap())
}
