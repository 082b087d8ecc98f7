//! The market's nouns: decimals, ids, levels, books, trades, events.
//!
//! No bytes of the wire, no I/O, no clock, and no heap on the hot path.

mod book;
mod book_flags;
mod book_words;
mod channel;
mod checksum;
mod decimal;
mod decimal_value;
mod depth;
mod depth_side;
mod depth_sync;
mod depth_update;
mod depth_view;
mod event;
mod instrument;
mod level;
mod liquidity;
mod non_rpi;
mod sequence;
mod state;
mod time;
mod top_watch;
mod trade;

pub use book::{BOOK5_LEVELS, Book5};
pub use book_flags::BookFlags;
pub use channel::{
    Channel, ChannelKind, ChannelPath, Dialect, Market, Subscription, SubscriptionError,
};
pub use checksum::{CHECKSUM_LEVELS, Checksum, Verify};
pub(crate) use decimal::pow10_i64;
pub use decimal::{Decimal, DecimalError, MAX_DECIMAL_TEXT, MAX_SCALE, Price, Qty};
pub use depth::{DEFAULT_DEPTH, DepthBook, MAX_DEPTH};
pub use depth_side::BookSide;
pub use depth_sync::{Applied, BookSync, Fault, OnFault};
pub use depth_update::{DepthAction, DepthUpdate, NonRpiSizes};
pub use depth_view::DepthView;
pub use event::{
    BookUpdate, Control, ControlKind, DepthChange, Event, Malformed, Sink, Skipped, StateChange,
    TradeUpdate,
};
pub use instrument::{InstrumentId, InstrumentIdError, MAX_ID_LEN};
pub use level::Level;
pub use liquidity::{RATIO_SCALE, Sweep};
pub use sequence::Sequence;
pub use state::{BookState, DownReason};
pub use time::{ISO_MS_LEN, IsoMs, MonoNanos, UnixNanos};
pub use top_watch::{TopChange, TopWatch};
pub use trade::{NO_SEQ, Side, Trade, TradeRing};
