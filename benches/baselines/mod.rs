//! The baselines: the same work with general JSON parsers, each in its fastest known use.
//!
//! Every baseline reads all four fields of a level and the time with the rules of the crate's own
//! types, and ends with a finished [`Book5`] or [`Trade`].

#![allow(dead_code, reason = "each bench needs a part of it")]

mod contender;
mod tape;
mod typed;
mod value;

use okx_feed::{Book5, Dialect, Level, Trade, UnixNanos};

#[allow(unused_imports, reason = "each bench needs a part of it")]
pub(crate) use contender::{Contender, contenders, ours};
pub(crate) use tape::Tapes;
pub(crate) use typed::{serde, sonic};

/// The receive time of every frame in the benches.
pub(crate) const TS_RECV: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

/// The length of the instrument's id, and the trade if it was one.
pub(crate) type Read = Option<(usize, Option<Trade>)>;

fn time(dialect: Dialect, text: &str) -> Option<UnixNanos> {
    match dialect {
        Dialect::V3 => UnixNanos::parse_iso_ms(text.as_bytes()),
        Dialect::V5 => UnixNanos::parse_millis(text.as_bytes()),
    }
}

/// The levels of a side, and how many.
#[derive(Clone, Copy)]
struct Levels([Level; Book5::LEVELS], usize);

impl Levels {
    const EMPTY: Self = Self([Level::EMPTY; Book5::LEVELS], 0);

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
