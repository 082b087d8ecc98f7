//! Trades, page by page.

use super::destination::Destination;
use super::resume::number;
use super::rows;
use crate::error::CliError;
use crate::format::Counted;
use crate::progress::{Progress, Share};
use okx_feed::rest::{Request, RestClient, RestError, TradeIds, TradePager};
use okx_feed::{InstrumentId, Market, Trade, UnixNanos};

/// What was fetched.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetched {
    pub(super) rows: u64,
    pub(super) missing: u64,
    /// The rows that an interrupted run had fetched.
    pub(super) before: u64,
    /// What of the span the exchange does not have, in words.
    pub(super) lost: Vec<String>,
    /// Whether Ctrl-C ended it before all was fetched.
    pub(super) is_interrupted: bool,
}

/// Fetches the trades of v5 from `since` to `until`.
///
/// # Errors
/// Those of requests and of the destination.
pub(super) fn v5(
    client: &mut RestClient,
    inst_id: InstrumentId,
    (since, until): (Option<UnixNanos>, Option<UnixNanos>),
    (to, query): (&mut Destination, &str),
) -> Result<Fetched, CliError> {
    let mut fetched = Fetched::default();
    // The end is now at the latest, by the exchange's clock: a later one would be waited for.
    let now = client.time()?;
    let mut until = Some(until.map_or(now, |until| until.min(now)));
    let mut pager = TradePager::new(inst_id, since, until);
    let mut plan = None;
    if let Some((found, row)) = to.resumed() {
        let (first, last) = found.ends;
        let next = match row {
            Some(row) => number(row, "trade_id").ok_or_else(unreadable)?.saturating_add(1),
            None => first,
        };
        // It goes on to the end of the run before.
        until = found.until.map(UnixNanos);
        let ids = TradeIds { first, next, last };
        pager = TradePager::new(inst_id, since, until).resume(ids, &found.gone);
        fetched.before = next.saturating_sub(first).saturating_sub(pager.missing());
        plan = Some(found.clone());
    }
    let gone_before = pager.missing();
    let mut progress = Progress::start("history");
    let mut trades = Vec::new();
    while let Some(page) = pager.next() {
        let request = page.request.clone();
        let reply = match client.fetch_after(page.request, page.pause) {
            Err(RestError::Stopped) => {
                fetched.is_interrupted = true;
                break;
            }
            reply => reply?,
        };
        pager.on_rows(&reply, &mut trades).map_err(|why| wrong(&request, why))?;
        if let Some(TradeIds { first, next, last }) = pager.ids() {
            // Before the rows: what is gone is not asked for again.
            to.note(&mut plan, (query, (first, last), until.map(|until| until.0)), pager.gone())?;
            let before = first + fetched.before + gone_before;
            // What is no longer there was not fetched.
            let gone = pager.missing() - gone_before;
            let of = (last + 1).saturating_sub(before + gone);
            let done = next.saturating_sub(before + gone);
            progress.at(Share { done, of }, || {
                format!("{} of {}", fetched.before + done, Counted(fetched.before + of, "trade"))
            });
        }
        fetched.rows += trades.len() as u64;
        write(to, &inst_id, &mut trades)?;
    }
    lost(&mut fetched.lost, pager.gone(), |first, last| match first == last {
        true => format!("id {first} is no longer there"),
        false => format!("ids {first} to {last} are no longer there"),
    });
    Ok(Fetched { missing: pager.missing(), ..fetched })
}

/// How many ranges are named.
const MAX_NAMED: usize = 20;

/// Puts into words which ranges the exchange does not have.
pub(super) fn lost(
    lost: &mut Vec<String>,
    gone: &[(u64, u64)],
    words: impl Fn(u64, u64) -> String,
) {
    lost.extend(gone.iter().take(MAX_NAMED).map(|(first, last)| words(*first, *last)));
    if let Some(more @ 1..) = gone.len().checked_sub(MAX_NAMED) {
        lost.push(format!("and {} more ranges", more));
    }
}

/// Fetches the trades of v3, which are few.
///
/// # Errors
/// Those of requests and of the destination.
pub(super) fn v3(
    client: &mut RestClient,
    (market, inst_id): (Market, InstrumentId),
    (since, until): (Option<UnixNanos>, Option<UnixNanos>),
    to: &mut Destination,
) -> Result<Fetched, CliError> {
    let mut all: Vec<Trade> = Vec::new();
    let (mut below, mut reached) = (None, false);
    loop {
        let page = client.trades(&Request::v3_trades(market, &inst_id, below))?;
        let is_new = |trade: &&Trade| below.is_none_or(|id| trade.trade_id < id);
        let new: Vec<_> = page.iter().filter(is_new).copied().collect();
        let oldest = new.iter().map(|trade| trade.trade_id).min();
        let is_early = new.iter().any(|trade| since.is_some_and(|since| trade.ts_event < since));
        all.extend(new);
        reached |= is_early;
        match oldest {
            // Spot has no cursor.
            Some(id) if market != Market::Spot && !is_early => below = Some(id),
            _ => break,
        }
    }
    let mut lost = Vec::new();
    if let (Some(_), false, Some(oldest)) = (since, reached, oldest_of(&all)) {
        let (kept, oldest) = (Counted(all.len() as u64, "trade"), oldest.iso_ms());
        lost.push(format!("v3 has only the newest {kept}; what came before {oldest} is missing"));
    }
    all.retain(|trade| {
        since.is_none_or(|since| trade.ts_event >= since)
            && until.is_none_or(|until| trade.ts_event <= until)
    });
    all.sort_by_key(|trade| trade.trade_id);
    let rows = all.len() as u64;
    write(to, &inst_id, &mut all)?;
    Ok(Fetched { rows, lost, ..Fetched::default() })
}

/// The time of the oldest trade.
fn oldest_of(trades: &[Trade]) -> Option<UnixNanos> {
    trades.iter().map(|trade| trade.ts_event).min()
}

fn write(
    to: &mut Destination,
    inst_id: &InstrumentId,
    trades: &mut Vec<Trade>,
) -> Result<(), CliError> {
    let json = to.is_json();
    trades.iter().for_each(|trade| rows::trade(to.buf(), json, inst_id, trade));
    trades.clear();
    to.flush()
}

/// The last row of a file is none of `history`.
pub(super) fn unreadable() -> CliError {
    CliError::History("the last row of the .part file can't be read; remove the file".to_owned())
}

/// A reply has a row that can't be read.
pub(super) fn wrong(request: &Request, why: okx_feed::rest::RowError) -> CliError {
    let target = request.target().to_owned();
    CliError::Rest(RestError::Row { target, why })
}
