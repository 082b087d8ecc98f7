//! Decode errors.

use std::fmt;

use crate::model::DecimalError;

/// The kind of a decode error. Only that frame is lost; the feed continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// A text frame, or the compressed body of a binary one, is over its limit.
    FrameTooLarge = 0,
    /// The inflated text is over its limit.
    InflatedTooLarge = 1,
    /// The body is neither plain text nor starts with a complete raw DEFLATE stream. Bytes after
    /// the end of the stream are ignored, as in zlib.
    Deflate = 2,
    /// A binary frame in v5, which has text frames only without SBE.
    UnexpectedBinary = 3,
    /// The text is not JSON in UTF-8, or nested deeper than
    /// [`DecodeLimits::MAX_JSON_DEPTH`](crate::wire::DecodeLimits::MAX_JSON_DEPTH).
    Json = 4,
    /// A value has another JSON type than the field has.
    WrongType = 5,
    /// A required field is missing; the offset is that of the object.
    MissingField = 6,
    /// A number is not decimal digits, or its text is needed for a checksum and cannot be
    /// reproduced.
    Number = 7,
    /// A number does not fit its type.
    NumberOverflow = 8,
    /// A number has more than [`Decimal::MAX_SCALE`](crate::model::Decimal::MAX_SCALE) decimals.
    NumberScale = 9,
    /// A time is not of the dialect's form or does not exist.
    Timestamp = 10,
    /// A side is neither `buy` nor `sell`.
    Side = 11,
    /// An action is neither a snapshot (v3 `partial`) nor an `update`.
    Action = 12,
    /// A level has fewer than two elements.
    LevelShape = 13,
    /// A side has more levels than the limit.
    TooManyLevels = 14,
    /// `data` has more items than the limit.
    TooManyItems = 15,
    /// An instrument id is empty or too long.
    InstrumentId = 16,
    /// A book names another instrument than its message.
    OtherInstrument = 17,
    /// A binary message ends before its length.
    Truncated = 18,
    /// A block of a binary message is shorter than its schema says.
    BlockLength = 19,
}

impl DecodeErrorKind {
    /// All kinds, in the order of their codes.
    pub const ALL: [Self; 20] = [
        Self::FrameTooLarge,
        Self::InflatedTooLarge,
        Self::Deflate,
        Self::UnexpectedBinary,
        Self::Json,
        Self::WrongType,
        Self::MissingField,
        Self::Number,
        Self::NumberOverflow,
        Self::NumberScale,
        Self::Timestamp,
        Self::Side,
        Self::Action,
        Self::LevelShape,
        Self::TooManyLevels,
        Self::TooManyItems,
        Self::InstrumentId,
        Self::OtherInstrument,
        Self::Truncated,
        Self::BlockLength,
    ];

    /// A short name, stable for scripts, such as `level_shape`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FrameTooLarge => "frame_too_large",
            Self::InflatedTooLarge => "inflated_too_large",
            Self::Deflate => "deflate",
            Self::UnexpectedBinary => "unexpected_binary",
            Self::Json => "json",
            Self::WrongType => "wrong_type",
            Self::MissingField => "missing_field",
            Self::Number => "number",
            Self::NumberOverflow => "number_overflow",
            Self::NumberScale => "number_scale",
            Self::Timestamp => "timestamp",
            Self::Side => "side",
            Self::Action => "action",
            Self::LevelShape => "level_shape",
            Self::TooManyLevels => "too_many_levels",
            Self::TooManyItems => "too_many_items",
            Self::InstrumentId => "instrument_id",
            Self::OtherInstrument => "other_instrument",
            Self::Truncated => "truncated",
            Self::BlockLength => "block_length",
        }
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of a frame that was not decoded: kind and byte offset. `Copy`; allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct DecodeError {
    /// The kind of error.
    pub kind: DecodeErrorKind,
    /// The byte offset in the text (of a compressed frame: in the inflated text); 0 if it is not
    /// known, as in an invalid DEFLATE stream.
    pub offset: u32,
}

impl DecodeError {
    /// Makes an error. An offset past the range of a `u32` saturates.
    #[must_use]
    pub fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self { kind, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }
}

impl From<DecimalError> for DecodeErrorKind {
    fn from(error: DecimalError) -> Self {
        match error {
            DecimalError::Overflow => Self::NumberOverflow,
            DecimalError::Scale => Self::NumberScale,
            _ => Self::Number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_in_order_and_named_once() {
        let mut names = std::collections::HashSet::new();
        for (number, kind) in DecodeErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert!(names.insert(kind.name()));
        }
    }
}
