//! From lines to printed events.

use super::depth_books::DepthBooks;
use super::frames::{Fault, frame_of, received_at};
use super::line_reader::{Line, MAX_LINE_LEN};
use super::other_dialect::OtherDialect;
use super::tally::Tally;
use super::trade_ids::TradeIds;
use crate::args::Format;
use crate::error::CliError;
use crate::event_json::{Stamp, write_event, write_malformed, write_schema};
use crate::output::Output;
use okx_feed::wire::DecodeLimits;
use okx_feed::{
    Book5, DecodeError, DecodeErrorKind, Decoder, Dialect, Event, Frame, Malformed, UnixNanos,
};

/// Room for the longest body that the longest line holds.
const BODY_ROOM: usize = MAX_LINE_LEN / 4 * 3 + 3;

/// The limits of a recording's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most order books, and the most subscriptions of trades whose ids are remembered.
    pub(super) max_books: usize,
}

/// Prints the events of lines. Once warm it allocates nothing.
pub(super) struct Printer {
    decoder: Decoder,
    other: OtherDialect,
    books: DepthBooks,
    trades: TradeIds,
    format: Format,
    /// The buffer for decoded base64.
    body: Box<[u8]>,
    out: Output,
    pub(super) tally: Tally,
    /// The number of the last line, counted from 1.
    line: u64,
    /// The empty lines right before the next one, not yet known to be malformed.
    empty_lines: u64,
}

impl Printer {
    pub(super) fn new(dialect: Dialect, format: Format, limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(dialect),
            other: OtherDialect::than(dialect),
            books: DepthBooks::new(limits.max_books),
            trades: TradeIds::new(limits.max_books),
            format,
            body: vec![0; BODY_ROOM].into_boxed_slice(),
            out: Output::stdout(),
            tally: Tally::default(),
            line: 0,
            empty_lines: 0,
        }
    }

    /// Prints the version of the JSON contract.
    pub(super) fn schema(&mut self) {
        write_schema(self.out.buf(), "decode", self.decoder.dialect());
    }

    /// Writes everything that was printed.
    ///
    /// # Errors
    /// If writing to standard output failed.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush()
    }

    /// The dialect of the messages, if it is not the requested one.
    pub(super) fn other_dialect(&self) -> Option<Dialect> {
        self.other.understood().filter(|_| self.tally.data() == 0)
    }

    /// Processes the next line.
    ///
    /// # Errors
    /// If writing to standard output failed.
    pub(super) fn line(&mut self, line: Line<'_>) -> Result<(), CliError> {
        if line == Line::Bytes(b"") {
            self.empty_lines += 1;
            return Ok(());
        }
        while self.empty_lines > 0 {
            self.empty_lines -= 1;
            self.frame(Line::Bytes(b""))?;
        }
        self.frame(line)
    }

    fn frame(&mut self, line: Line<'_>) -> Result<(), CliError> {
        self.line += 1;
        self.tally.frames += 1;
        let (frame, ts_recv) = match line {
            Line::Bytes(bytes) => {
                (frame_of(self.format, bytes, &mut self.body), received_at(self.format, bytes))
            }
            Line::TooLong => {
                let error =
                    DecodeError::new(DecodeErrorKind::FrameTooLarge, DecodeLimits::MAX_FRAME_LEN);
                (Err(error.into()), None)
            }
        };
        let stamp = Stamp { key: "line", value: self.line, ts_recv };
        let Self { decoder, other, books, trades, out, tally, .. } = self;
        let dialect = decoder.dialect();
        // A frame that names no channel may be of the other dialect, and so may a malformed one.
        let mut is_strange = false;
        let decoded = frame.map_err(|fault| (fault, None)).and_then(|frame: Frame<'_>| {
            let mut print = |event: &Event<'_>| {
                let checked = match event {
                    Event::Depth(update) => books.apply(update).map(Event::DepthBook),
                    Event::Trade(update) => Some(Event::Trade(trades.checked(update))),
                    Event::Control(control) => {
                        trades.note(dialect, control);
                        None
                    }
                    Event::Skipped(skipped) => {
                        is_strange = skipped.channel.is_empty();
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
            result.map_err(|error| (Fault::from(error), Some(error.kind)))
        });
        if let Err((Fault { kind, offset }, of_decoder)) = decoded {
            tally.malformed += 1;
            let subscription = of_decoder.and_then(|kind| decoder.last_subscription(kind));
            let ts_recv = ts_recv.unwrap_or(UnixNanos::UNKNOWN);
            write_malformed(out.buf(), stamp, &Malformed { kind, offset, subscription, ts_recv });
        }
        out.spill()
    }
}
