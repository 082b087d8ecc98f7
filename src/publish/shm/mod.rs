//! Publication to other processes of the machine: a file of words that they map into memory.
//!
//! One process writes the segment and any number of processes read it, in any language. What a
//! reader sees is never a mix of two writes, and no book of a process that ended or hangs is live.
//! The layout is specified in `docs/SHARED-MEMORY.md`.

#![cfg_attr(okx_feed_loom, allow(dead_code, reason = "the models use the slots alone"))]

#[cfg(not(okx_feed_loom))]
mod clock;
mod directory;
#[cfg(not(okx_feed_loom))]
mod error;
#[cfg(not(okx_feed_loom))]
mod heartbeat;
mod layout;
#[cfg(all(okx_feed_loom, test))]
mod loom_models;
#[cfg(not(okx_feed_loom))]
mod map;
#[cfg(not(okx_feed_loom))]
mod owner;
#[cfg(not(okx_feed_loom))]
mod reader;
#[cfg(not(okx_feed_loom))]
mod reserve;
#[cfg(not(okx_feed_loom))]
mod segment;
#[cfg(not(okx_feed_loom))]
mod sink;
mod slot;
#[cfg(not(okx_feed_loom))]
mod writer;

#[cfg(not(okx_feed_loom))]
pub use clock::MonotonicNanos;
#[cfg(not(okx_feed_loom))]
pub use error::ShmError;
pub use layout::SlotKind;
#[cfg(not(okx_feed_loom))]
pub use reader::{ShmReader, ShmRing, ShmValue, WriterState};
#[cfg(not(okx_feed_loom))]
pub use sink::ShmSink;
#[cfg(not(okx_feed_loom))]
pub use writer::{ShmOptions, ShmWriter};
