//! The sink of an export: what happens to an event before a format writes it.

use std::fmt;
use std::path::PathBuf;

use super::amounts::ContractValues;
use super::error::ExportError;
use super::format::{BEST_LEVELS, DepthRows, Format, Takes, TradeRow, Written};
use super::hftbacktest::HftBacktest;
use super::names::local_time;
use super::order_book::{BookRows, WrittenBooks};
use super::parquet::{NumberFormat, Parquet};
use super::report::ExportReport;
use super::tardis::Tardis;
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};

/// A sink that writes what a replay or a client emits as files of another program's format.
///
/// Days are of UTC by the time of receipt; where a capture has none, by the exchange's. Each update
/// is written once. Files are made as they are needed; none may exist already. Sizes are those of
/// the wire, contracts on derivatives, unless [`Export::contract_values`] says what a contract is.
/// `docs/EXPORT.md` has the files and their columns. Allocates and writes to disk; not for the
/// thread of a feed.
///
/// # Example
/// ```no_run
/// use okx_feed::{Event, EventSink, Replay};
/// use okx_feed::export::Export;
///
/// let mut export = Export::tardis("csv");
/// let on_event = |event: &Event<'_>| export.on_event(event);
/// Replay::builder().file("capture.tsv.zst").on_event(on_event).open()?.run()?;
/// println!("{} rows", export.finish()?.rows);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Export {
    format: Box<dyn Format + Send>,
    values: ContractValues,
    books: WrittenBooks,
    report: ExportReport,
    error: Option<ExportError>,
}

impl Export {
    /// An export to Parquet files, partitioned as most readers expect:
    /// `DIR/exchange=okx/channel=trades/inst_id=BTC-USDT/date=2026-11-30/part-0.parquet`.
    #[must_use]
    pub fn parquet(dir: impl Into<PathBuf>, numbers: NumberFormat) -> Self {
        Self::new(Parquet::new(dir.into(), numbers))
    }

    /// An export to CSV files in the columns of Tardis' data sets, one for each instrument, type
    /// and day: `DIR/okex-swap/trades/2026/11/30/BTC-USDT-SWAP.csv.gz`. Of two channels with the
    /// same content the first is written.
    #[must_use]
    pub fn tardis(dir: impl Into<PathBuf>) -> Self {
        Self::new(Tardis::new(dir.into()))
    }

    /// An export to hftbacktest's event arrays, one file for each instrument and day:
    /// `DIR/BTC-USDT_20261130.npy`. A day is in memory until it ends.
    #[must_use]
    pub fn hftbacktest(dir: impl Into<PathBuf>) -> Self {
        Self::new(HftBacktest::new(dir.into()))
    }

    fn new(format: impl Format + Send + 'static) -> Self {
        Self {
            format: Box::new(format),
            values: ContractValues::default(),
            books: WrittenBooks::default(),
            report: ExportReport::default(),
            error: None,
        }
    }

    /// Writes sizes times the value of a contract, exactly, where an instrument has one.
    #[must_use]
    pub fn contract_values(mut self, values: ContractValues) -> Self {
        self.values = values;
        self
    }

    /// Whether an error has ended the export; [`Export::finish`] gives it.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Writes what is left, finishes all files and gives what was written.
    ///
    /// # Errors
    /// The first error of the export.
    pub fn finish(&mut self) -> Result<ExportReport, ExportError> {
        // What can be finished is, also after an error.
        let finished = self.format.finish();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut report = std::mem::take(&mut self.report);
        (report.files, report.rows) = finished?;
        Ok(report)
    }

    fn write(&mut self, event: &Event<'_>) -> Result<(), ExportError> {
        let (topic, written) = match event {
            Event::Trade(update) => (update.topic, self.trade(update)?),
            Event::Book(update) => (update.topic, self.book(update)?),
            Event::DepthBook(change) => (change.update.topic, self.depth(change)?),
            Event::Record(update) => (update.topic, self.format.record(update, &self.values)?),
            Event::Raw(message) => (message.topic, Written::LeftOut),
            Event::State(change) => {
                if !change.to.is_live() {
                    self.books.forget(change.subscription_id);
                }
                return Ok(());
            }
            // What has no subscription, or is no data.
            Event::Depth(_)
            | Event::Control(_)
            | Event::Skipped(_)
            | Event::Malformed(_)
            | Event::Gap(_) => return Ok(()),
        };
        if written == Written::LeftOut {
            self.report.leave_out(topic.channel.name(), topic.inst_id);
        }
        Ok(())
    }

    fn trade(&mut self, update: &TradeUpdate<'_>) -> Result<Written, ExportError> {
        let trade = self.values.of_trade(&update.topic, update.trade)?;
        let row = TradeRow { trade, replayed: update.replayed, missed: update.missed };
        self.format.trade(&update.topic, &row)
    }

    fn book(&mut self, update: &BookUpdate<'_>) -> Result<Written, ExportError> {
        let book = self.values.of_book(&update.topic, update.book)?;
        self.format.book(&update.topic, &book)
    }

    fn depth(&mut self, change: &DepthChange<'_>) -> Result<Written, ExportError> {
        let (topic, update) = (&change.update.topic, change.update);
        let local = local_time(update.ts_event, update.ts_recv);
        match self.format.takes_depth(topic, local)? {
            Takes::No => return Ok(Written::LeftOut),
            Takes::Whole => self.books.forget(change.subscription_id),
            Takes::Yes => {}
        }
        self.report.note_depth(change);
        let (asks, bids, is_snapshot) = match self.books.rows(change) {
            BookRows::Nothing => return Ok(Written::Yes),
            BookRows::Changes => (update.asks, update.bids, false),
            BookRows::Whole(book) => (book.asks(), book.bids(), true),
        };
        let values = &self.values;
        let best = change.book.view().top(BEST_LEVELS);
        let rows = DepthRows {
            ts_event: update.ts_event,
            ts_recv: update.ts_recv,
            seq: update.seq,
            prev_seq: update.prev_seq,
            is_snapshot,
            asks: values.of_levels(topic, asks)?,
            bids: values.of_levels(topic, bids)?,
            best: (values.of_levels(topic, best.0)?, values.of_levels(topic, best.1)?),
        };
        self.format.depth(topic, &rows)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("report", &self.report).finish_non_exhaustive()
    }
}

impl EventSink for Export {
    fn on_event(&mut self, event: &Event<'_>) {
        if self.error.is_none() {
            self.error = self.write(event).err();
        }
    }
}
