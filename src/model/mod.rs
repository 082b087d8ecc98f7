//! The market's nouns: decimals, ids, levels, books, trades, events.
//!
//! No bytes of the wire, no I/O, no clock, and no heap on the hot path.

mod book;
mod channel;
mod decimal;
mod event;
mod instrument;
mod level;
mod liquidity;
mod time;
mod trade;

pub use book::{BOOK5_LEVELS, Book5, BookFlags};
pub use channel::{Channel, ChannelKind, Dialect, Market, Subscription, SubscriptionError};
pub(crate) use decimal::pow10_i64;
pub use decimal::{Decimal, DecimalError, MAX_DECIMAL_TEXT, MAX_SCALE, Price, Qty};
pub use event::{
    BookUpdate, Control, ControlKind, DepthAction, DepthUpdate, Event, Sink, Skipped, TradeUpdate,
};
pub use instrument::{InstrumentId, InstrumentIdError, MAX_ID_LEN};
pub use level::Level;
pub use liquidity::{RATIO_SCALE, Sweep};
pub use time::{ISO_MS_LEN, IsoMs, MonoNanos, UnixNanos};
pub use trade::{NO_SEQ, Side, Trade, TradeRing};
