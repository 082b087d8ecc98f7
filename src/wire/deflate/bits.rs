//! The input with the bits of each byte reversed, read from the most significant bit.

#![expect(clippy::indexing_slicing, reason = "every index is masked to its array or checked")]

/// The input, bit-reversed byte by byte, so that Huffman codes are read from their first bit.
///
/// DEFLATE packs codes first bit lowest. With each byte reversed and words read big-endian, a
/// code is the top of the word, and canonical order is table order.
#[repr(C, align(64))]
pub(super) struct TurnedInput {
    bytes: [u8; WINDOW + PADDING],
}

impl TurnedInput {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; WINDOW + PADDING] }
    }

    /// Loads `input`, at most [`WINDOW`] bytes; the rest is ignored.
    #[inline(always)]
    pub(super) fn fill(&mut self, input: &[u8]) {
        let len = input.len().min(WINDOW);
        if let Some((_, last)) = input.split_last_chunk::<STEP>() {
            let mut at = 0;
            while at + STEP < len {
                self.reverse_block(at, &input[at..]);
                at += STEP;
            }
            self.reverse_block(len - STEP, last);
        } else {
            for (to, from) in self.bytes.iter_mut().zip(input) {
                *to = from.reverse_bits();
            }
        }
        self.bytes[len..len + PADDING].fill(0);
    }

    /// Loads the first [`STEP`] bytes of `from`.
    #[inline(always)]
    fn reverse_block(&mut self, at: usize, from: &[u8]) {
        if let Some(to) = self.bytes.get_mut(at..at + STEP) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = from.reverse_bits();
            }
        }
    }

    /// Returns eight bytes from `at`, first byte highest; `at` is taken modulo [`WINDOW`].
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        let at = at & (WINDOW - 1);
        let mut word = [0; 8];
        word.copy_from_slice(&self.bytes[at..at + 8]);
        u64::from_be_bytes(word)
    }
}

/// A position in a [`TurnedInput`] and the bits that follow it.
///
/// Reading past the end of the input is safe: it returns padding, then arbitrary bits. Callers
/// compare [`consumed`](Self::consumed) with the input length before they use a result.
#[derive(Clone, Copy)]
pub(super) struct BitReader {
    /// The next bits, first one highest. Those after the first `left` are ahead of the count.
    pub(super) bits: u64,
    /// Number of counted bits in its low six bits; the bits above them are noise.
    pub(super) left: u32,
    /// The byte after the counted bits, not wrapped to the window.
    next: usize,
}

impl BitReader {
    /// Starts at bit number `at`; at least 49 bits are ready.
    #[inline(always)]
    pub(super) fn at(input: &TurnedInput, at: u32) -> Self {
        let first = (at >> 3) as usize;
        Self { bits: input.word(first) << (at & 7), left: 56 - (at & 7), next: first + 7 }
    }

    /// Makes at least 56 bits ready.
    #[inline(always)]
    pub(super) fn refill(&mut self, input: &TurnedInput) {
        self.bits |= input.word(self.next).wrapping_shr(self.left);
        self.next += (!self.left >> 3 & 7) as usize;
        self.left = self.left & 7 | 56;
    }

    /// Drops as many bits as the low six bits of `count` say, at most those that are ready.
    #[inline(always)]
    pub(super) fn consume(&mut self, count: u32) {
        self.bits = self.bits.wrapping_shl(count);
        self.left = self.left.wrapping_sub(count);
    }

    /// Returns the number of bits read since the start of the input.
    #[inline(always)]
    pub(super) fn consumed(&self) -> usize {
        self.next * 8 - (self.left & 63) as usize
    }
}

/// Returns the eight bits of `byte` in reverse order.
#[inline(always)]
fn turn8(byte: u8) -> u8 {
    TURNED[usize::from(byte)]
}

/// Returns the first `count` (at most 13) of the top bits of `bits` as a number, first bit lowest.
#[inline(always)]
pub(super) fn turned_number(bits: u64, count: u32) -> u32 {
    let [first, second, ..] = bits.to_be_bytes();
    let number = u32::from(turn8(first)) | u32::from(turn8(second)) << 8;
    number & ((1 << count) - 1)
}

/// Bytes that a [`BitReader`] can address; a power of two, so that positions are masked.
pub(super) const WINDOW: usize = 512;

/// Bytes reversed at a time.
const STEP: usize = 32;

/// Zero bytes after the input, so that the result for a truncated head does not depend on an
/// earlier frame: at most 316 code lengths of one bit follow its end.
const PADDING: usize = 2 * STEP;

/// The bits of each byte value in reverse order.
static TURNED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = byte.reverse_bits();
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};
