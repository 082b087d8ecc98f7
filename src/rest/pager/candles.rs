//! All closed candles of a span of time, oldest first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::page::{Page, refetch_pause};
use super::ranges::Ranges;
use crate::model::{Bar, Dialect, InstrumentId, Market, UnixNanos};
use crate::rest::endpoint::Endpoint;
use crate::rest::error::RowError;
use crate::rest::request::{Request, TimeSpan};
use crate::rest::rows::HistoryCandle;
use crate::rest::{v3, v5};

/// How often a page that lacks bars is requested again: a halted market has none.
const REFETCHES: u32 = 3;

/// How many of the newest bars `candles` has; what is older comes from `history-candles`.
const NEWEST: u64 = 1_400;

/// The closed candles of an instrument from a time on, oldest first, page by page.
///
/// Sans-IO. Walks up in windows that have at most a page of bars. A bar that is still open is left
/// out. v3 has the newest 1 440 bars only.
///
/// Memory: a page.
#[derive(Clone, Debug)]
pub struct CandlePager {
    inst_id: InstrumentId,
    /// v3's market; `None` in v5.
    market: Option<Market>,
    bar: Bar,
    /// The first time, in milliseconds.
    first: u64,
    /// The next time, in milliseconds.
    next: u64,
    /// The last start of a bar, in milliseconds.
    last: u64,
    /// The time at the start of the walk, in milliseconds.
    now: u64,
    /// The bar that was passed on last, in milliseconds.
    passed: Option<u64>,
    found: BTreeMap<u64, HistoryCandle>,
    refetches: u32,
    /// Bars that are missing, in milliseconds.
    gone: Ranges,
    /// The oldest time that v3 has, where the span begins before it, in milliseconds.
    cut: Option<u64>,
}

impl CandlePager {
    /// How many bars v3 has: the newest.
    pub const V3_BARS: u64 = 1_440;

    /// The bars of v5 that begin in the span and are closed at `now`, the exchange's time.
    #[must_use]
    pub fn v5(inst_id: InstrumentId, bar: Bar, span: TimeSpan, now: UnixNanos) -> Self {
        Self::new(inst_id, None, bar, span, now)
    }

    /// The bars of v3, as [`CandlePager::v5`]; of a length that v3 has.
    #[must_use]
    pub fn v3(
        market: Market,
        inst_id: InstrumentId,
        bar: Bar,
        span: TimeSpan,
        now: UnixNanos,
    ) -> Self {
        let kept = bar.millis().saturating_mul(Self::V3_BARS);
        let oldest_ms = now.as_millis().saturating_sub(kept);
        let oldest = UnixNanos::from_millis(oldest_ms).unwrap_or_default();
        let rest = TimeSpan { since: span.since.max(oldest), ..span };
        let new = Self::new(inst_id, Some(market), bar, rest, now);
        Self { cut: (span.since < oldest).then_some(oldest_ms), ..new }
    }

    fn new(
        inst_id: InstrumentId,
        market: Option<Market>,
        bar: Bar,
        TimeSpan { since, until }: TimeSpan,
        now: UnixNanos,
    ) -> Self {
        let now = now.as_millis();
        let last = until.as_millis().min(now.saturating_sub(bar.millis()));
        // A time within a millisecond is after it.
        let first = since.0.div_ceil(1_000_000);
        let (passed, found) = (None, BTreeMap::new());
        let next = first;
        Self {
            inst_id,
            market,
            bar,
            first,
            next,
            last,
            now,
            passed,
            found,
            refetches: 0,
            gone: Ranges::new(),
            cut: None,
        }
    }

    /// Goes on after the bar that begins at `ts`, with what the walk until then has found to be
    /// [missing](CandlePager::gone).
    pub fn resume_after(&mut self, ts: UnixNanos, gone: &[(u64, u64)]) {
        self.next = self.next.max(ts.as_millis().saturating_add(1));
        self.passed = Some(ts.as_millis());
        self.gone = Ranges::before(gone, self.next);
    }

    /// The next request; `None` where all is done.
    #[must_use]
    pub fn next(&self) -> Option<Page> {
        if self.next > self.last {
            return None;
        }
        let at = |ms| UnixNanos::from_millis(ms).unwrap_or_default();
        let span = TimeSpan { since: at(self.next), until: at(self.page_end()) };
        let newest = self.bar.millis().saturating_mul(NEWEST);
        let is_new = self.next >= self.now.saturating_sub(newest);
        let request = match self.market {
            None if is_new => Request::newest_candles(&self.inst_id, self.bar, span),
            None => Request::candles(&self.inst_id, self.bar, span),
            Some(market) => Request::v3_candles(market, &self.inst_id, self.bar.shortest(), span),
        };
        Some(Page { request, pause: refetch_pause(self.refetches) })
    }

    /// The last time of the window that begins with `next`, which has at most a page of bars.
    fn page_end(&self) -> u64 {
        let endpoint =
            if self.market.is_some() { Endpoint::V3Candles } else { Endpoint::HistoryCandles };
        let span = self.bar.millis().saturating_mul(u64::from(endpoint.page()) - 1);
        self.next.saturating_add(span).min(self.last)
    }

    /// Processes the rows of the reply to [`CandlePager::next`], and appends the candles that they
    /// complete, oldest first.
    ///
    /// # Errors
    /// [`RowError`] where a row can't be read; the pager has not changed then.
    pub fn on_rows(&mut self, rows: &str, out: &mut Vec<HistoryCandle>) -> Result<(), RowError> {
        let rows = match self.market {
            None => v5::candles(rows)?,
            Some(_) => v3::candles(rows)?,
        };
        let end = self.page_end();
        for row in rows {
            let ts = row.ts.as_millis();
            if (self.next..=end).contains(&ts) && row.closed != Some(false) {
                self.found.insert(ts, row);
            }
        }
        let lacking: Vec<u64> = self.lacking(end).collect();
        if !lacking.is_empty() && self.refetches < REFETCHES {
            self.refetches += 1;
            return Ok(());
        }
        lacking.into_iter().for_each(|ts| self.gone.add_by(ts, ts, self.bar.millis()));
        self.refetches = 0;
        let found = std::mem::take(&mut self.found);
        self.passed = found.keys().next_back().copied().or(self.passed);
        out.extend(found.into_values());
        self.next = end.saturating_add(1);
        Ok(())
    }

    /// The bars that the window lacks. Before the first bar none is expected: the instrument was
    /// not listed yet.
    fn lacking(&self, end: u64) -> impl Iterator<Item = u64> {
        let step = self.bar.millis().max(1);
        let first = match self.passed {
            // Those between the last one passed on and this window were noted with theirs.
            Some(passed) => {
                let before = self.next.saturating_sub(1).saturating_sub(passed) / step;
                Some(passed.saturating_add(before.saturating_add(1).saturating_mul(step)))
            }
            None => self.found.keys().next().copied(),
        };
        let first = first.filter(|_| self.bar.is_fixed());
        let next = move |ts: &u64| ts.checked_add(step);
        let expected = std::iter::successors(first, next).take_while(move |ts| *ts <= end);
        expected.filter(|ts| !self.found.contains_key(ts))
    }

    /// How much of the span is done, from 0 to 1 in millionths.
    #[must_use]
    pub fn millionths(&self) -> u64 {
        let whole = self.last.saturating_sub(self.first).saturating_add(1);
        let done = self.next.saturating_sub(self.first).min(whole);
        u64::try_from(u128::from(done) * 1_000_000 / u128::from(whole.max(1))).unwrap_or(1_000_000)
    }

    /// The first and the last bar of each range of bars that are missing, though each was requested
    /// several times, in milliseconds.
    #[must_use]
    pub fn gone(&self) -> &[(u64, u64)] {
        self.gone.as_slice()
    }

    /// How many bars those are.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.gone.count(self.bar.millis())
    }

    /// The time before which v3 has no bar any more, where the span begins before it.
    #[must_use]
    pub fn begins_late(&self) -> Option<UnixNanos> {
        self.cut.and_then(UnixNanos::from_millis)
    }

    /// The dialect.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        if self.market.is_some() { Dialect::V3 } else { Dialect::V5 }
    }

    /// The length of a bar; of months, the shortest.
    #[must_use]
    pub const fn bar(&self) -> Duration {
        self.bar.shortest()
    }
}
