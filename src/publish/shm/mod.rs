//! Publication to other processes of the machine: a file of words that they map into memory.
//!
//! One process writes the segment and any number of processes read it, in any language. What a
//! reader sees is never a mix of two writes, and no book of a process that ended or hangs is live.
//! The layout is specified in `docs/SHARED-MEMORY.md`.

mod clock;
mod error;
mod heartbeat;
mod layout;
mod map;
mod owner;
mod reader;
mod segment;
mod sink;
mod slot;
mod writer;

pub use clock::MonotonicNanos;
pub use error::ShmError;
pub use layout::SlotKind;
pub use reader::{ShmReader, ShmRing, ShmValue, WriterState};
pub use sink::ShmSink;
pub use writer::{ShmOptions, ShmWriter};
