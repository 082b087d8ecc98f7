//! Events on their way from the feed's thread to another one: a bounded ring of plain values.
//!
//! The feed's side ([`RingSink`]) never waits and never allocates after a subscription's first
//! event. Where the ring is full, events are dropped, counted, and marked where they are missing.

mod read;
mod ring_stats;
mod sink;
mod slot;
mod wake;
mod write;

pub use read::{DepthMessage, Message, RingReceiver};
pub use ring_stats::RingStats;
pub use sink::{RingOptions, RingSink};
