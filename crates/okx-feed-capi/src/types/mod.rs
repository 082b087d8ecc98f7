//! The values that C sees: plain, with a fixed layout.

mod book;
mod capture;
mod event;
pub(crate) mod names;
mod record;
mod stats;
mod trade;

pub use book::{BOOK_LEVELS, Book, BookView, DEPTH_LEVELS, DepthView, Level};
pub use capture::{Entry, EntryKind, ReplayCounts};
pub use event::{Event, EventKind, Text};
pub use names::{Dialect, FrameKind, NO_SEQ, NO_SUBSCRIPTION, Region, Side, State};
pub use record::{
    FIELD_NAME_SIZE, FIELD_TEXT_SIZE, Field, FieldKind, RECORD_FIELDS, Record, RecordView,
};
pub use stats::{HEALTH_TEXT_SIZE, Health, Stats};
pub use trade::{Trade, TradeEntry};
