//! From lines to printed events.

use super::depth_books::DepthBooks;
use super::other_dialect::OtherDialect;
use super::tally::Tally;
use super::trade_ids::TradeIds;
use crate::args::ProtocolArg;
use crate::error::CliError;
use crate::event_json::{write_event, write_gap, write_malformed, write_schema};
use crate::event_members::Stamp;
use crate::output::Output;
use okx_feed::capture::{Entry, EntryKind, LineFault, LineForm, Mark, read_gap};
use okx_feed::{Book5, Decoder, Event, Frame, InstrumentCodes, Malformed, UnixNanos};

/// The limits of a recording's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most order books, and the most subscriptions of trades whose ids are remembered.
    pub(super) max_books: usize,
}

/// Prints the events of lines. Once warm it allocates nothing.
pub(super) struct Printer {
    protocol: ProtocolArg,
    decoder: Decoder,
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
        let mut decoder = Decoder::new(protocol.dialect());
        if protocol == ProtocolArg::Sbe {
            decoder.set_sbe(codes.into());
        }
        Self {
            protocol,
            other: OtherDialect::than(protocol),
            books: DepthBooks::new(limits.max_books, decoder.is_sbe()),
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
            let no_columns = LineFault { kind: "tsv", offset: 0 };
            let frame = if self.has_columns { Err(no_columns) } else { Ok(Frame::Text(b"")) };
            let kind = EntryKind::Unknown;
            self.frame(&Entry { ts_recv: UnixNanos::UNKNOWN, kind, ..entry }, frame)?;
        }
        match entry.kind {
            EntryKind::Frame(frame) => self.frame(&entry, Ok(frame)),
            EntryKind::Malformed(fault) => self.frame(&entry, Err(fault)),
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
        self.out.spill()
    }

    fn frame(
        &mut self,
        &Entry { ts_recv, connection, .. }: &Entry<'_>,
        frame: Result<Frame<'_>, LineFault>,
    ) -> Result<(), CliError> {
        self.line += 1;
        self.tally.frames += 1;
        let ts_recv = Some(ts_recv).filter(|at| *at != UnixNanos::UNKNOWN);
        let stamp = Stamp { key: "line", value: self.line, ts_recv };
        let Self { decoder, other, books, trades, out, tally, .. } = self;
        let dialect = decoder.dialect();
        // A frame that names no channel may be of the other dialect, and so may a malformed one.
        let mut is_strange = false;
        let decoded = frame.map_err(|fault| (fault, None)).and_then(|frame| {
            let mut print = |event: &Event<'_>| {
                let checked = match event {
                    Event::Depth(update) => books.apply(connection, update).map(Event::DepthBook),
                    Event::Trade(update) => Some(Event::Trade(trades.checked(connection, update))),
                    Event::Control(control) => {
                        trades.note(connection, dialect, control);
                        None
                    }
                    Event::Skipped(skipped) => {
                        // Binary frames of any kind may look like unknown messages of SBE.
                        let name = skipped.channel;
                        is_strange = name.is_empty() || name.starts_with("sbe-");
                        None
                    }
                    _ => None,
                };
                let event = checked.as_ref().unwrap_or(event);
                tally.count(event);
                write_event(out.buf(), stamp, Book5::LEVELS, event);
            };
            let ts_recv = ts_recv.unwrap_or(UnixNanos::UNKNOWN);
            let result = decoder.decode(frame, ts_recv, &mut print);
            if is_strange || result.is_err() {
                other.check(frame);
            }
            result.map_err(|error| {
                (LineFault { kind: error.kind.name(), offset: error.offset }, Some(error.kind))
            })
        });
        if let Err((LineFault { kind, offset }, of_decoder)) = decoded {
            tally.malformed += 1;
            let subscription = of_decoder.and_then(|kind| decoder.last_subscription(kind));
            let ts_recv = ts_recv.unwrap_or(UnixNanos::UNKNOWN);
            write_malformed(out.buf(), stamp, &Malformed { kind, offset, subscription, ts_recv });
        }
        out.spill()
    }
}
