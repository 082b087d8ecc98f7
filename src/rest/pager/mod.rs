//! Paging: which requests give all trades or candles of a span of time, oldest first.
//!
//! A page that lacks rows comes from a cache that lags, most of the time: it is requested again
//! before its hole counts as the exchange's own.

mod candles;
mod page;
mod ranges;
mod trades;

pub use candles::CandlePager;
pub use page::Page;
pub use trades::{TradeIds, TradePager};
