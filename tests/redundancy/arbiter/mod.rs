//! The arbiter from its outside: lines that lag, end and come back, each of them a feed of its own,
//! and what a strategy is emitted of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as the test does"
)]

mod handover;
mod model;
mod rig;
mod scenes;
mod states;
