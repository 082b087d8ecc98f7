//! What leaves the machine of a feed: NATS subjects, Prometheus metrics and a page in a browser.
//!
//! Nothing here runs on the feed's thread but the copy of an event into a ring. Every part reads
//! rings and readers.
//!
//! Each part is behind a Cargo feature: `nats`, `metrics`, `web`. None is on by default.

pub mod events;
pub mod json;
#[cfg(feature = "nats")]
pub mod nats;
