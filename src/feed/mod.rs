//! Events to state: books, trades, sessions, publication. No I/O and no clock.

mod age;
mod arbiter;
mod handler;
mod numbers;
mod recovery;
mod reorder;
mod seen;
mod slot;
mod slots;
mod stale;
mod stats;
mod told;
mod warmup;
mod watchdog;

pub use arbiter::{Arbiter, LineStats};
pub use handler::FeedHandler;
pub use numbers::SubscriptionNumbers;
pub use recovery::Recovery;
pub use seen::Seen;
pub use slot::{DepthOptions, Slot};
pub use slots::Slots;
pub use stale::StaleLimits;
pub use stats::{ErrorCounts, SkippedNames, Stats};
pub use watchdog::Watchdog;
