//! Redundant lines: several handlers, one arbiter, and what a strategy is given of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of a test fail as the test does"
)]

mod model;
mod rig;
mod scenes;
