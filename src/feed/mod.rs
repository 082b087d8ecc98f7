//! Events to state: books, trades, sessions, publication. No I/O and no clock.

mod handler;
mod publish;
mod seqlock;
mod session;
mod slots;
mod stats;
mod tape;

pub use handler::FeedHandler;
pub use publish::{BookPublisher, BookReader, BookView};
pub use session::{Action, BackoffConfig, LostReason, Session, SessionConfig, SessionEvent};
pub use slots::{RING_LEN, Slot, Slots};
pub use stats::{ErrorCounts, MAX_SKIPPED_NAMES, SkippedNames, Stats};
pub use tape::{TAPE_LEN, TradePublisher, TradeReader};
