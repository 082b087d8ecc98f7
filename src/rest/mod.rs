//! The exchange's REST interface: history, snapshots, and the join of history with live trades.
//!
//! ```text
//! client (ureq, the only I/O) -> caller -> limits, retry, reply -> request -> endpoint
//! pager -> v5, v3 -> rows, reply
//! join -> pager
//! ```
//!
//! All but `client` is sans-IO: requests and replies are values, time and randomness arguments.

mod caller;
mod client;
mod endpoint;
mod error;
mod instruments;
pub mod join;
mod limits;
mod pager;
mod reply;
mod request;
mod retry;
mod rows;
mod tls;
mod v3;
mod v5;

pub use caller::{Caller, CallerStats, Step};
pub use client::{RestClient, RestConfig, rest_url};
pub use endpoint::{Endpoint, Rate};
pub use error::{RestError, RowError};
pub(crate) use instruments::instruments as instrument_rows;
pub use pager::{CandlePager, Page, TradeIds, TradePager};
pub use reply::Reply;
pub use request::{Module, Request, TimeSpan, TradeCursor};
pub use retry::RetryConfig;
pub use rows::{BookSnapshot, DataFile, HistoryCandle, Maintenance};
