//! The embedded exchange without sockets: its messages, their order and their times.
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
