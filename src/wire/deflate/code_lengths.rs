//! The head of a dynamic block: which symbols have codes, and how long they are (RFC 1951, 3.2.7).

#![expect(clippy::indexing_slicing, reason = "every index is masked to its array")]
#![expect(clippy::cast_possible_truncation, reason = "fields of some bits cut from wider words")]

use super::bits::{BitReader, TurnedInput};
use super::refusal::Invalid;

/// The code lengths of a dynamic block, as lists of the symbols of each length.
///
/// Later work depends on about sixty used symbols instead of 316 announced ones. The lists in
/// sequence are the canonical order.
#[repr(C, align(64))]
pub(super) struct CodeLengths {
    rows: Rows,
    precode: [u32; 128 + 8],
    /// Where each row ends.
    ends: WordWriter,
    /// Where the distance symbols start in each row.
    distances: WordWriter,
    /// Number of literal/length symbols announced.
    literals: u32,
}

/// The code lengths of one code, as a part of each row.
#[derive(Clone, Copy)]
pub(super) struct Lengths<'a> {
    rows: &'a Rows,
    /// Where the code's part of each row starts.
    pub(super) from: &'a WordWriter,
    /// Where the code's part of each row ends.
    pub(super) to: &'a WordWriter,
    /// The number of symbol 0.
    pub(super) first: u32,
}

impl<'a> Lengths<'a> {
    /// Returns the numbers of the symbols with codes of `length` bits, 0 to 15.
    #[inline(always)]
    pub(super) fn row(&self, length: usize) -> &'a [u16] {
        let (from, to) = (self.from[length & 15], self.to[length & 15]);
        self.rows.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

/// The progress of reading the code lengths.
struct Progress {
    reader: BitReader,
    /// Next symbol.
    symbol: u32,
    /// Code length of the symbol before.
    previous: u32,
    /// First symbol past the code being read.
    end: u32,
}

impl CodeLengths {
    pub(super) const fn new() -> Self {
        Self {
            rows: [0; 16 << ROW_SHIFT],
            precode: [0; 128 + 8],
            ends: ROW_STARTS,
            distances: ROW_STARTS,
            literals: 0,
        }
    }

    /// Returns the code lengths of the literal/length code.
    #[inline(always)]
    pub(super) fn literals(&self) -> Lengths<'_> {
        Lengths { rows: &self.rows, from: &ROW_STARTS, to: &self.distances, first: 0 }
    }

    /// Returns the code lengths of the distance code.
    #[inline(always)]
    pub(super) fn distances(&self) -> Lengths<'_> {
        let (from, to) = (&self.distances, &self.ends);
        Lengths { rows: &self.rows, from, to, first: self.literals }
    }

    /// Whether the end-of-block symbol has a code.
    pub(super) fn has_end_of_block(&self) -> bool {
        let code = self.literals();
        (1..=15).any(|length| code.row(length).contains(&256))
    }

    /// Sets the code lengths of the fixed blocks.
    pub(super) fn set_fixed(&mut self) {
        self.ends = ROW_STARTS;
        self.literals = 288;
        for symbol in 0..288 {
            let length = match symbol {
                144..=255 => 9,
                256..=279 => 7,
                _ => 8,
            };
            self.add(symbol, length);
        }
        self.distances = self.ends;
        for symbol in 288..288 + 32 {
            self.add(symbol, 5);
        }
    }

    /// Reads the head of a dynamic block.
    ///
    /// `head` holds the first 16 bytes of the input, first bit lowest. Leaves `reader` on the
    /// first symbol of the body.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        input: &TurnedInput,
        head: u128,
        reader: &mut BitReader,
    ) -> Result<(), Invalid> {
        let announced = head as u32;
        let literals = (announced >> 3 & 31) + 257;
        let distances = (announced >> 8 & 31) + 1;
        if literals > 286 || distances > 30 {
            return Err(Invalid::CodeCounts);
        }
        let precode_bits = ((announced >> 13 & 15) + 4) * 3;
        let lengths = (head >> 17) as u64 & ((1 << precode_bits) - 1);
        self.build_precode(lengths)?;
        self.literals = literals;
        *reader = BitReader::at(input, 17 + precode_bits);
        let start = Progress { reader: *reader, symbol: 0, previous: 0, end: literals };
        *reader = self.read_lengths(input, start, literals + distances)?;
        Ok(())
    }

    /// Fills the table of the code of code lengths.
    #[inline(always)]
    fn build_precode(&mut self, lengths: u64) -> Result<(), Invalid> {
        // Eight packed byte counters, one a code length; their prefix sums are sort positions.
        let mut counts = 0u64;
        let mut position = 0;
        while position < 57 {
            counts += 1 << length8(lengths, position);
            position += 3;
        }
        let mut positions = counts.wrapping_mul(0x0101_0101_0101_0101) << 8;
        let unused = (counts & 31) as usize;
        let mut room = 0;
        let mut length = 1;
        while length < 8 {
            room += (counts >> (8 * length) & 0xff) << (7 - length);
            length += 1;
        }
        if room != 128 {
            return Err(Invalid::CodeLengthCode);
        }
        let mut sorted = [0u32; 32];
        let mut symbol = 0;
        while symbol < 19 {
            let length8 = length8(lengths, PLACES[symbol]);
            sorted[(positions >> length8) as usize & 31] =
                PRECODE_SYMBOLS[symbol] + (length8 >> 3) * 0x101;
            positions += 1 << length8;
            symbol += 1;
        }
        let mut at = 0;
        let mut next = unused;
        while next < 19 {
            let entry = sorted[next];
            let end = at + (128 >> (entry >> 8 & 7));
            loop {
                self.precode[at & 127..][..8].fill(entry);
                at += 8;
                if at >= end {
                    break;
                }
            }
            at = end;
            next += 1;
        }
        Ok(())
    }

    /// Reads the code lengths themselves, `total` of them.
    #[inline(always)]
    fn read_lengths(
        &mut self,
        input: &TurnedInput,
        mut at: Progress,
        total: u32,
    ) -> Result<BitReader, Invalid> {
        self.ends = ROW_STARTS;
        loop {
            // Four symbols have at most 4 * 14 bits.
            at.reader.refill(input);
            if self.step(&mut at, total)?
                || self.step(&mut at, total)?
                || self.step(&mut at, total)?
                || self.step(&mut at, total)?
            {
                if at.end != total {
                    self.distances = self.ends;
                    at.end = total;
                }
                if at.symbol >= total {
                    break;
                }
            }
        }
        if at.symbol != total { Err(Invalid::RepeatPastEnd) } else { Ok(at.reader) }
    }

    /// Reads one precode symbol; returns whether all lengths of the code are known.
    #[inline(always)]
    fn step(&mut self, at: &mut Progress, total: u32) -> Result<bool, Invalid> {
        let entry = self.precode[(at.reader.bits >> 57) as usize];
        let bits = at.reader.bits;
        at.reader.consume(entry);
        if entry & RUN == 0 {
            at.previous = entry >> 28;
            self.add(at.symbol, at.previous);
            at.symbol += 1;
            return Ok(at.symbol >= at.end);
        }
        let extra = (bits.wrapping_shl(entry >> 8) >> 57) as u32;
        let run = u32::from(RUNS[(entry >> 16 | extra) as usize & 511]);
        if entry >> 16 == 0 {
            at.end = self.repeat(at.symbol, at.previous, run, at.end, total)?;
        } else {
            at.previous = 0;
        }
        at.symbol += run;
        Ok(at.symbol >= at.end)
    }

    /// Adds `symbol` to the row of `length`; row 0 is not used.
    #[inline(always)]
    fn add(&mut self, symbol: u32, length: u32) {
        let end = &mut self.ends[length as usize & 15];
        self.rows[usize::from(*end) & ((16 << ROW_SHIFT) - 1)] = symbol as u16;
        *end = end.wrapping_add(1);
    }

    /// Adds a run of symbols with the code length of the one before; returns the new end.
    #[cold]
    #[inline(never)]
    fn repeat(
        &mut self,
        symbol: u32,
        length: u32,
        run: u32,
        end: u32,
        total: u32,
    ) -> Result<u32, Invalid> {
        if symbol == 0 {
            return Err(Invalid::RepeatAtStart);
        }
        if symbol + run > total {
            return Err(Invalid::RepeatPastEnd);
        }
        let mut end = end;
        for symbol in symbol..symbol + run {
            if symbol == end {
                self.distances = self.ends;
                end = total;
            }
            self.add(symbol, length);
        }
        Ok(end)
    }
}

/// Returns eight times the code length at a bit position.
#[inline(always)]
const fn length8(lengths: u64, position: u32) -> u32 {
    ((lengths << 3 >> position) & 0x38) as u32
}

/// Symbol numbers by code length, in ascending order: 16 rows of 512.
type Rows = [u16; 16 << ROW_SHIFT];

const ROW_SHIFT: u32 = 9;

/// An index into each of the rows.
pub(super) type WordWriter = [u16; 16];

/// The start of each row.
static ROW_STARTS: WordWriter = {
    let mut starts = [0; 16];
    let mut row = 0;
    while row < 16 {
        starts[row as usize] = row << ROW_SHIFT;
        row += 1;
    }
    starts
};

/// Marks the symbols that encode several code lengths.
const RUN: u32 = 1 << 6;

/// The bit offset of each precode symbol's length in the head.
const PLACES: [u32; 19] = {
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let mut positions = [0; 19];
    let mut at = 0;
    while at < 19 {
        positions[order[at]] = 3 * at as u32;
        at += 1;
    }
    positions
};

/// Entries of the precode symbols, with codes of zero bits.
///
/// Low six bits: all bits read. Bits 8 to 13: length of the code. Bit 6 marks runs, which have
/// the row of [`RUNS`] in bits 23 and 24. The others have the code length in bits 28 to 31.
const PRECODE_SYMBOLS: [u32; 19] = {
    let mut table = [0; 19];
    let mut symbol = 0;
    while symbol < 16 {
        table[symbol as usize] = symbol << 28;
        symbol += 1;
    }
    table[16] = 2 | RUN;
    table[17] = 3 | RUN | 1 << 23;
    table[18] = 7 | RUN | 2 << 23;
    table
};

/// Length of a run, by the next seven bits of the input, first one highest: rows of 128 for the
/// precode symbols 16, 17 and 18.
static RUNS: [u8; 512] = {
    let mut runs = [0; 512];
    let mut bits = 0u8;
    while bits < 128 {
        let extra = (bits << 1).reverse_bits();
        runs[bits as usize] = 3 + (extra & 3);
        runs[128 + bits as usize] = 3 + (extra & 7);
        runs[256 + bits as usize] = 11 + extra;
        bits += 1;
    }
    runs
};
