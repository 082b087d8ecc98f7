//! `okx-feed history`: trades, candles, books and instruments from the REST interface.
//!
//! ```text
//! command -> trades, candles -> destination -> resume
//!        \-> rows (also from trades, candles)
//! ```

mod args;
mod candles;
mod command;
mod destination;
mod resume;
pub(crate) mod retries;
mod rows;
mod trades;

pub(crate) use args::HistoryArgs;
pub(crate) use command::run;
