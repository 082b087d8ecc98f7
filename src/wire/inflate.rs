//! Raw DEFLATE into one reused, bounded buffer.

use std::fmt;

use libdeflater::{DecompressionError, Decompressor};

use super::deflate::{OUTPUT_SPACE, Refusal, SmallInflate};
use super::error::{DecodeError, DecodeErrorKind as Kind};

/// The least room that a text must be given, in bytes, for the small-frame decoder to be tried.
pub(crate) const INFLATE_SPACE: usize = OUTPUT_SPACE;

/// Which decoder inflated a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InflatePath {
    /// Our own, for small frames of one block.
    Small,
    /// libdeflate, for everything else.
    General,
}

/// Inflates frame bodies, one complete raw DEFLATE stream (RFC 1951) each.
///
/// Small frames of one block, which is nearly all that the exchange sends, go to our own decoder;
/// what that one does not take on goes to libdeflate. Bytes after the end of the stream are
/// ignored, as zlib does.
///
/// Source: v3 sends every message so, with no header, no shared window and no sync tail; true of
/// all recorded frames.
pub struct Inflater {
    // 30 KB: in a box, so that decoders can be moved.
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
    /// An inflater that has met no frame yet.
    #[must_use]
    pub fn new() -> Self {
        Self { small: Box::new(SmallInflate::new()), use_small: true, general: Decompressor::new() }
    }

    /// Whether the small-frame decoder is tried at all.
    pub const fn set_small(&mut self, on: bool) {
        self.use_small = on;
    }

    /// Leaves out what only some processors can do.
    pub fn set_portable(&mut self) {
        *self.small = SmallInflate::portable();
    }

    /// Inflates `body` into the first `limit` bytes of `text` and gives the number of bytes.
    /// Allocates nothing.
    ///
    /// # Errors
    /// [`Kind::Deflate`] where the body is not a complete stream, [`Kind::InflatedTooLarge`] where
    /// it does not fit: a bomb costs no more than filling `limit` bytes once.
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

    /// As [`Inflater::inflate`], by libdeflate alone. Of what it gives up it leaves the beginning.
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
