//! The trailer of a block: commit mark and index entry at once.

use crate::model::UnixNanos;

/// The magic number of the skippable zstd frame of a trailer.
pub(super) const TRAILER_MAGIC: u32 = 0x184D_2A5B;

/// The first bytes of a trailer's content.
const TAG: [u8; 4] = *b"OKXC";

/// The version of the format.
const VERSION: u16 = 1;

/// The bytes of a trailer's content.
const CONTENT_LEN: u32 = 48;

/// What follows a block of a capture: what the block holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// The lines of the block.
    pub lines: u32,
    /// The bytes of the block on disk, without the trailer.
    pub packed_len: u32,
    /// The bytes of the block's text.
    pub text_len: u32,
    /// The number of the block in its file, from 0.
    pub number: u64,
    /// The earliest time of the block's lines.
    pub first: UnixNanos,
    /// The latest time of the block's lines.
    pub last: UnixNanos,
}

impl Trailer {
    /// The bytes of a trailer on disk.
    pub const LEN: usize = CONTENT_LEN as usize + 8;

    /// The trailer as bytes: a skippable zstd frame.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let mut room = bytes.as_mut_slice();
        // There is room for all of it.
        let mut write = |part: &[u8]| {
            if let Some((place, rest)) = std::mem::take(&mut room).split_at_mut_checked(part.len())
            {
                place.copy_from_slice(part);
                room = rest;
            }
        };
        write(&TRAILER_MAGIC.to_le_bytes());
        write(&CONTENT_LEN.to_le_bytes());
        write(&TAG);
        write(&VERSION.to_le_bytes());
        // Reserved.
        write(&[0; 2]);
        write(&self.lines.to_le_bytes());
        write(&self.packed_len.to_le_bytes());
        write(&self.text_len.to_le_bytes());
        write(&[0; 4]);
        write(&self.number.to_le_bytes());
        write(&self.first.0.to_le_bytes());
        write(&self.last.0.to_le_bytes());
        bytes
    }

    /// Reads a trailer; `None` where the bytes are none of this version.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let long = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let version = u16::from_le_bytes(*bytes.get(12..)?.first_chunk()?);
        let is_ours = word(0)? == TRAILER_MAGIC
            && word(4)? == CONTENT_LEN
            && bytes.get(8..12)? == TAG
            && version == VERSION;
        is_ours.then_some(())?;
        Some(Self {
            lines: word(16)?,
            packed_len: word(20)?,
            text_len: word(24)?,
            number: long(32)?,
            first: UnixNanos(long(40)?),
            last: UnixNanos(long(48)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_reads_back_and_no_changed_head_is_one() {
        let trailer = Trailer {
            lines: 1,
            packed_len: 2,
            text_len: 3,
            number: 4,
            first: UnixNanos(5),
            last: UnixNanos(u64::MAX),
        };
        let bytes = trailer.to_bytes();
        assert_eq!(Trailer::parse(&bytes), Some(trailer));
        for at in 0..14 {
            let mut changed = bytes;
            changed[at] ^= 1;
            assert_eq!(Trailer::parse(&changed), None, "{at}");
        }
        assert_eq!(Trailer::parse(&bytes[1..]), None);
    }
}
