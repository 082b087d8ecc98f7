//! CSV files in the columns of Tardis' data sets.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::csv::{CsvFile, micros, push_level};
use super::error::ExportError;
use super::files::OpenFiles;
use super::names::{day_of, day_text, file_name, local_time, tardis_exchange};
use super::order_book::{BookRows, WrittenBooks};
use super::report::ExportReport;
use crate::book::Book5;
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};
use crate::model::{Channel, Level, Topic, UnixNanos};

/// How many levels a side the snapshots of order books have.
const SNAPSHOT_LEVELS: usize = 25;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Trades,
    IncrementalBook,
    Snapshot5,
    Snapshot25,
    BookTicker,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::IncrementalBook => "incremental_book_L2",
            Self::Snapshot5 => "book_snapshot_5",
            Self::Snapshot25 => "book_snapshot_25",
            Self::BookTicker => "book_ticker",
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
            Self::Snapshot25 => snapshot(SNAPSHOT_LEVELS),
            Self::BookTicker => ",ask_amount,ask_price,bid_price,bid_amount".to_owned(),
        };
        format!("exchange,symbol,timestamp,local_timestamp{columns}\n")
    }
}

/// A sink that writes books and trades as CSV files in the columns of Tardis' data sets, one for
/// each instrument, type and day:
/// `DIR/okex-swap/trades/2026/11/30/BTC-USDT-SWAP.csv.gz`.
///
/// | type | from |
/// |---|---|
/// | `trades` | trades |
/// | `incremental_book_L2` | order books: snapshots and changes |
/// | `book_snapshot_25` | order books, whenever one of the best 25 levels changed |
/// | `book_snapshot_5` | `books5` and `depth5`, whenever a level changed |
/// | `book_ticker` | `bbo-tbt` |
///
/// Times are microseconds, days are of UTC by the time of receipt, prices and amounts have the
/// wire's own digits; amounts are contracts on derivatives. Of two channels with the same content
/// the first is written. Allocates; not for the thread of a feed.
///
/// # Example
/// ```no_run
/// use okx_feed::{Event, EventSink, Replay};
/// use okx_feed::export::TardisExport;
///
/// let mut export = TardisExport::new("csv");
/// let on_event = |event: &Event<'_>| export.on_event(event);
/// Replay::builder().file("capture.tsv.zst").on_event(on_event).open()?.run()?;
/// println!("{} rows", export.finish()?.rows);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TardisExport {
    dir: PathBuf,
    files: OpenFiles<CsvFile>,
    made: HashSet<PathBuf>,
    /// Which channel fills each table of an instrument.
    sources: HashMap<(String, Table), Channel>,
    written: WrittenBooks,
    /// The levels that were written last of each table of snapshots.
    last: HashMap<(String, Table), String>,
    row: String,
    report: ExportReport,
    error: Option<ExportError>,
}

impl TardisExport {
    /// Makes an export to a folder. Files are made as they are needed; none may exist already.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            files: OpenFiles::new(),
            made: HashSet::new(),
            sources: HashMap::new(),
            written: WrittenBooks::default(),
            last: HashMap::new(),
            row: String::new(),
            report: ExportReport::default(),
            error: None,
        }
    }

    /// Whether an error has ended the export; [`TardisExport::finish`] gives it.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Finishes all files.
    ///
    /// # Errors
    /// The first error of the export.
    pub fn finish(&mut self) -> Result<ExportReport, ExportError> {
        let finished = self.files.finish();
        match self.error.take() {
            Some(error) => Err(error),
            None => finished.map(|()| std::mem::take(&mut self.report)),
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
    fn write_rows(&mut self, topic: &Topic<'_>, table: Table, local: UnixNanos, rows: u64) {
        let day = day_of(local);
        let Self { dir, files, made, report, row, .. } = self;
        let written = files
            .writer(topic.inst_id, table as usize, day, || {
                let (name, day) = (table.name(), day_text(day).replace('-', "/"));
                let mut path = dir.join(tardis_exchange(topic)).join(name).join(day);
                path.push(format!("{}.csv.gz", file_name(topic.inst_id)));
                let is_new = made.insert(path.clone());
                if is_new {
                    report.files.push(path.clone());
                }
                CsvFile::open(&path, &table.header(), is_new)
            })
            .and_then(|file| file.write(row));
        row.clear();
        match written {
            Ok(()) => report.rows += rows,
            Err(error) => self.error = Some(error),
        }
    }

    fn on_trade(&mut self, update: &TradeUpdate<'_>) {
        let (topic, trade) = (&update.topic, update.trade);
        if !self.fills(topic, Table::Trades) {
            return self.report.leave_out(topic.channel.name(), topic.inst_id);
        }
        self.begin_row(topic, trade.ts_event, trade.ts_recv);
        let (id, side, px, sz) = (trade.trade_id, trade.side().name(), trade.px(), trade.sz());
        let _ = writeln!(self.row, ",{id},{side},{px},{sz}");
        let local = local_time(trade.ts_event, trade.ts_recv);
        self.write_rows(topic, Table::Trades, local, 1);
    }

    fn on_book(&mut self, update: &BookUpdate<'_>) {
        let (topic, book) = (&update.topic, update.book);
        let is_ticker = topic.channel == Channel::BboTbt;
        let table = if is_ticker { Table::BookTicker } else { Table::Snapshot5 };
        let times = (book.ts_event, book.ts_recv);
        if !self.fills(topic, table) {
            return self.report.leave_out(topic.channel.name(), topic.inst_id);
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
        self.write_rows(topic, table, local_time(times.0, times.1), 1);
    }

    /// Writes the best levels of a book if they are others than those that were written last.
    fn snapshot(
        &mut self,
        topic: &Topic<'_>,
        table: Table,
        (ts_event, ts_recv): (UnixNanos, UnixNanos),
        (asks, bids): (&[Level], &[Level]),
    ) {
        let levels = if table == Table::Snapshot5 { Book5::LEVELS } else { SNAPSHOT_LEVELS };
        let mut text = String::with_capacity(levels * 48);
        for at in 0..levels {
            push_level(&mut text, asks.get(at));
            push_level(&mut text, bids.get(at));
        }
        let last = self.last.entry((topic.inst_id.to_owned(), table)).or_default();
        if *last == text {
            return;
        }
        last.clone_from(&text);
        self.begin_row(topic, ts_event, ts_recv);
        self.row.push_str(&text);
        self.row.push('\n');
        self.write_rows(topic, table, local_time(ts_event, ts_recv), 1);
    }

    fn on_depth(&mut self, change: &DepthChange<'_>) {
        let (topic, update) = (&change.update.topic, change.update);
        if !self.fills(topic, Table::IncrementalBook) {
            return self.report.leave_out(topic.channel.name(), topic.inst_id);
        }
        self.report.note_depth(change);
        let rows = self.written.rows(change);
        let (asks, bids, is_snapshot) = match &rows {
            BookRows::Nothing => return,
            BookRows::Changes => (update.asks, update.bids, false),
            BookRows::Whole(book) => (book.asks(), book.bids(), true),
        };
        for (side, levels) in [("ask", asks), ("bid", bids)] {
            for level in levels {
                self.begin_row(topic, update.ts_event, update.ts_recv);
                let _ = write!(self.row, ",{is_snapshot},{side}");
                push_level(&mut self.row, Some(level));
                self.row.push('\n');
            }
        }
        let times = (update.ts_event, update.ts_recv);
        let count = (asks.len() + bids.len()) as u64;
        self.write_rows(topic, Table::IncrementalBook, local_time(times.0, times.1), count);
        if let Some(book) = change.book.live() {
            self.snapshot(topic, Table::Snapshot25, times, book.top(SNAPSHOT_LEVELS));
        }
    }
}

impl fmt::Debug for TardisExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TardisExport").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl EventSink for TardisExport {
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
