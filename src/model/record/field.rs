//! The fields of records: how each type is read, stored as words and shown.

use super::text_words::{MAX_TEXT, put_text, take_text};
use crate::model::decimal::{Decimal, DecimalError};
use crate::model::dialect::Dialect;
use crate::model::instrument::InstrumentId;
use crate::model::text::Text;
use crate::model::time::UnixNanos;
use crate::model::trade::Side;

/// A value of a message, before its type is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RawValue<'t> {
    /// The text of a string.
    Text(&'t str),
    /// The characters of a JSON number.
    Number(&'t [u8]),
    /// `true` or `false`.
    Bool(bool),
    /// An object or an array.
    Nested,
}

impl<'t> RawValue<'t> {
    /// The characters of a number, which the wire writes as a string or as a JSON number.
    const fn digits(self) -> Result<&'t [u8], FieldError> {
        match self {
            Self::Text(text) => Ok(text.as_bytes()),
            Self::Number(digits) => Ok(digits),
            Self::Bool(_) | Self::Nested => Err(FieldError::Type),
        }
    }

    const fn text(self) -> Result<&'t str, FieldError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Number(_) | Self::Bool(_) | Self::Nested => Err(FieldError::Type),
        }
    }

    /// Whether it stands for an absent value: the exchange writes `""`.
    const fn is_empty(self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// Why a value is not that of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldError {
    /// It has another JSON type.
    Type,
    /// It is no number, or its exact value does not fit.
    Number(DecimalError),
    /// It is no time of the dialect.
    Time,
    /// It is neither `buy` nor `sell`.
    Side,
    /// It is no instrument's id.
    Id,
}

/// The value of a field, to be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldValue<'r> {
    /// The message does not have it.
    Absent,
    /// The message does not have it, and it would be a time.
    AbsentTime,
    /// An exact number.
    Decimal(Decimal),
    /// A name or a text.
    Text(&'r str),
    /// A time.
    Time(UnixNanos),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(u64),
}

/// The type of a record's field.
pub(crate) trait RecordField: Copy {
    /// How many words it takes.
    const WORDS: usize;

    /// Whether a message without it is malformed.
    const REQUIRED: bool;

    /// The value of a message that does not have it.
    const EMPTY: Self;

    /// What is shown of an optional one that the message does not have.
    const ABSENT: FieldValue<'static> = FieldValue::Absent;

    fn read(raw: RawValue<'_>, dialect: Dialect) -> Result<Self, FieldError>;

    fn put(&self, put: &mut impl FnMut(u64));

    fn take(words: &mut impl Iterator<Item = u64>) -> Self;

    fn show(&self) -> FieldValue<'_>;

    /// The value that is shown as this; a number may be a text. `None` for another type.
    fn of(value: FieldValue<'_>) -> Option<Self>;
}

impl RecordField for Decimal {
    const WORDS: usize = 2;
    const REQUIRED: bool = true;
    const EMPTY: Self = Self::ZERO;

    fn read(raw: RawValue<'_>, _: Dialect) -> Result<Self, FieldError> {
        Self::parse_value(raw.digits()?).map_err(FieldError::Number)
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put(self.mantissa().cast_unsigned());
        put(u64::from(self.scale()));
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        let mut next = || words.next().unwrap_or_default();
        let (mantissa, [scale, ..]) = (next().cast_signed(), next().to_le_bytes());
        Self::new(mantissa, scale).unwrap_or(Self::ZERO)
    }

    fn show(&self) -> FieldValue<'_> {
        FieldValue::Decimal(*self)
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Decimal(number) => Some(number),
            FieldValue::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// The mark of an absent value in its last word.
const ABSENT: u64 = u64::MAX;

/// An optional value: absent where the message has none, `null` or `""`.
impl<T: RecordField> RecordField for Option<T> {
    const WORDS: usize = 1 + T::WORDS;
    const REQUIRED: bool = false;
    const EMPTY: Self = None;

    fn read(raw: RawValue<'_>, dialect: Dialect) -> Result<Self, FieldError> {
        if raw.is_empty() { Ok(None) } else { T::read(raw, dialect).map(Some) }
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put(if self.is_some() { 0 } else { ABSENT });
        self.unwrap_or(T::EMPTY).put(put);
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        let is_some = words.next() != Some(ABSENT);
        let value = T::take(words);
        is_some.then_some(value)
    }

    fn show(&self) -> FieldValue<'_> {
        self.as_ref().map_or(T::ABSENT, T::show)
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Absent | FieldValue::AbsentTime => Some(None),
            value => T::of(value).map(Some),
        }
    }
}

impl RecordField for UnixNanos {
    const WORDS: usize = 1;
    const REQUIRED: bool = true;
    const EMPTY: Self = Self::UNKNOWN;
    const ABSENT: FieldValue<'static> = FieldValue::AbsentTime;

    fn read(raw: RawValue<'_>, dialect: Dialect) -> Result<Self, FieldError> {
        let text = raw.digits()?;
        let time = match dialect {
            Dialect::V3 => Self::parse_iso_ms(text).or_else(|| parse_iso_date(text)),
            Dialect::V5 => Self::parse_millis(text),
        };
        time.ok_or(FieldError::Time)
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put(self.0);
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        Self(words.next().unwrap_or_default())
    }

    fn show(&self) -> FieldValue<'_> {
        FieldValue::Time(*self)
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Time(time) => Some(time),
            FieldValue::Integer(nanos) => Some(Self(nanos)),
            _ => None,
        }
    }
}

/// The first instant of a day in UTC, such as `2019-05-17`.
///
/// Source: `listing` and `delivery` of v3's futures.
fn parse_iso_date(text: &[u8]) -> Option<UnixNanos> {
    let mut whole = *b"0000-00-00T00:00:00.000Z";
    let date: &[u8; 10] = text.try_into().ok()?;
    whole.first_chunk_mut::<10>()?.copy_from_slice(date);
    UnixNanos::parse_iso_ms(&whole)
}

impl RecordField for bool {
    const WORDS: usize = 1;
    const REQUIRED: Self = true;
    const EMPTY: Self = false;

    /// Source: `enabled` is a JSON value, `confirm` is `"0"` or `"1"`.
    fn read(raw: RawValue<'_>, _: Dialect) -> Result<Self, FieldError> {
        match raw {
            RawValue::Bool(value) => Ok(value),
            RawValue::Text("1" | "true") | RawValue::Number(b"1") => Ok(true),
            RawValue::Text("0" | "false") | RawValue::Number(b"0") => Ok(false),
            RawValue::Text(_) | RawValue::Number(_) | RawValue::Nested => Err(FieldError::Type),
        }
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put(u64::from(*self));
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        words.next() == Some(1)
    }

    fn show(&self) -> FieldValue<'_> {
        FieldValue::Bool(*self)
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Bool(value) => Some(value),
            _ => None,
        }
    }
}

impl RecordField for u64 {
    const WORDS: usize = 1;
    const REQUIRED: bool = true;
    const EMPTY: Self = 0;

    fn read(raw: RawValue<'_>, _: Dialect) -> Result<Self, FieldError> {
        let number = Decimal::parse(raw.digits()?).map_err(FieldError::Number)?;
        let is_whole = number.scale() == 0;
        let value = Self::try_from(number.mantissa()).ok().filter(|_| is_whole);
        value.ok_or(FieldError::Number(DecimalError::Syntax))
    }

    fn put(&self, put: &mut impl FnMut(Self)) {
        put(*self);
    }

    fn take(words: &mut impl Iterator<Item = Self>) -> Self {
        words.next().unwrap_or_default()
    }

    fn show(&self) -> FieldValue<'_> {
        FieldValue::Integer(*self)
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Integer(value) => Some(value),
            _ => None,
        }
    }
}

impl RecordField for Side {
    const WORDS: usize = 1;
    const REQUIRED: bool = true;
    const EMPTY: Self = Self::Buy;

    fn read(raw: RawValue<'_>, _: Dialect) -> Result<Self, FieldError> {
        Self::from_name(raw.text()?.as_bytes()).ok_or(FieldError::Side)
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put(u64::from(*self == Self::Sell));
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        if words.next() == Some(1) { Self::Sell } else { Self::Buy }
    }

    fn show(&self) -> FieldValue<'_> {
        FieldValue::Text(self.name())
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Text(name) => Self::from_name(name.as_bytes()),
            _ => None,
        }
    }
}

/// A name or a text, cut where it is longer. Empty if the message has none.
impl<const N: usize> RecordField for Text<N> {
    const WORDS: usize = 1 + N.div_ceil(8);
    const REQUIRED: bool = false;
    const EMPTY: Self = Self::EMPTY;

    fn read(raw: RawValue<'_>, _: Dialect) -> Result<Self, FieldError> {
        Ok(Self::cut(raw.text()?))
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put_text(self.as_str(), N, put);
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        let mut bytes = [0; MAX_TEXT];
        Self::cut(take_text(&mut bytes, N, words))
    }

    fn show(&self) -> FieldValue<'_> {
        match self.as_str() {
            "" => FieldValue::Absent,
            text => FieldValue::Text(text),
        }
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Absent => Some(Self::EMPTY),
            FieldValue::Text(text) => (text.len() <= N).then(|| Self::cut(text)),
            _ => None,
        }
    }
}

/// An instrument's id; a message whose id is too long is malformed.
impl RecordField for InstrumentId {
    const WORDS: usize = 1 + Self::MAX_LEN.div_ceil(8);
    const REQUIRED: bool = true;
    const EMPTY: Self = Self::NONE;

    fn read(raw: RawValue<'_>, _: Dialect) -> Result<Self, FieldError> {
        Self::new(raw.text()?).map_err(|_| FieldError::Id)
    }

    fn put(&self, put: &mut impl FnMut(u64)) {
        put_text(self.as_str(), Self::MAX_LEN, put);
    }

    fn take(words: &mut impl Iterator<Item = u64>) -> Self {
        let mut bytes = [0; MAX_TEXT];
        Self::new(take_text(&mut bytes, Self::MAX_LEN, words)).unwrap_or(Self::NONE)
    }

    fn show(&self) -> FieldValue<'_> {
        FieldValue::Text(self.as_str())
    }

    fn of(value: FieldValue<'_>) -> Option<Self> {
        match value {
            FieldValue::Text(text) => Self::new(text).ok(),
            FieldValue::Absent => Some(Self::NONE),
            _ => None,
        }
    }
}
