//! Long walks through history, on a virtual clock.

use std::time::Duration;

use okx_feed::rest::{CandlePager, TimeSpan, TradeIds, TradePager};
use okx_feed::sim::{Exchange, ExchangeConfig, Listing, MarketConfig};
use okx_feed::{InstrumentId, Market, MonoNanos, Trade, UnixNanos};

use crate::world::{Rest, wall};

fn exchange(faults: &str) -> Exchange {
    let listing = Listing::new("BTC-USDT", Market::Spot, ["0.1", "0.0001", "60000", "0.02"]);
    let listings = vec![listing.unwrap()];
    let market = MarketConfig { listings, depth: 5, events_per_sec: 20, ..MarketConfig::default() };
    let faults = faults.parse().unwrap();
    Exchange::new(&ExchangeConfig { market, faults, ..ExchangeConfig::default() })
}

/// Runs a request to its rows.
fn fetch(
    rest: &mut Rest,
    exchange: &mut Exchange,
    now: &mut MonoNanos,
    page: okx_feed::rest::Page,
) -> String {
    rest.start(page.request, page.pause, *now);
    loop {
        *now = (*now).max(rest.next_at(*now));
        if let Some(result) = rest.step(exchange, *now) {
            return result.unwrap();
        }
    }
}

#[test]
fn a_hundred_thousand_trades_under_faults_are_complete_and_go_on_after_an_interruption() {
    let faults = "lag:p=0.05,by=3s;holes:p=0.03,rows=2;short:p=0.02;deny:p=0.02;\
                  deny:p=0.01,status=200;deny:p=0.01,status=503,code=50001,retry=2s";
    let mut exchange = exchange(faults);
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let mut rest = Rest::new(3);
    let mut now = MonoNanos::ZERO;
    // 0.4 fills a second before the opening.
    let since = UnixNanos(wall(&exchange, now).0 - 300_000 * 1_000_000_000);
    let mut pager = TradePager::new(inst_id, Some(since), None);
    let mut trades: Vec<Trade> = Vec::new();
    let mut interruptions = 0;
    while let Some(page) = pager.next() {
        let rows = fetch(&mut rest, &mut exchange, &mut now, page);
        pager.on_rows(&rows, &mut trades).unwrap();
        if let (Some(ids), true) = (pager.ids(), trades.len() / 30_000 > interruptions) {
            interruptions += 1;
            // As after a kill: what is known is the last whole row of the file.
            trades.truncate(trades.len() - 17);
            let next = trades.last().unwrap().trade_id + 1;
            let gone = pager.gone().to_vec();
            let ids = TradeIds { next, ..ids };
            pager = TradePager::new(inst_id, Some(since), None).resume(ids, &gone);
        }
    }
    assert!(trades.len() >= 100_000, "{}", trades.len());
    assert_eq!((pager.missing(), interruptions), (0, trades.len() / 30_000));
    assert!(trades.windows(2).all(|pair| pair[0].trade_id + 1 == pair[1].trade_id));
    assert!(trades.is_sorted_by_key(|trade| trade.ts_event));
    let (first, before) = (trades[0], since.as_millis());
    assert!(first.ts_event.as_millis() >= before && first.ts_event.as_millis() < before + 40_000);
    let stats = rest.caller.stats();
    // None but those of the faults: the limits were kept.
    assert!(stats.retries > 50 && stats.limited < stats.sent / 20, "{stats:?}");
}

#[test]
fn a_span_is_found_by_time_even_if_it_begins_before_all_trades() {
    let mut exchange = exchange("");
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let mut now = MonoNanos::ZERO;
    let day = 86_400_000_000_000;
    let opening = wall(&exchange, now).0;
    let mut walk = |since: Option<u64>, until: Option<u64>, most: usize| {
        let mut rest = Rest::new(1);
        let at = |nanos: Option<u64>| nanos.map(UnixNanos);
        let mut pager = TradePager::new(inst_id, at(since), at(until));
        let mut trades = Vec::new();
        while let Some(page) = pager.next().filter(|_| trades.len() < most) {
            now = now + Duration::from_secs(2);
            let rows = fetch(&mut rest, &mut exchange, &mut now, page);
            pager.on_rows(&rows, &mut trades).unwrap();
        }
        trades
    };
    let (since, until) = (opening - 3 * day, opening - 3 * day + 3_600_000_000_000);
    let hour = walk(Some(since), Some(until), 10_000);
    assert!((1_350..1_500).contains(&hour.len()), "{}", hour.len());
    assert!(hour.iter().all(|trade| (since..=until).contains(&trade.ts_event.0)));
    // Both ends belong to it, to the millisecond.
    let (first, last) = (hour[0].ts_event.0, hour.last().unwrap().ts_event.0);
    let exact = walk(Some(first), Some(last), 10_000);
    assert_eq!(exact, hour);
    assert!(walk(Some(first + 1_000_000), Some(last - 1_000_000), 10_000).len() < hour.len());
    let oldest = walk(Some(opening - 400 * day), None, 250);
    assert!(oldest[0].ts_event.0 < opening - 89 * day && oldest.len() == 300);
    assert_eq!(walk(None, Some(opening - 400 * day), 10), []);
}

/// One reply of a cache that lags, or of one that lacks rows, must not decide where a span ends.
#[test]
fn the_end_of_a_span_is_found_under_faults_that_touch_every_second_reply() {
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    for (seed, faults) in (0..12).map(|n| (n, ["lag:p=0.5,by=5s", "holes:p=0.5,rows=20"])) {
        for faults in faults {
            let mut ends = ["", faults].map(|faults| {
                let mut exchange = exchange(faults);
                let (mut rest, mut trades) = (Rest::new(seed), Vec::new());
                // The span has just ended.
                let mut now = MonoNanos::ZERO + Duration::from_secs(30 + seed);
                let until = wall(&exchange, now).0 - 200_000_000;
                let since = until - 30_000_000_000;
                let (since, until) = (Some(UnixNanos(since)), Some(UnixNanos(until)));
                let mut pager = TradePager::new(inst_id, since, until);
                while let Some(page) = pager.next() {
                    let rows = fetch(&mut rest, &mut exchange, &mut now, page);
                    pager.on_rows(&rows, &mut trades).unwrap();
                }
                assert_eq!(pager.missing(), 0, "{faults} {seed}");
                trades.iter().map(|trade: &Trade| trade.trade_id).collect::<Vec<_>>()
            });
            let [whole, found] = &mut ends;
            assert_eq!(found, whole, "{faults} {seed}");
            assert!(!whole.is_empty());
        }
    }
}

#[test]
fn ids_that_are_no_longer_there_are_skipped_and_reported() {
    let mut exchange = exchange("lag:p=0.1,by=3s;holes:p=0.1");
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let mut now = MonoNanos::ZERO;
    let mut walk = |mut pager: TradePager, pages: u64| {
        let (mut rest, mut trades) = (Rest::new(1), Vec::new());
        while let Some(page) = pager.next().filter(|_| rest.caller.stats().sent < pages) {
            let rows = fetch(&mut rest, &mut exchange, &mut now, page);
            pager.on_rows(&rows, &mut trades).unwrap();
        }
        let ids: Vec<_> = trades.iter().map(|trade: &Trade| trade.trade_id).collect();
        (ids, pager.missing(), pager.gone().to_vec(), rest.caller.stats().sent)
    };
    let oldest = walk(TradePager::new(inst_id, Some(UnixNanos(0)), None), 100).0[0];
    let newest = *walk(TradePager::new(inst_id, None, None), 1_000).0.last().unwrap();
    // Of an interrupted walk, the ids before the oldest are gone.
    let first = oldest / 2;
    let resumed = |ids, gone: &[(u64, u64)]| TradePager::new(inst_id, None, None).resume(ids, gone);
    let (ids, missing, gone, sent) =
        walk(resumed(TradeIds { first, next: first, last: oldest + 199 }, &[]), 1_000);
    assert!(ids.iter().copied().eq(oldest..oldest + 200), "{:?}", ids.len());
    assert_eq!((missing, gone), (oldest - first, vec![(first, oldest - 1)]));
    assert!(sent < 150, "{sent}");
    // An interruption behind it does not hide it; one before it finds it again, once.
    let of =
        |next, gone: &[(u64, u64)]| resumed(TradeIds { first, next, last: oldest + 199 }, gone);
    for (next, known) in [(oldest + 100, (first, oldest - 1)), (first, (first, oldest - 1))] {
        let (ids, missing, gone, _) = walk(of(next, &[known]), 1_000);
        assert_eq!(ids.last(), Some(&(oldest + 199)));
        assert_eq!((missing, gone), (oldest - first, vec![known]), "{next}");
    }
    // There is nothing above the newest.
    let above = newest + 1_000_000;
    let (ids, missing, gone, sent) =
        walk(resumed(TradeIds { first: above, next: above, last: above + 9_999 }, &[]), 1_000);
    assert_eq!((ids.len(), missing, gone), (0, 10_000, vec![(above, above + 9_999)]));
    assert!(sent < 20, "{sent}");
}

#[test]
fn candles_are_complete_closed_and_in_order() {
    let mut exchange = exchange("lag:p=0.1,by=3s;short:p=0.05;deny:p=0.05");
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let mut now = MonoNanos::ZERO + Duration::from_secs(600);
    exchange.advance(now);
    for (bar, step, count) in
        [("1m", 60_000, 2_000), ("1H", 3_600_000, 700), ("1Dutc", 86_400_000, 60)]
    {
        let mut rest = Rest::new(9);
        let until = wall(&exchange, now);
        let since = UnixNanos(until.0 - step * 1_000_000 * count);
        let new =
            || CandlePager::v5(inst_id, bar.parse().unwrap(), TimeSpan { since, until }, until);
        let (mut pager, mut candles, mut interrupted) = (new(), Vec::new(), false);
        while let Some(page) = pager.next() {
            let rows = fetch(&mut rest, &mut exchange, &mut now, page);
            pager.on_rows(&rows, &mut candles).unwrap();
            if candles.len() > 300 && !interrupted {
                // As after a kill: what is known is the last whole row of the file.
                interrupted = true;
                candles.truncate(candles.len() - 5);
                pager = new();
                pager.resume_after(candles.last().unwrap().ts, &[]);
            }
        }
        assert!((count - 2..=count).contains(&(candles.len() as u64)), "{bar} {}", candles.len());
        assert_eq!(pager.missing(), 0, "{bar}");
        let starts: Vec<_> = candles.iter().map(|candle| candle.ts.as_millis()).collect();
        assert!(starts.windows(2).all(|pair| pair[1] == pair[0] + step), "{bar}");
        assert!(candles.iter().all(|candle| candle.closed == Some(true)));
        assert!(starts[0] >= since.as_millis() && starts[0] < since.as_millis() + step);
    }
}

/// A halted market has no candles.
#[test]
fn candles_that_are_not_there_are_reported_also_behind_an_interruption() {
    let minute = 60_000;
    let begin = 1_790_000_040_000;
    let at = |ms: u64| UnixNanos::from_millis(ms).unwrap();
    let has = |n: u64| !(310..=720).contains(&n) && n != 5;
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let span = TimeSpan { since: at(begin), until: at(begin + 999 * minute) };
    let new = || CandlePager::v5(inst_id, "1m".parse().unwrap(), span, at(begin + 2_000 * minute));
    // The exchange answers each request with all that there is, newest first.
    let all: Vec<String> = (0..1_000_u64)
        .rev()
        .filter(|n| has(*n))
        .map(|n| format!(r#"["{}","1","1","1","1","1","1","1","1"]"#, begin + n * minute))
        .collect();
    let rows = format!("[{}]", all.join(","));
    let expected =
        [(begin + 5 * minute, begin + 5 * minute), (begin + 310 * minute, begin + 720 * minute)];
    for interrupted_at in [usize::MAX, 0, 4, 5, 308, 309, 500] {
        let (mut pager, mut candles) = (new(), Vec::new());
        let mut is_interrupted = false;
        while pager.next().is_some() {
            pager.on_rows(&rows, &mut candles).unwrap();
            if !is_interrupted && candles.len() > interrupted_at {
                // The rows of a page are written after what it lacks.
                is_interrupted = true;
                candles.truncate(interrupted_at + 1);
                let gone = pager.gone().to_vec();
                pager = new();
                pager.resume_after(candles.last().unwrap().ts, &gone);
            }
        }
        assert_eq!(is_interrupted, interrupted_at != usize::MAX);
        assert_eq!(candles.len(), all.len(), "{interrupted_at}");
        assert_eq!((pager.missing(), pager.gone()), (412, &expected[..]), "{interrupted_at}");
    }
}
