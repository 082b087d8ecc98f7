//! The command: arguments, the loop over lines, the exit code.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::printer::{Limits, Printer};
use super::tally::{Tally, Unread};
use crate::args::{Format, ProtocolArg, open_capture};
use crate::error::{CliError, Outcome, say};
use crate::instruments_file::read_codes;
use crate::progress::{Progress, Share};
use okx_feed::capture::CaptureReader;
use okx_feed::model::InstrumentCodes;

/// The arguments of `decode`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DecodeArgs {
    /// The protocol of the connection
    #[arg(long, value_enum)]
    dialect: ProtocolArg,
    /// With --dialect sbe: the ids of the instruments, as `GET /api/v5/public/instruments` answers;
    /// an instrument that is not in it stands as the digits of its code
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// The form of the lines; default: by the name, .jsonl or .tsv, or by the first line
    #[arg(long = "form", alias = "format", value_name = "FORM", value_enum)]
    format: Option<Format>,
    /// Begin with a line that names the version of the output: {"schema":"okx-feed/1",..}
    #[arg(long)]
    schema: bool,
    /// Keep at most so many order books, and the trades of so many instruments; a message of one
    /// more book is printed as skipped, a trade of one more with "replayed" and "missed" null
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
  {\"line\":6,\"event\":\"depth\",\"channel\":..,\"action\":\"snapshot|update|rest_snapshot\",\"inst_id\":..,
   \"ts_ns\":..,\"seq\":..,\"checksum\":\"ok|mismatch|none\",
   \"sequence\":\"ok|gap|reset|heartbeat|old|none\",
   \"bid_levels\":n,\"ask_levels\":n,\"asks\":[best five],\"bids\":[best five],
   \"state\":\"live|broken|no_snapshot|unlinked\",\"fault\":..,\"flags\":[]}  the book after it
  {\"line\":3,\"event\":\"control\",\"kind\":..,\"code\":..,\"message\":..,\"channel\":..,
   \"inst_id\":..}
  {\"line\":4,\"event\":\"skipped\",\"channel\":..}              not decoded by this program
  {\"line\":5,\"event\":\"malformed\",\"kind\":..,\"offset\":..}  a broken frame; decoding continues
  {\"line\":7,\"event\":\"gap\",\"missing\":n,\"reason\":..}    lines that a recording lacks
v3 has \"market\" as well. The time of receipt of a .tsv is the last member, \"ts_recv_ns\". Prices
and sizes are strings with the wire's own digits, times are nanoseconds since 1970. A value that a
message does not have is null. A summary goes to standard error.

Input:
  jsonl      the text of a message a line
  tsv        what `okx-feed record` writes; or receive time in seconds, TAB, payload; a payload that
             is neither JSON nor the word `ping` or `pong` is base64 of a binary frame
  tardis     receive time as 2021-09-01T00:00:00.0123456Z, a space, the text of a message
  collector  hftbacktest: receive time in nanoseconds, a space, the text of a message
  Each plain, or packed with gzip or zstd, which is found in the file itself. Of a recording only
  frames and gaps are printed.
  Lines end in LF or CRLF. An empty line is a malformed frame, but empty lines at the end of
  the input are ignored. A line over the limit of a frame (1 MiB) is malformed, unless its first
  bytes name a channel that is not decoded.

Malformed kinds: those of the decoder (json, deflate, missing_field ..), with the offset in the
frame's text; base64, with the offset in the payload; tsv, a line without TAB; time, a line whose
receive time can't be read. An order book that may have lost a message by it is broken.

Exit code: 0 when all was decoded; 1 when a frame was malformed (all others are printed), when the
capture has a gap or ends in the middle, when there were more order books or instruments with trades
than --max-books, and when the messages are of the other dialect;
2 for wrong usage and failed I/O.

Examples:
  okx-feed decode --dialect v5 capture.jsonl
  okx-feed decode --dialect sbe --instruments spot.json frames.tsv
  okx-feed decode --dialect v3 session.tsv | jq 'select(.event == \"trade\")'
  okx-feed decode --dialect v5 okx-feed-20261130T080000.000000000Z.tsv.zst
  zcat session.tsv.gz | okx-feed decode --dialect v3 --form tsv -";

/// Decodes a capture and prints its events.
///
/// # Errors
/// If the file can't be opened or read, or if writing to standard output failed.
pub(crate) fn run(args: &DecodeArgs) -> Result<Outcome, CliError> {
    let mut capture = open_capture(&args.file, args.format)?;
    tracing::info!(file = ?args.file, dialect = ?args.dialect, form = ?capture.form(), "decoding");
    let codes = args.instruments.as_deref().map_or(Ok(InstrumentCodes::new()), read_codes)?;
    let limits = Limits { max_books: args.max_books };
    let mut printer = Printer::new((args.dialect, codes), limits);
    if args.schema {
        printer.schema();
    }
    // A terminal shows the events themselves.
    let mut progress = (!io::stdout().is_terminal()).then(|| Progress::start("decode"));
    loop {
        while let Some(entry) = capture.take() {
            printer.entry(entry)?;
        }
        if capture.is_ended() {
            break;
        }
        if let Some(progress) = &mut progress {
            let (done, of) = capture.progress();
            progress.at(Share { done, of }, || format!("{} frames", printer.tally.frames));
        }
        if capture.may_block() {
            // The source may be live: flush the output before the next read blocks.
            printer.flush()?;
        }
        if let Err(error) = capture.fill() {
            printer.flush()?;
            return Err(error.into());
        }
    }
    printer.flush()?;
    drop(progress);
    say(format_args!("{}{}", printer.tally, Unread(&printer.stats().unread)));
    if let Some(other) = printer.other_dialect() {
        let other = other.name();
        say(format_args!("okx-feed decode: the messages are of {other}; add --dialect {other}"));
        return Ok(Outcome::Malformed);
    }
    let Tally { left_out, unchecked_trades, malformed, holes, .. } = printer.tally;
    if left_out > 0 {
        say(format_args!(
            "okx-feed decode: {left_out} messages of order books past the first {} were printed as \
             skipped; raise --max-books",
            args.max_books
        ));
    }
    if unchecked_trades > 0 {
        say(format_args!(
            "okx-feed decode: {unchecked_trades} trades of channels past the first {} were not \
             compared with the trades before them; raise --max-books",
            args.max_books
        ));
    }
    if capture.is_torn() {
        say(format_args!("okx-feed decode: {}", Torn(&capture)));
    }
    let is_whole = !capture.is_torn() && malformed + holes + left_out + unchecked_trades == 0;
    Ok(if is_whole { Outcome::Clean } else { Outcome::Malformed })
}

/// What is said of a capture that ends in the middle.
struct Torn<'c>(&'c CaptureReader);

impl fmt::Display for Torn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, len) = self.0.progress();
        match self.0.committed_len() {
            Some(end) if len > end => {
                write!(f, "the last {} bytes were not committed and are left out", len - end)
            }
            _ => f.write_str("the file ends in the middle"),
        }
    }
}
