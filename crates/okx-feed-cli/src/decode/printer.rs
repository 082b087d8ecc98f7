//! From lines to printed events.

use super::depth_books::DepthBooks;
use super::tally::Tally;
use super::trade_ids::TradeIds;
use crate::args::ProtocolArg;
use crate::error::CliError;
use crate::other_dialect::OtherDialect;
use crate::output::Output;
use okx_feed::capture::{Entry, EntryKind, LineFault, LineForm, Mark, read_gap};
use okx_feed::feed::Stats;
use okx_feed::model::InstrumentCodes;
use okx_feed::{Book5, Event, FeedHandler, Frame, Malformed, UnixNanos};
use okx_feed_export::json::{
    Stamp, write_event, write_gap, write_left_out, write_malformed, write_schema,
    write_unchecked_trade,
};

/// The limits of a recording's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most order books, and the most subscriptions of trades whose ids are checked.
    pub(super) max_books: usize,
}

/// Prints the events of lines. Once warm it allocates nothing.
pub(super) struct Printer {
    protocol: ProtocolArg,
    /// Without a subscription: it decodes and counts.
    decoder: FeedHandler,
    other: OtherDialect,
    books: DepthBooks,
    trades: TradeIds,
    out: Output,
    pub(super) tally: Tally,
    /// The number of the last line, counted from 1.
    line: u64,
    /// The empty lines right before the next one, not yet known to be malformed.
    empty_lines: u64,
    /// Whether those should have had columns.
    has_columns: bool,
}

impl Printer {
    /// Makes a printer of a protocol, with the codes of its instruments.
    pub(super) fn new((protocol, codes): (ProtocolArg, InstrumentCodes), limits: Limits) -> Self {
        let mut decoder = FeedHandler::new(protocol.dialect());
        let is_sbe = protocol == ProtocolArg::Sbe;
        if is_sbe {
            decoder.set_sbe(codes.into());
        }
        Self {
            protocol,
            other: OtherDialect::than(protocol),
            books: DepthBooks::new(limits.max_books, is_sbe),
            decoder,
            trades: TradeIds::new(limits.max_books),
            out: Output::stdout(),
            tally: Tally::default(),
            line: 0,
            empty_lines: 0,
            has_columns: false,
        }
    }

    /// Prints the version of the JSON contract.
    pub(super) fn schema(&mut self) {
        write_schema(self.out.buf(), "decode", self.protocol.name());
    }

    /// The counters of all frames.
    pub(super) const fn stats(&self) -> &Stats {
        self.decoder.stats()
    }

    /// Writes everything that was printed.
    ///
    /// # Errors
    /// If writing to standard output failed.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush()
    }

    /// The dialect of the messages, if it is not the requested one.
    pub(super) fn other_dialect(&self) -> Option<ProtocolArg> {
        self.other.understood().filter(|_| self.tally.data() == 0)
    }

    /// Processes the next line.
    ///
    /// # Errors
    /// If writing to standard output failed.
    pub(super) fn entry(&mut self, entry: Entry<'_>) -> Result<(), CliError> {
        if let EntryKind::Empty(form) = entry.kind {
            self.empty_lines += 1;
            self.has_columns = form == LineForm::Tsv;
            return Ok(());
        }
        while self.empty_lines > 0 {
            self.empty_lines -= 1;
            let kind = EntryKind::Unknown;
            let entry = Entry { ts_recv: UnixNanos::UNKNOWN, kind, ..entry };
            match self.has_columns {
                true => self.malformed(&entry, LineFault { kind: "tsv", offset: 0 })?,
                false => self.frame(&entry, Frame::Text(b""))?,
            }
        }
        match entry.kind {
            EntryKind::Frame(frame) => self.frame(&entry, frame),
            EntryKind::Malformed(fault) => self.malformed(&entry, fault),
            EntryKind::Mark(Mark::Gap, text) => self.gap(entry.ts_recv, text),
            _ => {
                self.line += 1;
                Ok(())
            }
        }
    }

    /// Prints a place where lines are missing.
    fn gap(&mut self, ts_recv: UnixNanos, text: &[u8]) -> Result<(), CliError> {
        self.line += 1;
        self.tally.holes += 1;
        let ts_recv = Some(ts_recv);
        let stamp = Stamp { key: "line", value: self.line, ts_recv };
        write_gap(self.out.buf(), stamp, read_gap(text));
        self.books.message_lost(None, None);
        self.out.spill()
    }

    /// Prints a line that can't be read: its frame is lost.
    fn malformed(&mut self, entry: &Entry<'_>, fault: LineFault) -> Result<(), CliError> {
        let stamp = self.next_stamp(entry);
        self.tally.malformed += 1;
        let connection = (!fault.hides_connection()).then_some(entry.connection);
        self.books.message_lost(connection, None);
        let LineFault { kind, offset } = fault;
        let ts_recv = entry.ts_recv;
        let malformed = Malformed { kind, offset, subscription: None, ts_recv };
        write_malformed(self.out.buf(), stamp, &malformed);
        self.out.spill()
    }

    /// The stamp of the next frame.
    fn next_stamp(&mut self, entry: &Entry<'_>) -> Stamp {
        self.line += 1;
        self.tally.frames += 1;
        let ts_recv = Some(entry.ts_recv).filter(|at| *at != UnixNanos::UNKNOWN);
        Stamp { key: "line", value: self.line, ts_recv }
    }

    fn frame(&mut self, entry: &Entry<'_>, frame: Frame<'_>) -> Result<(), CliError> {
        let stamp = self.next_stamp(entry);
        let Entry { ts_recv, connection, .. } = *entry;
        let Self { decoder, other, books, trades, out, tally, .. } = self;
        let dialect = decoder.dialect();
        // A frame that names no channel may be of the other dialect, and so may a malformed one.
        let mut is_strange = false;
        let mut print = |event: &Event<'_>| {
            let buf = out.buf();
            let checked = match event {
                Event::Depth(update) => match books.apply(connection, update) {
                    Some(change) => Some(Event::DepthBook(change)),
                    None => {
                        tally.left_out();
                        return write_left_out(buf, stamp, update);
                    }
                },
                Event::Trade(update) => match trades.checked(connection, update) {
                    Some(update) => Some(Event::Trade(update)),
                    None => {
                        tally.unchecked_trade();
                        return write_unchecked_trade(buf, stamp, update);
                    }
                },
                Event::Control(control) => {
                    trades.note(connection, dialect, control);
                    None
                }
                Event::Skipped(skipped) => {
                    // Binary frames of any kind may look like unknown messages of SBE.
                    let name = skipped.channel;
                    is_strange |= name.is_empty() || name.starts_with("sbe-");
                    None
                }
                Event::Malformed(malformed) => {
                    is_strange = true;
                    books.message_lost(Some(connection), malformed.subscription);
                    None
                }
                _ => None,
            };
            let event = checked.as_ref().unwrap_or(event);
            tally.count(event);
            write_event(buf, stamp, Book5::LEVELS, event);
        };
        // A malformed frame is an event.
        let _ = decoder.on_frame(frame, ts_recv, &mut print);
        if is_strange {
            other.check(frame);
        }
        out.spill()
    }
}
