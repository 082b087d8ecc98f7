//! The blocks of a capture: each a zstd frame and its trailer.

use std::io::{self, Cursor, Read};

use super::block_order::{BlockOrder, BlockOrderCheck};
use super::entry::{ConnectionLabel, Mark};
use super::line_reader::MAX_LINE_LEN;
use super::line_writer::{Line, write_line};
use super::trailer::Trailer;
use super::zstd_frame::{
    BLOCK_HEADER_LEN, DESCRIPTOR_END, block_len, checked_content_len, header_len,
};
use crate::model::UnixNanos;

/// The most text of one block: a line of the longest frame, and as much as a block is to have.
const MAX_TEXT_LEN: usize = MAX_LINE_LEN + (256 << 10);

/// The most bytes of one block on disk: text that can't be compressed, and zstd's own headers.
const MAX_PACKED_LEN: usize = MAX_TEXT_LEN + MAX_TEXT_LEN / 128 + 1024;

/// What was found where a block should begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A block with its trailer.
    Block(Trailer),
    /// The end, right after a trailer.
    End,
    /// The end, within a block: it was not committed.
    Torn,
    /// Something else, or a block that is damaged.
    Foreign,
    /// A whole zstd frame at the end, without a trailer.
    Uncommitted,
}

/// Bytes of one read in search of a trailer.
const SEARCH_LEN: usize = 64 << 10;

/// Reads blocks in order. Memory is bounded by the largest block, whatever the file says.
///
/// Damage costs the blocks that it is in: the reader goes on at the next trailer that is right.
/// Where blocks do not follow one another, a gap line stands in the place of what is missing.
pub(super) struct BlockReader {
    /// The bytes of the last block, its trailer included.
    packed: Vec<u8>,
    /// What was read already and comes before what the source has.
    ahead: Cursor<Vec<u8>>,
    order: BlockOrder,
    /// Whether bytes that are no block were left out before the last block.
    has_left_out: bool,
    text: Vec<u8>,
    taken: usize,
    unpacker: zstd::bulk::Decompressor<'static>,
    /// Where the next block begins in the file.
    offset: u64,
    /// Blocks that end before this are not decompressed; the first that begins after that ends it.
    from: UnixNanos,
    to: UnixNanos,
    is_torn: bool,
    is_ended: bool,
    /// Whether it has ended at a block of a later time.
    is_limited: bool,
}

/// What is missing between two times.
#[derive(Clone, Copy, Debug)]
struct GapSpan {
    /// The lines that are known to be missing.
    lines: u64,
    /// The blocks that are known to be missing.
    blocks: u64,
    first: UnixNanos,
    last: UnixNanos,
}

impl GapSpan {
    /// It is not known how much.
    const fn between(first: UnixNanos, last: UnixNanos) -> Self {
        Self { lines: 0, blocks: 0, first, last }
    }
}

impl BlockReader {
    /// A reader of what was read already, and of what a source has behind it.
    pub(super) fn new(ahead: Vec<u8>) -> io::Result<Self> {
        Ok(Self {
            packed: Vec::new(),
            ahead: Cursor::new(ahead),
            order: BlockOrder::default(),
            has_left_out: false,
            text: Vec::new(),
            taken: 0,
            unpacker: zstd::bulk::Decompressor::new()?,
            offset: 0,
            from: UnixNanos::UNKNOWN,
            to: UnixNanos(u64::MAX),
            is_torn: false,
            is_ended: false,
            is_limited: false,
        })
    }

    /// Leaves out blocks without a line from `from` to before `to`.
    pub(super) const fn limit(&mut self, from: UnixNanos, to: UnixNanos) {
        (self.from, self.to) = (from, to);
    }

    /// What was read of the last block.
    pub(super) fn take_packed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.packed)
    }

    /// Whether the file ends within a block.
    pub(super) const fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Whether it has left out blocks at the end, which are later than what is read.
    pub(super) const fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// The first and the latest time of the blocks so far, those that were left out included.
    pub(super) fn times(&self) -> Option<(UnixNanos, UnixNanos)> {
        self.order.times()
    }

    /// Where the last whole block ends in the file, in bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next block as it is on disk.
    ///
    /// # Errors
    /// That of `source`.
    pub(super) fn read_block(&mut self, source: &mut impl Read) -> io::Result<Found> {
        self.packed.clear();
        match self.read_frame(source)? {
            None => {}
            Some(Found::Torn) if self.packed.is_empty() => return Ok(Found::End),
            Some(found) => return Ok(found),
        }
        let packed_len = self.packed.len();
        if !self.read_more(source, Trailer::LEN)? {
            let is_at_end = self.packed.len() == packed_len;
            return Ok(if is_at_end { Found::Uncommitted } else { Found::Torn });
        }
        let trailer = self.packed.get(packed_len..).and_then(Trailer::parse);
        let Some(trailer) = trailer.filter(|t| t.packed_len as usize == packed_len) else {
            return Ok(Found::Foreign);
        };
        self.offset += self.packed.len() as u64;
        Ok(Found::Block(trailer))
    }

    /// Reads a zstd frame; `None` where it is whole.
    fn read_frame(&mut self, source: &mut impl Read) -> io::Result<Option<Found>> {
        if !self.read_more(source, DESCRIPTOR_END)? {
            return Ok(Some(Found::Torn));
        }
        let Some(len) = header_len(&self.packed) else { return Ok(Some(Found::Foreign)) };
        if !self.read_more(source, len - DESCRIPTOR_END)? {
            return Ok(Some(Found::Torn));
        }
        match checked_content_len(&self.packed) {
            Some(len) if len <= MAX_TEXT_LEN as u64 => {}
            _ => return Ok(Some(Found::Foreign)),
        }
        loop {
            if !self.read_more(source, BLOCK_HEADER_LEN)? {
                return Ok(Some(Found::Torn));
            }
            let header = self.packed.last_chunk().copied();
            let Some((len, is_last)) = header.and_then(block_len) else {
                return Ok(Some(Found::Foreign));
            };
            // The last one is followed by the checksum.
            let len = len + if is_last { 4 } else { 0 };
            if self.packed.len() + len > MAX_PACKED_LEN {
                return Ok(Some(Found::Foreign));
            }
            if !self.read_more(source, len)? {
                return Ok(Some(Found::Torn));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// Reads so many bytes more. False where the source ends before.
    fn read_more(&mut self, source: &mut impl Read, len: usize) -> io::Result<bool> {
        let Self { ahead, packed, .. } = self;
        let read = ahead.chain(source.by_ref()).take(len as u64).read_to_end(packed)?;
        Ok(read == len)
    }

    /// Looks behind what is no whole block for the next trailer, and for the block before it.
    /// `None` where there is none: what was searched is left out.
    fn resync(&mut self, source: &mut impl Read) -> io::Result<Option<Trailer>> {
        let mut bytes = std::mem::take(&mut self.packed);
        let (mut searched, mut dropped) = (0, 0);
        loop {
            if let Some((at, trailer)) = Trailer::find(bytes.get(searched..).unwrap_or_default()) {
                let end = searched + at + Trailer::LEN;
                let start = (searched + at).saturating_sub(trailer.packed_len as usize);
                let mut ahead = bytes.split_off(end);
                self.ahead.read_to_end(&mut ahead)?;
                self.ahead = Cursor::new(ahead);
                self.offset += (dropped + end) as u64;
                self.packed = bytes.split_off(start);
                self.has_left_out = dropped + start > 0;
                return Ok(Some(trailer));
            }
            searched = bytes.len().saturating_sub(Trailer::LEN - 1);
            if bytes.len() > 2 * MAX_PACKED_LEN {
                let excess = bytes.len() - MAX_PACKED_LEN;
                bytes.drain(..excess);
                (searched, dropped) = (searched - excess, dropped + excess);
            }
            let more = self.ahead.by_ref().chain(source.by_ref()).take(SEARCH_LEN as u64);
            if { more }.read_to_end(&mut bytes)? == 0 {
                return Ok(None);
            }
        }
    }

    /// Unpacks the block that was read last, and says what is missing before it. One that is
    /// damaged gives a line that says so.
    fn unpack(&mut self, trailer: &Trailer) {
        self.taken = 0;
        self.text.clear();
        let has_left_out = std::mem::take(&mut self.has_left_out);
        let before = self.order.latest();
        match self.order.place(trailer) {
            BlockOrderCheck::Next if has_left_out => {
                let reason = format!("no block before byte {}", self.start_of(trailer));
                self.write_gap(GapSpan::between(before, trailer.first), &reason);
            }
            BlockOrderCheck::Next => {}
            BlockOrderCheck::AfterHole(blocks, since) => {
                let reason = format!("blocks do not follow before byte {}", self.start_of(trailer));
                let missing = GapSpan { blocks, ..GapSpan::between(since, trailer.first) };
                self.write_gap(missing, &reason);
            }
            BlockOrderCheck::Again { is_first } => {
                let reason = format!("blocks again at byte {}", self.start_of(trailer));
                if is_first {
                    self.write_gap(GapSpan::between(trailer.first, trailer.last), &reason);
                }
                return;
            }
        }
        // Times that nothing covers may be wrong.
        let is_wanted = trailer.last >= self.from && trailer.first < self.to;
        if trailer.is_checked && !is_wanted {
            // Nothing after it can be wanted either: files are in the order of time.
            self.is_limited = trailer.first >= self.to;
            self.is_ended |= self.is_limited;
            return;
        }
        let len = trailer.packed_len as usize;
        let is_whole = self.packed.len() == len + Trailer::LEN;
        let packed = self.packed.get(..len).filter(|_| is_whole).unwrap_or_default();
        // Mostly there is none, and the memory is used again.
        let gap = if self.text.is_empty() { Vec::new() } else { std::mem::take(&mut self.text) };
        self.text.reserve(MAX_TEXT_LEN.min(trailer.text_len as usize));
        let unpacked = self.unpacker.decompress_to_buffer(packed, &mut self.text);
        if unpacked.ok() == Some(trailer.text_len as usize) {
            self.text.splice(0..0, gap);
        } else {
            self.text = gap;
            let reason = format!("damaged block at byte {}", self.start_of(trailer));
            let missing = GapSpan {
                lines: trailer.lines.into(),
                blocks: 1,
                ..GapSpan::between(trailer.first, trailer.last)
            };
            self.write_gap(missing, &reason);
        }
    }

    /// Where the block that was read last begins in the file.
    fn start_of(&self, trailer: &Trailer) -> u64 {
        self.offset.saturating_sub(u64::from(trailer.packed_len) + Trailer::LEN as u64)
    }

    /// Writes a line that says that so many lines and blocks of these times are missing, where
    /// they are of the times that are read.
    fn write_gap(&mut self, missing: GapSpan, reason: &str) {
        let GapSpan { lines, blocks, first, last } = missing;
        if last < self.from || first >= self.to {
            return;
        }
        let text = format!(
            "lines={lines} blocks={blocks} first={first} last={last} reason={reason}",
            first = first.0,
            last = last.0
        );
        let connection = ConnectionLabel::default();
        let line = Line { ts: first, connection, name: Mark::Gap.name() };
        write_line(&mut self.text, line, text.as_bytes());
    }

    /// Gives text of the current block, and reads the next ones as needed.
    ///
    /// # Errors
    /// That of `source`.
    pub(super) fn read(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() && !self.is_ended {
            let found = self.read_block(source)?;
            let trailer = match found {
                Found::Block(trailer) => Some(trailer),
                Found::End => None,
                Found::Torn | Found::Uncommitted | Found::Foreign => self.resync(source)?,
            };
            if let Some(trailer) = trailer {
                self.unpack(&trailer);
                continue;
            }
            self.is_ended = true;
            self.is_torn = found != Found::End;
            if found == Found::Foreign {
                (self.taken, self.text) = (0, Vec::new());
                let reason = format!("damaged from byte {} to the end", self.offset);
                let missing = GapSpan::between(self.order.latest(), UnixNanos(u64::MAX));
                self.write_gap(missing, &reason);
            }
        }
        let left = self.text.get(self.taken..).unwrap_or_default();
        let len = left.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..len), left.get(..len)) {
            to.copy_from_slice(from);
        }
        self.taken += len;
        Ok(len)
    }
}
