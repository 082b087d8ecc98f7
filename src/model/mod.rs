//! Fixed-layout records and names: decimals, times, ids, levels, trades, channels.
//!
//! No state machine, no wire bytes, no I/O, no clock, and no allocation on the hot path.

mod bar;
mod channel;
mod channel_kind;
mod decimal;
mod decimal_math;
mod decimal_value;
mod dialect;
mod instrument;
mod instrument_codes;
mod instruments;
mod level;
mod origin;
mod raw_key;
mod record;
mod selection;
#[cfg(feature = "serde")]
mod serialize;
mod shard;
mod state;
mod subscription;
mod subscription_id;
mod text;
mod time;
mod topic;
mod trade;

pub use bar::{Bar, UnknownBar};
pub use channel::Channel;
pub use channel_kind::{ChannelKey, ChannelKind, ChannelPath, FirstPush};
pub(crate) use decimal::pow10_i64;
pub use decimal::{Decimal, DecimalError, Price, Qty};
pub(crate) use decimal::{MAX_DECIMAL_TEXT, MAX_SCALE};
pub(crate) use decimal_math::div_wide;
pub use dialect::{Dialect, Market};
pub(crate) use instrument::MAX_ID_LEN;
pub use instrument::{InstrumentId, InstrumentIdError};
pub use instrument_codes::InstrumentCodes;
pub use instruments::{CatalogueChange, Instruments};
pub use level::Level;
pub use origin::Origin;
pub(crate) use raw_key::RawKey;
pub use record::prices::{
    BlockTicker, CallAuction, Candle, EstimatedPrice, FundingRate, IndexTicker, MarkPrice,
    OpenInterest, PriceLimit, Ticker,
};
pub use record::reference::{
    AdlWarning, EventContract, Instrument, OptionDetail, OptionSummary, Status,
};
pub use record::trades::{BlockLeg, BlockTrade, Liquidation, OptionTrade};
pub(crate) use record::{FieldError, RawValue};
pub use record::{FieldValue, Record, RecordData, RecordKind, RecordType};
pub use selection::{Selection, SelectionError};
#[cfg(feature = "serde")]
pub(crate) use serialize::{FromText, as_name, named};
pub use shard::{Shard, ShardError, stable_hash};
pub use state::{BookState, DownReason};
pub use subscription::{Subscription, SubscriptionError};
pub use subscription_id::SubscriptionId;
pub use text::Text;
#[cfg(feature = "sim")]
pub(crate) use time::civil_from_days;
pub use time::{IsoMs, MonoNanos, UnixNanos};
pub(crate) use time::{days_since_epoch, parse_digits};
pub use topic::Topic;
pub(crate) use trade::NO_SEQ;
pub use trade::{Side, Trade, TradeRing};
