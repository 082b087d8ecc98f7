//! Events as rows of Parquet files.

use std::collections::HashMap;
use std::path::PathBuf;

use super::column::{ColumnDef, NumberFormat, Value};
use super::table::{self, ParquetFile};
use crate::book::Book5;
use crate::export::error::ExportError;
use crate::export::files::OpenFiles;
use crate::export::format::{DepthRows, Format, Takes, TradeRow, Written};
use crate::export::names::{day_of, day_text, file_name, local_time};
use crate::model::{Dialect, Level, NO_SEQ, Topic, UnixNanos};

/// Parquet files, partitioned. `exchange` is `okx` for v5 and `okex` for v3. One row is a trade, a
/// five-level book, or a level of an order book that changed; an order book that begins or was not
/// live has all its levels first, with `is_snapshot`. A value that the exchange did not send is
/// null.
pub(in crate::export) struct Parquet {
    dir: PathBuf,
    numbers: NumberFormat,
    tables: Tables,
    files: OpenFiles<ParquetFile>,
    /// How many files each folder has.
    parts: HashMap<PathBuf, u32>,
    made: Vec<PathBuf>,
    rows: u64,
}

/// The columns of each kind of file.
struct Tables {
    trades: Vec<ColumnDef>,
    books: Vec<ColumnDef>,
    depth: Vec<ColumnDef>,
}

impl Parquet {
    pub(in crate::export) fn new(dir: PathBuf, numbers: NumberFormat) -> Self {
        Self {
            dir,
            numbers,
            tables: Tables {
                trades: table::trades(),
                books: table::books(),
                depth: table::depth(),
            },
            files: OpenFiles::new(),
            parts: HashMap::new(),
            made: Vec::new(),
            rows: 0,
        }
    }

    /// Writes rows to the file of a topic and a day.
    fn write<'v>(
        &mut self,
        topic: &Topic<'_>,
        local: UnixNanos,
        columns: impl FnOnce(&Tables) -> &Vec<ColumnDef>,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = Value<'v>>>,
    ) -> Result<Written, ExportError> {
        let day = day_of(local);
        let Self { dir, numbers, tables, files, parts, made, .. } = self;
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
            made.push(path.clone());
            ParquetFile::create(&path, columns(tables), *numbers)
        })?;
        for row in rows {
            file.push(row)?;
            self.rows += 1;
        }
        Ok(Written::Yes)
    }
}

impl Format for Parquet {
    fn trade(&mut self, topic: &Topic<'_>, of: &TradeRow) -> Result<Written, ExportError> {
        let trade = of.trade;
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
            Value::Bool(of.replayed),
            Value::I64(of.missed.cast_signed()),
        ];
        let local = local_time(trade.ts_event, trade.ts_recv);
        self.write(topic, local, |tables| &tables.trades, [row])
    }

    fn book(&mut self, topic: &Topic<'_>, book: &Book5) -> Result<Written, ExportError> {
        let head = [time(book.ts_event), time(book.ts_recv), number(book.seq)];
        let levels = [book.asks(), book.bids()].into_iter().flat_map(|side| {
            (0..Book5::LEVELS).flat_map(|at| match side.get(at) {
                Some(level) => level_values(level),
                None => [Value::None; 3],
            })
        });
        let row = head.into_iter().chain(levels);
        let local = local_time(book.ts_event, book.ts_recv);
        self.write(topic, local, |tables| &tables.books, [row])
    }

    fn takes_depth(&mut self, _: &Topic<'_>, _: UnixNanos) -> Result<Takes, ExportError> {
        Ok(Takes::Yes)
    }

    fn depth(&mut self, topic: &Topic<'_>, of: &DepthRows<'_>) -> Result<Written, ExportError> {
        let head = [
            time(of.ts_event),
            time(of.ts_recv),
            number(of.seq),
            number(if of.is_snapshot { NO_SEQ } else { of.prev_seq }),
            Value::Bool(of.is_snapshot),
        ];
        let rows = [("ask", &of.asks), ("bid", &of.bids)].into_iter().flat_map(|(side, levels)| {
            levels.iter().map(move |level| {
                head.into_iter().chain([Value::Text(side)]).chain(level_values(level))
            })
        });
        let local = local_time(of.ts_event, of.ts_recv);
        self.write(topic, local, |tables| &tables.depth, rows)
    }

    fn finish(&mut self) -> Result<(Vec<PathBuf>, u64), ExportError> {
        self.files.finish()?;
        Ok((std::mem::take(&mut self.made), std::mem::take(&mut self.rows)))
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
