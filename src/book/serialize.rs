//! Serde implementations for books.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::flags::BookFlags;
use super::side::BookSide;
use super::top5::{BOOK5_LEVELS, Book5, FLAGS};
use crate::model::{Level, NO_SEQ, UnixNanos, as_name, named};

as_name!(BookSide, "ask or bid", |text| named([Self::Ask, Self::Bid], Self::name, text));

/// The names of the flags that are set, as a list.
impl Serialize for BookFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for BookFlags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FlagNames)
    }
}

struct FlagNames;

impl<'de> Visitor<'de> for FlagNames {
    type Value = BookFlags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of a book's flags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<BookFlags, A::Error> {
        let mut flags = BookFlags::NONE;
        while let Some(FlagName(flag)) = names.next_element()? {
            flags = flags.with(flag, true);
        }
        Ok(flags)
    }
}

struct FlagName(BookFlags);

impl<'de> Deserialize<'de> for FlagName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| BookFlags::from_name(text).map(Self);
        let expected = "the name of a book's flag";
        deserializer.deserialize_str(crate::model::FromText { expected, parse })
    }
}

/// One side of a [`Book5`], deserialized without allocation.
struct Levels5 {
    levels: [Level; BOOK5_LEVELS],
    len: usize,
}

impl Levels5 {
    fn levels(&self) -> &[Level] {
        self.levels.get(..self.len).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Levels5 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Levels5Visitor)
    }
}

struct Levels5Visitor;

impl<'de> Visitor<'de> for Levels5Visitor {
    type Value = Levels5;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {BOOK5_LEVELS} levels")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut read: A) -> Result<Levels5, A::Error> {
        let mut side = Levels5 { levels: [Level::EMPTY; BOOK5_LEVELS], len: 0 };
        while let Some(level) = read.next_element()? {
            match side.levels.get_mut(side.len) {
                Some(entry) => *entry = level,
                None => return Err(A::Error::invalid_length(BOOK5_LEVELS + 1, &self)),
            }
            side.len += 1;
        }
        Ok(side)
    }
}

#[derive(serde::Serialize)]
#[serde(rename = "Book5")]
struct Book5Ref<'b> {
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    seq: Option<i64>,
    asks: &'b [Level],
    bids: &'b [Level],
    flags: BookFlags,
}

#[derive(serde::Deserialize)]
#[serde(rename = "Book5")]
struct Book5Fields {
    ts_event: UnixNanos,
    ts_recv: UnixNanos,
    seq: Option<i64>,
    asks: Levels5,
    bids: Levels5,
    #[serde(default)]
    flags: BookFlags,
}

impl Serialize for Book5 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { ts_event, ts_recv, .. } = *self;
        let (seq, flags, asks, bids) = (self.seq(), self.flags(), self.asks(), self.bids());
        Book5Ref { ts_event, ts_recv, seq, asks, bids, flags }.serialize(serializer)
    }
}

/// Flags are computed from the levels. Only [`BookFlags::UNSORTED`], which the sorted levels no
/// longer show, is read from the input.
impl<'de> Deserialize<'de> for Book5 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Book5Fields::deserialize(deserializer)?;
        let mut book = Self::new(read.asks.levels(), read.bids.levels());
        (book.ts_event, book.ts_recv) = (read.ts_event, read.ts_recv);
        book.seq = read.seq.unwrap_or(NO_SEQ);
        let was_unsorted = read.flags.contains(BookFlags::UNSORTED);
        let is_unsorted = book.flags().contains(BookFlags::UNSORTED);
        book.head[FLAGS] =
            book.flags().with(BookFlags::UNSORTED, was_unsorted || is_unsorted).bits();
        Ok(book)
    }
}
