//! NumPy files of one structured array.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::error::ExportError;

/// One row of hftbacktest's event array, 64 bytes.
///
/// Source: `py-hftbacktest/hftbacktest/types.py`, 2025-12-23.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NpyRow {
    pub(super) ev: u64,
    pub(super) exch_ts: i64,
    pub(super) local_ts: i64,
    pub(super) px: f64,
    pub(super) qty: f64,
}

const DESCR: &str = "[('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), \
                     ('qty', '<f8'), ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')]";

/// The header of a file of version 1.0: what stands before the rows is a multiple of 64 bytes.
fn header(rows: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': {DESCR}, 'fortran_order': False, 'shape': ({rows},), }}");
    let len = (10 + text.len() + 1).next_multiple_of(64) - 10;
    while text.len() + 1 < len {
        text.push(' ');
    }
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend(u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes());
    header.extend(text.bytes());
    header
}

impl NpyRow {
    fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let words = [
            self.ev.to_le_bytes(),
            self.exch_ts.to_le_bytes(),
            self.local_ts.to_le_bytes(),
            self.px.to_le_bytes(),
            self.qty.to_le_bytes(),
        ];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word);
        }
        bytes
    }
}

/// Writes a file that must not exist yet.
pub(super) fn write_npy(path: &Path, rows: &[NpyRow]) -> Result<(), ExportError> {
    let write = || {
        let mut out = BufWriter::with_capacity(1 << 16, File::create_new(path)?);
        out.write_all(&header(rows.len()))?;
        rows.iter().try_for_each(|row| out.write_all(&row.to_bytes()))?;
        out.flush()
    };
    write().map_err(ExportError::write(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_padded_and_names_the_rows() {
        for rows in [0, 1, 999, 1_000_000_000] {
            let header = header(rows);
            assert_eq!(header.len() % 64, 0);
            assert_eq!(header.last(), Some(&b'\n'));
            let len = usize::from(u16::from_le_bytes([header[8], header[9]]));
            assert_eq!(header.len(), 10 + len);
            assert!(String::from_utf8_lossy(&header).contains(&format!("({rows},)")));
        }
    }
}
