//! The decoder of one frame: choice of the block type and of the instruction set.

use std::fmt;

use super::bits::{BitReader, TurnedInput, WINDOW};
use super::body::{self, DistanceCode, LiteralCode};
use super::code_lengths::CodeLengths;
use super::entry::{DISTANCES, LITERALS, LONG_DISTANCE, LONG_LITERAL, NO_DISTANCE, NO_LITERAL};
use super::output::Output;
use super::prefix_code::BadCode;
use super::refusal::{Invalid, Refusal, Unsupported};

/// Inflates small frames of one DEFLATE block (RFC 1951), the shape of the exchange's messages.
///
/// Rejects other frames as [`Unsupported`] or [`Refusal::OutputFull`]; the caller then uses a
/// general decoder. The output is byte for byte the same as zlib's.
///
/// About 30 KB, all inline: box it if it must not live on the stack.
pub struct SmallInflate {
    input: TurnedInput,
    lengths: CodeLengths,
    literals: LiteralCode,
    distances: DistanceCode,
    fixed_literals: LiteralCode,
    fixed_distances: DistanceCode,
    /// AVX2 and BMI2 are available: set by [`wide_is_available`] only.
    wide: bool,
}

/// A frame that was inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflated {
    /// Bytes of text at the start of the output, 0 to [`MAX_OUTPUT`](super::MAX_OUTPUT).
    pub written: usize,
    /// Bytes of input up to the end of the block, 1 to [`MAX_INPUT`]; the last one may be used
    /// in part. Later bytes are not read.
    pub consumed: usize,
}

/// A block with compressed data.
#[derive(Clone, Copy)]
enum Block {
    Fixed,
    Dynamic,
}

impl Default for SmallInflate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SmallInflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallInflate").field("wide", &self.wide).finish_non_exhaustive()
    }
}

impl SmallInflate {
    /// Makes a decoder that uses AVX2 and BMI2 if the machine has them.
    #[must_use]
    pub fn new() -> Self {
        Self { wide: wide_is_available(), ..Self::portable() }
    }

    /// Makes a decoder that uses the baseline instructions of the target only.
    #[must_use]
    pub fn portable() -> Self {
        let mut fixed_literals = LiteralCode::new();
        let mut fixed_distances = DistanceCode::new();
        let mut lengths = CodeLengths::new();
        lengths.set_fixed();
        // The fixed codes are complete, so both calls succeed.
        let _ = fixed_literals.build(lengths.literals(), &LITERALS, (NO_LITERAL, LONG_LITERAL));
        let _ =
            fixed_distances.build(lengths.distances(), &DISTANCES, (NO_DISTANCE, LONG_DISTANCE));
        Self {
            input: TurnedInput::new(),
            lengths,
            literals: LiteralCode::new(),
            distances: DistanceCode::new(),
            fixed_literals,
            fixed_distances,
            wide: false,
        }
    }

    /// Whether this decoder uses AVX2 and BMI2.
    #[must_use]
    pub const fn is_wide(&self) -> bool {
        self.wide
    }

    /// Inflates `input`, one final DEFLATE block, to the start of `output`.
    ///
    /// `output` must have [`OUTPUT_SPACE`](super::OUTPUT_SPACE) bytes, of which any may be
    /// overwritten; later ones are not touched. Bytes after the end of the block are ignored.
    ///
    /// Allocates nothing. The work is bounded by [`MAX_INPUT`] and
    /// [`MAX_OUTPUT`](super::MAX_OUTPUT), whatever the input is.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unsupported`] if the block is stored or not the last one, or the input or the
    /// output space is not of the agreed size; [`Refusal::OutputFull`] if the text is longer than
    /// [`MAX_OUTPUT`](super::MAX_OUTPUT); [`Refusal::Invalid`] if it is not valid DEFLATE data.
    pub fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Inflated, Refusal> {
        if input.len() > MAX_INPUT {
            return Err(Refusal::Unsupported(Unsupported::InputTooLong));
        }
        let Some(output) = output.first_chunk_mut() else {
            return Err(Refusal::Unsupported(Unsupported::OutputSpaceTooShort));
        };
        #[cfg(target_arch = "x86_64")]
        if self.wide {
            #[expect(unsafe_code, reason = "a call into code for newer instructions")]
            // SAFETY: the only demand of `inflate_wide` is that the machine has the features it
            // is compiled for. `wide` is true only if `wide_is_available` found each of them.
            return unsafe { self.inflate_wide(input, output) };
        }
        self.inflate_portable(input, output)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
    fn inflate_wide(&mut self, input: &[u8], output: &mut Output) -> Result<Inflated, Refusal> {
        let mut reader = self.start(input);
        let written = self.read_head(input, &mut reader).and_then(|block| {
            let (literals, distances) = self.codes(block);
            decode_wide(&self.input, &mut reader, literals, distances, output)
                .map_err(|why| self.explain(block, why))
        });
        end(input, reader, written)
    }

    fn inflate_portable(&mut self, input: &[u8], output: &mut Output) -> Result<Inflated, Refusal> {
        let mut reader = self.start(input);
        let written = self.read_head(input, &mut reader).and_then(|block| {
            let (literals, distances) = self.codes(block);
            decode_portable(&self.input, &mut reader, literals, distances, output)
                .map_err(|why| self.explain(block, why))
        });
        end(input, reader, written)
    }

    /// Loads `input`. Returns a reader positioned after the type of the block.
    #[inline(always)]
    fn start(&mut self, input: &[u8]) -> BitReader {
        self.input.fill(input);
        BitReader::at(&self.input, 3)
    }

    /// Returns the reason why a block cannot be decoded, given the fault of its body.
    ///
    /// A code without the end-of-block symbol is invalid. Its body never ends, so the check is
    /// needed only for blocks that failed.
    #[cold]
    #[inline(never)]
    fn explain(&self, block: Block, why: Refusal) -> Refusal {
        if matches!(block, Block::Dynamic) && !self.lengths.has_end_of_block() {
            return Refusal::Invalid(Invalid::NoEndOfBlock);
        }
        why
    }

    /// Returns the codes of a block whose head was read.
    #[inline(always)]
    fn codes(&self, block: Block) -> (&LiteralCode, &DistanceCode) {
        match block {
            Block::Fixed => (&self.fixed_literals, &self.fixed_distances),
            Block::Dynamic => (&self.literals, &self.distances),
        }
    }

    /// Reads the head of the block, and its codes if it has any.
    #[inline(always)]
    fn read_head(&mut self, input: &[u8], reader: &mut BitReader) -> Result<Block, Refusal> {
        let head = head(input);
        match head & 7 {
            0b011 => Ok(Block::Fixed),
            0b101 => {
                self.read_codes(head, reader)?;
                Ok(Block::Dynamic)
            }
            0b001 => Err(Refusal::Unsupported(Unsupported::StoredBlock)),
            0b111 => Err(Refusal::Invalid(Invalid::BlockType)),
            _ => Err(Refusal::Unsupported(Unsupported::SeveralBlocks)),
        }
    }

    /// Reads the codes of a dynamic block.
    #[inline(always)]
    fn read_codes(&mut self, head: u128, reader: &mut BitReader) -> Result<(), Invalid> {
        self.lengths.read(&self.input, head, reader)?;
        self.literals
            .build(self.lengths.literals(), &LITERALS, (NO_LITERAL, LONG_LITERAL))
            .map_err(|BadCode| Invalid::LiteralCode)?;
        self.distances
            .build(self.lengths.distances(), &DISTANCES, (NO_DISTANCE, LONG_DISTANCE))
            .map_err(|BadCode| Invalid::DistanceCode)
    }
}

/// [`body::decode`] with AVX2 and BMI2; apart from the head, so that registers suffice.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
#[inline(never)]
fn decode_wide(
    input: &TurnedInput,
    reader: &mut BitReader,
    literals: &LiteralCode,
    distances: &DistanceCode,
    output: &mut Output,
) -> Result<usize, Refusal> {
    body::decode(input, reader, literals, distances, output)
}

/// [`body::decode`] with the baseline instructions; apart from the head, so that registers
/// suffice.
#[inline(never)]
fn decode_portable(
    input: &TurnedInput,
    reader: &mut BitReader,
    literals: &LiteralCode,
    distances: &DistanceCode,
    output: &mut Output,
) -> Result<usize, Refusal> {
    body::decode(input, reader, literals, distances, output)
}

/// The result for `input`, read up to `reader`.
#[inline(always)]
fn end(
    input: &[u8],
    reader: BitReader,
    written: Result<usize, Refusal>,
) -> Result<Inflated, Refusal> {
    let consumed = reader.consumed().div_ceil(8);
    if consumed > input.len() {
        return Err(Refusal::Invalid(Invalid::Truncated));
    }
    written.map(|written| Inflated { written, consumed })
}

/// Returns the first 16 bytes of `input`, first bit lowest; zeros after its end.
#[inline(always)]
fn head(input: &[u8]) -> u128 {
    if let Some(head) = input.first_chunk() {
        return u128::from_le_bytes(*head);
    }
    let mut head = [0; 16];
    for (to, from) in head.iter_mut().zip(input) {
        *to = *from;
    }
    u128::from_le_bytes(head)
}

/// Whether the processor has the features that [`SmallInflate::inflate_wide`] is compiled for.
fn wide_is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("movbe")
            && is_x86_feature_detected!("popcnt")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Longest supported input, in bytes. Longer recorded frames are not faster than with libdeflate:
/// their time is spent in the body, which has little overhead to save, and in codes longer than the
/// tables.
pub const MAX_INPUT: usize = 512;

const _: () = assert!(MAX_INPUT <= WINDOW, "the reader wraps at the window");
