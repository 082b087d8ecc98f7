//! Export: books and trades in the file formats of other programs.

mod amounts;
mod csv;
mod derivative_ticker;
mod error;
mod files;
mod format;
mod hftbacktest;
mod names;
mod npy;
mod order_book;
mod parquet;
mod report;
mod sink;
mod tardis;

pub use amounts::ContractValues;
pub use error::ExportError;
pub use parquet::NumberFormat;
pub use report::ExportReport;
pub use sink::Export;
