//! The text of a message, with room behind it for wide loads.

use super::cursor::Cursor;

/// The readable bytes that must follow a text, so that wide loads need no check of their own.
pub const PADDING: usize = 64;

/// The bytes at the end of a text that are copied where the rest is read in place: more than what
/// follows a book's levels.
pub(super) const END_LEN: usize = 128;

/// From this length on a v5 text that is declined where it lies is so for its content, in bytes. A
/// shorter one may end too early for loads of fixed length; then it is copied and tried again.
const IN_PLACE_LEN: usize = 320;

/// Room for the end of a text, with its padding.
#[derive(Debug)]
#[repr(align(64))]
pub struct TextEnd([u8; END_LEN + PADDING]);

impl Default for TextEnd {
    fn default() -> Self {
        Self([0; END_LEN + PADDING])
    }
}

/// A message's text with at least [`PADDING`] bytes of any value behind it.
#[derive(Clone, Copy, Debug)]
pub struct PaddedText<'t> {
    buf: &'t [u8],
    /// The padded copy of the end, where the text itself has no padding.
    end: Option<&'t [u8; END_LEN + PADDING]>,
    // INVARIANT: at least `PADDING`, at most the length of the buffer or of the end.
    padding: usize,
}

impl<'t> PaddedText<'t> {
    /// The text in the first `len` bytes of `buf`; `None` where fewer than [`PADDING`] bytes
    /// follow.
    #[inline]
    #[must_use]
    pub const fn new(buf: &'t [u8], len: usize) -> Option<Self> {
        match buf.len().checked_sub(len) {
            Some(padding) if padding >= PADDING => Some(Self { buf, end: None, padding }),
            _ => None,
        }
    }

    /// A v5 text that is read where it lies, but for its end; `None` where it is shorter than
    /// that.
    #[inline]
    #[must_use]
    pub fn in_place(text: &'t [u8], end: &'t mut TextEnd) -> Option<Self> {
        let TextEnd(end) = end;
        *end.first_chunk_mut::<END_LEN>()? = *text.last_chunk()?;
        Some(Self { buf: text, end: Some(end), padding: PADDING })
    }

    /// A cursor at the start of the text.
    #[inline(always)]
    pub(super) const fn cursor(self) -> Cursor<'t> {
        Cursor::new(self.buf)
    }

    /// The text without its padding.
    pub(super) fn bytes(self) -> &'t [u8] {
        let behind = if self.end.is_none() { self.padding } else { 0 };
        self.buf.get(..self.buf.len() - behind).unwrap_or_default()
    }

    /// Whether what is declined here is tried again with padding.
    pub(super) const fn is_tried_again(self) -> bool {
        self.end.is_some() && self.buf.len() < IN_PLACE_LEN
    }

    /// Moves a cursor over the text to the padded copy of its end, if there is one and it is not
    /// there yet; `None` where more is left than that holds. To be called before what is read with
    /// loads that may be longer than what is left of the text.
    #[inline(always)]
    pub(super) fn to_end(self, cursor: &mut Cursor<'t>) -> Option<()> {
        if let Some(end) = self.end
            && self.is_over_buf(*cursor)
        {
            let from = END_LEN.checked_sub(cursor.rest().len())?;
            *cursor = Cursor::new(end.get(from..)?);
        }
        Some(())
    }

    /// As [`PaddedText::to_end`], where the padded copy holds all that is left; else nothing
    /// happens.
    #[inline(always)]
    pub(super) fn to_end_if_near(self, cursor: &mut Cursor<'t>) {
        let _ = self.to_end(cursor);
    }

    /// Whether a cursor stands behind the text, and behind nothing else.
    #[inline(always)]
    pub(super) fn is_read(self, cursor: Cursor<'t>) -> bool {
        let is_in_place = self.end.is_some() && self.is_over_buf(cursor);
        cursor.rest().len() == if is_in_place { 0 } else { self.padding }
    }

    /// Whether a cursor is over the text itself, not over the copy of its end.
    #[inline(always)]
    fn is_over_buf(self, cursor: Cursor<'t>) -> bool {
        cursor.rest().as_ptr_range().end == self.buf.as_ptr_range().end
    }
}
