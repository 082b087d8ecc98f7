//! The command: arguments, the loop over lines, the exit code.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::line_reader::{LineReader, MAX_LINE_LEN};
use super::printer::{Limits, Printer};
use crate::args::{DialectArg, Format};
use crate::error::{CliError, Outcome, is_stdin, say};
use crate::progress::{Progress, Share};
use okx_feed::Dialect;

/// The arguments of `decode`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DecodeArgs {
    /// The protocol of the connection
    #[arg(long, value_enum)]
    dialect: DialectArg,
    /// The format of the file; default: by its name, .jsonl or .tsv; jsonl for `-`
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Begin with a line that names the version of the output: {"schema":"okx-feed/1",..}
    #[arg(long)]
    schema: bool,
    /// Keep at most so many order books; a message of one more is printed as skipped
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    max_books: usize,
    /// The capture, one frame a line; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const AFTER_HELP: &str = "\
Events go to standard output, one JSON object a line, in the order of the input. docs/JSON.md
defines every member; members are only ever added.
  {\"line\":1,\"event\":\"book\",\"channel\":..,\"inst_id\":..,\"ts_ns\":..,\"seq\":..,
   \"asks\":[[px,sz,orders],..],\"bids\":[[px,sz,orders],..],\"flags\":[]}
  {\"line\":2,\"event\":\"trade\",\"channel\":..,\"inst_id\":..,\"ts_ns\":..,\"seq\":..,
   \"trade_id\":..,\"side\":..,\"px\":..,\"sz\":..,\"count\":..,\"source\":..,
   \"replayed\":false,\"missed\":0}
  {\"line\":6,\"event\":\"depth\",\"channel\":..,\"action\":\"snapshot|update\",\"inst_id\":..,
   \"ts_ns\":..,\"seq\":..,\"checksum\":\"ok|mismatch|none\",
   \"sequence\":\"ok|gap|reset|heartbeat|old|none\",
   \"bid_levels\":n,\"ask_levels\":n,\"asks\":[best five],\"bids\":[best five],
   \"state\":\"live|broken|no_snapshot\",\"fault\":..,\"flags\":[]}  an order book after the message
  {\"line\":3,\"event\":\"control\",\"kind\":..,\"code\":..,\"message\":..,\"channel\":..,
   \"inst_id\":..}
  {\"line\":4,\"event\":\"skipped\",\"channel\":..}              not decoded by this program
  {\"line\":5,\"event\":\"malformed\",\"kind\":..,\"offset\":..}  a broken frame; decoding continues
v3 has \"market\" as well. The time of receipt of a .tsv is the last member, \"ts_recv_ns\". Prices
and sizes are strings with the wire's own digits, times are nanoseconds since 1970. A value that a
message does not have is null. A summary goes to standard error.

Input:
  jsonl   the text of a message a line
  tsv     receive time in seconds, TAB, payload; a payload that starts with neither `{` nor `pong`
          is base64 of a binary frame
  Lines end in LF or CRLF. An empty line is a malformed frame, but empty lines at the end of
  the input are ignored. A line over the limit of a frame (1 MiB) is malformed.

Malformed kinds: those of the decoder (json, deflate, missing_field ..), with the offset in the
frame's text; base64, with the offset in the payload; tsv, a line without TAB.

Exit code: 0 when all was decoded; 1 when a frame was malformed (all others are printed), when there
were more order books than --max-books, and when the messages are of the other dialect;
2 for wrong usage and failed I/O.

Examples:
  okx-feed decode --dialect v5 capture.jsonl
  okx-feed decode --dialect v3 session.tsv | jq 'select(.event == \"trade\")'
  zcat session.tsv.gz | okx-feed decode --dialect v3 --format tsv -";

/// Decodes a capture and prints its events.
///
/// # Errors
/// If the file can't be opened or read, or if writing to standard output failed.
pub(crate) fn run(args: &DecodeArgs) -> Result<Outcome, CliError> {
    let format = Format::of(&args.file);
    let format = match (args.format, format) {
        (_, Err(error @ CliError::Directory { .. })) => return Err(error),
        (Some(format), _) | (None, Ok(format)) => format,
        (None, Err(error)) => return Err(error),
    };
    let source = open(&args.file)?;
    tracing::info!(file = ?args.file, dialect = ?args.dialect, ?format, "decoding");

    let (source, len) = source;
    let mut lines = LineReader::new(source, MAX_LINE_LEN);
    let dialect = Dialect::from(args.dialect);
    let limits = Limits { max_books: args.max_books };
    let mut printer = Printer::new(dialect, format, limits);
    if args.schema {
        printer.schema();
    }
    // A terminal shows the events themselves.
    let mut progress = (!io::stdout().is_terminal()).then(|| Progress::start("decode"));
    loop {
        while let Some(line) = lines.take() {
            printer.line(line)?;
        }
        if lines.ended() {
            break;
        }
        if let Some(progress) = &mut progress {
            let done = Share { done: lines.read_len(), of: len };
            progress.at(done, || format!("{} frames", printer.tally.frames));
        }
        if lines.starved() {
            // The source may be live: flush the output before the next read blocks.
            printer.flush()?;
        }
        if let Err(source) = lines.fill() {
            printer.flush()?;
            return Err(CliError::Read { path: args.file.clone(), source });
        }
    }
    printer.flush()?;
    drop(progress);
    say(format_args!("{}", printer.tally));
    if let Some(other) = printer.other_dialect() {
        say(format_args!("okx-feed decode: the messages are of {other}; add --dialect {other}"));
        return Ok(Outcome::Malformed);
    }
    if printer.tally.left_out > 0 {
        say(format_args!(
            "okx-feed decode: {} messages of order books past the first {} were printed as skipped; \
             raise --max-books",
            printer.tally.left_out, args.max_books
        ));
        return Ok(Outcome::Malformed);
    }
    Ok(if printer.tally.malformed == 0 { Outcome::Clean } else { Outcome::Malformed })
}

/// Opens a source, with its length in bytes; 0 if that is not known.
fn open(path: &Path) -> Result<(Box<dyn Read>, u64), CliError> {
    if is_stdin(path) {
        return Ok((Box::new(io::stdin().lock()), 0));
    }
    match File::open(path) {
        Ok(file) => {
            let len = file.metadata().map_or(0, |metadata| metadata.len());
            Ok((Box::new(file), len))
        }
        Err(source) => Err(CliError::Open { path: path.to_owned(), source }),
    }
}
