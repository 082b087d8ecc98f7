//! `okx-feed decode`: the events of a capture as JSON.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;

use super::args::{DialectArg, Format, is_stdin};
use super::depth_books::DepthBooks;
use super::error::{CliError, Outcome, say};
use super::event_json::{Stamp, write_event, write_malformed};
use super::lines::{Line, Lines};
use super::output::Output;
use crate::model::{BOOK5_LEVELS, Checksum, Event, Sequence, UnixNanos};
use crate::wire::{DecodeError, DecodeErrorKind, Decoder, Frame, MAX_FRAME_LEN};

/// The longest line that is kept, its end included: base64 of the longest frame, and room for the
/// receive time before it. A longer one is a frame over the limit in either format.
const MAX_LINE_LEN: usize = MAX_FRAME_LEN.div_ceil(3) * 4 + 128;

/// Room for the longest body that the longest line holds.
const BODY_ROOM: usize = MAX_LINE_LEN / 4 * 3 + 3;

/// The arguments of `decode`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DecodeArgs {
    /// The protocol that the connection spoke
    #[arg(long, value_enum)]
    dialect: DialectArg,
    /// How the file is written; by default its name says it: .jsonl or .tsv, and jsonl for `-`
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The capture, one frame a line; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const AFTER_HELP: &str = "\
Events go to standard output, one JSON object a line, in the order of the input:
  {\"line\":1,\"event\":\"book\",\"channel\":..,\"inst_id\":..,\"ts_ns\":..,\"seq\":..,
   \"asks\":[[px,sz,orders],..],\"bids\":[[px,sz,orders],..]}
  {\"line\":2,\"event\":\"trade\",\"channel\":..,\"inst_id\":..,\"ts_ns\":..,\"seq\":..,
   \"trade_id\":..,\"side\":..,\"px\":..,\"sz\":..,\"count\":..}
  {\"line\":6,\"event\":\"depth\",\"channel\":..,\"action\":\"snapshot|update\",\"inst_id\":..,\"ts_ns\":..,
   \"seq\":..,\"checksum\":\"ok|mismatch|none\",\"sequence\":\"ok|gap|reset|heartbeat|none\",
   \"bid_levels\":n,\"ask_levels\":n,\"asks\":[best five],\"bids\":[best five]}   a deep book after the
   message; with \"state\":\"no_snapshot\" where no snapshot came before
  {\"line\":3,\"event\":\"control\",\"kind\":..,\"code\":..,\"message\":..,\"channel\":..,
   \"inst_id\":..}
  {\"line\":4,\"event\":\"skipped\",\"channel\":..}              not decoded by this program
  {\"line\":5,\"event\":\"malformed\",\"kind\":..,\"offset\":..}   a broken frame; the next goes on
Prices and sizes are strings with the wire's own digits, times are nanoseconds since 1970.
What a message does not have is null. A summary goes to standard error.

Input:
  jsonl   the text of a message a line
  tsv     receive time, TAB, payload; a payload that starts with neither `{` nor `pong` is
          base64 of a binary frame
  Lines end in LF or CRLF. An empty line is a malformed frame, but empty lines at the end of
  the input are not looked at. A line over the limit of a frame (1 MiB) is malformed.

Malformed kinds: those of the decoder (json, deflate, missing_field ..), with the offset in the
frame's text; base64, with the offset in the payload; tsv, a line without TAB.

Exit code: 0 when no frame was malformed, 1 when one was (all others are printed),
2 for wrong usage and failed I/O.

Examples:
  okx-feed decode --dialect v5 capture.jsonl
  okx-feed decode --dialect v3 session.tsv | jq 'select(.event == \"trade\")'
  zcat session.tsv.gz | okx-feed decode --dialect v3 --format tsv -";

/// Decodes a capture and prints its events.
///
/// # Errors
/// Where the file does not open or read, or standard output does not take the events.
pub(crate) fn run(args: &DecodeArgs) -> Result<Outcome, CliError> {
    let format = Format::of(&args.file);
    let format = match (args.format, format) {
        (_, Err(error @ CliError::Directory { .. })) => return Err(error),
        (Some(format), _) | (None, Ok(format)) => format,
        (None, Err(error)) => return Err(error),
    };
    let source = open(&args.file)?;
    tracing::info!(file = ?args.file, dialect = ?args.dialect, ?format, "decoding");

    let mut lines = Lines::new(source, MAX_LINE_LEN);
    let mut printer = Printer::new(Decoder::new(args.dialect.into()), format);
    loop {
        while let Some(line) = lines.take() {
            printer.line(line)?;
        }
        if lines.ended() {
            break;
        }
        if lines.starved() {
            // The source may be a live one: show what there is before we wait for more.
            printer.out.flush()?;
        }
        if let Err(source) = lines.fill() {
            printer.out.flush()?;
            return Err(CliError::Read { path: args.file.clone(), source });
        }
    }
    printer.out.flush()?;
    say(format_args!("{}", printer.tally));
    Ok(if printer.tally.malformed == 0 { Outcome::Clean } else { Outcome::Malformed })
}

fn open(path: &Path) -> Result<Box<dyn Read>, CliError> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(source) => Err(CliError::Open { path: path.to_owned(), source }),
    }
}

/// Takes lines and prints what they hold. Once warm it allocates nothing.
struct Printer {
    decoder: Decoder,
    books: DepthBooks,
    format: Format,
    /// Where base64 is decoded.
    body: Box<[u8]>,
    out: Output,
    tally: Tally,
    /// The number of the line taken last, counted from 1.
    line: u64,
    /// How many empty lines there are right before the next one, not yet known to be malformed.
    empty_lines: u64,
}

impl Printer {
    fn new(decoder: Decoder, format: Format) -> Self {
        Self {
            decoder,
            books: DepthBooks::new(),
            format,
            body: vec![0; BODY_ROOM].into_boxed_slice(),
            out: Output::stdout(),
            tally: Tally::default(),
            line: 0,
            empty_lines: 0,
        }
    }

    fn line(&mut self, line: Line<'_>) -> Result<(), CliError> {
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
        let stamp = Stamp { key: "line", value: self.line };
        let (tally, out, books) = (&mut self.tally, self.out.buf(), &mut self.books);
        let decoded = match line {
            Line::Bytes(bytes) => frame_of(self.format, bytes, &mut self.body),
            Line::TooLong => {
                Err(DecodeError::new(DecodeErrorKind::FrameTooLarge, MAX_FRAME_LEN).into())
            }
        }
        .and_then(|frame| {
            let mut print = |event: &Event<'_>| {
                let change = match event {
                    Event::Depth(update) => books.apply(update),
                    _ => None,
                };
                let applied = change.map(Event::DepthBook);
                let event = applied.as_ref().unwrap_or(event);
                tally.count(event);
                write_event(out, stamp, BOOK5_LEVELS, event);
            };
            Ok(self.decoder.decode(frame, UnixNanos::UNKNOWN, &mut print)?)
        });
        if let Err(Fault { kind, offset }) = decoded {
            self.tally.malformed += 1;
            write_malformed(self.out.buf(), stamp, kind, offset);
        }
        self.out.spill()
    }
}

/// What is wrong with a frame or with the line that it is written in.
pub(crate) struct Fault {
    kind: &'static str,
    offset: u32,
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self { kind: error.kind.name(), offset: error.offset }
    }
}

impl From<base64::DecodeSliceError> for Fault {
    fn from(error: base64::DecodeSliceError) -> Self {
        use base64::DecodeError::{InvalidByte, InvalidLastSymbol};
        use base64::DecodeSliceError::DecodeError;
        let offset = match error {
            DecodeError(InvalidByte(at, _) | InvalidLastSymbol(at, _)) => at,
            _ => 0,
        };
        Self { kind: "base64", offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }
}

/// The frame that a line is the text of. A binary one is put in `body`.
pub(crate) fn frame_of<'a>(
    format: Format,
    line: &'a [u8],
    body: &'a mut [u8],
) -> Result<Frame<'a>, Fault> {
    if format == Format::Jsonl {
        return Ok(Frame::Text(line));
    }
    let tab = memchr::memchr(b'\t', line).ok_or(Fault { kind: "tsv", offset: 0 })?;
    let payload = line.get(tab + 1..).unwrap_or_default();
    if payload.starts_with(b"{") || payload.starts_with(b"pong") {
        return Ok(Frame::Text(payload));
    }
    let len = BASE64.decode_slice(payload, body)?;
    Ok(Frame::Binary(body.get(..len).unwrap_or_default()))
}

/// How many of what there were.
#[derive(Default)]
struct Tally {
    frames: u64,
    books: u64,
    trades: u64,
    depths: u64,
    mismatches: u64,
    gaps: u64,
    controls: u64,
    skipped: u64,
    malformed: u64,
}

impl Tally {
    fn count(&mut self, event: &Event<'_>) {
        let count = match event {
            // The feed's, not the decoder's: it does not occur here.
            Event::State(_) | Event::Malformed(_) => return,
            Event::Book(_) => &mut self.books,
            Event::Trade(_) => &mut self.trades,
            Event::Control(_) => &mut self.controls,
            Event::DepthBook(change) => {
                self.mismatches += u64::from(change.applied.checksum == Checksum::Mismatch);
                self.gaps += u64::from(change.applied.sequence == Sequence::Gap);
                &mut self.depths
            }
            // A deep book is printed as skipped where there are more than can be kept.
            Event::Depth(_) | Event::Skipped(_) => &mut self.skipped,
        };
        *count += 1;
    }
}

/// The summary, with the names that the events have.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, books, trades, depths, controls, skipped, malformed, .. } = self;
        write!(
            f,
            "{frames} frames: {books} book, {trades} trade, {depths} depth, {controls} control, \
             {skipped} skipped, {malformed} malformed"
        )?;
        if self.mismatches + self.gaps > 0 {
            let Self { mismatches, gaps, .. } = self;
            write!(f, "; deep books: {mismatches} checksum mismatch, {gaps} sequence gap")?;
        }
        Ok(())
    }
}
