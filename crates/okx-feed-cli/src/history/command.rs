//! `okx-feed history`: what was asked for, fetched and written.

use super::args::{HistoryArgs, What};
use super::candles::{self, CandleQuery};
use super::destination::Destination;
use super::trades::{self, Fetched};
use super::{retries, rows};
use crate::error::{CliError, Outcome, say};
use crate::format::Counted;
use crate::interrupt::Interrupt;
use okx_feed::rest::{Request, RestClient, RestError};
use okx_feed::{Dialect, Market, UnixNanos};

/// Above so many levels a book comes from another endpoint.
const NUMBERED_LEVELS: u32 = 400;

/// How many days of files there are without a first time.
const NEWEST_DAYS: usize = 2;

const DAY: u64 = 86_400_000_000_000;

/// Fetches what the arguments say, or what there is until Ctrl-C.
///
/// # Errors
/// Wrong arguments, and those of requests and of the destination.
pub(crate) fn run(args: &HistoryArgs) -> Result<Outcome, CliError> {
    args.check()?;
    let dialect = Dialect::from(args.dialect);
    let mut client = RestClient::new(&args.connect.config(dialect))?;
    client.stop_when(Interrupt::flag().map_err(CliError::Start)?);
    retries::report(&mut client);
    match fetch(args, dialect, &mut client) {
        // Before there was a row.
        Err(CliError::Rest(RestError::Stopped)) => {
            say(format_args!("okx-feed history: ended by Ctrl-C before anything was fetched"));
            Ok(Outcome::Malformed)
        }
        ended => ended,
    }
}

fn fetch(
    args: &HistoryArgs,
    dialect: Dialect,
    client: &mut RestClient,
) -> Result<Outcome, CliError> {
    let query = query(args);
    if args.since.zip(args.until).is_some_and(|(since, until)| since > until) {
        return Err(CliError::History("--since is after --until; swap them".to_owned()));
    }
    if let Some(since) = args.since.filter(|since| *since > client.clock().system()) {
        // This machine's clock may be wrong; v3 has no other.
        let is_future = dialect == Dialect::V3 || since > client.time()?;
        if is_future {
            let text = "--since is in the future; give a time that is over";
            return Err(CliError::History(text.to_owned()));
        }
    }
    if args.what != What::Instruments {
        // Before a file is made.
        args.family_or_instrument()?;
    }
    let mut to = Destination::open(args, &query)?;
    let span = (args.since, args.until);
    let (fetched, what) = match (args.what, dialect) {
        (What::Trades, Dialect::V5) => {
            let inst_id = args.inst_id()?;
            (trades::v5(client, inst_id, span, (&mut to, &query))?, "trade")
        }
        (What::Trades, Dialect::V3) => {
            let of = (args.market(), args.inst_id()?);
            (trades::v3(client, of, span, &mut to)?, "trade")
        }
        (What::Candles, _) => (fetch_candles(args, dialect, client, (&mut to, &query))?, "candle"),
        (What::Book, _) => (fetch_book(args, dialect, client, &mut to)?, "book"),
        (What::Instruments, _) => {
            (fetch_instruments(args, dialect, client, &mut to)?, "instrument")
        }
        (What::Files, _) => (fetch_files(args, dialect, client, &mut to)?, "file"),
    };
    match fetched.is_interrupted {
        // The rows of whole pages are there; a file keeps its name of one in the making.
        true => to.flush()?,
        false => to.finish()?,
    }
    report(&fetched, what, client);
    if fetched.is_interrupted {
        let on = if args.out.is_some() { "; the same command goes on from here" } else { "" };
        say(format_args!("okx-feed history: ended by Ctrl-C before all was fetched{on}"));
    }
    let is_whole = fetched.missing == 0 && fetched.lost.is_empty() && !fetched.is_interrupted;
    Ok(if is_whole { Outcome::Clean } else { Outcome::Malformed })
}

/// The request in words that are the same whenever it is made again.
fn query(args: &HistoryArgs) -> String {
    let time = |at: Option<UnixNanos>| at.map_or_else(|| "-".to_owned(), |at| at.0.to_string());
    let id = args.inst_id().map_or_else(|_| "-".to_owned(), |id| id.to_string());
    let (dialect, bar) = (Dialect::from(args.dialect), args.bar());
    let (since, until) = (time(args.since), time(args.until));
    format!("{:?} {dialect} {id} since {since} until {until} bar {bar}", args.what)
}

fn fetch_candles(
    args: &HistoryArgs,
    dialect: Dialect,
    client: &mut RestClient,
    to: (&mut Destination, &str),
) -> Result<Fetched, CliError> {
    let now = match dialect {
        // Not this machine's clock, which may be wrong.
        Dialect::V5 => client.time()?,
        Dialect::V3 => client.clock().system(),
    };
    let asked = CandleQuery {
        inst_id: args.inst_id()?,
        market: (dialect == Dialect::V3).then(|| args.market()),
        bar: args.bar(),
        since: args.since,
        until: args.until,
        now,
    };
    candles::fetch(client, asked, to)
}

fn fetch_book(
    args: &HistoryArgs,
    dialect: Dialect,
    client: &mut RestClient,
    to: &mut Destination,
) -> Result<Fetched, CliError> {
    let id = args.inst_id()?;
    let request = match dialect {
        Dialect::V5 if args.levels() > NUMBERED_LEVELS => Request::full_book(&id, args.levels()),
        Dialect::V5 => Request::book(&id, args.levels()),
        Dialect::V3 => Request::v3_book(args.market(), &id, args.levels()),
    };
    let book = client.book(&request)?;
    let json = to.is_json();
    rows::book(to.buf(), json, &id, &book);
    Ok(Fetched { rows: 1, ..Fetched::default() })
}

fn fetch_instruments(
    args: &HistoryArgs,
    dialect: Dialect,
    client: &mut RestClient,
    to: &mut Destination,
) -> Result<Fetched, CliError> {
    let market = args.market();
    let id = args.inst_id().ok();
    let request = match dialect {
        Dialect::V5 if market == Market::Option && args.family.is_none() => {
            let text = "options need their family: add --family BTC-USD";
            return Err(CliError::History(text.to_owned()));
        }
        Dialect::V5 => Request::instruments(market, args.family.as_deref(), id.as_ref()),
        Dialect::V3 => Request::v3_instruments(market),
    };
    let mut found = client.instruments(market, &request)?;
    found.retain(|row| id.is_none_or(|id| row.inst_id == id));
    let json = to.is_json();
    found.iter().for_each(|row| rows::instrument(to.buf(), json, row));
    Ok(Fetched { rows: found.len() as u64, ..Fetched::default() })
}

fn fetch_files(
    args: &HistoryArgs,
    dialect: Dialect,
    client: &mut RestClient,
    to: &mut Destination,
) -> Result<Fetched, CliError> {
    if dialect == Dialect::V3 {
        return Err(CliError::History("v3 has no files; leave --dialect v3 out".to_owned()));
    }
    let of = args.family_or_instrument()?;
    let until = match args.until {
        Some(until) => until,
        None => client.time()?,
    };
    let mut begin = args.since.unwrap_or_else(|| UnixNanos(until.0.saturating_sub(4 * DAY)));
    let mut found = Vec::new();
    // One request may span ten days.
    while begin <= until {
        let end = UnixNanos(begin.0.saturating_add(9 * DAY)).min(until);
        let request = Request::files(args.module(), args.market(), &of, begin, end);
        found.extend(client.files(&request)?);
        begin = UnixNanos(end.0.saturating_add(DAY));
    }
    found.sort_by(|a, b| (a.date, &a.name).cmp(&(b.date, &b.name)));
    found.dedup();
    if args.since.is_none() {
        // Those of the last days are not there yet: a span does not say how many there are.
        let mut dates: Vec<_> = found.iter().map(|file| file.date).collect();
        dates.dedup();
        let first = dates.iter().rev().take(NEWEST_DAYS).next_back().copied();
        found.retain(|file| first.is_none_or(|first| file.date >= first));
    }
    let json = to.is_json();
    found.iter().for_each(|file| rows::file(to.buf(), json, file));
    Ok(Fetched { rows: found.len() as u64, ..Fetched::default() })
}

/// Says what was fetched, on standard error.
fn report(fetched: &Fetched, what: &'static str, client: &RestClient) {
    let Fetched { rows, missing, before, ref lost, .. } = *fetched;
    let stats = client.stats();
    let resumed = match before {
        0 => String::new(),
        before => format!(" after {} of an earlier run", Counted(before, what)),
    };
    let lacking = match missing {
        0 => String::new(),
        missing => {
            format!("; {} MISSING, which the exchange does not have", Counted(missing, what))
        }
    };
    say(format_args!(
        "okx-feed history: {}{resumed}, {}, {} of them again{lacking}",
        Counted(rows, what),
        Counted(stats.sent, "request"),
        stats.retries,
    ));
    lost.iter().for_each(|what| say(format_args!("okx-feed history: {what}")));
}
