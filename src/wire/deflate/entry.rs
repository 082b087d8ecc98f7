//! Table entries: the meaning of one prefix code, packed in 32 bits.
//!
//! Low byte: all bits of the symbol, extra bits included. Bits 8 to 13: length of the prefix code
//! alone, in the low six bits of a byte, as shift instructions read them. A code of `n` bits
//! therefore adds `n * 0x101` to the entry of its symbol.
//!
//! Literal/length entries: bit 31 marks a literal, its byte in bits 16 to 23. Bit 30 marks the
//! special ones, their kind in bits 16 to 23. Else a match: base length in bits 16 to 24, mask of
//! the extra bits in bits 25 to 29.
//!
//! Distance entries: base distance in bits 16 to 30; bit 31 marks the special ones.

#![expect(clippy::indexing_slicing, reason = "only constants are evaluated with indices")]

/// Marks a literal.
pub(super) const LITERAL: u32 = 1 << 31;
/// Marks a literal/length entry that is neither literal nor match.
pub(super) const SPECIAL: u32 = 1 << 30;

/// End of block.
pub(super) const END: u32 = SPECIAL;
/// Unused code or reserved literal/length symbol.
pub(super) const NO_LITERAL: u32 = SPECIAL | 1 << 16;
/// First bits of literal/length codes that are longer than the table is wide.
pub(super) const LONG_LITERAL: u32 = SPECIAL | 2 << 16;

/// Unused code or reserved distance symbol.
pub(super) const NO_DISTANCE: u32 = 0x8000 << 16;
/// First bits of distance codes that are longer than the table is wide.
pub(super) const LONG_DISTANCE: u32 = 0x8001 << 16;

/// The increment of an entry for one more bit of code length.
pub(super) const CODE_BIT: u32 = 0x101;

/// Entries of the literal/length symbols, with codes of zero bits.
pub(super) static LITERALS: [u32; 512] = {
    let mut table = [NO_LITERAL; 512];
    let mut symbol = 0;
    while symbol < 256 {
        table[symbol as usize] = LITERAL | symbol << 16;
        symbol += 1;
    }
    table[256] = END;
    while symbol < 284 {
        symbol += 1;
        let step = symbol - 257;
        let extra = if step < 8 { 0 } else { (step - 4) >> 2 };
        let base = if step < 8 { step + 3 } else { 3 + ((4 + (step & 3)) << extra) };
        table[symbol as usize] = extra | base << 16 | ((1 << extra) - 1) << 25;
    }
    table[285] = 258 << 16;
    table
};

/// Entries of the distance symbols, with codes of zero bits.
pub(super) static DISTANCES: [u32; 32] = {
    let mut table = [NO_DISTANCE; 32];
    let mut symbol = 0;
    while symbol < 30 {
        let extra = if symbol < 4 { 0 } else { (symbol - 2) >> 1 };
        let base = if symbol < 4 { symbol + 1 } else { 1 + ((2 + (symbol & 1)) << extra) };
        table[symbol as usize] = extra | base << 16;
        symbol += 1;
    }
    table
};
