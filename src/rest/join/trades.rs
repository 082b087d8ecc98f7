//! One sequence of trades from a time in the past through the live feed, without a gap and without
//! a duplicate.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stats::JoinStats;
use crate::model::{InstrumentId, Origin, Trade, UnixNanos};
use crate::rest::error::RowError;
use crate::rest::pager::TradePager;
use crate::rest::request::{Request, TradeCursor};
use crate::rest::v5;

/// The most live trades that wait for history, 56 bytes each. A later one is dropped, and is a gap
/// that is filled when its turn has come.
const MAX_HELD: usize = 1 << 16;

/// The most fills of one request.
const PAGE: u64 = 100;

/// How often a page that lacks fills is requested again before the hole is the exchange's own: for
/// 40 s, since caches lag. So often, too, one that can't be read before the join goes on without
/// it.
const REFETCHES: u32 = 14;

/// The longest pause before a page is requested again.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The pause before a gap is looked at again that may be none: the trade behind it stands alone.
const DOUBTFUL_PAUSE: Duration = Duration::from_secs(30);

/// A request of a [`TradeJoin`], and the pause before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// The request.
    pub request: Request,
    /// The pause.
    pub pause: Duration,
}

/// Joins the history of an instrument's trades with its live trades.
///
/// Ids grow by one from fill to fill, and a live trade covers `count` of them: what its first id
/// does not continue is missing, and `history-trades` has it, by id. No time decides anything but
/// where to begin. The history is asked up to a live trade, never beyond, so that nothing of it is
/// part of a live trade.
///
/// A live trade that continues the sequence is passed on at once, which allocates nothing; one
/// behind a gap waits until the gap is filled. Only v5 has dense ids.
///
/// Sans-IO: the owner passes in live trades and replies, sends what [`TradeJoin::next_request`]
/// gives, one at a time, and gets each trade in the order of ids, with its origin and the count of
/// ids that are missing before it.
#[derive(Clone, Debug)]
pub struct TradeJoin {
    inst_id: InstrumentId,
    since: UnixNanos,
    /// Finds the first id.
    start: Option<TradePager>,
    /// The next id to pass on; `None` until it is found.
    next: Option<u64>,
    /// The live trades that wait, by last id.
    held: BTreeMap<u64, Trade>,
    /// Whether a request is on its way, and up to which id.
    asked: Option<u64>,
    /// The fills of the page so far, from all replies to it.
    found: BTreeMap<u64, Trade>,
    refetches: u32,
    /// Replies in a row that could not be read.
    unreadable: u32,
    /// Whether a live trade was passed on since the page was first requested.
    continued: bool,
    /// The time of the last trade that was passed on.
    last_ts: UnixNanos,
    /// A live trade with a lower id and a later time than what was passed on.
    reset: Option<Trade>,
    /// Ids that are missing before the next trade.
    missed: u64,
    stats: JoinStats,
}

impl TradeJoin {
    /// Begins with the first trade at or after a time, in whole milliseconds.
    #[must_use]
    pub fn new(inst_id: InstrumentId, since: UnixNanos) -> Self {
        Self {
            inst_id,
            since,
            start: Some(TradePager::new(inst_id, Some(since), None)),
            next: None,
            held: BTreeMap::new(),
            asked: None,
            found: BTreeMap::new(),
            refetches: 0,
            unreadable: 0,
            continued: false,
            last_ts: UnixNanos::UNKNOWN,
            reset: None,
            missed: 0,
            stats: JoinStats::default(),
        }
    }

    /// What it has done.
    #[must_use]
    pub const fn stats(&self) -> &JoinStats {
        &self.stats
    }

    /// The instrument.
    #[must_use]
    pub const fn inst_id(&self) -> &InstrumentId {
        &self.inst_id
    }

    /// The time from which on trades are passed on.
    #[must_use]
    pub const fn since(&self) -> UnixNanos {
        self.since
    }

    /// The number of live trades that wait for history.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Processes a live trade. `pass` gets what is next in the sequence.
    #[inline]
    pub fn on_live(&mut self, trade: &Trade, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        if self.next == Some(trade.first_id()) && self.held.is_empty() {
            return self.pass_live(trade, pass);
        }
        self.on_other(trade, pass);
    }

    #[cold]
    fn on_other(&mut self, trade: &Trade, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        match self.next {
            // There is no history: the first live trade is the first.
            None if self.start.is_none() => {
                self.next = Some(trade.first_id());
                self.pass_live(trade, pass);
            }
            Some(next) if trade.trade_id < next => return self.on_lower(trade, pass),
            Some(next) if trade.first_id() == next => {
                self.continued = true;
                self.pass_live(trade, pass);
            }
            _ if self.held.len() >= MAX_HELD => return,
            _ => {
                self.held.insert(trade.trade_id, *trade);
            }
        }
        self.pass_held(pass);
    }

    /// A trade whose ids were passed on: a duplicate, unless it is later than what has higher ids.
    /// Then the exchange has begun again, which a second trade that continues it confirms.
    fn on_lower(&mut self, trade: &Trade, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        if trade.ts_event <= self.last_ts {
            self.stats.duplicates += 1;
            return;
        }
        match self.reset.take() {
            Some(first) if trade.first_id() == first.trade_id.saturating_add(1) => {
                self.stats.resets += 1;
                self.forget_gap();
                self.held.clear();
                self.next = Some(first.first_id());
                self.pass_live(&first, pass);
                self.pass_live(trade, pass);
            }
            _ => self.reset = Some(*trade),
        }
    }

    fn pass_live(&mut self, trade: &Trade, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        self.stats.live += 1;
        self.pass(trade, Origin::Live, pass);
    }

    #[inline]
    fn pass(&mut self, trade: &Trade, origin: Origin, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        self.next = Some(trade.trade_id.saturating_add(1));
        self.last_ts = trade.ts_event;
        if trade.ts_event.as_millis() >= self.since.as_millis() {
            pass(trade, origin, std::mem::take(&mut self.missed));
        }
    }

    /// Passes on what waits and is next.
    fn pass_held(&mut self, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        while let (Some(next), Some(lowest)) = (self.next, self.held.first_entry()) {
            let trade = *lowest.get();
            if trade.trade_id < next {
                lowest.remove();
                self.stats.duplicates += 1;
            } else if trade.first_id() == next {
                lowest.remove();
                self.pass_live(&trade, pass);
            } else {
                return;
            }
        }
    }

    /// The ids of the gap before the lowest trade that waits. A trade of which a part was passed on
    /// is a gap up to its own last id.
    fn gap(&self) -> Option<(u64, u64)> {
        let (next, lowest) = (self.next?, self.held.values().next()?);
        let first = lowest.first_id();
        Some(if first > next { (next, first - 1) } else { (next, lowest.trade_id) })
    }

    /// The next request; `None` where none is needed, or one is on its way.
    pub fn next_request(&mut self) -> Option<JoinRequest> {
        if self.asked.is_some() {
            return None;
        }
        if let Some(page) = self.start.as_ref().and_then(TradePager::next) {
            self.asked = Some(0);
            let pause = page.pause.max(pause_before(self.unreadable));
            return Some(JoinRequest { request: page.request, pause });
        }
        let (next, last) = self.gap()?;
        let end = last.min(next.saturating_add(PAGE - 1));
        self.asked = Some(end);
        let cursor = TradeCursor::BelowId(end.saturating_add(1));
        let limit = u32::try_from(end - next + 1).unwrap_or(u32::MAX);
        let request = Request::history_trades(&self.inst_id, cursor, limit);
        let pause = match self.refetches {
            REFETCHES.. => DOUBTFUL_PAUSE,
            n => pause_before(n.max(self.unreadable)),
        };
        Some(JoinRequest { request, pause })
    }

    /// Processes the rows of the reply to the last request, received at `ts_recv`.
    ///
    /// # Errors
    /// [`RowError`] where a row can't be read. The page is requested again, at growing pauses, for
    /// about 40 s. Then the join goes on as after [`TradeJoin::on_failure`], with a gap that is
    /// counted in [`JoinStats::unreadable`].
    pub fn on_rows(
        &mut self,
        rows: &str,
        ts_recv: UnixNanos,
        pass: &mut impl FnMut(&Trade, Origin, u64),
    ) -> Result<(), RowError> {
        let Some(end) = self.asked.take() else { return Ok(()) };
        let read = self.on_reply(rows, end, ts_recv, pass);
        self.unreadable = if read.is_ok() { 0 } else { self.unreadable + 1 };
        if self.unreadable > REFETCHES {
            self.stats.unreadable += 1;
            self.on_failure(pass);
        }
        read
    }

    fn on_reply(
        &mut self,
        rows: &str,
        end: u64,
        ts_recv: UnixNanos,
        pass: &mut impl FnMut(&Trade, Origin, u64),
    ) -> Result<(), RowError> {
        if let Some(start) = &mut self.start {
            start.on_rows(rows, &mut Vec::new())?;
            let ids = start.ids();
            if ids.is_some() || start.next().is_none() {
                self.start = None;
                // Without any trade in the past the first live one is the first.
                let first_held = self.held.values().next().map(Trade::first_id);
                self.next = ids.map(|ids| ids.first).or(first_held);
                self.pass_held(pass);
            }
            return Ok(());
        }
        let rows = v5::trades(rows)?;
        // Meanwhile the live feed may have brought what was asked for, or begun again.
        let Some((next, last)) = self.gap() else {
            self.forget_gap();
            return Ok(());
        };
        let end = end.min(last);
        let fitting = rows.iter().filter(|trade| (next..=end).contains(&trade.trade_id));
        self.found.extend(fitting.map(|trade| {
            let mut trade = *trade;
            trade.ts_recv = ts_recv;
            (trade.trade_id, trade)
        }));
        self.pass_found(pass);
        if self.next.is_none_or(|next| next > end) {
            self.on_page_done(pass);
        } else if self.refetches < REFETCHES {
            self.refetches += 1;
        } else {
            self.on_hole(end, pass);
        }
        Ok(())
    }

    /// Passes on the fills that are next.
    fn pass_found(&mut self, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        while let (Some(next), Some(lowest)) = (self.next, self.found.first_entry()) {
            let trade = lowest.remove();
            if trade.trade_id == next {
                self.stats.history += 1;
                self.pass(&trade, Origin::History, pass);
            } else if trade.trade_id > next {
                self.found.insert(trade.trade_id, trade);
                return;
            }
        }
    }

    fn on_page_done(&mut self, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        self.forget_gap();
        self.pass_held(pass);
        self.stats.gaps += u64::from(self.gap().is_none());
    }

    /// A page lacks fills for good. The hole is the exchange's own if a second live trade continues
    /// the one behind it, or the history has fills behind it. If instead the live feed went on
    /// before it, the trade behind it is none of this sequence.
    fn on_hole(&mut self, end: u64, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        let mut held = self.held.values();
        let lowest = held.next().copied();
        let Some(lowest) = lowest else { return };
        let follows = |trade: &Trade| trade.first_id() == lowest.trade_id.saturating_add(1);
        if held.next().is_some_and(follows) || !self.found.is_empty() {
            let next = self.next.unwrap_or_default();
            let after =
                self.found.keys().next().copied().unwrap_or(u64::MAX).min(end.saturating_add(1));
            self.missed = self.missed.saturating_add(after.saturating_sub(next));
            self.stats.missing = self.stats.missing.saturating_add(after.saturating_sub(next));
            self.next = Some(after);
            self.pass_found(pass);
            self.refetches = 0;
            if self.next.is_none_or(|next| next > end) {
                self.on_page_done(pass);
            }
        } else if self.continued {
            self.held.remove(&lowest.trade_id);
            self.stats.unconfirmed += 1;
            self.forget_gap();
            self.pass_held(pass);
        }
    }

    fn forget_gap(&mut self) {
        self.found.clear();
        (self.refetches, self.continued) = (0, false);
    }

    /// The last request failed for good: what waits is passed on, with the count of what is missing
    /// before it. A later gap is asked for again.
    pub fn on_failure(&mut self, pass: &mut impl FnMut(&Trade, Origin, u64)) {
        self.asked = None;
        self.start = None;
        self.unreadable = 0;
        let found = self.found.keys().next().copied();
        let lowest = self.held.values().next().map(Trade::first_id);
        let after = match (found, lowest) {
            (Some(found), Some(lowest)) => Some(found.min(lowest)),
            (found, lowest) => found.or(lowest),
        };
        let Some(after) = after else { return self.forget_gap() };
        if let Some(next) = self.next {
            let missing = after.saturating_sub(next);
            self.missed = self.missed.saturating_add(missing);
            self.stats.missing = self.stats.missing.saturating_add(missing);
        }
        self.next = Some(self.next.map_or(after, |next| next.max(after)));
        self.pass_found(pass);
        self.forget_gap();
        self.pass_held(pass);
    }
}

/// The pause before a page is requested again for the `n`th time.
const fn pause_before(n: u32) -> Duration {
    match n {
        0 => Duration::ZERO,
        1..=4 => Duration::from_millis(250 << (n - 1)),
        _ => LONGEST_PAUSE,
    }
}
