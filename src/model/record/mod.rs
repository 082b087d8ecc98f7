//! Records: the values of all channels that are neither books nor trades.

mod data;
mod declare;
mod envelope;
mod field;
mod prices;
mod reference;
mod text_words;
mod trades;

pub use data::{RecordData, RecordKind, RecordType};
pub use envelope::Record;
pub use field::FieldValue;
pub(crate) use field::{FieldError, RawValue};
pub use prices::{
    BlockTicker, CallAuction, Candle, EstimatedPrice, FundingRate, IndexTicker, MarkPrice,
    OpenInterest, PriceLimit, Ticker,
};
pub use reference::{AdlWarning, EventContract, Instrument, OptionDetail, OptionSummary, Status};
pub use trades::{BlockLeg, BlockTrade, Liquidation, OptionTrade};
