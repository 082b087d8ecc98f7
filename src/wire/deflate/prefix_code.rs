//! The decoding table of one prefix code.

#![expect(clippy::indexing_slicing, reason = "every index is masked to its array")]
#![expect(clippy::cast_possible_truncation, reason = "code lengths, counts and table indices")]

use super::code_lengths::Lengths;
use super::entry::CODE_BIT;

/// One prefix code: a table over the first bits, and a search for the few longer codes.
///
/// `SPACE` is the size of the table, a power of two from 16, plus [`STEP`].
#[repr(C, align(64))]
pub(super) struct PrefixCode<const SPACE: usize> {
    table: [u32; SPACE],
    /// Number of codes by length.
    counts: [u16; MAX_CODE + 1],
    /// Entries of the codes longer than the table is wide, in canonical order.
    long: [u32; 512],
}

/// The code is over-subscribed or incomplete.
pub(super) struct BadCode;

impl<const SPACE: usize> PrefixCode<SPACE> {
    /// Longest code that the table resolves, in bits.
    const WIDTH: usize = SPACE.ilog2() as usize;

    /// Entries of the table.
    const SIZE: usize = 1 << Self::WIDTH;

    pub(super) const fn new() -> Self {
        assert!(SPACE == Self::SIZE + STEP, "SPACE must be a power of two plus STEP");
        Self { table: [0; SPACE], counts: [0; 16], long: [0; 512] }
    }

    /// Returns the entry of the code that `bits` starts with.
    #[inline(always)]
    pub(super) fn look_up(&self, bits: u64) -> u32 {
        self.table[(bits >> (64 - Self::WIDTH)) as usize & (Self::SIZE - 1)]
    }

    /// Builds the code with these `lengths`.
    ///
    /// `symbols` are the entries of the symbols, `unused` is the entry of bits that are not a code,
    /// and `long` that of codes too long for the table.
    #[inline(always)]
    pub(super) fn build<const N: usize>(
        &mut self,
        lengths: Lengths<'_>,
        symbols: &[u32; N],
        (unused, long): (u32, u32),
    ) -> Result<(), BadCode> {
        let mut at = 0;
        for length in 1..=Self::WIDTH {
            let run = Self::SIZE >> length;
            for &number in lengths.row(length) {
                let symbol = usize::from(number).wrapping_sub(lengths.first as usize);
                let entry = symbols[symbol & (N - 1)] + length as u32 * CODE_BIT;
                let mut filled = 0;
                loop {
                    self.table[(at + filled) & (Self::SIZE - 1)..][..STEP].fill(entry);
                    filled += STEP;
                    if filled >= run {
                        break;
                    }
                }
                at += run;
            }
        }
        let longer = Self::WIDTH + 1;
        if at == Self::SIZE && lengths.from[longer..] == lengths.to[longer..] {
            return Ok(());
        }
        self.finish(lengths, at, symbols, (unused, long))
    }

    /// Completes a code that fills the table in part, has longer codes, or is bad.
    #[cold]
    #[inline(never)]
    fn finish(
        &mut self,
        lengths: Lengths<'_>,
        at: usize,
        symbols: &[u32],
        (unused, long): (u32, u32),
    ) -> Result<(), BadCode> {
        let mut used = 0;
        let mut longs = 0;
        let mut room = 0;
        for length in 1..=MAX_CODE {
            let row = lengths.row(length);
            self.counts[length] = row.len() as u16;
            used += row.len();
            room += row.len() << (MAX_CODE - length);
            if length <= Self::WIDTH {
                continue;
            }
            for &number in row {
                let symbol = usize::from(number).wrapping_sub(lengths.first as usize);
                let entry = symbols.get(symbol).copied().unwrap_or(unused);
                self.long[longs & 511] = entry + length as u32 * CODE_BIT;
                longs += 1;
            }
        }
        if room == 1 << MAX_CODE {
            self.table[at & (Self::SIZE - 1)..].fill(long);
            return Ok(());
        }
        // A single code of one bit is valid, and a block without matches needs no code.
        if used > 1 || used != usize::from(self.counts[1]) {
            return Err(BadCode);
        }
        self.table[at & (Self::SIZE - 1)..].fill(unused + CODE_BIT);
        Ok(())
    }

    /// Returns the entry of the code longer than the table that `bits` starts with.
    #[cold]
    #[inline(never)]
    pub(super) fn search(&self, bits: u64) -> Option<u32> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for length in 1..=MAX_CODE {
            let count = usize::from(self.counts[length]);
            code = code << 1 | (bits << (length - 1) >> 63) as usize;
            if length > Self::WIDTH {
                if code < first + count {
                    return self.long.get(index + code - first).copied();
                }
                index += count;
            }
            first = (first + count) << 1;
        }
        None
    }
}

/// Longest code of the format, in bits.
const MAX_CODE: usize = 15;

/// Entries written at a time, and room after the table for them.
pub(super) const STEP: usize = 8;
