//! Raw DEFLATE into one reused, bounded buffer.

use std::fmt;

use libdeflater::{DecompressionError, Decompressor};

use super::error::{DecodeError, DecodeErrorKind as Kind};

/// Inflates frame bodies, one complete raw DEFLATE stream (RFC 1951) each.
///
/// Source: v3 sends every message so, with no header, no shared window and no sync tail; true of
/// all recorded frames. Bytes after the end of the stream are ignored, as zlib does.
pub(crate) struct Inflater {
    decompressor: Decompressor,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { decompressor: Decompressor::new() }
    }

    /// Inflates `body` into `text` and gives the number of bytes. Allocates nothing.
    ///
    /// # Errors
    /// [`Kind::Deflate`] where the body is not a complete stream, [`Kind::InflatedTooLarge`] where
    /// it does not fit `text`: a bomb costs no more than filling `text` once.
    pub(crate) fn inflate(&mut self, body: &[u8], text: &mut [u8]) -> Result<usize, DecodeError> {
        self.decompressor.deflate_decompress(body, text).map_err(|error| {
            let kind = match error {
                DecompressionError::BadData => Kind::Deflate,
                DecompressionError::InsufficientSpace => Kind::InflatedTooLarge,
            };
            DecodeError::new(kind, 0)
        })
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}
