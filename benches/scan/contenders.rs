//! The same work with general JSON parsers, each used in the fastest way that we know.

use std::fmt;

use okx_feed::bench_internals::PADDING;
use okx_feed::{BOOK5_LEVELS, Book5, Decimal, Dialect, Level, NO_SEQ, Side, Trade, UnixNanos};
use serde::de::{DeserializeSeed, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use simd_json::value::tape::Node;
use simd_json::{Buffers, StaticNode, Tape};

use super::TS_RECV;
use super::messages::Corpus;

/// The length of the instrument's id, and the trade where it was one.
type Read = Option<(usize, Option<Trade>)>;

fn time(dialect: Dialect, text: &str) -> Option<UnixNanos> {
    match dialect {
        Dialect::V3 => UnixNanos::parse_iso_ms(text.as_bytes()),
        Dialect::V5 => UnixNanos::parse_millis(text.as_bytes()),
    }
}

/// The levels of a side, and how many.
#[derive(Clone, Copy)]
struct Levels([Level; BOOK5_LEVELS], usize);

impl Levels {
    const EMPTY: Self = Self([Level::EMPTY; BOOK5_LEVELS], 0);

    fn push(&mut self, level: Level) -> Option<()> {
        *self.0.get_mut(self.1)? = level;
        self.1 += 1;
        Some(())
    }
}

fn make_book(
    asks: &Levels,
    bids: &Levels,
    ts: UnixNanos,
    seq: i64,
    book: &mut Book5,
) -> Option<()> {
    *book = Book5::new(asks.0.get(..asks.1)?, bids.0.get(..bids.1)?);
    (book.ts_event, book.ts_recv, book.seq) = (ts, TS_RECV, seq);
    Some(())
}

/// simd-json's tape and buffers, reused.
pub(crate) struct Tapes {
    tape: Option<Tape<'static>>,
    buffers: Buffers,
}

impl Default for Tapes {
    fn default() -> Self {
        Self { tape: Some(Tape::null()), buffers: Buffers::new(4096) }
    }
}

impl Tapes {
    /// Fills the tape and leaves it at that: what any reader of a tape has to pay.
    pub(crate) fn fill_only(&mut self, corpus: &mut Corpus, index: usize) -> Option<usize> {
        let (buf, len) = corpus.text_mut(index);
        let mut tape = self.tape.take()?.reset();
        simd_json::fill_tape_padded(buf, len, &mut self.buffers, &mut tape).ok()?;
        let nodes = tape.0.len();
        self.tape = Some(tape.reset());
        Some(nodes)
    }

    /// Fills the tape and walks it once from front to back, matching keys.
    pub(crate) fn walk(&mut self, corpus: &mut Corpus, index: usize, book: &mut Book5) -> Read {
        let dialect = corpus.dialect;
        let (buf, len) = corpus.text_mut(index);
        assert!(buf.len() >= len + PADDING);
        let mut tape = self.tape.take()?.reset();
        simd_json::fill_tape_padded(buf, len, &mut self.buffers, &mut tape).ok()?;
        let read = Walk { nodes: tape.0.iter(), dialect }.message(book);
        self.tape = Some(tape.reset());
        read
    }
}

struct Walk<'a> {
    nodes: std::slice::Iter<'a, Node<'a>>,
    dialect: Dialect,
}

impl<'a> Walk<'a> {
    fn object(&mut self) -> Option<usize> {
        match self.nodes.next()? {
            Node::Object { len, .. } => Some(*len),
            _ => None,
        }
    }

    fn array(&mut self) -> Option<usize> {
        match self.nodes.next()? {
            Node::Array { len, .. } => Some(*len),
            _ => None,
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        match self.nodes.next()? {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    fn decimal(&mut self) -> Option<Decimal> {
        Decimal::parse(self.string()?.as_bytes()).ok()
    }

    fn integer(&mut self) -> Option<i64> {
        match self.nodes.next()? {
            Node::Static(StaticNode::I64(number)) => Some(*number),
            Node::Static(StaticNode::U64(number)) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn skip(&mut self) -> Option<()> {
        match self.nodes.next()? {
            Node::Object { count, .. } | Node::Array { count, .. } if *count > 0 => {
                self.nodes.nth(count - 1).map(|_| ())
            }
            _ => Some(()),
        }
    }

    fn message(&mut self, book: &mut Book5) -> Read {
        let (mut is_book, mut id, mut read) = (false, None, None);
        for _ in 0..self.object()? {
            match self.string()? {
                "table" => is_book = self.string()?.split_once('/')?.1 == "depth5",
                "arg" => {
                    for _ in 0..self.object()? {
                        match self.string()? {
                            "channel" => is_book = matches!(self.string()?, "books5" | "bbo-tbt"),
                            "instId" => id = Some(self.string()?),
                            _ => self.skip()?,
                        }
                    }
                }
                "data" => {
                    for _ in 0..self.array()? {
                        read = if is_book { self.book(id, book) } else { self.trade(id) };
                    }
                }
                _ => self.skip()?,
            }
        }
        read
    }

    fn levels(&mut self) -> Option<Levels> {
        let mut levels = Levels::EMPTY;
        for _ in 0..self.array()? {
            let elements = self.array()?;
            let (px, sz) = (self.decimal()?, self.decimal()?);
            if elements == 4 {
                self.decimal()?;
            }
            levels.push(Level::new(px, sz, self.string()?.parse().ok()?))?;
        }
        Some(levels)
    }

    fn book(&mut self, arg_id: Option<&str>, book: &mut Book5) -> Read {
        let (mut asks, mut bids) = (None, None);
        let (mut id, mut ts, mut seq) = (arg_id, None, NO_SEQ);
        for _ in 0..self.object()? {
            match self.string()? {
                "asks" => asks = Some(self.levels()?),
                "bids" => bids = Some(self.levels()?),
                "instId" | "instrument_id" => {
                    let own = self.string()?;
                    if arg_id.is_some_and(|arg| arg != own) {
                        return None;
                    }
                    id = Some(own);
                }
                "ts" | "timestamp" => ts = Some(time(self.dialect, self.string()?)?),
                "seqId" => seq = self.integer()?,
                _ => self.skip()?,
            }
        }
        make_book(&asks?, &bids?, ts?, seq, book)?;
        Some((id?.len(), None))
    }

    fn trade(&mut self, arg_id: Option<&str>) -> Read {
        let (mut px, mut sz, mut side) = (None, None, None);
        let (mut id, mut ts, mut trade_id) = (arg_id, None, None);
        let (mut seq, mut count, mut source) = (NO_SEQ, 1, 0);
        for _ in 0..self.object()? {
            match self.string()? {
                "instId" | "instrument_id" => {
                    let own = self.string()?;
                    if arg_id.is_some_and(|arg| arg != own) {
                        return None;
                    }
                    id = Some(own);
                }
                "tradeId" | "trade_id" => trade_id = Some(self.string()?.parse().ok()?),
                "px" | "price" => px = Some(self.decimal()?),
                "sz" | "size" | "qty" => sz = Some(self.decimal()?),
                "side" => side = Some(Side::from_name(self.string()?.as_bytes())?),
                "ts" | "timestamp" => ts = Some(time(self.dialect, self.string()?)?),
                "count" => count = self.string()?.parse().ok()?,
                "source" => source = self.string()?.parse().ok()?,
                "seqId" => seq = self.integer()?,
                _ => self.skip()?,
            }
        }
        let mut trade = Trade::new(side?, px?, sz?);
        (trade.ts_event, trade.ts_recv, trade.trade_id) = (ts?, TS_RECV, trade_id?);
        (trade.seq, trade.count, trade.source) = (seq, count, source);
        Some((id?.len(), Some(trade)))
    }
}

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

pub(crate) fn sonic(corpus: &Corpus, index: usize, book: &mut Book5) -> Read {
    let (buf, len) = corpus.text(index);
    finish(&sonic_rs::from_slice(buf.get(..len)?).ok()?, corpus.dialect, book)
}

pub(crate) fn serde(corpus: &Corpus, index: usize, book: &mut Book5) -> Read {
    let (buf, len) = corpus.text(index);
    finish(&serde_json::from_slice(buf.get(..len)?).ok()?, corpus.dialect, book)
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
    let (ts, seq) = (time(dialect, item.ts)?, item.seq.unwrap_or(NO_SEQ));
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
