//! SBE, the binary encoding of v5's fastest channels: frames to events.
//!
//! Source: `docs/PROTOCOL.md` 12.

mod decoder;
mod label;
mod message;
mod number;
mod schema;
mod values;

pub(super) use decoder::SbeDecoder;
