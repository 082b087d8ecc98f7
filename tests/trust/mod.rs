//! What the differential tests, the corpus replay and the fuzz targets share: a generator, damage,
//! a slow reference, and one function a target.
#![allow(dead_code, reason = "each test crate uses its part")]
#![allow(unreachable_pub, reason = "shared by several crates")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::too_many_lines,
    missing_docs,
    missing_debug_implementations,
    reason = "a test fails by it"
)]

pub mod big;
pub mod check;
#[path = "../depth_oracle/mod.rs"]
pub mod depth_oracle;
pub mod dice;
pub mod generate;
pub mod json;
pub mod mutate;
pub mod reference;
pub mod seen;
pub mod targets;
pub mod tree;
