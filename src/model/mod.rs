//! Fixed-layout records and names: decimals, times, ids, levels, trades, channels.
//!
//! No state machine, no bytes of the wire, no I/O, no clock, and no heap on the hot path.

mod channel;
mod decimal;
mod decimal_math;
mod decimal_value;
mod instrument;
mod level;
#[cfg(feature = "serde")]
mod serialize;
mod state;
mod subscription;
mod subscription_id;
mod time;
mod topic;
mod trade;

pub use channel::{Channel, ChannelKind, ChannelPath, Dialect, Market};
pub(crate) use decimal::pow10_i64;
pub use decimal::{Decimal, DecimalError, MAX_DECIMAL_TEXT, MAX_SCALE, Price, Qty};
pub(crate) use decimal_math::div_wide;
pub use instrument::{InstrumentId, InstrumentIdError, MAX_ID_LEN};
pub use level::Level;
#[cfg(feature = "serde")]
pub(crate) use serialize::{FromText, as_name, named};
pub use state::{BookState, DownReason};
pub use subscription::{Subscription, SubscriptionError};
pub use subscription_id::SubscriptionId;
pub use time::{ISO_MS_LEN, IsoMs, MonoNanos, UnixNanos};
pub use topic::Topic;
pub use trade::{NO_SEQ, Side, Trade, TradeRing};
