//! Export: books and trades in the file formats of other programs.

mod csv;
mod error;
mod files;
mod hftbacktest;
mod names;
mod npy;
mod order_book;
mod parquet;
mod report;
mod tardis;

pub use error::ExportError;
pub use hftbacktest::HftBacktestExport;
pub use parquet::{NumberFormat, ParquetExport};
pub use report::ExportReport;
pub use tardis::TardisExport;
