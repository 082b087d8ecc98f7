//! Shared by the differential tests, the corpus replay and the fuzz targets: a message generator,
//! mutations, a slow reference decoder, and one function for each fuzz target.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::too_many_lines,
    missing_docs,
    missing_debug_implementations,
    reason = "a test fails by it"
)]

pub mod alloc;
pub mod big;
pub mod check;
pub mod choices;
pub mod depth_oracle;
pub mod generate;
pub mod json;
pub mod lines;
pub mod messages;
pub mod mutate;
pub mod observed;
pub mod page_faults;
pub mod reference;
pub mod sbe_encode;
pub mod sbe_reference;
pub mod sbe_vectors;
pub mod targets;
pub mod tree;
pub mod wait;
