//! Events to state: books, trades, sessions, publication. No I/O and no clock.

mod age;
mod arbiter;
mod doubt;
mod handler;
#[cfg(all(okx_feed_loom, test))]
mod loom_models;
mod near;
mod publish;
mod publish_depth;
mod publishers;
mod recovery;
mod rehearsal;
mod seen;
mod seqlock;
mod session;
mod slot;
mod slots;
mod stale;
mod stats;
mod tape;
mod told;
mod watchdog;

pub use arbiter::{Arbiter, Arbitration, LineStats};
pub use handler::FeedHandler;
pub use publish::{BookPublisher, BookReader, BookView};
pub use publish_depth::{DepthPublisher, DepthReader, DepthSnapshot, PUBLISHED_LEVELS};
pub use recovery::Recovery;
pub use seen::Seen;
pub use session::{
    Action, BackoffConfig, ConnectGate, ConnectLimit, LostReason, ResyncConfig, Session,
    SessionConfig, SessionEvent, SessionStats,
};
pub use slot::{DepthOptions, RING_LEN, Slot};
pub use slots::Slots;
pub use stale::StaleLimits;
pub use stats::{ErrorCounts, MAX_SKIPPED_NAMES, SkippedNames, Stats};
pub use tape::{MAX_TAPE_LEN, TAPE_LEN, TradeOptions, TradePublisher, TradeReader};
pub use watchdog::Watchdog;
