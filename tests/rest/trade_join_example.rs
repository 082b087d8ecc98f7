//! The join of history and live trades, by example.

use std::time::Duration;

use okx_feed::rest::join::TradeJoin;
use okx_feed::{Decimal, InstrumentId, Side, Trade, UnixNanos};

fn trade(last: u64, count: u32, ms: u64) -> Trade {
    let one = Decimal::from(1);
    let mut trade = Trade::new(Side::Buy, one, one);
    (trade.trade_id, trade.count) = (last, count);
    trade.ts_event = UnixNanos::from_millis(ms).unwrap();
    trade
}

fn rows(ids: impl IntoIterator<Item = u64>) -> String {
    let row = |id: u64| {
        format!(r#"{{"tradeId":"{id}","px":"1","sz":"1","side":"buy","ts":"{}"}}"#, 1_000 + id)
    };
    format!("[{}]", ids.into_iter().map(row).collect::<Vec<_>>().join(","))
}

/// A join whose next id is 100, and what it passes on as (first id, last id, missing).
struct Example {
    join: TradeJoin,
    passed: Vec<(u64, u64, u64)>,
}

impl Example {
    fn new() -> Self {
        let inst_id = "BTC-USDT".parse().unwrap();
        let since = UnixNanos::from_millis(1_100).unwrap();
        let mut this = Self { join: TradeJoin::new(inst_id, since), passed: Vec::new() };
        this.reply([150, 149]);
        this.reply([99, 98]);
        assert!(this.join.next_request().is_none());
        this
    }

    fn reply(&mut self, ids: impl IntoIterator<Item = u64>) -> Duration {
        let request = self.join.next_request().expect("there is a request");
        let passed = &mut self.passed;
        let pass = &mut |trade: &Trade, _, missed| {
            passed.push((trade.first_id(), trade.trade_id, missed));
        };
        self.join.on_rows(&rows(ids), UnixNanos(1), pass).unwrap();
        request.pause
    }

    fn live(&mut self, trade: Trade) {
        let passed = &mut self.passed;
        let pass = &mut |trade: &Trade, _, missed| {
            passed.push((trade.first_id(), trade.trade_id, missed));
        };
        self.join.on_live(&trade, pass);
    }
}

#[test]
fn a_trade_that_was_passed_on_in_part_comes_from_history_to_its_end() {
    let mut join = Example::new();
    join.live(trade(101, 2, 1_101));
    // It overlaps with what was passed on: the rest of it is fetched.
    join.live(trade(104, 4, 1_104));
    assert_eq!(join.passed, [(100, 101, 0)]);
    join.reply([104, 103, 102]);
    assert_eq!(join.passed[1..], [(102, 102, 0), (103, 103, 0), (104, 104, 0)]);
    join.live(trade(105, 1, 1_105));
    assert_eq!(join.passed.last(), Some(&(105, 105, 0)));
}

#[test]
fn a_hole_of_the_exchange_is_counted_once_it_is_confirmed() {
    let mut join = Example::new();
    join.live(trade(103, 1, 1_103));
    let mut pauses = Vec::new();
    // The history has 100 and 102, never 101.
    for _ in 0..16 {
        pauses.push(join.reply([102, 100]));
        if join.passed.len() > 1 {
            break;
        }
    }
    assert_eq!(join.passed, [(100, 100, 0), (102, 102, 1), (103, 103, 0)]);
    assert!(pauses.iter().sum::<Duration>() > Duration::from_secs(30));
    assert_eq!(join.join.stats().missing, 1);
}

#[test]
fn a_trade_that_stands_alone_does_not_stop_the_sequence() {
    let mut join = Example::new();
    join.live(trade(1 << 60, 1, 1_101));
    for id in 100..120 {
        join.live(trade(id, 1, 1_000 + id));
    }
    assert_eq!(join.passed.len(), 20);
    for _ in 0..16 {
        join.reply([119, 118]);
        if join.join.held() == 0 {
            break;
        }
    }
    assert_eq!((join.join.held(), join.join.stats().unconfirmed), (0, 1));
    join.live(trade(120, 1, 1_120));
    assert_eq!(join.passed.last(), Some(&(120, 120, 0)));
}

#[test]
fn lower_ids_at_a_later_time_begin_a_new_sequence_once_they_are_confirmed() {
    let mut join = Example::new();
    join.live(trade(100, 1, 1_100));
    join.live(trade(7, 1, 1_200));
    join.live(trade(101, 1, 1_101));
    assert_eq!(join.passed, [(100, 100, 0), (101, 101, 0)]);
    join.live(trade(1, 1, 1_300));
    join.live(trade(3, 2, 1_301));
    assert_eq!(join.passed[2..], [(1, 1, 0), (2, 3, 0)]);
    // An old one that comes again is a duplicate.
    join.live(trade(3, 2, 1_301));
    assert_eq!((join.join.stats().resets, join.join.stats().duplicates), (1, 1));
}

#[test]
fn without_history_what_is_missing_is_counted_and_the_feed_goes_on() {
    let mut join = Example::new();
    join.live(trade(110, 1, 1_110));
    assert!(join.join.next_request().is_some());
    let passed = &mut join.passed;
    join.join.on_failure(&mut |trade: &Trade, _, missed| {
        passed.push((trade.first_id(), trade.trade_id, missed));
    });
    join.live(trade(111, 1, 1_111));
    assert_eq!(join.passed, [(110, 110, 10), (111, 111, 0)]);
    // The next gap is asked for again.
    join.live(trade(113, 1, 1_113));
    join.reply([112]);
    assert_eq!(join.passed[2..], [(112, 112, 0), (113, 113, 0)]);
}

/// Replies with what can't be read until nothing is requested any more. Gives how often, and how
/// long that takes.
fn reply_unreadable(join: &mut TradeJoin, passed: &mut Vec<(u64, u64, u64)>) -> (u32, Duration) {
    let (mut count, mut paused) = (0, Duration::ZERO);
    while let Some(request) = join.next_request() {
        assert!(count < 1_000, "it is requested without an end");
        (count, paused) = (count + 1, paused + request.pause);
        let pass = &mut |trade: &Trade, _, missed| {
            passed.push((trade.first_id(), trade.trade_id, missed));
        };
        assert!(join.on_rows(r#"[{"tradeId":"x"}]"#, UnixNanos(1), pass).is_err());
    }
    (count, paused)
}

#[test]
fn a_page_that_can_never_be_read_is_a_gap_in_the_end() {
    let mut join = Example::new();
    join.live(trade(100, 1, 1_100));
    join.live(trade(110, 1, 1_110));
    let (count, paused) = reply_unreadable(&mut join.join, &mut join.passed);
    assert_eq!(count, 15);
    assert!((30..60).contains(&paused.as_secs()), "{paused:?}");
    assert_eq!(join.passed, [(100, 100, 0), (110, 110, 9)]);
    let stats = *join.join.stats();
    assert_eq!((stats.missing, stats.unreadable), (9, 1));
    // The next gap is asked for at once, and one reply that can be read counts from the beginning
    // again.
    join.live(trade(112, 1, 1_112));
    assert_eq!(join.reply([111]), Duration::ZERO);
    assert_eq!(join.passed[2..], [(111, 111, 0), (112, 112, 0)]);
}

#[test]
fn trades_begin_with_the_first_live_one_where_no_history_can_be_read_or_there_is_none() {
    let inst_id: InstrumentId = "BTC-USDT".parse().unwrap();
    let since = UnixNanos::from_millis(1_000).unwrap();
    let new = || Example { join: TradeJoin::new(inst_id, since), passed: Vec::new() };
    let mut unreadable = new();
    let (count, paused) = reply_unreadable(&mut unreadable.join, &mut unreadable.passed);
    assert!(count == 15 && paused > Duration::from_secs(30), "{count} in {paused:?}");
    let mut failed = new();
    assert!(failed.join.next_request().is_some());
    failed.join.on_failure(&mut |_, _, _| {});
    // An instrument without any trade.
    let mut empty = new();
    for _ in 0..50 {
        let Some(_) = empty.join.next_request() else { break };
        empty.join.on_rows("[]", UnixNanos(1), &mut |_, _, _| {}).unwrap();
    }
    for mut join in [unreadable, failed, empty] {
        join.live(trade(7, 1, 1_100));
        join.live(trade(8, 1, 1_101));
        assert_eq!(join.passed, [(7, 7, 0), (8, 8, 0)]);
        assert_eq!(join.join.held(), 0);
    }
}
