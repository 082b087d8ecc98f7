//! The blocks of a capture: each a zstd frame and its trailer.

use std::io::{self, Read};

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
    /// Something else. What was read of it is in [`BlockReader::packed`].
    Foreign,
    /// A whole zstd frame at the end, without a trailer.
    Uncommitted,
}

/// Reads blocks in order. Memory is bounded by the largest block, whatever the file says.
pub(super) struct BlockReader {
    /// The bytes of the last block, its trailer included.
    packed: Vec<u8>,
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
}

impl BlockReader {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            packed: Vec::new(),
            text: Vec::new(),
            taken: 0,
            unpacker: zstd::bulk::Decompressor::new()?,
            offset: 0,
            from: UnixNanos::UNKNOWN,
            to: UnixNanos(u64::MAX),
            is_torn: false,
            is_ended: false,
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
        let read = source.by_ref().take(len as u64).read_to_end(&mut self.packed)?;
        Ok(read == len)
    }

    /// Unpacks the block that was read last. One that is damaged gives a line that says so.
    pub(super) fn unpack(&mut self, trailer: &Trailer) {
        self.taken = 0;
        self.text.clear();
        let is_wanted = trailer.last >= self.from && trailer.first < self.to;
        if !is_wanted {
            // Nothing after it can be wanted either: files are in the order of time.
            self.is_ended |= trailer.first >= self.to;
            return;
        }
        let packed = self.packed.get(..trailer.packed_len as usize).unwrap_or_default();
        self.text.reserve(MAX_TEXT_LEN.min(trailer.text_len as usize));
        let unpacked = self.unpacker.decompress_to_buffer(packed, &mut self.text);
        if unpacked.ok() != Some(trailer.text_len as usize) {
            self.text.clear();
            let at = self.offset - (packed.len() + Trailer::LEN) as u64;
            let why = format!("lines={} reason=damaged block at byte {at}", trailer.lines);
            let connection = ConnectionLabel::default();
            let line = Line { ts: trailer.first, connection, name: Mark::Gap.name() };
            write_line(&mut self.text, line, why.as_bytes());
        }
    }

    /// Gives text of the current block, and reads the next ones as needed.
    ///
    /// # Errors
    /// That of `source`, or that something that is no block follows one.
    pub(super) fn read(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() && !self.is_ended {
            match self.read_block(source)? {
                Found::Block(trailer) => self.unpack(&trailer),
                Found::End => self.is_ended = true,
                Found::Torn | Found::Uncommitted => (self.is_torn, self.is_ended) = (true, true),
                Found::Foreign => {
                    self.is_ended = true;
                    let offset = self.offset;
                    let text = format!("the block at byte {offset} is damaged");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
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
