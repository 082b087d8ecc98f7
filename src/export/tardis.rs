//! CSV files in the columns of Tardis' data sets.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use super::amounts::ContractValues;
use super::csv::{CsvFile, micros, push_level};
use super::derivative_ticker::{DerivativeTicker, DerivativeTickers};
use super::error::ExportError;
use super::files::OpenFiles;
use super::format::{BEST_LEVELS, DepthRows, Format, Takes, TradeRow, Written};
use super::names::{day_of, day_text, file_name, local_time, tardis_exchange};
use crate::book::Book5;
use crate::event::RecordUpdate;
use crate::model::{Channel, Level, Market, Topic, UnixNanos};

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Trades,
    IncrementalBook,
    Snapshot5,
    Snapshot25,
    BookTicker,
    DerivativeTicker,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::IncrementalBook => "incremental_book_L2",
            Self::Snapshot5 => "book_snapshot_5",
            Self::Snapshot25 => "book_snapshot_25",
            Self::BookTicker => "book_ticker",
            Self::DerivativeTicker => "derivative_ticker",
        }
    }

    /// The header line. Source: Tardis' page of its data types.
    fn header(self) -> String {
        let snapshot = |levels: usize| {
            (0..levels).fold(String::new(), |mut columns, at| {
                for side in ["asks", "bids"] {
                    let _ = write!(columns, ",{side}[{at}].price,{side}[{at}].amount");
                }
                columns
            })
        };
        let columns = match self {
            Self::Trades => ",id,side,price,amount".to_owned(),
            Self::IncrementalBook => ",is_snapshot,side,price,amount".to_owned(),
            Self::Snapshot5 => snapshot(Book5::LEVELS),
            Self::Snapshot25 => snapshot(BEST_LEVELS),
            Self::BookTicker => ",ask_amount,ask_price,bid_price,bid_amount".to_owned(),
            Self::DerivativeTicker => DerivativeTicker::COLUMNS.to_owned(),
        };
        format!("exchange,symbol,timestamp,local_timestamp{columns}\n")
    }
}

/// CSV files in the columns of Tardis' data sets.
///
/// | type | from |
/// |---|---|
/// | `trades` | trades |
/// | `incremental_book_L2` | order books: snapshots and changes |
/// | `book_snapshot_25` | order books, whenever one of the best 25 levels changed |
/// | `book_snapshot_5` | `books5` and `depth5`, whenever a level changed |
/// | `book_ticker` | `bbo-tbt` |
/// | `derivative_ticker` | records of swaps and futures, whenever one of its columns changed |
///
/// Times are microseconds; prices and amounts have the wire's own digits.
pub(super) struct Tardis {
    dir: PathBuf,
    files: OpenFiles<CsvFile>,
    made: HashSet<PathBuf>,
    paths: Vec<PathBuf>,
    /// Which channel fills each table of an instrument.
    sources: HashMap<(String, Table), Channel>,
    /// The levels that were written last of each table of snapshots.
    last: HashMap<(String, Table), String>,
    tickers: DerivativeTickers,
    row: String,
    rows: u64,
}

impl Tardis {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            files: OpenFiles::new(),
            made: HashSet::new(),
            paths: Vec::new(),
            sources: HashMap::new(),
            last: HashMap::new(),
            tickers: DerivativeTickers::default(),
            row: String::new(),
            rows: 0,
        }
    }

    /// Whether a channel fills a table of its instrument.
    fn fills(&mut self, topic: &Topic<'_>, table: Table) -> bool {
        let key = (topic.inst_id.to_owned(), table);
        *self.sources.entry(key).or_insert(topic.channel) == topic.channel
    }

    /// Begins a row with the columns that all tables have.
    fn begin_row(&mut self, topic: &Topic<'_>, ts_event: UnixNanos, ts_recv: UnixNanos) {
        let local = local_time(ts_event, ts_recv);
        let event = if ts_event == UnixNanos::UNKNOWN { local } else { ts_event };
        let exchange = tardis_exchange(topic);
        let (inst_id, event, local) = (topic.inst_id, micros(event), micros(local));
        let _ = write!(self.row, "{exchange},{inst_id},{event},{local}");
    }

    /// Writes the rows to their file.
    fn write_rows(
        &mut self,
        topic: &Topic<'_>,
        table: Table,
        local: UnixNanos,
        rows: u64,
    ) -> Result<Written, ExportError> {
        let day = day_of(local);
        let Self { dir, files, made, paths, row, .. } = self;
        let file = files.writer(topic.inst_id, table as usize, day, || {
            let (name, day) = (table.name(), day_text(day).replace('-', "/"));
            let mut path = dir.join(tardis_exchange(topic)).join(name).join(day);
            path.push(format!("{}.csv.gz", file_name(topic.inst_id)));
            let is_new = made.insert(path.clone());
            if is_new {
                paths.push(path.clone());
            }
            CsvFile::open(&path, &table.header(), is_new)
        })?;
        file.write(row)?;
        row.clear();
        self.rows += rows;
        Ok(Written::Yes)
    }

    /// Writes the best levels of a book if they are others than those that were written last.
    fn snapshot(
        &mut self,
        topic: &Topic<'_>,
        table: Table,
        (ts_event, ts_recv): (UnixNanos, UnixNanos),
        (asks, bids): (&[Level], &[Level]),
    ) -> Result<Written, ExportError> {
        let levels = if table == Table::Snapshot5 { Book5::LEVELS } else { BEST_LEVELS };
        let mut text = String::with_capacity(levels * 48);
        for at in 0..levels {
            push_level(&mut text, asks.get(at));
            push_level(&mut text, bids.get(at));
        }
        let last = self.last.entry((topic.inst_id.to_owned(), table)).or_default();
        if *last == text {
            return Ok(Written::Yes);
        }
        last.clone_from(&text);
        self.begin_row(topic, ts_event, ts_recv);
        self.row.push_str(&text);
        self.row.push('\n');
        self.write_rows(topic, table, local_time(ts_event, ts_recv), 1)
    }
}

impl Format for Tardis {
    fn trade(&mut self, topic: &Topic<'_>, of: &TradeRow) -> Result<Written, ExportError> {
        let trade = of.trade;
        if !self.fills(topic, Table::Trades) {
            return Ok(Written::LeftOut);
        }
        self.begin_row(topic, trade.ts_event, trade.ts_recv);
        let (id, side, px, sz) = (trade.trade_id, trade.side().name(), trade.px(), trade.sz());
        let _ = writeln!(self.row, ",{id},{side},{px},{sz}");
        self.write_rows(topic, Table::Trades, local_time(trade.ts_event, trade.ts_recv), 1)
    }

    fn book(&mut self, topic: &Topic<'_>, book: &Book5) -> Result<Written, ExportError> {
        let is_ticker = topic.channel == Channel::BboTbt;
        let table = if is_ticker { Table::BookTicker } else { Table::Snapshot5 };
        let times = (book.ts_event, book.ts_recv);
        if !self.fills(topic, table) {
            return Ok(Written::LeftOut);
        }
        if !is_ticker {
            return self.snapshot(topic, table, times, (book.asks(), book.bids()));
        }
        self.begin_row(topic, times.0, times.1);
        let _ = match book.best_ask() {
            Some(ask) => write!(self.row, ",{},{}", ask.sz(), ask.px()),
            None => self.row.write_str(",,"),
        };
        push_level(&mut self.row, book.best_bid());
        self.row.push('\n');
        self.write_rows(topic, table, local_time(times.0, times.1), 1)
    }

    fn takes_depth(&mut self, topic: &Topic<'_>, _: UnixNanos) -> Result<Takes, ExportError> {
        Ok(if self.fills(topic, Table::IncrementalBook) { Takes::Yes } else { Takes::No })
    }

    fn depth(&mut self, topic: &Topic<'_>, of: &DepthRows<'_>) -> Result<Written, ExportError> {
        for (side, levels) in [("ask", &of.asks), ("bid", &of.bids)] {
            for level in levels.iter() {
                self.begin_row(topic, of.ts_event, of.ts_recv);
                let _ = write!(self.row, ",{},{side}", of.is_snapshot);
                push_level(&mut self.row, Some(level));
                self.row.push('\n');
            }
        }
        let times = (of.ts_event, of.ts_recv);
        let count = (of.asks.len() + of.bids.len()) as u64;
        self.write_rows(topic, Table::IncrementalBook, local_time(times.0, times.1), count)?;
        self.snapshot(topic, Table::Snapshot25, times, (&of.best.0, &of.best.1))
    }

    fn record(
        &mut self,
        update: &RecordUpdate<'_>,
        values: &ContractValues,
    ) -> Result<Written, ExportError> {
        let (topic, record) = (&update.topic, update.record);
        let Some(changed) = self.tickers.take(topic, record, values)? else {
            return Ok(Written::LeftOut);
        };
        for (inst_id, columns) in changed {
            // The price of an index is that of each of its derivatives.
            let topic = &Topic { inst_id: &inst_id, market: market_of(topic), ..*topic };
            self.begin_row(topic, record.ts_event, record.ts_recv);
            self.row.push_str(&columns);
            self.row.push('\n');
            let local = local_time(record.ts_event, record.ts_recv);
            self.write_rows(topic, Table::DerivativeTicker, local, 1)?;
        }
        Ok(Written::Yes)
    }

    fn finish(&mut self) -> Result<(Vec<PathBuf>, u64), ExportError> {
        self.files.finish()?;
        Ok((std::mem::take(&mut self.paths), std::mem::take(&mut self.rows)))
    }
}

/// The market of a row: that of an index is the kind that the derivative's id says.
const fn market_of(topic: &Topic<'_>) -> Option<Market> {
    match topic.market {
        Some(Market::Index) | None => None,
        market => market,
    }
}
