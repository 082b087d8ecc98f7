//! REST snapshots, from a cache that is refreshed now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::depth::{Sides, shown};
use super::sbe::{BookMessage, Instrument, code_of};
use crate::model::{Channel, MonoNanos, UnixNanos};
use crate::sim::market::{InstIndex, NumberedBook, SimMarket};

/// The exchange refreshes its cache about so often.
pub(crate) const REFRESH: Duration = Duration::from_millis(500);

/// A book as it was.
#[derive(Debug)]
struct Cached {
    at: MonoNanos,
    ts: UnixNanos,
    seq: i64,
    sides: Sides,
}

/// The cache of `GET /api/v5/market/books-sbe`.
#[derive(Debug)]
pub(crate) struct Snapshots {
    refresh: Duration,
    cached: BTreeMap<usize, Cached>,
}

impl Snapshots {
    pub(crate) const fn new(refresh: Duration) -> Self {
        Self { refresh, cached: BTreeMap::new() }
    }

    /// Keeps the book of an instrument as it is now, if the kept one is due for it: called before
    /// the book changes, so that what is kept is up to a refresh old.
    pub(crate) fn keep(&mut self, market: &SimMarket, inst: InstIndex, now: MonoNanos) {
        let last = self.cached.get(&inst.number()).map(|kept| kept.at);
        if last.is_some_and(|at| now.since(at) < self.refresh) {
            return;
        }
        let Some(NumberedBook { book, seq, .. }) = market.numbered(inst) else { return };
        let sides = shown(Channel::BooksL2Tbt, book);
        let kept = Cached { at: now, ts: market.stamp(now), seq, sides };
        self.cached.insert(inst.number(), kept);
    }

    /// As [`Snapshots::keep`], for every instrument that was asked for before.
    pub(crate) fn keep_all(&mut self, market: &SimMarket, now: MonoNanos) {
        for inst in market.indices() {
            if self.cached.contains_key(&inst.number()) {
                self.keep(market, inst, now);
            }
        }
    }

    /// The answer for a code; `None` if there is no such instrument.
    pub(crate) fn answer(
        &mut self,
        market: &SimMarket,
        code: i64,
        now: MonoNanos,
    ) -> Option<Vec<u8>> {
        let inst = market.indices().find(|inst| code_of(*inst) == code)?;
        self.keep(market, inst, now);
        let kept = self.cached.get(&inst.number())?;
        let listing = market.listing(inst)?;
        let [asks, bids] = &kept.sides;
        let (ts, seq) = (kept.ts, kept.seq);
        let message = BookMessage { ts, seq, prev_seq: -1, asks, bids };
        Some(Instrument { code, listing, more_decimals: 0 }.snapshot(&message))
    }
}
