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
pub(crate) use depth::PUBLISHED_LEVELS;
pub use depth::{DepthPublisher, DepthReader, DepthSnapshot};
pub(crate) use prefetch::prefetch_lines;
pub use ring::{TradeOptions, TradePublisher, TradeReader};
pub(crate) use set::Publishers;
