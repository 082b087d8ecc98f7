//! Event files for hftbacktest.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::ExportError;
use super::names::{day_of, day_text, file_name, local_time};
use super::npy::{NpyRow, write_npy};
use super::order_book::{BookRows, WrittenBooks};
use super::report::ExportReport;
use crate::book::{Book5, BookSide};
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};
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

/// A sink that writes books and trades as hftbacktest's event arrays, one file for each instrument
/// and day: `DIR/BTC-USDT_20261130.npy`.
///
/// Both clocks are in it, in nanoseconds: the exchange's and that of receipt. Days are of UTC by
/// the time of receipt. Rows are in the order that hftbacktest checks: where the clocks disagree
/// about the order of two rows, each is there once for each clock. Where a time of receipt is
/// earlier than the exchange's, all of the file are moved by as much. Books come from the best
/// channel that the instrument has: an order book, else `books5` or `depth5`, else `bbo-tbt`.
/// Prices and sizes are floats, as the format demands. Allocates; not for the thread of a feed.
pub struct HftBacktestExport {
    dir: PathBuf,
    instruments: HashMap<String, Instrument>,
    written: WrittenBooks,
    report: ExportReport,
    error: Option<ExportError>,
}

/// The rows of one instrument and day.
struct Instrument {
    day: u64,
    rows: Vec<NpyRow>,
    /// The channel of the book.
    book: Option<Channel>,
    /// The last five-level book.
    last: Option<Book5>,
}

impl HftBacktestExport {
    /// Makes an export to a folder. Files are made as days end; none may exist already.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            instruments: HashMap::new(),
            written: WrittenBooks::default(),
            report: ExportReport::default(),
            error: None,
        }
    }

    /// Whether an error has ended the export; [`HftBacktestExport::finish`] gives it.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Writes what is left and gives what was written.
    ///
    /// # Errors
    /// The first error of the export.
    pub fn finish(&mut self) -> Result<ExportReport, ExportError> {
        let mut left: Vec<_> = std::mem::take(&mut self.instruments).into_iter().collect();
        left.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (inst_id, instrument) in &mut left {
            if self.error.is_none() {
                self.error = instrument.write(&self.dir, inst_id, &mut self.report).err();
            }
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut self.report)),
        }
    }

    /// The rows of an instrument; those of another day are written first.
    fn instrument(&mut self, inst_id: &str, local: UnixNanos) -> &mut Instrument {
        let day = day_of(local);
        let Self { dir, instruments, report, error, .. } = self;
        let new = || Instrument { day, rows: Vec::new(), book: None, last: None };
        let instrument = instruments.entry(inst_id.to_owned()).or_insert_with(new);
        if instrument.day < day {
            let written = instrument.write(dir, inst_id, report);
            if let (None, Err(failed)) = (&error, written) {
                *error = Some(failed);
            }
            let book = instrument.book;
            *instrument = Instrument { book, ..new() };
        }
        if instrument.rows.len() > MAX_ROWS {
            let too_many = ExportError::TooManyRows { inst_id: inst_id.into(), most: MAX_ROWS };
            error.get_or_insert(too_many);
        }
        instrument
    }

    /// The instrument, if its book comes from this channel. A better one than before replaces what
    /// the other has written.
    fn book_of(&mut self, topic: &Topic<'_>, local: UnixNanos) -> Option<&mut Instrument> {
        let rank = |channel: Channel| match channel.kind() {
            ChannelKind::Depth => 2,
            _ if channel == Channel::BboTbt => 0,
            _ => 1,
        };
        let (inst_id, channel) = (topic.inst_id, topic.channel);
        let book = self.instrument(inst_id, local).book;
        if book.is_some_and(|book| book != channel && rank(book) >= rank(channel)) {
            self.report.leave_out(channel.name(), inst_id);
            return None;
        }
        let instrument = self.instrument(inst_id, local);
        if book != Some(channel) {
            instrument.rows.retain(|row| row.ev & ev::KIND == ev::TRADE);
            (instrument.book, instrument.last) = (Some(channel), None);
        }
        Some(instrument)
    }

    fn on_trade(&mut self, update: &TradeUpdate<'_>) {
        let trade = update.trade;
        let local = local_time(trade.ts_event, trade.ts_recv);
        let side = if trade.side() == Side::Buy { ev::BUY } else { ev::SELL };
        let row = row(
            ev::TRADE | side,
            trade.ts_event,
            local,
            (trade.px().to_f64(), trade.sz().to_f64()),
        );
        self.instrument(update.topic.inst_id, local).rows.push(row);
    }

    fn on_book(&mut self, update: &BookUpdate<'_>) {
        let book = update.book;
        let (exch, local) = (book.ts_event, local_time(book.ts_event, book.ts_recv));
        let is_best = update.topic.channel == Channel::BboTbt;
        let Some(instrument) = self.book_of(&update.topic, local) else { return };
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
    }

    fn on_depth(&mut self, change: &DepthChange<'_>) {
        let update = change.update;
        let (exch, local) = (update.ts_event, local_time(update.ts_event, update.ts_recv));
        let begins = self.instrument(update.topic.inst_id, local).rows.is_empty();
        if begins {
            self.written.forget(change.subscription_id);
        }
        if self.book_of(&update.topic, local).is_none() {
            return;
        }
        self.report.note_depth(change);
        let rows = self.written.rows(change);
        let instrument = self.instrument(update.topic.inst_id, local);
        match rows {
            BookRows::Nothing => {}
            BookRows::Whole(book) => {
                push_whole(&mut instrument.rows, (book.bids(), book.asks()), exch, local);
            }
            BookRows::Changes => {
                for (side, levels) in [(ev::BUY, update.bids), (ev::SELL, update.asks)] {
                    let of = |level: &Level| row(ev::DEPTH | side, exch, local, level.to_f64());
                    instrument.rows.extend(levels.iter().map(of));
                }
            }
        }
    }
}

impl fmt::Debug for HftBacktestExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HftBacktestExport").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl EventSink for HftBacktestExport {
    fn on_event(&mut self, event: &Event<'_>) {
        if self.has_failed() {
            return;
        }
        match event {
            Event::Trade(update) => self.on_trade(update),
            Event::Book(update) => self.on_book(update),
            Event::DepthBook(change) => self.on_depth(change),
            Event::State(change) if !change.to.is_live() => {
                self.written.forget(change.subscription_id);
            }
            _ => {}
        }
    }
}

impl Instrument {
    fn write(
        &mut self,
        dir: &Path,
        inst_id: &str,
        report: &mut ExportReport,
    ) -> Result<(), ExportError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        std::fs::create_dir_all(dir).map_err(ExportError::write(dir))?;
        let day = day_text(self.day).replace('-', "");
        let path = dir.join(format!("{}_{day}.npy", file_name(inst_id)));
        let rows = in_both_orders(std::mem::take(&mut self.rows));
        write_npy(&path, &rows)?;
        report.rows += rows.len() as u64;
        report.files.push(path);
        Ok(())
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
