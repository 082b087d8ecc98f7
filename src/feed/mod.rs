//! Events to state: books, trades, sessions, publication. No I/O and no clock.

mod age;
mod arbiter;
mod catch_up;
mod handler;
mod last_update;
mod numbered;
mod numbers;
mod recovery;
mod slot;
mod slots;
mod stale;
mod stats;
mod trade_dedup;
mod warmup;
mod watchdog;

#[cfg(feature = "capture")]
pub(crate) use age::AgeChange;
pub use arbiter::{Arbiter, LineStats};
pub use handler::FeedHandler;
pub use last_update::LastUpdate;
pub use numbers::SubscriptionNumbers;
pub use recovery::Recovery;
pub use slot::{DepthOptions, Slot};
pub use slots::Slots;
pub use stale::StaleLimits;
pub use stats::{ErrorCounts, SkippedNames, Stats};
pub use watchdog::Watchdog;
