//! One Parquet file: its schema, and the rows that are not written yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::column::{Column, ColumnDef, ColumnType, NumberFormat, Value};
use crate::book::Book5;
use crate::export::error::ExportError;
use crate::export::files::Finish;

/// How many rows are in memory until they are written as a row group.
const GROUP_ROWS: usize = 100_000;

/// The columns of trades.
pub(super) fn trades() -> Vec<ColumnDef> {
    vec![
        ColumnDef::optional("ts_event", ColumnType::Time),
        ColumnDef::optional("ts_recv", ColumnType::Time),
        ColumnDef::new("trade_id", ColumnType::I64),
        ColumnDef::optional("seq", ColumnType::I64),
        ColumnDef::new("side", ColumnType::Text),
        ColumnDef::new("price", ColumnType::Number),
        ColumnDef::new("size", ColumnType::Number),
        ColumnDef::new("count", ColumnType::I32),
        ColumnDef::new("source", ColumnType::I32),
        ColumnDef::new("replayed", ColumnType::Bool),
        ColumnDef::new("missed", ColumnType::I64),
    ]
}

/// The columns of five-level books: one row a book.
pub(super) fn books() -> Vec<ColumnDef> {
    let mut columns = vec![
        ColumnDef::optional("ts_event", ColumnType::Time),
        ColumnDef::optional("ts_recv", ColumnType::Time),
        ColumnDef::optional("seq", ColumnType::I64),
    ];
    for side in ["ask", "bid"] {
        for at in 0..Book5::LEVELS {
            columns.push(ColumnDef::optional(format!("{side}_price_{at}"), ColumnType::Number));
            columns.push(ColumnDef::optional(format!("{side}_size_{at}"), ColumnType::Number));
            columns.push(ColumnDef::optional(format!("{side}_orders_{at}"), ColumnType::I32));
        }
    }
    columns
}

/// The columns of order books: one row a level that changed.
pub(super) fn depth() -> Vec<ColumnDef> {
    vec![
        ColumnDef::optional("ts_event", ColumnType::Time),
        ColumnDef::optional("ts_recv", ColumnType::Time),
        ColumnDef::optional("seq", ColumnType::I64),
        ColumnDef::optional("prev_seq", ColumnType::I64),
        ColumnDef::new("is_snapshot", ColumnType::Bool),
        ColumnDef::new("side", ColumnType::Text),
        ColumnDef::new("price", ColumnType::Number),
        ColumnDef::new("size", ColumnType::Number),
        ColumnDef::new("orders", ColumnType::I32),
    ]
}

/// A file that grows by row groups.
pub(super) struct ParquetFile {
    path: PathBuf,
    columns: Vec<Column>,
    rows: usize,
    out: SerializedFileWriter<File>,
}

impl ParquetFile {
    /// Makes a file that must not exist.
    pub(super) fn create(
        path: &Path,
        columns: &[ColumnDef],
        numbers: NumberFormat,
    ) -> Result<Self, ExportError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(ExportError::write(path))?;
        }
        let file = File::create_new(path).map_err(ExportError::write(path))?;
        let fields: Vec<_> = columns.iter().map(|column| column.schema(numbers)).collect();
        let schema = format!("message okx_feed {{ {} }}", fields.join(" "));
        let open = || -> Result<_, ParquetError> {
            let schema = Arc::new(parse_message_type(&schema)?);
            let version = KeyValue::new("okx_feed.schema".to_owned(), "1".to_owned());
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                .set_key_value_metadata(Some(vec![version]))
                .set_created_by(concat!("okx-feed ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            SerializedFileWriter::new(file, schema, Arc::new(properties))
        };
        let out = open().map_err(|error| failed(path, error))?;
        let columns = columns.iter().map(|column| Column::new(column, numbers)).collect();
        Ok(Self { path: path.to_owned(), columns, rows: 0, out })
    }

    /// Adds a row; its values are in the order of the columns.
    pub(super) fn push<'v>(
        &mut self,
        values: impl IntoIterator<Item = Value<'v>>,
    ) -> Result<(), ExportError> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let Self { columns, out, path, .. } = self;
        let mut write = || -> Result<(), ParquetError> {
            let mut group = out.next_row_group()?;
            for column in columns.iter_mut() {
                if let Some(mut writer) = group.next_column()? {
                    column.write(&mut writer)?;
                    writer.close()?;
                }
            }
            group.close().map(drop)
        };
        write().map_err(|error| failed(path, error))
    }
}

impl Finish for ParquetFile {
    fn finish(mut self) -> Result<(), ExportError> {
        self.flush()?;
        let Self { path, out, .. } = self;
        out.close().map(drop).map_err(|error| failed(&path, error))
    }
}

fn failed(path: &Path, error: ParquetError) -> ExportError {
    ExportError::Write { path: path.to_owned(), source: io::Error::other(error) }
}
