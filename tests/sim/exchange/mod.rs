//! The embedded exchange without sockets: what it says, in which order, and when.
#![cfg(feature = "sim")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, where a panic is the report"
)]

mod access;
mod bench;
mod depth;
mod fault_rules;
mod faults;
mod faulty;
mod protocol;
mod pushes;
mod refusals;
mod silence;
