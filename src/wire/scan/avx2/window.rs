//! The bytes that are looked at together, and words within them.

/// The bytes that are read of a level from its price on.
pub(super) const WINDOW: usize = 64;

/// The bytes that are read of two decimals elsewhere: no more than there are from a trade's price
/// to the end of its message.
pub(super) const PAIR_WINDOW: usize = 48;

/// The word at a place of the window; `None` where it does not lie in it.
#[inline(always)]
pub(super) fn word_at<const W: usize>(window: &[u8; W], at: usize) -> Option<u64> {
    window.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// Whether the first bytes of a word, from its low end, are these.
#[inline(always)]
pub(super) fn starts_with<const N: usize>(word: u64, bytes: &[u8; N]) -> bool {
    const { assert!(N > 0 && N <= 8) };
    (word ^ word_of(bytes)) << (64 - 8 * N) == 0
}

/// The first eight bytes as a little-endian word, filled up with zeros.
#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Whether `bytes`, of which there are up to 16, stand at a place of the window.
#[inline(always)]
pub(super) fn stands_at<const W: usize, const N: usize>(
    window: &[u8; W],
    at: usize,
    bytes: &[u8; N],
) -> Option<bool> {
    let shift = |len: usize| 64 - 8 * len.min(8);
    let start = (word_at(window, at)? ^ word_of(bytes)) << shift(N);
    if N <= 8 {
        return Some(start == 0);
    }
    let (_, end) = bytes.split_at(8.min(N));
    let end = (word_at(window, at + 8)? ^ word_of(end)) << shift(end.len().max(1));
    Some(start | end == 0)
}
