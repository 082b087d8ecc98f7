//! Event files for hftbacktest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::ExportError;
use super::format::{DepthRows, Format, Takes, TradeRow, Written};
use super::names::{day_of, day_text, file_name, local_time};
use super::npy::{NpyRow, write_npy};
use crate::book::{Book5, BookSide};
use crate::model::{Channel, ChannelKind, Level, Side, Topic, UnixNanos};

/// The kinds and flags of events. Source: `hftbacktest/src/types.rs`, 2025-12-23.
mod ev {
    pub(super) const DEPTH: u64 = 1;
    pub(super) const TRADE: u64 = 2;
    pub(super) const DEPTH_CLEAR: u64 = 3;
    pub(super) const DEPTH_SNAPSHOT: u64 = 4;
    pub(super) const DEPTH_BBO: u64 = 5;
    pub(super) const KIND: u64 = 0xff;
    pub(super) const EXCH: u64 = 1 << 31;
    pub(super) const LOCAL: u64 = 1 << 30;
    pub(super) const BUY: u64 = 1 << 29;
    pub(super) const SELL: u64 = 1 << 28;
}

/// The most rows of an instrument and a day, which are in memory until the day ends: 40 bytes each.
const MAX_ROWS: usize = 50_000_000;

/// Event arrays, one file for each instrument and day.
///
/// Both clocks are in it, in nanoseconds: the exchange's and that of receipt. Rows are in the order
/// that hftbacktest checks: where the clocks disagree about the order of two rows, each is there
/// once for each clock. Where a time of receipt is earlier than the exchange's, all of the file are
/// moved by as much. Books come from the best channel that the instrument has: an order book, else
/// `books5` or `depth5`, else `bbo-tbt`. Prices and sizes are floats, as the format demands.
pub(super) struct HftBacktest {
    dir: PathBuf,
    instruments: HashMap<String, Instrument>,
    made: Vec<PathBuf>,
    rows: u64,
}

/// The rows of one instrument and day.
struct Instrument {
    day: u64,
    rows: Vec<NpyRow>,
    /// The channel of the book.
    book: Option<Channel>,
    /// Whether the rows have a whole order book, on which changes can build.
    is_whole: bool,
    /// The last five-level book.
    last: Option<Book5>,
}

impl HftBacktest {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, instruments: HashMap::new(), made: Vec::new(), rows: 0 }
    }

    /// The rows of an instrument; those of another day are written first.
    fn instrument(
        &mut self,
        inst_id: &str,
        local: UnixNanos,
    ) -> Result<&mut Instrument, ExportError> {
        let day = day_of(local);
        let new = || Instrument { day, rows: Vec::new(), book: None, is_whole: false, last: None };
        let Self { dir, instruments, made, rows } = self;
        let instrument = instruments.entry(inst_id.to_owned()).or_insert_with(new);
        if instrument.day < day {
            *rows += instrument.write(dir, inst_id, made)?;
            let book = instrument.book;
            *instrument = Instrument { book, ..new() };
        }
        if instrument.rows.len() > MAX_ROWS {
            return Err(ExportError::TooManyRows { inst_id: inst_id.into(), most: MAX_ROWS });
        }
        Ok(instrument)
    }

    /// The instrument, if its book comes from this channel, which has a book now. A better one than
    /// before replaces what the other has written.
    fn book_of(
        &mut self,
        topic: &Topic<'_>,
        local: UnixNanos,
    ) -> Result<Option<&mut Instrument>, ExportError> {
        let channel = topic.channel;
        let instrument = self.instrument(topic.inst_id, local)?;
        if !instrument.may_take(channel) {
            return Ok(None);
        }
        if instrument.book != Some(channel) {
            instrument.rows.retain(|row| row.ev & ev::KIND == ev::TRADE);
            (instrument.book, instrument.last) = (Some(channel), None);
            instrument.is_whole = false;
        }
        Ok(Some(instrument))
    }
}

impl Format for HftBacktest {
    fn trade(&mut self, topic: &Topic<'_>, of: &TradeRow) -> Result<Written, ExportError> {
        let trade = of.trade;
        let local = local_time(trade.ts_event, trade.ts_recv);
        let side = if trade.side() == Side::Buy { ev::BUY } else { ev::SELL };
        let numbers = (trade.px().to_f64(), trade.sz().to_f64());
        let row = row(ev::TRADE | side, trade.ts_event, local, numbers);
        self.instrument(topic.inst_id, local)?.rows.push(row);
        Ok(Written::Yes)
    }

    fn book(&mut self, topic: &Topic<'_>, book: &Book5) -> Result<Written, ExportError> {
        let (exch, local) = (book.ts_event, local_time(book.ts_event, book.ts_recv));
        let is_best = topic.channel == Channel::BboTbt;
        let Some(instrument) = self.book_of(topic, local)? else { return Ok(Written::LeftOut) };
        let rows = &mut instrument.rows;
        if is_best {
            for (side, level) in [(ev::BUY, book.best_bid()), (ev::SELL, book.best_ask())] {
                rows.extend(level.map(|l| row(ev::DEPTH_BBO | side, exch, local, l.to_f64())));
            }
        } else if let Some(before) = instrument.last.replace(*book) {
            book.changes_since(&before, |change| {
                let level = change.after.or(change.before).unwrap_or(Level::EMPTY);
                let sz = change.after.map_or(0.0, |level| level.sz().to_f64());
                let side = side_flag(change.side);
                rows.push(row(ev::DEPTH | side, exch, local, (level.px().to_f64(), sz)));
            });
        } else {
            push_whole(rows, (book.bids(), book.asks()), exch, local);
        }
        Ok(Written::Yes)
    }

    fn takes_depth(&mut self, topic: &Topic<'_>, local: UnixNanos) -> Result<Takes, ExportError> {
        let instrument = self.instrument(topic.inst_id, local)?;
        Ok(match instrument.may_take(topic.channel) {
            false => Takes::No,
            true if instrument.book == Some(topic.channel) && instrument.is_whole => Takes::Yes,
            true => Takes::Whole,
        })
    }

    fn depth(&mut self, topic: &Topic<'_>, of: &DepthRows<'_>) -> Result<Written, ExportError> {
        let (exch, local) = (of.ts_event, local_time(of.ts_event, of.ts_recv));
        let Some(instrument) = self.book_of(topic, local)? else { return Ok(Written::LeftOut) };
        let rows = &mut instrument.rows;
        if of.is_snapshot {
            instrument.is_whole = true;
            push_whole(rows, (&of.bids, &of.asks), exch, local);
            return Ok(Written::Yes);
        }
        for (side, levels) in [(ev::BUY, &of.bids), (ev::SELL, &of.asks)] {
            let of = |level: &Level| row(ev::DEPTH | side, exch, local, level.to_f64());
            rows.extend(levels.iter().map(of));
        }
        Ok(Written::Yes)
    }

    fn finish(&mut self) -> Result<(Vec<PathBuf>, u64), ExportError> {
        let mut left: Vec<_> = std::mem::take(&mut self.instruments).into_iter().collect();
        left.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (inst_id, instrument) in &mut left {
            self.rows += instrument.write(&self.dir, inst_id, &mut self.made)?;
        }
        Ok((std::mem::take(&mut self.made), std::mem::take(&mut self.rows)))
    }
}

impl Instrument {
    /// Whether the book may come from a channel: from the one that it comes from, or from a better
    /// one.
    fn may_take(&self, channel: Channel) -> bool {
        let rank = |channel: Channel| match channel.kind() {
            ChannelKind::Depth => 2,
            _ if channel == Channel::BboTbt => 0,
            _ => 1,
        };
        self.book.is_none_or(|book| book == channel || rank(channel) > rank(book))
    }

    /// Writes the rows to a file of `made`, and gives how many they are.
    fn write(
        &mut self,
        dir: &Path,
        inst_id: &str,
        made: &mut Vec<PathBuf>,
    ) -> Result<u64, ExportError> {
        if self.rows.is_empty() {
            return Ok(0);
        }
        std::fs::create_dir_all(dir).map_err(ExportError::write(dir))?;
        let day = day_text(self.day).replace('-', "");
        let path = dir.join(format!("{}_{day}.npy", file_name(inst_id)));
        let rows = in_both_orders(std::mem::take(&mut self.rows));
        write_npy(&path, &rows)?;
        made.push(path);
        Ok(rows.len() as u64)
    }
}

const fn side_flag(side: BookSide) -> u64 {
    match side {
        BookSide::Bid => ev::BUY,
        BookSide::Ask => ev::SELL,
    }
}

fn row(ev: u64, exch: UnixNanos, local: UnixNanos, (px, qty): (f64, f64)) -> NpyRow {
    let exch = if exch == UnixNanos::UNKNOWN { local } else { exch };
    NpyRow { ev, exch_ts: exch.0.cast_signed(), local_ts: local.0.cast_signed(), px, qty }
}

/// Bids and then asks: what is there is cleared up to the farthest level, then come all levels.
fn push_whole(
    rows: &mut Vec<NpyRow>,
    (bids, asks): (&[Level], &[Level]),
    exch: UnixNanos,
    local: UnixNanos,
) {
    for (side, levels) in [(ev::BUY, bids), (ev::SELL, asks)] {
        let Some(farthest) = levels.last() else { continue };
        let clear = (farthest.px().to_f64(), 0.0);
        rows.push(row(ev::DEPTH_CLEAR | side, exch, local, clear));
        let of = |level: &Level| row(ev::DEPTH_SNAPSHOT | side, exch, local, level.to_f64());
        rows.extend(levels.iter().map(of));
    }
}

/// Puts rows in the order that hftbacktest checks: those that the exchange's clock counts by that
/// clock, those that the local clock counts by that one. A row has its place by both clocks where
/// they agree, else it is there twice. Trades come before the changes of the book that they cause.
fn in_both_orders(mut rows: Vec<NpyRow>) -> Vec<NpyRow> {
    let shift = rows.iter().map(|row| row.exch_ts - row.local_ts).max().unwrap_or_default().max(0);
    rows.iter_mut().for_each(|row| row.local_ts += shift);
    let is_trade = |row: &NpyRow| row.ev & ev::KIND == ev::TRADE;
    let sorted_by = |time: fn(&NpyRow) -> i64| {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|at| rows.get(*at).map(|row| (time(row), !is_trade(row))));
        order
    };
    let (by_exch, by_local) = (sorted_by(|row| row.exch_ts), sorted_by(|row| row.local_ts));
    let mut both = Vec::with_capacity(rows.len());
    let (mut exch, mut local) = (by_exch.iter().peekable(), by_local.iter().peekable());
    let of = |at: usize, flags: u64| rows.get(at).map(|row| NpyRow { ev: row.ev | flags, ..*row });
    while let Some(of_local) = local.peek().copied().copied() {
        match exch.peek().copied().copied() {
            Some(of_exch) if of_exch == of_local => {
                both.extend(of(of_exch, ev::EXCH | ev::LOCAL));
                exch.next();
                local.next();
            }
            // A row that the exchange's clock has already counted is behind by the local one.
            Some(of_exch) if is_before(&rows, of_exch, of_local) => {
                both.extend(of(of_exch, ev::EXCH));
                exch.next();
            }
            _ => {
                both.extend(of(of_local, ev::LOCAL));
                local.next();
            }
        }
    }
    both
}

/// Whether a row comes before another by the exchange's clock, or together with it.
fn is_before(rows: &[NpyRow], one: usize, other: usize) -> bool {
    let key = |at: usize| rows.get(at).map(|row| (row.exch_ts, row.ev & ev::KIND != ev::TRADE, at));
    key(one) < key(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(times: &[(i64, i64, u64)]) -> Vec<NpyRow> {
        let of = |(n, (exch_ts, local_ts, ev)): (usize, &(i64, i64, u64))| NpyRow {
            ev: *ev,
            exch_ts: *exch_ts,
            local_ts: *local_ts,
            px: n as f64,
            qty: 1.0,
        };
        times.iter().enumerate().map(of).collect()
    }

    #[test]
    fn each_row_has_its_place_by_both_clocks() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let mut local = 1_000;
            let times: Vec<_> = (0..random.usize(0..60))
                .map(|_| {
                    local += random.i64(0..5);
                    (local - random.i64(-3..20), local, 1 + random.u64(0..2))
                })
                .collect();
            let made = in_both_orders(rows(&times));
            for (flag, time) in [
                (ev::EXCH, (|row| row.exch_ts) as fn(&NpyRow) -> i64),
                (ev::LOCAL, |row| row.local_ts),
            ] {
                let of_clock: Vec<_> = made.iter().filter(|row| row.ev & flag != 0).collect();
                assert_eq!(of_clock.len(), times.len());
                assert!(of_clock.is_sorted_by_key(|row| time(row)));
                let mut all: Vec<_> = of_clock.iter().map(|row| row.px.to_bits()).collect();
                all.sort_unstable();
                let mut ids: Vec<_> = (0..times.len()).map(|n| (n as f64).to_bits()).collect();
                ids.sort_unstable();
                assert_eq!(all, ids);
            }
            assert!(made.iter().all(|row| row.local_ts >= row.exch_ts));
        }
    }

    #[test]
    fn a_trade_comes_before_the_change_that_it_causes() {
        let made = in_both_orders(rows(&[(5, 9, ev::DEPTH), (5, 9, ev::TRADE)]));
        let kinds: Vec<_> = made.iter().map(|row| row.ev & ev::KIND).collect();
        assert_eq!(kinds, [ev::TRADE, ev::DEPTH]);
    }
}
