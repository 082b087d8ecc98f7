//! Publication: one writer, many readers on other threads, no locks.

mod depth;
#[cfg(feature = "client")]
mod histogram;
mod latest;
#[cfg(all(okx_feed_loom, test))]
mod loom_models;
mod prefetch;
mod readers;
mod ring;
mod seqlock;
#[cfg(feature = "serde")]
mod serialize;
mod set;
// The models of loom run its slots over words of their own; a mapped file has none.
#[cfg(any(okx_feed_loom, all(feature = "shm", unix)))]
pub mod shm;
mod words;

pub use depth::DepthSnapshot;
#[cfg(feature = "client")]
pub(crate) use histogram::SharedHistogram;
pub use latest::{Latest, SeqPublisher, SeqReader};
pub(crate) use prefetch::prefetch_lines;
pub use readers::{
    BookPublisher, BookReader, DepthPublisher, DepthReader, Readers, RecordPublisher, RecordReader,
    RecordRingPublisher, RecordRingReader, TradePublisher, TradeReader,
};
pub use ring::{RingPublisher, RingReader, RingValue, TradeOptions};
pub(crate) use set::{Publishers, publish_order_book};
pub use words::{WordArray, Words};
