//! Compressed CSV files.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::error::ExportError;
use super::files::Finish;
use crate::model::{Level, UnixNanos};

/// A CSV file, compressed by gzip.
pub(super) struct CsvFile {
    path: PathBuf,
    out: GzEncoder<BufWriter<File>>,
}

impl CsvFile {
    /// Makes a file that must not exist and writes its header; with `is_new` false it goes on with
    /// a file of this export.
    pub(super) fn open(path: &Path, header: &str, is_new: bool) -> Result<Self, ExportError> {
        let failed = || ExportError::write(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed())?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create_new(is_new);
        let file = options.open(path).map_err(failed())?;
        let out = GzEncoder::new(BufWriter::with_capacity(1 << 16, file), Compression::fast());
        let mut csv = Self { path: path.to_owned(), out };
        if is_new {
            csv.write(header)?;
        }
        Ok(csv)
    }

    pub(super) fn write(&mut self, text: &str) -> Result<(), ExportError> {
        self.out.write_all(text.as_bytes()).map_err(ExportError::write(&self.path))
    }
}

impl Finish for CsvFile {
    fn finish(self) -> Result<(), ExportError> {
        let failed = ExportError::write(&self.path);
        let done = self.out.finish().and_then(|mut out| out.flush());
        done.map_err(failed)
    }
}

/// A time in microseconds since 1970.
pub(super) const fn micros(at: UnixNanos) -> u64 {
    at.0 / 1_000
}

/// Appends `,price,amount` of a level, or two empty fields.
pub(super) fn push_level(row: &mut String, level: Option<&Level>) {
    // Writing to a string can't fail.
    let _ = match level {
        Some(level) => write!(row, ",{},{}", level.px(), level.sz()),
        None => row.write_str(",,"),
    };
}
