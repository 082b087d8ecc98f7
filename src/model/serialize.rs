//! Serde implementations for plain values: numbers and names as text, times as numbers.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::channel::Channel;
use super::decimal::{Decimal, MAX_DECIMAL_TEXT};
use super::dialect::{Dialect, Market};
use super::instrument::InstrumentId;
use super::level::Level;
use super::state::BookState;
use super::subscription::Subscription;
use super::text::Text;
use super::time::UnixNanos;
use super::trade::{NO_SEQ, Side, Trade};

/// Parses a value from a borrowed or owned text.
pub(crate) struct FromText<T> {
    /// The expected text, for errors.
    pub(crate) expected: &'static str,
    pub(crate) parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Serialises a type as its name and reads it back from that.
macro_rules! as_name {
    ($type:ty, $expected:literal, $parse:expr) => {
        as_name!($type, $expected, $parse, Self::name);
    };
    ($type:ty, $expected:literal, $parse:expr, $name:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let name: fn(Self) -> &'static str = $name;
                serializer.serialize_str(name(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str($crate::model::FromText { expected: $expected, parse: $parse })
            }
        }
    };
}
pub(crate) use as_name;

as_name!(Dialect, "v3 or v5", |text| named([Self::V3, Self::V5], Self::name, text));
as_name!(Market, "a market of v3", |text| Self::from_name(text.as_bytes()));
as_name!(Channel, "the name of a channel", |text| named(Self::ALL, unique_name, text), unique_name);
as_name!(Side, "buy or sell", |text| Self::from_name(text.as_bytes()));
as_name!(BookState, "the name of a book's state", |text| {
    named(BookState::ALL, Self::name, text)
});

/// The name of a channel; `instruments-v3` of the one whose name both dialects have.
const fn unique_name(channel: Channel) -> &'static str {
    match channel {
        Channel::InstrumentsV3 => "instruments-v3",
        _ => channel.name(),
    }
}

/// The one of `all` that has this name.
pub(crate) fn named<T: Copy>(
    all: impl IntoIterator<Item = T>,
    name: fn(T) -> &'static str,
    text: &str,
) -> Option<T> {
    all.into_iter().find(|one| name(*one) == text)
}

/// The wire's text, such as `"124.0"`: no digit is lost or added.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buf = [0; MAX_DECIMAL_TEXT];
        // ASCII, so the fallback is never used.
        serializer.serialize_str(std::str::from_utf8(self.write_text(&mut buf)).unwrap_or_default())
    }
}

/// Accepts the texts of [`Decimal::parse`], never a number, because a format may round its digits.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a decimal number as text, such as \"124.0\"";
        deserializer.deserialize_str(FromText { expected, parse: |text| text.parse().ok() })
    }
}

impl Serialize for InstrumentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for InstrumentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "an instrument id of 1 to 63 bytes";
        deserializer.deserialize_str(FromText { expected, parse: |text| Self::new(text).ok() })
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A longer text is refused, not cut.
impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| (text.len() <= N).then(|| Self::cut(text));
        deserializer.deserialize_str(FromText { expected: "a short text", parse })
    }
}

/// The text of the dialect's documents, such as `books5:BTC-USDT`.
impl Serialize for Subscription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subscription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            "a subscription such as books5:BTC-USDT (v5) or futures/depth5:BTC-USD-190517 (v3)";
        deserializer.deserialize_str(FromText { expected, parse: |text| Self::from_str(text).ok() })
    }
}

/// A list of price, size and number of orders: `["124.0","3",2]`.
impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.px(), self.sz(), self.orders()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (px, sz, orders) = Deserialize::deserialize(deserializer)?;
        Ok(Self::new(px, sz, orders))
    }
}

/// The serialised fields of a trade.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Trade")]
struct TradeFields {
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    trade_id: u64,
    seq: Option<i64>,
    side: Side,
    px: Decimal,
    sz: Decimal,
    // Zero marks the placeholder of a lost trade, which is never serialised.
    count: NonZeroU32,
    source: u8,
}

impl Serialize for Trade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { ts_event, ts_recv, trade_id, count, source, .. } = *self;
        let (seq, side, px, sz) = (self.seq(), self.side(), self.px(), self.sz());
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        TradeFields { ts_event, ts_recv, trade_id, seq, side, px, sz, count, source }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Trade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = TradeFields::deserialize(deserializer)?;
        let mut trade = Self::new(read.side, read.px, read.sz);
        (trade.ts_event, trade.ts_recv) = (read.ts_event, read.ts_recv);
        (trade.trade_id, trade.seq) = (read.trade_id, read.seq.unwrap_or(NO_SEQ));
        (trade.count, trade.source) = (read.count.get(), read.source);
        Ok(trade)
    }
}
