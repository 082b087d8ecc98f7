//! The usual way: serde_json fills structs, and two maps are the book. Used with care: texts are
//! borrowed, numbers go straight into exact decimals, buffers are used again.

use std::collections::HashMap;
use std::fmt;

use flate2::{Decompress, FlushDecompress};
use libdeflater::Decompressor;
use okx_feed::book::DepthAction;
use okx_feed::{Decimal, Frame, Level, UnixNanos};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::maps::MapBook;

/// The longest text of a frame in the benches, in bytes.
const ROOM: usize = 1 << 17;

#[derive(Deserialize)]
struct Arg<'a> {
    #[serde(rename = "instId")]
    inst_id: &'a str,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    arg: Option<Arg<'a>>,
    action: &'a str,
    #[serde(borrow)]
    data: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    asks: Vec<Row>,
    bids: Vec<Row>,
    instrument_id: Option<&'a str>,
    #[serde(alias = "timestamp")]
    ts: &'a str,
    checksum: Option<i32>,
    #[serde(rename = "seqId")]
    seq: Option<i64>,
    #[serde(rename = "prevSeqId")]
    prev_seq: Option<i64>,
}

struct Row(Level);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a level")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
                let mut text = || seq.next_element::<&'de str>();
                let bad = || A::Error::custom("level");
                let number = |text: Option<&str>| {
                    Decimal::parse(text.ok_or_else(bad)?.as_bytes()).map_err(A::Error::custom)
                };
                let (px, sz) = (number(text()?)?, number(text()?)?);
                let third = text()?.ok_or_else(bad)?;
                let orders = text()?.unwrap_or(third);
                Ok(Row(Level::new(px, sz, orders.parse().map_err(A::Error::custom)?)))
            }
        }
        deserializer.deserialize_seq(RowVisitor)
    }
}

/// How binary frames are inflated.
pub(crate) enum Inflate {
    Libdeflate(Decompressor),
    Zlib(Decompress),
}

impl Inflate {
    fn inflate(&mut self, body: &[u8], text: &mut [u8]) -> Option<usize> {
        match self {
            Self::Libdeflate(libdeflate) => libdeflate.deflate_decompress(body, text).ok(),
            Self::Zlib(zlib) => {
                zlib.reset(false);
                zlib.decompress(body, text, FlushDecompress::Finish).ok()?;
                usize::try_from(zlib.total_out()).ok()
            }
        }
    }
}

/// A book and the number of its last message.
#[derive(Default)]
struct Kept {
    book: MapBook,
    seq: Option<i64>,
}

/// The books of one connection.
pub(crate) struct Usual {
    inflate: Inflate,
    verify: bool,
    text: Vec<u8>,
    asks: Vec<Level>,
    bids: Vec<Level>,
    books: HashMap<String, Kept>,
    /// Messages with a matching checksum.
    pub(crate) verified: u64,
}

impl Usual {
    pub(crate) fn new(inflate: Inflate, verify: bool) -> Self {
        let (text, asks, bids) = (vec![0; ROOM], Vec::new(), Vec::new());
        Self { inflate, verify, text, asks, bids, books: HashMap::new(), verified: 0 }
    }

    /// Takes a frame; `None` if it can't be read, has no place or does not agree.
    pub(crate) fn take(&mut self, frame: Frame<'_>) -> Option<()> {
        let Self { inflate, text, .. } = self;
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(body) => {
                let len = inflate.inflate(body, text)?;
                &text[..len]
            }
        };
        let message: Message<'_> = serde_json::from_slice(text).ok()?;
        let action = match message.action {
            "partial" | "snapshot" => DepthAction::Snapshot,
            _ => DepthAction::Update,
        };
        for item in &message.data {
            let _ts = match item.instrument_id {
                Some(_) => UnixNanos::parse_iso_ms(item.ts.as_bytes()),
                None => UnixNanos::parse_millis(item.ts.as_bytes()),
            }?;
            let id = item.instrument_id.or_else(|| Some(message.arg.as_ref()?.inst_id))?;
            if action == DepthAction::Snapshot && !self.books.contains_key(id) {
                self.books.insert(id.to_owned(), Kept::default());
            }
            let Kept { book, seq } = self.books.get_mut(id)?;
            if action == DepthAction::Update && item.prev_seq != *seq {
                return None;
            }
            *seq = item.seq;
            self.asks.clear();
            self.asks.extend(item.asks.iter().map(|row| row.0));
            self.bids.clear();
            self.bids.extend(item.bids.iter().map(|row| row.0));
            book.apply(action, &self.asks, &self.bids);
            let expected = item.checksum.filter(|sum| *sum != 0 || item.instrument_id.is_some());
            if let Some(expected) = expected.filter(|_| self.verify) {
                if book.checksum() != expected {
                    return None;
                }
                self.verified += 1;
            }
        }
        Some(())
    }

    /// The best levels of an instrument's book, and how many there are.
    pub(crate) fn top(&self, id: &str, levels: usize) -> Option<([Vec<Level>; 2], [usize; 2])> {
        let MapBook { asks, bids, .. } = &self.books.get(id)?.book;
        let best = [
            asks.values().take(levels).copied().collect(),
            bids.values().rev().take(levels).copied().collect(),
        ];
        Some((best, [asks.len(), bids.len()]))
    }
}
