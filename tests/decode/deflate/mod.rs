//! Proves that the small-frame decoder gives zlib's bytes, or refuses.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "test code: sizes are small, and a panic is how a test fails"
)]

mod blocks;
mod captures;
mod compressor;
mod differential;
mod edges;
mod oracle;
mod texts;

pub use okx_feed::internals::{
    Inflated, Invalid, MAX_INPUT, MAX_OUTPUT, OUTPUT_SPACE, Refusal, SmallInflate, Unsupported,
};
