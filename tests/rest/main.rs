//! History: the embedded exchange's REST interface, the client of it, and the join.
#![cfg(all(feature = "rest", feature = "sim"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

mod book_join;
mod client;
mod client_join;
mod exchange;
mod pager;
mod sbe;
mod selections;
mod trade_join;
mod trade_join_example;
mod world;
