//! Inflates raw DEFLATE into one reused, bounded buffer.

use std::fmt;

use libdeflater::{DecompressionError, Decompressor};

use super::deflate::{OUTPUT_SPACE, Refusal, SmallInflate};
use super::error::{DecodeError, DecodeErrorKind as Kind};

/// The smallest output buffer of the small-frame decoder, in bytes.
pub(crate) const INFLATE_SPACE: usize = OUTPUT_SPACE;

/// Which decoder inflated a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InflatePath {
    /// The built-in decoder, for small frames of one block.
    Small,
    /// libdeflate, for everything else.
    General,
}

/// Inflates frame bodies, one complete raw DEFLATE stream (RFC 1951) each.
///
/// Small frames of one block, which are nearly all frames of the exchange, go to the built-in
/// decoder. Frames that it does not support go to libdeflate. Bytes after the end of the stream are
/// ignored, as in zlib.
///
/// Source: all recorded v3 messages have this form, without header, shared window or sync tail.
pub struct Inflater {
    // 30 KB: boxed, so that decoders are cheap to move.
    small: Box<SmallInflate>,
    /// Whether the small-frame decoder is tried at all.
    use_small: bool,
    general: Decompressor,
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Inflater {
    /// Makes an inflater.
    #[must_use]
    pub fn new() -> Self {
        Self { small: Box::new(SmallInflate::new()), use_small: true, general: Decompressor::new() }
    }

    /// Enables or disables the small-frame decoder.
    pub const fn set_small(&mut self, on: bool) {
        self.use_small = on;
    }

    /// Uses only baseline processor instructions.
    pub fn set_portable(&mut self) {
        *self.small = SmallInflate::portable();
    }

    /// Inflates `body` into the first `limit` bytes of `text`. Returns the number of bytes.
    /// Allocates nothing.
    ///
    /// # Errors
    /// [`Kind::Deflate`] if the body is not a complete stream. [`Kind::InflatedTooLarge`] if the
    /// text does not fit: a decompression bomb costs at most one write of `limit` bytes.
    #[inline]
    pub fn inflate(
        &mut self,
        body: &[u8],
        text: &mut [u8],
        limit: usize,
    ) -> Result<(usize, InflatePath), DecodeError> {
        if !self.use_small {
            return self.inflate_general(body, text, limit);
        }
        match self.small.inflate(body, text) {
            Ok(inflated) if inflated.written <= limit => Ok((inflated.written, InflatePath::Small)),
            Ok(_) => Err(DecodeError::new(Kind::InflatedTooLarge, 0)),
            Err(Refusal::Invalid(_)) => Err(DecodeError::new(Kind::Deflate, 0)),
            Err(Refusal::Unsupported(_) | Refusal::OutputFull) => {
                self.inflate_general(body, text, limit)
            }
        }
    }

    /// As [`Inflater::inflate`], by libdeflate only. After an error, the start of the text is in
    /// `text`.
    ///
    /// # Errors
    /// As [`Inflater::inflate`].
    #[inline(never)]
    pub fn inflate_general(
        &mut self,
        body: &[u8],
        text: &mut [u8],
        limit: usize,
    ) -> Result<(usize, InflatePath), DecodeError> {
        let text = text.get_mut(..limit).unwrap_or_default();
        let inflated = self.general.deflate_decompress(body, text);
        inflated.map(|len| (len, InflatePath::General)).map_err(|error| {
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
        f.debug_struct("Inflater").field("small", &self.small).finish_non_exhaustive()
    }
}
