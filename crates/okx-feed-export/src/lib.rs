//! What leaves the machine of a feed: NATS subjects, Prometheus metrics and a page in a browser.
//!
//! Nothing here runs on the feed's thread but the copy of an event into a ring. Every part reads
//! rings and readers.
//!
//! Each part is behind a Cargo feature: `nats`, `metrics`, `web`. None is on by default.

pub mod events;
#[cfg(any(feature = "metrics", feature = "web"))]
mod feeds;
#[cfg(any(feature = "metrics", feature = "web"))]
pub mod http;
pub mod json;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "web")]
pub mod web;

#[cfg(any(feature = "metrics", feature = "web"))]
pub use feeds::{Feeds, NamedFeed};
