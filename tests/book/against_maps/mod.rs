//! The market's nouns against the slow and obvious way of the same: numbers in 128 bits, books in
//! maps. What examples show is in `tests/decimal.rs` and `tests/depth_book.rs`.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod books;
mod changes;
mod flags;
mod liquidity;
mod numbers;
