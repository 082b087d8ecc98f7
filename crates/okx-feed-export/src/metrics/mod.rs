//! Prometheus metrics and health pages.
//!
//! Everything is read when it is asked for, from what the library publishes for other threads:
//! there is no second bookkeeping, and the feed's thread is not asked.

mod buckets;
mod collector;
mod connections;
mod exporter;
mod families;
mod feed;
mod health;
mod recorder;
mod scrape;
mod server;
mod subscriptions;

pub use collector::Metrics;
pub use scrape::MetricsOptions;
pub use server::serve;
