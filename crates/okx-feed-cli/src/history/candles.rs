//! Candles, page by page.

use std::time::Duration;

use super::destination::Destination;
use super::resume::number;
use super::rows;
use super::trades::{Fetched, lost, unreadable, wrong};
use crate::error::CliError;
use crate::format::Counted;
use crate::progress::{Progress, Share};
use okx_feed::model::Bar;
use okx_feed::rest::{CandlePager, RestClient, RestError, TimeSpan};
use okx_feed::{InstrumentId, Market, UnixNanos};

/// How many candles there are without a first time.
const NEWEST: u64 = 300;

/// Which candles.
#[derive(Clone, Copy, Debug)]
pub(super) struct CandleQuery {
    pub(super) inst_id: InstrumentId,
    /// v3's market; `None` in v5.
    pub(super) market: Option<Market>,
    pub(super) bar: Bar,
    pub(super) since: Option<UnixNanos>,
    pub(super) until: Option<UnixNanos>,
    /// The time of the exchange.
    pub(super) now: UnixNanos,
}

/// Fetches candles.
///
/// # Errors
/// Those of requests and of the destination.
pub(super) fn fetch(
    client: &mut RestClient,
    asked: CandleQuery,
    (to, query): (&mut Destination, &str),
) -> Result<Fetched, CliError> {
    let CandleQuery { inst_id, market, bar, now, .. } = asked;
    let newest = bar.shortest().saturating_mul(u32::try_from(NEWEST).unwrap_or(u32::MAX));
    let until = asked.until.unwrap_or(now);
    let since = asked.since.unwrap_or_else(|| {
        // From the last start of a candle that is over: it alone is counted, not both ends.
        let over = now.as_millis().saturating_sub(millis(bar.shortest()));
        let last = until.as_millis().min(over);
        let first = last.saturating_sub(millis(newest)).saturating_add(1);
        UnixNanos::from_millis(first).unwrap_or_default()
    });
    let (mut plan, mut last_row) = (None, None);
    if let Some((found, row)) = to.resumed() {
        plan = Some(found.clone());
        let number = |row| number(row, "ts_ns").ok_or_else(unreadable);
        last_row = row.map(number).transpose()?;
    } else {
        to.note(&mut plan, (query, (since.0, until.0), None), &[])?;
    }
    let ends = plan.as_ref().map_or((since.0, until.0), |plan| plan.ends);
    let gone = plan.as_ref().map(|plan| plan.gone.clone()).unwrap_or_default();
    let span = TimeSpan { since: UnixNanos(ends.0), until: UnixNanos(ends.1) };
    let mut pager = match market {
        None => CandlePager::v5(inst_id, bar, span, now),
        Some(market) => CandlePager::v3(market, inst_id, bar, span, now),
    };
    if let Some(ts) = last_row {
        pager.resume_after(UnixNanos(ts), &gone);
    }
    let resumed_at = pager.millionths();
    let mut fetched = Fetched::default();
    if let Some(oldest) = pager.begins_late() {
        let (kept, oldest) = (CandlePager::V3_BARS, oldest.iso_ms());
        let earlier = if last_row.is_some() { " unless an earlier run has it" } else { "" };
        fetched.lost.push(format!(
            "v3 has only the newest {kept} candles; what came before {oldest} is missing{earlier}"
        ));
    }
    let mut progress = Progress::start("history");
    let (mut candles, json) = (Vec::new(), to.is_json());
    while let Some(page) = pager.next() {
        let request = page.request.clone();
        let reply = match client.fetch_after(page.request, page.pause) {
            Err(RestError::Stopped) => {
                fetched.is_interrupted = true;
                break;
            }
            reply => reply?,
        };
        pager.on_rows(&reply, &mut candles).map_err(|why| wrong(&request, why))?;
        to.note(&mut plan, (query, ends, None), pager.gone())?;
        fetched.rows += candles.len() as u64;
        candles.drain(..).for_each(|candle| rows::candle(to.buf(), json, &inst_id, &candle));
        to.flush()?;
        let done = pager.millionths().saturating_sub(resumed_at);
        let share = Share { done, of: 1_000_000 - resumed_at };
        progress.at(share, || Counted(fetched.rows, "candle").to_string());
    }
    lost(&mut fetched.lost, pager.gone(), |first, last| {
        let at = |ms| UnixNanos::from_millis(ms).unwrap_or_default().iso_ms().to_string();
        match first == last {
            true => format!("there is no candle of {}", at(first)),
            false => format!("there are no candles of {} to {}", at(first), at(last)),
        }
    });
    Ok(Fetched { missing: pager.missing(), ..fetched })
}

/// Whole milliseconds.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
