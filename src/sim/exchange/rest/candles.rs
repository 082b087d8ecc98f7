//! Candles, counted from the fills.

use crate::model::{UnixNanos, civil_from_days, days_since_epoch};
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

/// The bars of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grid {
    /// Of so many milliseconds each; how far they are from UTC.
    Fixed(u64, u64),
    /// Of so many months each, which begin so many milliseconds before those of UTC.
    Months(u64, u64),
}

const DAY: u64 = 86_400_000;

impl Grid {
    /// v5's bars by name; `None` for what is none.
    pub(super) fn of(name: &str) -> Option<Self> {
        const MINUTE: u64 = 60_000;
        const HOUR: u64 = 60 * MINUTE;
        // 1970-01-01 was a Thursday, weeks begin on Monday.
        const MONDAY: u64 = 4 * DAY;
        const EAST: u64 = 8 * HOUR;
        Some(match name {
            "1s" => Self::Fixed(1_000, 0),
            "1m" => Self::Fixed(MINUTE, 0),
            "3m" => Self::Fixed(3 * MINUTE, 0),
            "5m" => Self::Fixed(5 * MINUTE, 0),
            "15m" => Self::Fixed(15 * MINUTE, 0),
            "30m" => Self::Fixed(30 * MINUTE, 0),
            "1H" => Self::Fixed(HOUR, 0),
            "2H" => Self::Fixed(2 * HOUR, 0),
            "4H" => Self::Fixed(4 * HOUR, 0),
            "6H" => Self::Fixed(6 * HOUR, 6 * HOUR - EAST % (6 * HOUR)),
            "12H" => Self::Fixed(12 * HOUR, 12 * HOUR - EAST),
            "1D" => Self::Fixed(DAY, DAY - EAST),
            "2D" => Self::Fixed(2 * DAY, DAY - EAST),
            "3D" => Self::Fixed(3 * DAY, DAY - EAST),
            "1W" => Self::Fixed(7 * DAY, MONDAY - EAST),
            "1M" => Self::Months(1, EAST),
            "3M" => Self::Months(3, EAST),
            "6Hutc" => Self::Fixed(6 * HOUR, 0),
            "12Hutc" => Self::Fixed(12 * HOUR, 0),
            "1Dutc" => Self::Fixed(DAY, 0),
            "2Dutc" => Self::Fixed(2 * DAY, 0),
            "3Dutc" => Self::Fixed(3 * DAY, 0),
            "1Wutc" => Self::Fixed(7 * DAY, MONDAY),
            "1Mutc" => Self::Months(1, 0),
            "3Mutc" => Self::Months(3, 0),
            _ => return None,
        })
    }

    /// The length in milliseconds, of months the longest.
    pub(super) const fn longest(self) -> u64 {
        match self {
            Self::Fixed(len, _) => len,
            Self::Months(months, _) => months * 31 * DAY,
        }
    }

    /// When the bar of a time begins and ends, in milliseconds.
    fn around(self, ms: u64) -> (u64, u64) {
        match self {
            Self::Fixed(len, offset) => {
                let start = ms.saturating_sub(offset) / len * len + offset;
                (start, start + len)
            }
            Self::Months(months, before) => {
                let (year, month, _) = civil_from_days((ms + before) / DAY);
                let first = (year * 12 + month - 1) / months * months;
                let at = |month: u64| {
                    let days = days_since_epoch(month / 12, month % 12 + 1, 1).unwrap_or_default();
                    (days * DAY).saturating_sub(before)
                };
                (at(first), at(first + months))
            }
        }
    }
}

/// The candles that start after `from` and before `to`, at most so many of the newest, newest
/// first. Those before the first fill do not exist.
pub(super) fn candles(
    market: &SimMarket,
    inst: InstIndex,
    grid: Grid,
    (from, to): (u64, u64),
    limit: usize,
    visible: UnixNanos,
) -> Vec<SimCandle> {
    let mut found = Vec::new();
    let Some((first_id, _)) = market.fill_ids(inst) else { return found };
    let Some(oldest) = market.fill(inst, first_id) else { return found };
    // The last bar that begins below `to`.
    let (mut start, mut end) = grid.around(visible.as_millis().min(to.saturating_sub(1)));
    while found.len() < limit && start > from && end > oldest.ts.as_millis() {
        if let Some(candle) = candle(market, inst, (start, end), visible) {
            found.push(candle);
        }
        let Some(before) = start.checked_sub(1) else { break };
        (start, end) = grid.around(before);
    }
    found
}

fn candle(
    market: &SimMarket,
    inst: InstIndex,
    (start, end): (u64, u64),
    visible: UnixNanos,
) -> Option<SimCandle> {
    let at = |ms| UnixNanos::from_millis(ms).unwrap_or_default();
    let closed = end <= visible.as_millis();
    let end = at(end).min(UnixNanos(visible.0.saturating_add(1)));
    let first = market.first_fill_at(inst, at(start))?;
    let after = market.first_fill_at(inst, end)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar_in_beijing_or_utc() {
        let at = |text: &str| {
            let date: Vec<u64> = text.split('-').map(|part| part.parse().unwrap()).collect();
            days_since_epoch(date[0], date[1], date[2]).unwrap() * DAY
        };
        let hours = |n: u64| n * 3_600_000;
        let of = |name: &str, ms| Grid::of(name).unwrap().around(ms);
        assert_eq!(of("1Mutc", at("2024-02-29") + 1), (at("2024-02-01"), at("2024-03-01")));
        assert_eq!(of("3Mutc", at("2026-12-31")), (at("2026-10-01"), at("2027-01-01")));
        // A month of Beijing begins eight hours before that of UTC.
        let (start, end) = (at("2026-12-01") - hours(8), at("2027-01-01") - hours(8));
        assert_eq!(of("1M", start), (start, end));
        assert_eq!(of("1M", end), (end, at("2027-02-01") - hours(8)));
        assert_eq!(of("1D", at("2026-11-30")).0, at("2026-11-30") - hours(8));
        assert_eq!(Grid::of("7Q"), None);
    }
}
