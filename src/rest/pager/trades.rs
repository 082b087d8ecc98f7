//! All trades of a span of time, oldest first.

use std::collections::BTreeMap;
use std::ops::Range;

use super::page::{Page, refetch_pause};
use super::ranges::Ranges;
use crate::model::{InstrumentId, Trade, UnixNanos};
use crate::rest::endpoint::Endpoint;
use crate::rest::error::RowError;
use crate::rest::request::{Request, TradeCursor};
use crate::rest::v5;

/// The trades of an instrument from a time on, oldest first, page by page (v5 `history-trades`).
///
/// Sans-IO. First it finds the ids at the two ends of the span, then it walks up by id: ids grow
/// by one, so that every page has a known first and last id, and a page that lacks rows is noticed.
/// Times are used to find the ends alone, since several trades share a millisecond. Where the span
/// has an end, the trade with the next id must be later than that: one reply of a cache that lags
/// does not decide it. Where there is no such trade for 20 s, none is expected.
///
/// Memory: a page.
#[derive(Clone, Debug)]
pub struct TradePager {
    inst_id: InstrumentId,
    since: Option<UnixNanos>,
    until: Option<UnixNanos>,
    state: State,
    /// The rows of the page so far, from all replies to it.
    found: BTreeMap<u64, Trade>,
    refetches: u32,
    gone: Ranges,
}

/// How often a page that lacks rows is requested again, for 20 s.
const REFETCHES: u32 = 8;

/// How many trades there are without a first time.
const NEWEST: u64 = 500;

/// The ids that a walk goes through: from `first` to `last`, of which those from `next` on are
/// left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeIds {
    /// The first id.
    pub first: u64,
    /// The next id to be requested.
    pub next: u64,
    /// The last id.
    pub last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Looks for the last id.
    End(TradeCursor),
    /// Looks for the last id before the first time.
    Start { cursor: TradeCursor, last: u64 },
    /// Looks for the oldest trade: none is older than `low`, and one is older than `high`.
    Oldest { low: u64, high: u64, last: u64 },
    /// Looks for the next trade after an empty page of a walk: from `next` on none is older than
    /// `low`, and the request for those older than `ask` decides.
    Skip { walk: TradeIds, low: u64, high: u64, ask: u64 },
    /// Looks for the trade after the last one, which must be later than the span.
    Confirm { first: u64, last: u64 },
    /// Walks up.
    Walk(TradeIds),
    /// There is none.
    Empty,
}

impl TradePager {
    /// The trades from `since` to `until`, both included in whole milliseconds; without `since` the
    /// newest 500, without `until` up to what the exchange calls the newest. An `until` that is yet
    /// to come is waited for.
    #[must_use]
    pub fn new(inst_id: InstrumentId, since: Option<UnixNanos>, until: Option<UnixNanos>) -> Self {
        let cursor = match until {
            Some(until) => TradeCursor::BeforeMillis(until.as_millis().saturating_add(1)),
            None => TradeCursor::Newest,
        };
        let state = State::End(cursor);
        let (found, gone) = (BTreeMap::new(), Ranges::new());
        Self { inst_id, since, until, state, found, refetches: 0, gone }
    }

    /// Goes on with the ids of an earlier walk of the same span, which found that the ids of `gone`
    /// have no trade. Those from `ids.next` on are requested again.
    #[must_use]
    pub fn resume(self, ids: TradeIds, gone: &[(u64, u64)]) -> Self {
        let TradeIds { first, next, last } = ids;
        let state = self.walk(first, next, last);
        Self { state, gone: Ranges::before(gone, next), ..self }
    }

    /// The next request; `None` where all is done.
    #[must_use]
    pub fn next(&self) -> Option<Page> {
        let cursor = match self.state {
            State::End(cursor) | State::Start { cursor, .. } => cursor,
            State::Oldest { low, high, .. } => TradeCursor::BelowId(low + (high - low) / 2),
            State::Skip { ask, .. } => TradeCursor::BelowId(ask),
            State::Confirm { last, .. } => {
                let page = u64::from(Endpoint::HistoryTrades.page());
                TradeCursor::BelowId(last.saturating_add(page))
            }
            State::Walk(TradeIds { next, last, .. }) if next <= last => {
                TradeCursor::BelowId(page_end(next, last).saturating_add(1))
            }
            State::Walk(_) | State::Empty => return None,
        };
        let limit = match self.state {
            State::Oldest { .. } => 1,
            _ => Endpoint::HistoryTrades.page(),
        };
        let request = Request::history_trades(&self.inst_id, cursor, limit);
        Some(Page { request, pause: refetch_pause(self.refetches) })
    }

    /// Processes the rows of the reply to [`TradePager::next`], and appends the trades that they
    /// complete, oldest first.
    ///
    /// # Errors
    /// [`RowError`] where a row can't be read; the pager has not changed then.
    pub fn on_rows(&mut self, rows: &str, out: &mut Vec<Trade>) -> Result<(), RowError> {
        let rows = v5::trades(rows)?;
        match self.state {
            State::End(_) => self.on_end(&rows),
            State::Start { last, .. } => self.on_start(&rows, last),
            State::Oldest { low, high, last } => self.on_oldest(&rows, low..high, last),
            State::Walk(ids) => self.on_page(&rows, ids, out),
            State::Skip { .. } => self.on_skip(&rows),
            State::Confirm { first, last } => self.on_confirm(&rows, first, last),
            State::Empty => {}
        }
        Ok(())
    }

    fn on_end(&mut self, rows: &[Trade]) {
        let until = self.until.map_or(u64::MAX, UnixNanos::as_millis);
        let newest = rows.iter().filter(|trade| trade.ts_event.as_millis() <= until);
        let newest = newest.map(|trade| trade.trade_id).max();
        self.state = match (newest, rows.last(), self.since) {
            (Some(last), _, Some(since)) => {
                State::Start { cursor: TradeCursor::BeforeMillis(since.as_millis()), last }
            }
            (Some(last), _, None) => {
                let next = last.saturating_sub(NEWEST - 1);
                State::Walk(TradeIds { first: next, next, last })
            }
            // All of the page were later: the end is below it.
            (None, Some(oldest), _) => State::End(TradeCursor::BelowId(oldest.trade_id)),
            (None, None, _) if self.until.is_some() && self.refetches < REFETCHES => {
                self.refetches += 1;
                return;
            }
            (None, None, _) => State::Empty,
        };
        self.refetches = 0;
    }

    fn on_start(&mut self, rows: &[Trade], last: u64) {
        let since = self.since.unwrap_or_default().as_millis();
        let earlier = rows.iter().filter(|trade| trade.ts_event.as_millis() < since);
        let earlier = earlier.map(|trade| trade.trade_id).max();
        self.state = match (earlier, rows.last()) {
            (Some(earlier), _) => {
                let next = earlier.saturating_add(1);
                State::Walk(TradeIds { first: next, next, last })
            }
            (None, Some(oldest)) => {
                State::Start { cursor: TradeCursor::BelowId(oldest.trade_id), last }
            }
            // Nothing is as old as that: it begins with the oldest that there is.
            (None, None) => State::Oldest { low: 0, high: last.saturating_add(1), last },
        };
    }

    fn on_oldest(
        &mut self,
        rows: &[Trade],
        Range { start: low, end: high }: Range<u64>,
        last: u64,
    ) {
        let middle = low + (high - low) / 2;
        let (low, high) = match rows.iter().map(|trade| trade.trade_id).min() {
            Some(id) if id < middle => (low, id.saturating_add(1)),
            _ => (middle, high),
        };
        self.state = match high - low {
            0 | 1 => {
                let next = high.saturating_sub(1);
                State::Walk(TradeIds { first: next, next, last })
            }
            _ => State::Oldest { low, high, last },
        };
    }

    fn on_page(&mut self, rows: &[Trade], walk: TradeIds, out: &mut Vec<Trade>) {
        let TradeIds { first, next, last } = walk;
        let end = page_end(next, last);
        let fitting = rows.iter().filter(|trade| (next..=end).contains(&trade.trade_id));
        self.found.extend(fitting.map(|trade| (trade.trade_id, *trade)));
        let lacking = (end - next + 1).saturating_sub(self.found.len() as u64);
        if lacking > 0 && self.refetches < REFETCHES {
            self.refetches += 1;
            return;
        }
        self.refetches = 0;
        if self.found.is_empty() && end < last {
            // Not page by page: all that follow may be gone too.
            let (low, high) = (end.saturating_add(1), last.saturating_add(1));
            self.state = State::Skip { walk, low, high, ask: high };
            return;
        }
        let found = &self.found;
        (next..=end).filter(|id| !found.contains_key(id)).for_each(|id| self.gone.add(id, id));
        // The ends of the span were found by an exchange whose caches lag: the time decides.
        let since = self.since.unwrap_or_default().as_millis();
        let found = std::mem::take(&mut self.found).into_values();
        out.extend(found.filter(|trade| trade.ts_event.as_millis() >= since));
        self.state = self.walk(first, end.saturating_add(1), last);
    }

    /// The walk from `next` on, or what comes behind its end.
    fn walk(&self, first: u64, next: u64, last: u64) -> State {
        match self.until {
            Some(_) if next > last => State::Confirm { first, last },
            _ => State::Walk(TradeIds { first, next, last }),
        }
    }

    fn on_confirm(&mut self, rows: &[Trade], first: u64, last: u64) {
        let until = self.until.map_or(u64::MAX, UnixNanos::as_millis);
        let (mut inside, mut next) = (None, None);
        for trade in rows.iter().filter(|trade| trade.trade_id > last) {
            if trade.ts_event.as_millis() <= until {
                inside = inside.max(Some(trade.trade_id));
            }
            next = next.or(Some(trade.trade_id)).min(Some(trade.trade_id));
        }
        let after = last.saturating_add(1);
        if inside.is_none() && next != Some(after) && self.refetches < REFETCHES {
            self.refetches += 1;
            return;
        }
        self.refetches = 0;
        let last = inside.unwrap_or(last);
        self.state = State::Walk(TradeIds { first, next: after, last });
    }

    fn on_skip(&mut self, rows: &[Trade]) {
        let State::Skip { walk, mut low, mut high, ask } = self.state else { return };
        let TradeIds { first, next, last } = walk;
        let found = rows.iter().map(|trade| trade.trade_id);
        match found.filter(|id| (next..ask).contains(id)).min() {
            Some(id) => high = id.max(low),
            // Two replies say so: one may come from a cache that lags.
            None if self.refetches == 0 => {
                self.refetches = 1;
                return;
            }
            None => low = ask,
        }
        self.refetches = 0;
        self.state = if low < high {
            State::Skip { walk, low, high, ask: low + (high - low).div_ceil(2) }
        } else {
            self.gone.add(next, low - 1);
            self.walk(first, low, last)
        };
    }

    /// The ids that it walks through; `None` before both ends are found.
    #[must_use]
    pub const fn ids(&self) -> Option<TradeIds> {
        match self.state {
            State::Walk(ids) | State::Skip { walk: ids, .. } => Some(ids),
            State::Confirm { first, last } => {
                Some(TradeIds { first, next: last.saturating_add(1), last })
            }
            _ => None,
        }
    }

    /// The ranges of ids, both ends included, that have no trade, though each was requested several
    /// times: the exchange has them no longer. Those of [`TradePager::resume`] are among them.
    #[must_use]
    pub fn gone(&self) -> &[(u64, u64)] {
        self.gone.as_slice()
    }

    /// How many ids those are.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.gone.count(1)
    }
}

/// The last id of the page that begins with `next`.
fn page_end(next: u64, last: u64) -> u64 {
    next.saturating_add(u64::from(Endpoint::HistoryTrades.page()) - 1).min(last)
}
