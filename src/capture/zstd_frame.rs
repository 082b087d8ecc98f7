//! The length of a zstd frame, found in its headers alone (RFC 8878, section 3.1.1).

/// The magic number of a zstd frame.
pub(super) const ZSTD_MAGIC: u32 = 0xFD2F_B528;

/// The bytes of the magic number and the descriptor, which give the length of the header.
pub(super) const DESCRIPTOR_END: usize = 5;

/// The bytes of a block's header.
pub(super) const BLOCK_HEADER_LEN: usize = 3;

/// The length of a frame's header, by its first [`DESCRIPTOR_END`] bytes; `None` where they begin
/// no zstd frame.
pub(super) fn header_len(start: &[u8]) -> Option<usize> {
    let [a, b, c, d, descriptor] = *start.first_chunk()?;
    if u32::from_le_bytes([a, b, c, d]) != ZSTD_MAGIC {
        return None;
    }
    let window = usize::from(!is_single_segment(descriptor));
    let [dictionary] = [match descriptor & 3 {
        3 => 4,
        len => usize::from(len),
    }];
    Some(DESCRIPTOR_END + window + dictionary + content_size_len(descriptor))
}

/// The bytes of a frame's content, by its whole header; `None` where the header does not say, or
/// the frame has no checksum.
pub(super) fn checked_content_len(header: &[u8]) -> Option<u64> {
    let descriptor = *header.get(DESCRIPTOR_END - 1)?;
    let has_checksum = descriptor & 4 != 0;
    let len = content_size_len(descriptor);
    let field = header.get(header.len().checked_sub(len)?..)?;
    let mut bytes = [0; 8];
    bytes.get_mut(..len)?.copy_from_slice(field);
    let value = u64::from_le_bytes(bytes);
    // Two bytes have an offset, since one has the smaller values.
    let value = if len == 2 { value + 256 } else { value };
    (has_checksum && len > 0).then_some(value)
}

/// The bytes that follow a block's header, and whether the block is the frame's last; `None` for a
/// reserved type.
pub(super) fn block_len(header: [u8; BLOCK_HEADER_LEN]) -> Option<(usize, bool)> {
    let [a, b, c] = header;
    let value = u32::from_le_bytes([a, b, c, 0]);
    let size = usize::try_from(value >> 3).ok()?;
    let is_last = value & 1 == 1;
    match (value >> 1) & 3 {
        0 | 2 => Some((size, is_last)),
        1 => Some((1, is_last)),
        _ => None,
    }
}

const fn is_single_segment(descriptor: u8) -> bool {
    descriptor & 0x20 != 0
}

const fn content_size_len(descriptor: u8) -> usize {
    match descriptor >> 6 {
        0 => is_single_segment(descriptor) as usize,
        1 => 2,
        2 => 4,
        _ => 8,
    }
}
