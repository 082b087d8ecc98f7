//! What the feed's thread hands to the writer: records end to end in one piece of memory.

use bytes::BytesMut;

use super::entry::{ConnectionLabel, Mark};
use crate::model::UnixNanos;
use crate::wire::DecodeLimits;

/// The bytes after which a block is handed over: as text, with what is added to each line, it fits
/// into 256 KiB.
pub(super) const BLOCK_LEN: usize = 224 << 10;

/// The bytes of a record before its payload.
pub(super) const HEADER_LEN: usize = 20;

/// The longest payload of a record.
pub(super) const MAX_PAYLOAD_LEN: usize = DecodeLimits::MAX_FRAME_LEN;

/// The bytes that a block has room for: one that is not full takes any record.
const CAPACITY: usize = BLOCK_LEN + HEADER_LEN + MAX_PAYLOAD_LEN;

/// How many bytes from the next record on are kept in the caches: what the frames of a usual read
/// take.
#[cfg(feature = "client")]
const AHEAD: usize = 16 << 10;

/// The bytes of a cache line.
#[cfg(feature = "client")]
const LINE: usize = 64;

/// What is recorded: a frame or a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapturedKind {
    /// A text frame that was received.
    Text,
    /// A binary frame that was received.
    Binary,
    /// Anything else.
    Mark(Mark),
}

impl CapturedKind {
    const fn code(self) -> u8 {
        match self {
            Self::Text => 254,
            Self::Binary => 255,
            Self::Mark(mark) => mark as u8,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            254 => Some(Self::Text),
            255 => Some(Self::Binary),
            _ => Mark::ALL.into_iter().find(|mark| *mark as u8 == code).map(Self::Mark),
        }
    }
}

/// Lines that are missing: how many, and when the first and the last came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) lines: u64,
    pub(super) blocks: u64,
    pub(super) first: UnixNanos,
    pub(super) last: UnixNanos,
}

impl Missing {
    /// Adds those that are missing after these.
    pub(super) fn add(&mut self, later: Self) {
        if later.lines == 0 {
            return;
        }
        if self.lines == 0 {
            self.first = later.first;
        }
        self.lines += later.lines;
        self.blocks += later.blocks;
        self.last = later.last;
    }
}

/// Records end to end. The memory is that of [`Block::new`]; nothing grows it.
#[derive(Debug)]
pub(super) struct Block {
    bytes: BytesMut,
    /// Up to here its memory is in the caches.
    #[cfg(feature = "client")]
    warm: usize,
    pub(super) lines: u64,
    pub(super) first: UnixNanos,
    pub(super) last: UnixNanos,
    /// What is missing between the block before and this one.
    pub(super) missing: Missing,
}

/// One entry of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockEntry<'b> {
    pub(super) ts: UnixNanos,
    pub(super) connection: ConnectionLabel,
    pub(super) kind: CapturedKind,
    pub(super) payload: &'b [u8],
}

impl Block {
    /// Allocates the memory of a block, and touches what is used of it, so that no page is missing
    /// later.
    pub(super) fn new() -> Self {
        let mut bytes = BytesMut::with_capacity(CAPACITY);
        // Stored to, unlike memory that the allocator gives as zeros.
        bytes.resize(BLOCK_LEN + HEADER_LEN, 0);
        bytes.clear();
        let none = UnixNanos::UNKNOWN;
        Self {
            bytes,
            #[cfg(feature = "client")]
            warm: 0,
            lines: 0,
            first: none,
            last: none,
            missing: Missing::default(),
        }
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        #[cfg(feature = "client")]
        {
            self.warm = 0;
        }
        (self.lines, self.missing) = (0, Missing::default());
        (self.first, self.last) = (UnixNanos::UNKNOWN, UnixNanos::UNKNOWN);
    }

    /// Whether it is to be handed over.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_LEN
    }

    /// Appends a record of at most [`MAX_PAYLOAD_LEN`] bytes to a block that is not full.
    #[inline]
    pub(super) fn push(
        &mut self,
        kind: CapturedKind,
        ConnectionLabel { group, line }: ConnectionLabel,
        ts: UnixNanos,
        payload: &[u8],
    ) {
        // The recorder refuses what is longer.
        let len = u32::try_from(payload.len()).unwrap_or(0);
        debug_assert_eq!(len as usize, payload.len());
        let [t0, t1, t2, t3, t4, t5, t6, t7] = ts.0.to_le_bytes();
        let [l0, l1, l2, l3] = len.to_le_bytes();
        let ([g0, g1], [n0, n1]) = (group.to_le_bytes(), line.to_le_bytes());
        let header: [u8; HEADER_LEN] =
            [t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, l2, l3, g0, g1, n0, n1, kind.code(), 0, 0, 0];
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(payload);
        if self.lines == 0 {
            self.first = ts;
        }
        self.last = ts;
        self.lines += 1;
    }

    /// Has the memory of the next records in the caches, while no frame waits: another core has
    /// read it since it was written last, so that a store would wait for that core or for memory.
    #[cfg(feature = "client")]
    pub(super) fn warm_ahead(&mut self) {
        let len = self.bytes.len();
        let ahead = self.warm.max(len)..(len + AHEAD).min(BLOCK_LEN + HEADER_LEN);
        let lines = ahead.clone().step_by(LINE);
        let free = self.bytes.spare_capacity_mut();
        for byte in lines {
            if let Some(byte) = free.get_mut(byte - len) {
                byte.write(0);
            }
        }
        self.warm = ahead.end.max(ahead.start);
    }

    /// The lines that are missing if this block is dropped.
    pub(super) const fn as_missing(&self) -> Missing {
        Missing { lines: self.lines, blocks: 1, first: self.first, last: self.last }
    }

    /// The records in order.
    pub(super) fn records(&self) -> impl Iterator<Item = BlockEntry<'_>> {
        let mut rest: &[u8] = &self.bytes;
        std::iter::from_fn(move || {
            let (header, after) = rest.split_first_chunk::<HEADER_LEN>()?;
            let [t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, l2, l3, g0, g1, n0, n1, code, ..] =
                *header;
            let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let (payload, next) = after.split_at_checked(len)?;
            rest = next;
            let connection = ConnectionLabel {
                group: u16::from_le_bytes([g0, g1]),
                line: u16::from_le_bytes([n0, n1]),
            };
            let ts = UnixNanos(u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]));
            Some(BlockEntry { ts, connection, kind: CapturedKind::from_code(code)?, payload })
        })
    }
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;

    #[test]
    fn records_are_left_alone_by_what_brings_the_next_into_the_caches() {
        let mut block = Block::new();
        let payload =
            |n: u64| vec![u8::try_from(n % 251).unwrap(); usize::try_from(n % 700).unwrap()];
        let mut n = 0;
        block.warm_ahead();
        assert_eq!(block.warm, AHEAD);
        while !block.is_full() {
            block.push(CapturedKind::Text, ConnectionLabel::default(), UnixNanos(n), &payload(n));
            if n % 3 == 0 {
                block.warm_ahead();
                assert!(block.warm >= block.bytes.len().min(BLOCK_LEN));
            }
            n += 1;
        }
        block.warm_ahead();
        let read: Vec<_> = block.records().map(|one| (one.ts.0, one.payload.to_vec())).collect();
        assert_eq!(read, (0..n).map(|n| (n, payload(n))).collect::<Vec<_>>());
        block.clear();
        assert_eq!(block.warm, 0);
    }
}
