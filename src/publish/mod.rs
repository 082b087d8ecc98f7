//! Publication: one writer, many readers on other threads, no locks.

mod book;
mod depth;
#[cfg(all(okx_feed_loom, test))]
mod loom_models;
mod prefetch;
mod ring;
mod seqlock;
#[cfg(feature = "serde")]
mod serialize;
mod set;

pub use book::{BookPublisher, BookReader, Top5Snapshot};
pub use depth::{DepthPublisher, DepthReader, DepthSnapshot, PUBLISHED_LEVELS};
pub(crate) use prefetch::prefetch_lines;
pub use ring::{MAX_TAPE_LEN, TAPE_LEN, TradeOptions, TradePublisher, TradeReader};
pub(crate) use set::Publishers;
