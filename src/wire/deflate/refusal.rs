//! Errors of the small-frame decoder.

use std::fmt;

/// The error of [`SmallInflate::inflate`](super::SmallInflate::inflate).
///
/// After any refusal the output bytes are unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The frame may be valid, but this decoder does not support it: use a general one.
    Unsupported(Unsupported),
    /// The frame is not DEFLATE data; a general decoder rejects it too.
    Invalid(Invalid),
    /// The text is longer than [`MAX_OUTPUT`](super::MAX_OUTPUT) bytes: use a general decoder.
    OutputFull,
}

/// A frame outside the limits of this decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// The first block is not the last one.
    SeveralBlocks,
    /// The block is stored, not compressed.
    StoredBlock,
    /// The input is longer than [`MAX_INPUT`](super::MAX_INPUT) bytes.
    InputTooLong,
    /// The output slice is shorter than [`OUTPUT_SPACE`](super::OUTPUT_SPACE) bytes.
    OutputSpaceTooShort,
}

/// The fault of an invalid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The input ends before the block does.
    Truncated,
    /// The reserved block type 3.
    BlockType,
    /// More than 286 literal/length or 30 distance code lengths are announced.
    CodeCounts,
    /// The code of the code lengths is over-subscribed or incomplete.
    CodeLengthCode,
    /// A repeat of the previous code length without a previous one.
    RepeatAtStart,
    /// A run of code lengths goes past the announced number.
    RepeatPastEnd,
    /// The end-of-block symbol has no code.
    NoEndOfBlock,
    /// The literal/length code is over-subscribed or incomplete.
    LiteralCode,
    /// The distance code is over-subscribed or incomplete.
    DistanceCode,
    /// Bits that are not a literal/length symbol, or the reserved symbols 286 and 287.
    LiteralSymbol,
    /// Bits that are not a distance symbol, or the reserved symbols 30 and 31.
    DistanceSymbol,
    /// A match reaches back past the first byte of the text.
    DistanceTooFar,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(why) => write!(f, "frame not supported: {why:?}"),
            Self::Invalid(why) => write!(f, "invalid DEFLATE data: {why:?}"),
            Self::OutputFull => f.write_str("text longer than the output limit"),
        }
    }
}

impl std::error::Error for Refusal {}
