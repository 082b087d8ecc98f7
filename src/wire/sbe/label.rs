//! A short text without the heap.

use std::fmt;

/// The longest text, in bytes: that of the longest `i64` behind a short name.
const MAX_LEN: usize = 40;

/// A short text on the stack, such as a code that has no name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Label {
    /// Formats a text, which is cut at 40 bytes.
    #[cold]
    pub(super) fn of(text: fmt::Arguments<'_>) -> Self {
        let mut label = Self { bytes: [0; MAX_LEN], len: 0 };
        // A text that is too long is cut.
        let _ = fmt::Write::write_fmt(&mut label, text);
        label
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Write for Label {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
