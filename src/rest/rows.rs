//! What replies hold: candles, books, maintenance and files. Trades are [`Trade`](crate::Trade)s,
//! instruments [`Instrument`](crate::model::Instrument)s.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::error::RowError;
use crate::model::{Decimal, Level, Price, UnixNanos};

/// A candle of REST's history, whose volumes are kept as texts; that of a channel is a
/// [`Candle`](crate::model::Candle).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryCandle {
    /// The start of the bar.
    pub ts: UnixNanos,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price; without a trade, that of the bar before.
    pub close: Price,
    /// The volume in base currency on spot and in contracts elsewhere, as the exchange writes it:
    /// it may have more digits than a [`Decimal`].
    pub volume: String,
    /// On derivatives the volume in base currency, on spot in quote currency; `None` where it is
    /// not sent.
    pub volume_ccy: Option<String>,
    /// The volume in quote currency; `None` where it is not sent.
    pub volume_quote: Option<String>,
    /// Whether the bar is over; `None` in v3, which does not say.
    pub closed: Option<bool>,
}

/// An order book of one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSnapshot {
    /// The exchange's time of the book.
    pub ts: UnixNanos,
    /// The sequence number, of the same line as that of the WebSocket's books; `None` in v3 and of
    /// `books-full`.
    pub seq: Option<i64>,
    /// The asks, best first.
    pub asks: Vec<Level>,
    /// The bids, best first.
    pub bids: Vec<Level>,
}

/// A maintenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// What it is about.
    pub title: String,
    /// `scheduled`, `ongoing`, `pre_open`, `completed` or `canceled`.
    pub state: String,
    /// Its begin.
    pub begin: Option<UnixNanos>,
    /// Its end.
    pub end: Option<UnixNanos>,
}

/// A file of `market-data-history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The start of its day.
    pub date: UnixNanos,
    /// Its size in MB, as the exchange writes it.
    pub size_mb: String,
}

/// A text that may stand in JSON as an integer too. A number with a fraction is refused: it would
/// have to go through a float.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text<'b>(pub(super) Cow<'b, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'b, 'b> Deserialize<'de> for Text<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an integer")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }
}

/// A field of a row, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field(pub(super) usize, pub(super) &'static str);

impl Field {
    /// An exact number, in any notation.
    pub(super) fn decimal(self, text: &Text<'_>) -> Result<Decimal, RowError> {
        let Self(row, field) = self;
        Decimal::parse_value(text.as_str().as_bytes()).map_err(|error| RowError::Number {
            row,
            field,
            error,
        })
    }

    /// A whole number.
    pub(super) fn id(self, text: &Text<'_>) -> Result<u64, RowError> {
        text.as_str().parse().map_err(|_| self.bad(text))
    }

    /// A whole number of type `u32`.
    pub(super) fn count(self, text: &Text<'_>) -> Result<u32, RowError> {
        text.as_str().parse().map_err(|_| self.bad(text))
    }

    /// A time in milliseconds.
    pub(super) fn millis(self, text: &Text<'_>) -> Result<UnixNanos, RowError> {
        UnixNanos::parse_millis(text.as_str().as_bytes()).ok_or_else(|| self.bad(text))
    }

    /// A time in milliseconds, or `None` for an empty text.
    pub(super) fn optional_millis(self, text: &Text<'_>) -> Result<Option<UnixNanos>, RowError> {
        (!text.as_str().is_empty()).then(|| self.millis(text)).transpose()
    }

    /// A time of v3.
    pub(super) fn iso(self, text: &Text<'_>) -> Result<UnixNanos, RowError> {
        UnixNanos::parse_iso_ms(text.as_str().as_bytes()).ok_or_else(|| self.bad(text))
    }

    /// A number kept as it is written: digits, and perhaps a point.
    pub(super) fn digits(self, text: &Text<'_>) -> Result<String, RowError> {
        let bytes = text.as_str().as_bytes();
        let is_number = bytes.first().is_some_and(u8::is_ascii_digit)
            && bytes.last().is_some_and(u8::is_ascii_digit)
            && bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
            && bytes.iter().filter(|byte| **byte == b'.').count() <= 1;
        if is_number { Ok(text.as_str().to_owned()) } else { Err(self.bad(text)) }
    }

    /// The error of a value that can't be.
    pub(super) fn bad(self, text: &Text<'_>) -> RowError {
        let Self(row, field) = self;
        RowError::Value { row, field, value: text.as_str().chars().take(40).collect() }
    }
}
