//! Parquet files, partitioned by exchange, channel, instrument and date.

mod column;
mod export;
mod table;

pub use column::NumberFormat;
pub(in crate::export) use export::Parquet;
