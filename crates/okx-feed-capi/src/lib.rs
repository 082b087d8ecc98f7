//! The C interface of `okx-feed`. The header `include/okx_feed.h` is made from it, and `docs/C.md`
//! is its guide.
//!
//! The folder `abi` has the exported functions, one file a kind of handle. What a caller passes is
//! checked before it is used, and no panic leaves a function. Pointers are followed in
//! `pointers.rs` alone.

#![allow(
    clippy::missing_safety_doc,
    clippy::not_unsafe_ptr_arg_deref,
    reason = "the head of the header says what every pointer must be"
)]

pub mod abi;
mod channels;
mod emit;
mod frames;
mod handles;
pub mod pointers;
pub mod status;
#[cfg(test)]
mod tests;
pub mod types;
mod wait;
