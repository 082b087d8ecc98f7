//! Structs that serde fills, with fixed arrays where levels go: the usual way, used with care.

use std::fmt;

use okx_feed::{Book5, Decimal, DepthUpdate, Dialect, Level, Side, Trade};
use serde::de::{DeserializeSeed, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use simd_json::Buffers;

use super::{Levels, Read, TS_RECV, make_book, time};

#[derive(Deserialize)]
struct Arg<'a> {
    channel: &'a str,
    #[serde(rename = "instId")]
    inst_id: &'a str,
}

#[derive(Deserialize)]
struct Message<'a> {
    table: Option<&'a str>,
    #[serde(borrow)]
    arg: Option<Arg<'a>>,
    #[serde(borrow)]
    data: One<Item<'a>>,
}

/// All fields of books and trades in both dialects.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default, deserialize_with = "levels")]
    asks: Option<Levels>,
    #[serde(default, deserialize_with = "levels")]
    bids: Option<Levels>,
    #[serde(rename = "instId", alias = "instrument_id")]
    inst_id: Option<&'a str>,
    #[serde(rename = "ts", alias = "timestamp")]
    ts: &'a str,
    #[serde(rename = "seqId")]
    seq: Option<i64>,
    #[serde(rename = "tradeId", alias = "trade_id")]
    trade_id: Option<&'a str>,
    #[serde(rename = "px", alias = "price")]
    px: Option<&'a str>,
    #[serde(rename = "sz", alias = "size", alias = "qty")]
    sz: Option<&'a str>,
    side: Option<&'a str>,
    count: Option<&'a str>,
    source: Option<&'a str>,
}

/// An array of one.
struct One<T>(T);

impl<'de: 'a, 'a> Deserialize<'de> for One<Item<'a>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneVisitor;
        impl<'de> Visitor<'de> for OneVisitor {
            type Value = One<Item<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one item")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let item = seq.next_element()?.ok_or_else(|| A::Error::custom("no item"))?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(One(item))
            }
        }
        let One(item) = deserializer.deserialize_seq(OneVisitor)?;
        Ok(Self(item))
    }
}

/// Reads a side straight into fixed arrays, with no `Vec`.
fn levels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Levels>, D::Error> {
    struct SideVisitor;
    impl<'de> Visitor<'de> for SideVisitor {
        type Value = Levels;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("levels")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Levels, A::Error> {
            let mut levels = Levels::EMPTY;
            while let Some(level) = seq.next_element_seed(LevelSeed)? {
                levels.push(level).ok_or_else(|| A::Error::custom("levels"))?;
            }
            Ok(levels)
        }
    }
    deserializer.deserialize_seq(SideVisitor).map(Some)
}

struct LevelSeed;

impl<'de> DeserializeSeed<'de> for LevelSeed {
    type Value = Level;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Level, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LevelSeed {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Level, A::Error> {
        let mut text = || {
            let text: Option<&'de str> = seq.next_element()?;
            Ok::<_, A::Error>(text)
        };
        let bad = || A::Error::custom("level");
        let number = |text: Option<&str>| {
            Decimal::parse(text.ok_or_else(bad)?.as_bytes()).map_err(A::Error::custom)
        };
        let (px, sz) = (number(text()?)?, number(text()?)?);
        let third = text()?.ok_or_else(bad)?;
        let orders = match text()? {
            Some(orders) => {
                number(Some(third))?;
                orders
            }
            None => third,
        };
        Ok(Level::new(px, sz, orders.parse().map_err(A::Error::custom)?))
    }
}

/// serde's derived code on sonic-rs.
pub(crate) fn sonic(dialect: Dialect, text: &[u8], book: &mut Book5) -> Read {
    finish(&sonic_rs::from_slice(text).ok()?, dialect, book)
}

/// serde's derived code on serde_json.
pub(crate) fn serde(dialect: Dialect, text: &[u8], book: &mut Book5) -> Read {
    finish(&serde_json::from_slice(text).ok()?, dialect, book)
}

/// serde's derived code on simd-json, which unescapes the text in place.
pub(crate) fn simd(
    dialect: Dialect,
    text: &mut [u8],
    buffers: &mut Buffers,
    book: &mut Book5,
) -> Read {
    finish(&simd_json::serde::from_slice_with_buffers(text, buffers).ok()?, dialect, book)
}

fn finish(message: &Message<'_>, dialect: Dialect, book: &mut Book5) -> Read {
    let One(item) = &message.data;
    let (is_book, arg_id) = match (&message.arg, message.table) {
        (Some(arg), _) => (matches!(arg.channel, "books5" | "bbo-tbt"), Some(arg.inst_id)),
        (_, Some(table)) => (table.split_once('/')?.1 == "depth5", None),
        _ => return None,
    };
    let id = item.inst_id.or(arg_id)?;
    if arg_id.is_some_and(|arg| arg != id) {
        return None;
    }
    let (ts, seq) = (time(dialect, item.ts)?, item.seq.unwrap_or(DepthUpdate::NO_SEQ));
    if is_book {
        make_book(item.asks.as_ref()?, item.bids.as_ref()?, ts, seq, book)?;
        return Some((id.len(), None));
    }
    let number = |text: Option<&str>| Decimal::parse(text?.as_bytes()).ok();
    let mut trade =
        Trade::new(Side::from_name(item.side?.as_bytes())?, number(item.px)?, number(item.sz)?);
    (trade.ts_event, trade.ts_recv, trade.seq) = (ts, TS_RECV, seq);
    trade.trade_id = item.trade_id?.parse().ok()?;
    trade.count = item.count.map_or(Some(1), |count| count.parse().ok())?;
    trade.source = item.source.map_or(Some(0), |source| source.parse().ok())?;
    Some((id.len(), Some(trade)))
}
