//! Whether a deep book can be believed, and what became of a message.

use super::checksum::Checksum;
use super::sequence::Sequence;

/// Why a book is no longer the exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DesyncCause {
    /// The sequence numbers show that messages were lost.
    Gap,
    /// The checksum of the book after a message was not the message's.
    Checksum,
    /// A message had a level of negative size, so that it could not be applied.
    NegativeSize,
    /// A message was lost that may have been this book's, and no numbers would show which it was.
    Lost,
    /// So many levels were deleted from a side that was cut to its capacity that what is left is
    /// too short to go on with.
    Truncated,
    /// A snapshot came that is older than the book that was there last.
    OldSnapshot,
}

impl DesyncCause {
    /// The name: `gap`, `checksum`, `negative_size`, `lost`, `truncated` or `old_snapshot`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Checksum => "checksum",
            Self::NegativeSize => "negative_size",
            Self::Lost => "lost",
            Self::Truncated => "truncated",
            Self::OldSnapshot => "old_snapshot",
        }
    }
}

/// Whether a book can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BookSync {
    /// There was no snapshot yet.
    #[default]
    NoSnapshot,
    /// The book is the exchange's, as far as the messages let us know.
    Live,
    /// The book is not the exchange's and will not be until the next snapshot.
    Broken(DesyncCause),
}

impl BookSync {
    /// The name: `no_snapshot`, `live` or `broken`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSnapshot => "no_snapshot",
            Self::Live => "live",
            Self::Broken(_) => "broken",
        }
    }
}

/// What a broken book does with updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FaultPolicy {
    /// It refuses them and waits for a snapshot. The update that showed a gap is refused as well.
    #[default]
    Reject,
    /// It applies and verifies them, to see what comes of it. It stays broken all the same.
    ApplyAnyway,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message that was not applied, or broke the book, asks for a new snapshot"]
pub struct ApplyOutcome {
    /// Whether the book has taken the message. If not, its levels are as they were.
    pub applied: bool,
    /// The state of the book after the message.
    pub sync: BookSync,
    /// What the sequence numbers say; [`Sequence::None`] for an update without a snapshot.
    pub sequence: Sequence,
    /// Whether the book after the message has the message's checksum.
    pub checksum: Checksum,
    /// Deletions of prices that the book did not have. Real messages have some.
    pub missing: u32,
    /// Levels that found no room, or left for a better one, or lie past where the book is cut.
    pub out_of_capacity: u32,
    /// Whether a side is cut to the book's capacity; see `BookRef::ask_limit`.
    pub truncated: bool,
    /// The place of the best level that changed, 0 the best of its side; `None` where none did.
    ///
    /// Whoever publishes the best five has nothing to do for a message that starts at 5.
    pub first_changed: Option<usize>,
}

impl BookSync {
    /// The state after a snapshot that is not taken, which leaves no book without a cause.
    pub(super) const fn refused_snapshot(self) -> Self {
        match self {
            Self::Live | Self::NoSnapshot => Self::Broken(DesyncCause::OldSnapshot),
            Self::Broken(_) => self,
        }
    }

    /// The state after a fault. What broke a book first stays its cause.
    pub(super) const fn broken_by(self, fault: DesyncCause) -> Self {
        match self {
            Self::Live => Self::Broken(fault),
            Self::NoSnapshot | Self::Broken(_) => self,
        }
    }
}
