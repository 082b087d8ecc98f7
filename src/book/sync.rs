//! The sync state of an order book and the outcome of a message.

use super::checksum::Checksum;
use super::sequence::Sequence;

/// Why a book no longer matches the exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DesyncCause {
    /// A sequence gap: messages were lost.
    Gap,
    /// A checksum mismatch after a message.
    Checksum,
    /// A message had a level of negative size and was not applied.
    NegativeSize,
    /// A message was lost that may belong to this book, and no sequence number can show the loss.
    Lost,
    /// A side that was cut to its capacity has too few levels left after deletions.
    Truncated,
    /// A snapshot was older than the last book.
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

/// The sync state of an order book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BookSync {
    /// No snapshot yet.
    #[default]
    NoSnapshot,
    /// A REST snapshot ([`DepthAction::RestSnapshot`](super::update::DepthAction)), which no
    /// update spans yet.
    Unlinked,
    /// The book passed all checks of its messages.
    Live,
    /// The book does not match the exchange's until the next snapshot.
    Broken(DesyncCause),
}

impl BookSync {
    /// The name: `no_snapshot`, `unlinked`, `live` or `broken`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSnapshot => "no_snapshot",
            Self::Unlinked => "unlinked",
            Self::Live => "live",
            Self::Broken(_) => "broken",
        }
    }
}

/// Whether a broken book applies updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FaultPolicy {
    /// Rejects updates until the next snapshot. The update that shows a gap is rejected too.
    #[default]
    Reject,
    /// Applies and verifies updates, for diagnosis. The book stays broken.
    ApplyAnyway,
}

/// The outcome of applying a message to an order book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message that was not applied, or broke the book, requires a new snapshot"]
pub struct ApplyOutcome {
    /// Whether the message was applied. If not, the levels are unchanged.
    pub applied: bool,
    /// The state of the book after the message.
    pub sync: BookSync,
    /// The sequence check; [`Sequence::None`] for an update without a snapshot.
    pub sequence: Sequence,
    /// The checksum check of the book after the message.
    pub checksum: Checksum,
    /// The number of deletions of prices that the book did not have. Real messages have some.
    pub missing: u32,
    /// The number of levels that were dropped: the side was full, or they lie past its limit.
    pub out_of_capacity: u32,
    /// Whether a side is cut to the book's capacity; see `BookRef::ask_limit`.
    pub truncated: bool,
    /// The index of the best level that changed, 0 for the best of its side; `None` if none did.
    ///
    /// A message whose first change is at 5 or later leaves the best five levels unchanged.
    pub first_changed: Option<usize>,
    /// Whether the update was kept for a REST snapshot and follows none of the kept ones: a
    /// gap, a sequence reset, or the first update.
    ///
    /// The next snapshot must not be older than this message. One that is requested later than the
    /// exchange's cache may be old is not; see
    /// [`SessionConfig::snapshot_age`](crate::session::SessionConfig::snapshot_age).
    pub begins_chain: bool,
}

impl BookSync {
    /// The state after a rejected snapshot.
    pub(super) const fn refused_snapshot(self) -> Self {
        match self {
            Self::Live | Self::Unlinked | Self::NoSnapshot => {
                Self::Broken(DesyncCause::OldSnapshot)
            }
            Self::Broken(_) => self,
        }
    }

    /// The state after a fault. A broken book keeps its first cause.
    pub(super) const fn broken_by(self, fault: DesyncCause) -> Self {
        match self {
            Self::Live | Self::Unlinked => Self::Broken(fault),
            Self::NoSnapshot | Self::Broken(_) => self,
        }
    }
}

/// How certain it is of which book a lost message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribution {
    /// It was of this book.
    Exact,
    /// It may have been of this book.
    Possible,
}
