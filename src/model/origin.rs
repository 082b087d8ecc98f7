//! Where an update comes from.

/// Where a trade or a book comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The WebSocket.
    #[default]
    Live,
    /// The REST interface: the history of trades, or the snapshot of a book.
    History,
}

impl Origin {
    /// The name: `live` or `history`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::History => "history",
        }
    }
}
