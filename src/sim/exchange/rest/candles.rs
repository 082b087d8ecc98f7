//! Candles, counted from the fills.

use crate::model::UnixNanos;
use crate::sim::market::{InstIndex, Listing, SimMarket};

/// One candle in ticks and lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SimCandle {
    /// The start in milliseconds.
    pub(super) start: u64,
    /// Open, high, low, close.
    pub(super) ticks: [i64; 4],
    pub(super) lots: i128,
    pub(super) ticks_lots: i128,
    pub(super) closed: bool,
}

/// v5's bars by name: their length in milliseconds, and how far their grid is from UTC.
pub(super) fn bar(name: &str) -> Option<(u64, u64)> {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    // 1970-01-01 was a Thursday, weeks begin on Monday.
    const MONDAY: u64 = 4 * DAY;
    const EAST: u64 = 8 * HOUR;
    Some(match name {
        "1s" => (1_000, 0),
        "1m" => (MINUTE, 0),
        "3m" => (3 * MINUTE, 0),
        "5m" => (5 * MINUTE, 0),
        "15m" => (15 * MINUTE, 0),
        "30m" => (30 * MINUTE, 0),
        "1H" => (HOUR, 0),
        "2H" => (2 * HOUR, 0),
        "4H" => (4 * HOUR, 0),
        "6H" => (6 * HOUR, 6 * HOUR - EAST % (6 * HOUR)),
        "12H" => (12 * HOUR, 12 * HOUR - EAST),
        "1D" => (DAY, DAY - EAST),
        "1W" => (7 * DAY, MONDAY - EAST),
        "6Hutc" => (6 * HOUR, 0),
        "12Hutc" => (12 * HOUR, 0),
        "1Dutc" => (DAY, 0),
        "1Wutc" => (7 * DAY, MONDAY),
        _ => return None,
    })
}

/// The candles that start after `from` and before `to`, at most so many of the newest, newest
/// first. Those before the first fill do not exist.
pub(super) fn candles(
    market: &SimMarket,
    inst: InstIndex,
    (len, offset): (u64, u64),
    (from, to): (u64, u64),
    limit: usize,
    visible: UnixNanos,
) -> Vec<SimCandle> {
    let mut found = Vec::new();
    let Some((first_id, _)) = market.fill_ids(inst) else { return found };
    let Some(oldest) = market.fill(inst, first_id) else { return found };
    let grid = |ms: u64| ms.saturating_sub(offset) / len * len + offset;
    let newest = grid(visible.as_millis());
    // The last start that is below `to`.
    let mut start = if to > newest { newest } else { grid(to.saturating_sub(1)) };
    while found.len() < limit && start > from && start + len > oldest.ts.as_millis() {
        if let Some(candle) = candle(market, inst, (start, len), visible) {
            found.push(candle);
        }
        let Some(before) = start.checked_sub(len) else { break };
        start = before;
    }
    found
}

fn candle(
    market: &SimMarket,
    inst: InstIndex,
    (start, len): (u64, u64),
    visible: UnixNanos,
) -> Option<SimCandle> {
    let at = |ms| UnixNanos::from_millis(ms).unwrap_or_default();
    let end = at(start + len).min(UnixNanos(visible.0.saturating_add(1)));
    let first = market.first_fill_at(inst, at(start))?;
    let after = market.first_fill_at(inst, end)?;
    let closed = start + len <= visible.as_millis();
    let mut candle = SimCandle { start, ticks: [0; 4], lots: 0, ticks_lots: 0, closed };
    let mut fills = (first..after).filter_map(|id| market.fill(inst, id)).peekable();
    let open = match fills.peek() {
        Some(fill) => fill.ticks,
        // Without a trade, the price stays.
        None => market.fill(inst, first.checked_sub(1)?)?.ticks,
    };
    candle.ticks = [open; 4];
    for fill in fills {
        let [_, high, low, close] = &mut candle.ticks;
        (*high, *low, *close) = ((*high).max(fill.ticks), (*low).min(fill.ticks), fill.ticks);
        candle.lots += i128::from(fill.lots);
        candle.ticks_lots += i128::from(fill.lots) * i128::from(fill.ticks);
    }
    Some(candle)
}

impl SimCandle {
    /// The prices, and the volume in the instrument's unit, as the exchange prints them.
    pub(super) fn texts(&self, listing: &Listing) -> [String; 5] {
        let [open, high, low, close] = self.ticks.map(|ticks| listing.px(ticks).to_string());
        let lots = i64::try_from(self.lots).unwrap_or(i64::MAX);
        [open, high, low, close, listing.sz(lots).to_string()]
    }
}
