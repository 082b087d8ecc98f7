//! The market's types against simple and slow models: numbers in 128 bits, books in maps. Examples
//! are in `tests/decode/decimal.rs` and `tests/book/order_book.rs`.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod books;
mod changes;
mod flags;
mod liquidity;
mod numbers;
