//! The layout of a segment: words of eight bytes, in the byte order of the machine.

use crate::model::ChannelKind;

/// The first word: `OKXFEED1` in memory on a little-endian machine.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"OKXFEED1");

/// The version of the layout. A reader refuses any other.
pub(super) const VERSION: u64 = 1;

/// The words of a cache line.
pub(super) const LINE: usize = 8;

/// The words of two cache lines, the alignment of slots.
pub(super) const PAIR: usize = 2 * LINE;

/// The words of the header.
pub(super) const HEADER_WORDS: usize = 4 * LINE;

/// The words of a directory entry.
pub(super) const ENTRY_WORDS: usize = 4 * LINE;

/// The largest number of words of a segment: one gigabyte.
pub(super) const MAX_WORDS: usize = 1 << 27;

/// The words of the header, by index.
pub(super) mod header {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 1;
    /// The number of words of the segment.
    pub(crate) const WORDS: usize = 2;
    /// The generation: the time of the system's monotonic clock at which the segment was made.
    pub(crate) const GENERATION: usize = 3;
    /// The writer's process id.
    pub(crate) const PID: usize = 4;
    /// The largest age of a heartbeat in nanoseconds; a writer whose heartbeat is older is silent.
    pub(crate) const HEARTBEAT_LIMIT: usize = 5;
    /// The number of entries that the directory has room for.
    pub(crate) const CAPACITY: usize = 6;
    /// The time of the last heartbeat, on the system's monotonic clock. On a line of its own with
    /// the two that follow, since the words before them never change.
    pub(crate) const HEARTBEAT: usize = 8;
    /// [`super::RUNNING`], [`super::ENDED`] or [`super::REPLACED`].
    pub(crate) const PHASE: usize = 9;
    /// The number of directory entries.
    pub(crate) const ENTRIES: usize = 10;
}

/// The writer is running.
pub(super) const RUNNING: u64 = 1;
/// The writer has ended in order.
pub(super) const ENDED: u64 = 2;
/// A new writer has made another segment of the same name.
pub(super) const REPLACED: u64 = 3;

/// The words of a directory entry, by index.
pub(super) mod entry {
    /// The code of the [`super::SlotKind`].
    pub(crate) const KIND: usize = 0;
    /// The index of the slot's first word.
    pub(crate) const AT: usize = 1;
    /// The words of a value.
    pub(crate) const VALUE_WORDS: usize = 2;
    /// The number of values of a ring; 1 of a slot with one value.
    pub(crate) const LEN: usize = 3;
    /// The number of bytes of the subscription's text.
    pub(crate) const TEXT_LEN: usize = 4;
    /// The first word of the text.
    pub(crate) const TEXT: usize = 5;
}

/// The longest text of a subscription, in bytes.
pub(super) const MAX_TEXT: usize = (ENTRY_WORDS - entry::TEXT) * 8;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// The best five levels of each side, replaced by each publication.
    Book,
    /// The last trades.
    Trades,
    /// A record that each publication replaces.
    Record,
    /// The last records.
    Records,
}

impl SlotKind {
    const ALL: [Self; 4] = [Self::Book, Self::Trades, Self::Record, Self::Records];

    /// The slot's kind of a kind of channel; `None` for raw messages, which are not published.
    pub(super) const fn of(kind: ChannelKind) -> Option<Self> {
        match kind {
            ChannelKind::Book5 | ChannelKind::Depth => Some(Self::Book),
            ChannelKind::Trades => Some(Self::Trades),
            ChannelKind::Latest(_) => Some(Self::Record),
            ChannelKind::Stream(_) => Some(Self::Records),
            ChannelKind::Raw => None,
        }
    }

    /// The kind's number in the directory.
    pub(super) const fn code(self) -> u64 {
        match self {
            Self::Book => 1,
            Self::Trades => 2,
            Self::Record => 3,
            Self::Records => 4,
        }
    }

    pub(super) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether the slot is a ring of values.
    pub(super) const fn is_ring(self) -> bool {
        matches!(self, Self::Trades | Self::Records)
    }
}

/// A slot of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotLayout {
    pub(super) kind: SlotKind,
    /// The index of its first word.
    pub(super) at: usize,
    pub(super) value_words: usize,
    /// The number of values of a ring; otherwise 1.
    pub(super) len: usize,
}

/// The words of a ring before its values: the number of the next value, and the state.
pub(super) const RING_HEAD: usize = PAIR;
/// The index of the number of the next value in a ring.
pub(super) const RING_NEXT: usize = 0;
/// The index of the state's code in a ring.
pub(super) const RING_STATE: usize = LINE;

/// The words from one value of a ring to the next: its version and the value, in whole cache lines.
pub(super) const fn stride(value_words: usize) -> usize {
    (1 + value_words).next_multiple_of(LINE)
}

/// The words of a slot: of one value, or of a ring of `len`. `None` if they are too many.
pub(super) fn slot_words(kind: SlotKind, value_words: usize, len: usize) -> Option<usize> {
    if value_words > MAX_WORDS || len > MAX_WORDS {
        return None;
    }
    let values = stride(value_words).checked_mul(len)?;
    let words = if kind.is_ring() { values.checked_add(RING_HEAD)? } else { values };
    (words <= MAX_WORDS).then(|| words.next_multiple_of(PAIR))
}
