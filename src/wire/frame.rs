//! WebSocket messages.

/// One WebSocket message, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A text message: JSON, or `pong`.
    Text(&'a [u8]),
    /// A binary message: in v3 the text, compressed by raw DEFLATE or not compressed.
    Binary(&'a [u8]),
}

impl Frame<'_> {
    /// The number of payload bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is no payload.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
