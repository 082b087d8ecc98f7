//! The sink that writes Parquet files.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use super::column::{ColumnDef, NumberFormat, Value};
use super::table::{self, ParquetFile};
use crate::book::Book5;
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};
use crate::export::error::ExportError;
use crate::export::files::OpenFiles;
use crate::export::names::{day_of, day_text, file_name, local_time};
use crate::export::order_book::{BookRows, WrittenBooks};
use crate::export::report::ExportReport;
use crate::model::{Dialect, Level, NO_SEQ, Topic, UnixNanos};

/// A sink that writes books and trades as Parquet files, partitioned as most readers expect:
/// `DIR/exchange=okx/channel=trades/inst_id=BTC-USDT/date=2026-11-30/part-0.parquet`.
///
/// `exchange` is `okx` for v5 and `okex` for v3. Days are of UTC by the time of receipt, times are
/// nanoseconds, compression is zstd. One row is a trade, a five-level book, or a level of an order
/// book that changed; an order book that begins or was not live has all its levels first, with
/// `is_snapshot`. A value that the exchange did not send is null. Allocates; not for the thread of
/// a feed.
pub struct ParquetExport {
    dir: PathBuf,
    numbers: NumberFormat,
    tables: Tables,
    files: OpenFiles<ParquetFile>,
    /// How many files each folder has.
    parts: HashMap<PathBuf, u32>,
    written: WrittenBooks,
    report: ExportReport,
    error: Option<ExportError>,
}

/// The columns of each kind of file.
struct Tables {
    trades: Vec<ColumnDef>,
    books: Vec<ColumnDef>,
    depth: Vec<ColumnDef>,
}

impl ParquetExport {
    /// Makes an export to a folder. Files are made as they are needed; none may exist already.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, numbers: NumberFormat) -> Self {
        Self {
            dir: dir.into(),
            numbers,
            tables: Tables {
                trades: table::trades(),
                books: table::books(),
                depth: table::depth(),
            },
            files: OpenFiles::new(),
            parts: HashMap::new(),
            written: WrittenBooks::default(),
            report: ExportReport::default(),
            error: None,
        }
    }

    /// Whether an error has ended the export; [`ParquetExport::finish`] gives it.
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

    /// Writes rows to the file of a topic and a day.
    fn write<'v>(
        &mut self,
        topic: &Topic<'_>,
        local: UnixNanos,
        columns: impl FnOnce(&Tables) -> &Vec<ColumnDef>,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = Value<'v>>>,
    ) {
        let day = day_of(local);
        let Self { dir, numbers, tables, files, parts, report, .. } = self;
        let file = files.writer(topic.inst_id, usize::from(topic.channel.index()), day, || {
            let exchange = match topic.channel.dialect() {
                Dialect::V3 => "okex",
                Dialect::V5 => "okx",
            };
            let mut path = dir.join(format!("exchange={exchange}"));
            path.push(format!("channel={}", topic.channel.name()));
            path.push(format!("inst_id={}", file_name(topic.inst_id)));
            path.push(format!("date={}", day_text(day)));
            let part = parts.entry(path.clone()).or_default();
            path.push(format!("part-{part}.parquet"));
            *part += 1;
            report.files.push(path.clone());
            ParquetFile::create(&path, columns(tables), *numbers)
        });
        let write = || {
            let file = file?;
            for row in rows {
                file.push(row)?;
                report.rows += 1;
            }
            Ok(())
        };
        if let Err(error) = write() {
            self.error = Some(error);
        }
    }

    fn on_trade(&mut self, update: &TradeUpdate<'_>) {
        let trade = update.trade;
        let row = [
            time(trade.ts_event),
            time(trade.ts_recv),
            Value::I64(trade.trade_id.cast_signed()),
            number(trade.seq),
            Value::Text(trade.side().name()),
            Value::Number(trade.px()),
            Value::Number(trade.sz()),
            Value::I32(trade.count.cast_signed()),
            Value::I32(trade.source.into()),
            Value::Bool(update.replayed),
            Value::I64(update.missed.cast_signed()),
        ];
        let local = local_time(trade.ts_event, trade.ts_recv);
        self.write(&update.topic, local, |tables| &tables.trades, [row]);
    }

    fn on_book(&mut self, update: &BookUpdate<'_>) {
        let book = update.book;
        let head = [time(book.ts_event), time(book.ts_recv), number(book.seq)];
        let levels = [book.asks(), book.bids()].into_iter().flat_map(|side| {
            (0..Book5::LEVELS).flat_map(|at| match side.get(at) {
                Some(level) => level_values(level),
                None => [Value::None; 3],
            })
        });
        let row = head.into_iter().chain(levels);
        let local = local_time(book.ts_event, book.ts_recv);
        self.write(&update.topic, local, |tables| &tables.books, [row]);
    }

    fn on_depth(&mut self, change: &DepthChange<'_>) {
        let update = change.update;
        self.report.note_depth(change);
        let (asks, bids, is_snapshot) = match self.written.rows(change) {
            BookRows::Nothing => return,
            BookRows::Changes => (update.asks, update.bids, false),
            BookRows::Whole(book) => (book.asks(), book.bids(), true),
        };
        let head = [
            time(update.ts_event),
            time(update.ts_recv),
            number(update.seq),
            number(if is_snapshot { NO_SEQ } else { update.prev_seq }),
            Value::Bool(is_snapshot),
        ];
        let rows = [("ask", asks), ("bid", bids)].into_iter().flat_map(|(side, levels)| {
            levels.iter().map(move |level| {
                head.into_iter().chain([Value::Text(side)]).chain(level_values(level))
            })
        });
        let local = local_time(update.ts_event, update.ts_recv);
        self.write(&update.topic, local, |tables| &tables.depth, rows);
    }
}

impl fmt::Debug for ParquetExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetExport").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl EventSink for ParquetExport {
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

fn time(at: UnixNanos) -> Value<'static> {
    if at == UnixNanos::UNKNOWN { Value::None } else { Value::I64(at.0.cast_signed()) }
}

const fn number(seq: i64) -> Value<'static> {
    if seq == NO_SEQ { Value::None } else { Value::I64(seq) }
}

fn level_values(level: &Level) -> [Value<'static>; 3] {
    let orders = Value::I32(level.orders().cast_signed());
    [Value::Number(level.px()), Value::Number(level.sz()), orders]
}
