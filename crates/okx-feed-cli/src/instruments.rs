//! `okx-feed instruments`: what can be traded, from the REST interface or from a file.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::catalogue::fetch;
use super::connect_args::RestArgs;
use super::error::{CliError, Outcome, say};
use super::format::{Counted, Printable};
use super::history::retries;
use super::instruments_file::read_instruments;
use super::output::Output;
use okx_feed::model::{Instrument, Selection};
use okx_feed::rest::RestClient;
use okx_feed::{Decimal, Dialect, UnixNanos};
use okx_feed_export::json::write_instrument;

/// The arguments of `instruments`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct InstrumentsArgs {
    /// Which: an id with * for any characters, type=, family=, state=, with commas between them
    #[arg(value_name = "CONDITIONS", default_value = "*")]
    conditions: String,
    /// Print them as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Read this file, an answer of the exchange's, in the place of the REST interface
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    connect: RestArgs,
}

const AFTER_HELP: &str = "\
Without type=, it lists SPOT, SWAP and FUTURES. Options need type=OPTION and family=. A perpetual
that expires in years (an X-Perp) has the type FUTURES and the rule xperp. The state is the
exchange's: live, suspend, preopen, rebase, post_only, settling, expired. What has no value prints
as -. Sizes of contracts are contracts, each worth the contract value.

The same conditions select what `okx-feed watch` subscribes: okx-feed watch 'books5:*-USDT-SWAP'.

Exit code: 0; 1 when nothing fits; 2 for wrong usage, and when there is no list.

Examples:
  okx-feed instruments
  okx-feed instruments '*-USDT-SWAP,state=live'
  okx-feed instruments type=OPTION,family=BTC-USD --json
  okx-feed instruments --file answer.json 'BTC-*'
  okx-feed instruments --rest-url http://127.0.0.1:8443";

/// Lists what fits.
///
/// # Errors
/// Wrong conditions, and those of requests, of the file and of standard output.
pub(crate) fn run(args: &InstrumentsArgs) -> Result<Outcome, CliError> {
    // The channel does not matter.
    let selection: Selection = format!("tickers:{}", args.conditions).parse()?;
    let all = match &args.file {
        Some(path) => read_instruments(path)?,
        None => {
            let mut client = RestClient::new(&args.connect.config(Dialect::V5))?;
            retries::report(&mut client);
            fetch(&mut client, &selection)?
        }
    };
    let fitting: Vec<_> = all.iter().filter(|row| selection.fits(row)).collect();
    let mut out = Output::stdout();
    if !args.json && !fitting.is_empty() {
        header(out.buf());
    }
    for row in &fitting {
        match args.json {
            true => write_instrument(out.buf(), row),
            false => table_row(out.buf(), row),
        }
    }
    out.flush()?;
    say(format_args!(
        "okx-feed instruments: {} of {}",
        Counted(fitting.len() as u64, "instrument"),
        all.len()
    ));
    Ok(if fitting.is_empty() { Outcome::Malformed } else { Outcome::Clean })
}

/// Names and widths of the columns of numbers.
const COLUMNS: [(&str, usize); 4] = [("tick", 14), ("lot", 12), ("min", 12), ("contract", 16)];

fn header(out: &mut Vec<u8>) {
    let names = COLUMNS.map(|(name, width)| format!("{name:>width$}")).join(" ");
    // Writing to memory does not fail, here and below.
    let _ = writeln!(
        out,
        "{:32} {:8} {:10} {names}  {:10} {:10} {:>16}",
        "instrument", "type", "state", "listed", "expires", "code"
    );
}

fn table_row(out: &mut Vec<u8>, row: &Instrument) {
    let number = |number: Option<Decimal>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let contract = match row.ct_val {
        Some(value) => format!("{value} {}", Printable(row.ct_val_ccy.as_str())),
        None => "-".to_owned(),
    };
    let numbers = [number(row.tick_sz), number(row.lot_sz), number(row.min_sz), contract];
    let numbers = COLUMNS.iter().zip(numbers).map(|((_, width), text)| format!("{text:>width$}"));
    let numbers = numbers.collect::<Vec<_>>().join(" ");
    let day = |time: Option<UnixNanos>| match time {
        Some(time) => time.iso_ms().to_string().chars().take(10).collect(),
        None => "-".to_owned(),
    };
    let code = row.inst_id_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
    let texts = [row.inst_id.as_str(), row.inst_type.as_str(), row.state.as_str()];
    let [id, of, state] = texts.map(|text| Printable(text).to_string());
    let (listed, expires) = (day(row.list_time), day(row.exp_time));
    let _ =
        writeln!(out, "{id:32} {of:8} {state:10} {numbers}  {listed:10} {expires:10} {code:>16}");
}
