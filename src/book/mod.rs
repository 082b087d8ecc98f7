//! Order-book state machines: the five-level book and full-depth books.
//!
//! No wire bytes, no I/O, no clock, and no allocation on the hot path.

mod book_ref;
mod checksum;
mod flags;
mod level_change;
mod liquidity;
mod non_rpi;
mod order_book;
mod pending;
mod sequence;
#[cfg(feature = "serde")]
mod serialize;
mod side;
mod sync;
mod top5;
mod top_diff;
mod update;
mod words;

pub use book_ref::BookRef;
pub use checksum::{Checksum, Verify};
pub use flags::BookFlags;
pub use level_change::LevelChange;
pub(crate) use liquidity::Sides;
pub use liquidity::Sweep;
pub(crate) use order_book::DEFAULT_DEPTH;
pub use order_book::DepthBook;
pub use sequence::Sequence;
pub use side::BookSide;
pub use sync::{ApplyOutcome, Attribution, BookSync, DesyncCause, FaultPolicy};
pub use top_diff::TopDiff;
pub(crate) use top5::BOOK5_LEVELS;
pub use top5::Book5;
pub use update::{DepthAction, DepthUpdate, NonRpiSizes};
