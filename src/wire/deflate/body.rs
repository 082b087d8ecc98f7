//! The body of a block: literals and matches.

#![expect(clippy::indexing_slicing, reason = "positions are checked against the output limit")]
#![expect(clippy::cast_possible_truncation, reason = "literal bytes cut from wider entries")]

use super::bits::{BitReader, TurnedInput, turned_number};
use super::entry::{END, LITERAL, LONG_DISTANCE, LONG_LITERAL, SPECIAL};
use super::output::{MAX_OUTPUT, Output, SLACK};
use super::prefix_code::{PrefixCode, STEP};
use super::refusal::{Invalid, Refusal};

/// The literal/length code: a table of 8 bits, the longest code of nearly all small frames.
pub(super) type LiteralCode = PrefixCode<{ 256 + STEP }>;

/// The distance code: a table of 7 bits.
pub(super) type DistanceCode = PrefixCode<{ 128 + STEP }>;

/// Decodes one block body to `output` and returns the number of bytes written.
///
/// Each round writes two literals, or at most one and a match. A round reads at most 56 bits: a
/// literal of 8 from the table, then a length of 15 + 5 and a distance of 15 + 13. A refill makes
/// 64 ready, though it counts only 56 of them; so 8 are left for the next look-up.
///
/// Input past the end reads as noise, which the output limit bounds: each round writes a byte at
/// least, or ends.
#[inline(always)]
pub(super) fn decode(
    input: &TurnedInput,
    reader: &mut BitReader,
    literals: &LiteralCode,
    distances: &DistanceCode,
    output: &mut Output,
) -> Result<usize, Refusal> {
    let mut at = 0;
    let mut r = *reader;
    r.refill(input);
    let mut first = literals.look_up(r.bits);
    let result = loop {
        if at > MAX_OUTPUT {
            break Err(Refusal::OutputFull);
        }
        // `first` was looked up in the top bits, which a refill does not change.
        r.refill(input);
        let mut after = r;
        after.consume(first);
        let second = literals.look_up(after.bits);
        output[at] = (first >> 16) as u8;
        if first & second & LITERAL != 0 {
            output[at + 1] = (second >> 16) as u8;
            after.consume(second);
            first = literals.look_up(after.bits);
            r = after;
            at += 2;
            continue;
        }
        // At most one literal, then another symbol: selected without a branch.
        let literal = first & LITERAL != 0;
        at += usize::from(literal);
        let mut entry = if literal { second } else { first };
        r = if literal { after } else { r };
        if entry & SPECIAL != 0 {
            if entry >> 16 == END >> 16 {
                r.consume(entry);
                break if at > MAX_OUTPUT { Err(Refusal::OutputFull) } else { Ok(at) };
            }
            match special(r, literals, entry) {
                Special::Match(reader, found) => (r, entry) = (reader, found),
                Special::Literal(reader, byte) => {
                    r = reader;
                    first = literals.look_up(r.bits);
                    output[at] = byte;
                    at += 1;
                    continue;
                }
                Special::End(reader) => {
                    r = reader;
                    break if at > MAX_OUTPUT { Err(Refusal::OutputFull) } else { Ok(at) };
                }
                Special::Invalid => break Err(Invalid::LiteralSymbol.into()),
            }
        }
        let len = length(&mut r, entry);
        let Some(distance) = distance(&mut r, distances) else {
            break Err(Invalid::DistanceSymbol.into());
        };
        first = literals.look_up(r.bits);
        if distance > at {
            break Err(Invalid::DistanceTooFar.into());
        }
        copy(output, at, distance, len);
        at += len;
    };
    *reader = r;
    result
}

impl From<Invalid> for Refusal {
    fn from(why: Invalid) -> Self {
        Self::Invalid(why)
    }
}

/// Reads a match's length, 3 to 258, whose `entry` was looked up.
#[inline(always)]
fn length(reader: &mut BitReader, entry: u32) -> usize {
    let extra = turned_number(reader.bits.wrapping_shl(entry >> 8), 8) & entry >> 25;
    reader.consume(entry);
    ((entry >> 16 & 0x1ff) + extra) as usize
}

/// Reads a distance, 1 to 32,768; `None` if the bits are not a valid code.
#[inline(always)]
fn distance(reader: &mut BitReader, distances: &DistanceCode) -> Option<usize> {
    let mut entry = distances.look_up(reader.bits);
    if entry >> 31 != 0 {
        entry = special_distance(reader.bits, distances, entry)?;
    }
    let extra = entry.wrapping_sub(entry >> 8) & 15;
    let more = turned_number(reader.bits.wrapping_shl(entry >> 8), extra);
    reader.consume(entry);
    Some(((entry >> 16) + more) as usize)
}

/// Copies a match of `len` bytes from `distance`, at most `at`, before `at`.
#[inline(always)]
fn copy(output: &mut Output, at: usize, distance: usize, len: usize) {
    if len <= CHUNK && distance >= len {
        let mut chunk = [0; CHUNK];
        chunk.copy_from_slice(&output[at - distance..][..CHUNK]);
        output[at..][..CHUNK].copy_from_slice(&chunk);
    } else {
        copy_long(output, at, distance, len);
    }
}

/// Copies a match that is long or overlaps itself.
#[cold]
#[inline(never)]
fn copy_long(output: &mut Output, at: usize, distance: usize, len: usize) {
    for to in at..at + len {
        output[to] = output[to - distance];
    }
}

/// The meaning of a literal/length entry that the table does not resolve.
enum Special {
    Match(BitReader, u32),
    Literal(BitReader, u8),
    End(BitReader),
    Invalid,
}

/// Resolves a special literal/length entry.
///
/// Has the reader by value, because a reference would move the caller's out of its registers.
#[cold]
#[inline(never)]
fn special(mut reader: BitReader, literals: &LiteralCode, mut entry: u32) -> Special {
    if entry == LONG_LITERAL {
        let Some(found) = literals.search(reader.bits) else {
            return Special::Invalid;
        };
        entry = found;
    }
    if entry & SPECIAL == 0 && entry & LITERAL == 0 {
        return Special::Match(reader, entry);
    }
    reader.consume(entry);
    if entry & LITERAL != 0 {
        Special::Literal(reader, (entry >> 16) as u8)
    } else if entry >> 16 == END >> 16 {
        Special::End(reader)
    } else {
        Special::Invalid
    }
}

/// Resolves a special distance entry.
#[cold]
#[inline(never)]
fn special_distance(bits: u64, distances: &DistanceCode, entry: u32) -> Option<u32> {
    if entry == LONG_DISTANCE { distances.search(bits) } else { None }
}

/// Bytes that a short match copies, needed or not.
const CHUNK: usize = 32;

const _: () = assert!(SLACK >= 2 + 258 + CHUNK, "a round may start at the output limit");
