//! The trailer of a block: commit mark and index entry at once.

use crate::model::UnixNanos;

/// The magic number of the skippable zstd frame of a trailer.
pub(super) const TRAILER_MAGIC: u32 = 0x184D_2A5B;

/// The first bytes of a trailer's content.
const TAG: [u8; 4] = *b"OKXC";

/// The version of the format: its checksum covers the trailer.
const VERSION: u16 = 2;

/// The version before, in which nothing covers the trailer. The place of the checksum is 0.
const UNCHECKED_VERSION: u16 = 1;

/// Where the checksum is.
const CHECKSUM_AT: usize = 28;

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
    /// Whether a checksum covers all of this: not in files of version 1, of which no reader may
    /// leave out a block by its times.
    pub is_checked: bool,
}

impl Trailer {
    /// The bytes of a trailer on disk.
    pub const LEN: usize = CONTENT_LEN as usize + 8;

    /// The trailer as bytes, with its checksum: a skippable zstd frame.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = self.to_bytes_unchecked();
        let checksum = checksum(&bytes).to_le_bytes();
        if let Some(place) = bytes.get_mut(CHECKSUM_AT..).and_then(<[u8]>::first_chunk_mut) {
            *place = checksum;
        }
        bytes
    }

    fn to_bytes_unchecked(self) -> [u8; Self::LEN] {
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
        let is_ours =
            word(0)? == TRAILER_MAGIC && word(4)? == CONTENT_LEN && bytes.get(8..12)? == TAG;
        let found = word(CHECKSUM_AT)?;
        let is_right = match version {
            VERSION => found == checksum(bytes),
            UNCHECKED_VERSION => found == 0,
            _ => false,
        };
        (is_ours && is_right).then_some(())?;
        Some(Self {
            lines: word(16)?,
            packed_len: word(20)?,
            text_len: word(24)?,
            number: long(32)?,
            first: UnixNanos(long(40)?),
            last: UnixNanos(long(48)?),
            is_checked: version == VERSION,
        })
    }

    /// The first trailer in these bytes, and where it begins.
    #[must_use]
    pub fn find(bytes: &[u8]) -> Option<(usize, Self)> {
        let mut head = [0; 12];
        let (magic, rest) = head.split_at_mut(4);
        let (len, tag) = rest.split_at_mut(4);
        magic.copy_from_slice(&TRAILER_MAGIC.to_le_bytes());
        len.copy_from_slice(&CONTENT_LEN.to_le_bytes());
        tag.copy_from_slice(&TAG);
        memchr::memmem::find_iter(bytes, &head)
            .find_map(|at| Some((at, Self::parse(bytes.get(at..at.checked_add(Self::LEN)?)?)?)))
    }
}

/// CRC-32 of all bytes but those of the checksum.
fn checksum(bytes: &[u8; Trailer::LEN]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..CHECKSUM_AT).unwrap_or_default());
    hasher.update(bytes.get(CHECKSUM_AT + 4..).unwrap_or_default());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer() -> Trailer {
        Trailer {
            lines: 1,
            packed_len: 2,
            text_len: 3,
            number: 4,
            first: UnixNanos(5),
            last: UnixNanos(u64::MAX),
            is_checked: true,
        }
    }

    #[test]
    fn a_trailer_reads_back_and_none_with_a_changed_bit_is_one() {
        let bytes = trailer().to_bytes();
        assert_eq!(Trailer::parse(&bytes), Some(trailer()));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::parse(&changed), None, "bit {bit}");
            assert_eq!(Trailer::find(&changed), None, "bit {bit}");
        }
        assert_eq!(Trailer::parse(&bytes[1..]), None);
        let padded = [&bytes[..40], &b"xy"[..], &bytes[..], &bytes[..]].concat();
        assert_eq!(Trailer::find(&padded), Some((42, trailer())));
    }

    #[test]
    fn a_trailer_of_version_1_reads_and_is_not_checked() {
        let mut bytes = trailer().to_bytes_unchecked();
        bytes[12] = 1;
        assert_eq!(Trailer::parse(&bytes), Some(Trailer { is_checked: false, ..trailer() }));
        bytes[30] = 1;
        assert_eq!(Trailer::parse(&bytes), None);
    }
}
