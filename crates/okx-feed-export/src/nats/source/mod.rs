//! The other side: what writers publish, as the events, states and readers of a feed.

mod chain;
mod filters;
mod following;
mod handle;
mod link;
mod merge;
#[cfg(test)]
mod merge_tests;
mod options;
mod position;
mod readers;
mod seen;
mod start;
mod step_over;
mod subscribed;
mod thread;
mod topic;
mod values;
mod writers;

pub use handle::NatsSource;
pub use options::{Delivery, SourceOptions, Start};
pub use position::{ParsePositionError, Position};
pub use readers::SourceStats;
