//! The exchange begins to count anew, and the lines learn of it at different times.

use okx_feed::BookState;

use crate::arbiter::{Rig, book, deep, sub, trade};

/// The book of a number at another time than usual.
fn book_at(n: u64, ts: u64) -> String {
    book("books5", n, true).replace(&format!(r#""ts":"{n}""#), &format!(r#""ts":"{ts}""#))
}

fn trade_at(n: u64, ts: u64) -> String {
    trade(n).replace(&format!(r#""ts":"{n}""#), &format!(r#""ts":"{ts}""#))
}

#[test]
fn a_line_from_before_the_new_start_leads_no_book_back() {
    let mut rig = Rig::new(2, &["books5"]);
    rig.bring(0, &book_at(100, 100));
    // The other line connects after the new start, so it sees no break. What it brings may as well have
    // waited since before a clock was set back: while the first line goes on, it is not believed.
    assert_eq!(rig.bring(1, &book_at(4, 199)), [""; 0]);
    rig.now += 2_000_000_000;
    assert_eq!(rig.bring(1, &book_at(5, 200)), ["books5 5"]);
    for n in 101..110 {
        assert_eq!(rig.bring(0, &book_at(n, n)), [""; 0], "{n}");
    }
    assert_eq!(rig.bring(1, &book_at(6, 201)), ["books5 6"]);
    // Once it has come to the new start itself, it may lead.
    assert_eq!(rig.bring(0, &book_at(5, 200)), [""; 0]);
    assert_eq!(rig.bring(0, &book_at(6, 201)), [""; 0]);
    assert_eq!(rig.bring(0, &book_at(7, 202)), ["books5 7"]);
    assert_eq!(rig.bring(1, &book_at(7, 202)), [""; 0]);
    let stats = rig.arbiter.stats();
    assert_eq!((stats[0].wins, stats[0].old, stats[1].wins), (2, 9, 2));
}

#[test]
fn where_all_lines_were_away_a_new_start_is_believed_at_once_and_what_waited_is_not() {
    for (n, ts, counts) in [(5, 2_000, true), (999, 999, false), (1_001, 2_000, true)] {
        let mut rig = Rig::new(2, &["books5"]);
        rig.bring(0, &book_at(1_000, 1_000));
        rig.bring(1, &book_at(1_000, 1_000));
        rig.state(0, BookState::Connecting);
        rig.state(1, BookState::Connecting);
        rig.now += 500_000_000;
        let told = rig.bring(0, &book_at(n, ts));
        // There is something again, but nothing of now.
        let stale = vec!["books5 stale".to_owned()];
        let expected =
            if counts { ["books5 live".into(), format!("books5 {n}")].to_vec() } else { stale };
        assert_eq!(told, expected);
    }
}

#[test]
fn a_new_start_is_doubted_after_two_seconds_where_nobody_else_has_seen_it() {
    for gone in [true, false] {
        let mut rig = Rig::new(2, &["books5"]);
        rig.bring(0, &book_at(100, 100));
        rig.bring(1, &book_at(100, 100));
        assert_eq!(rig.bring(0, &book_at(1, 200)), ["books5 1"]);
        assert_eq!(rig.bring(0, &book_at(2, 300)), ["books5 2"]);
        if gone {
            assert_eq!(rig.state(0, BookState::Connecting), [""; 0]);
        }
        // The first is of a time before the new start: the line lags.
        rig.now += 1_000_000_000;
        assert_eq!(rig.bring(1, &book_at(101, 150)), [""; 0]);
        assert_eq!(rig.bring(1, &book_at(102, 250)), [""; 0]);
        rig.now += 1_000_000_000;
        let told = rig.bring(1, &book_at(103, 251));
        assert_eq!(told, if gone { vec!["books5 103"] } else { vec![] });
    }
}

#[test]
fn trade_ids_from_before_the_new_start_are_not_told_after_it() {
    let mut rig = Rig::new(2, &["trades"]);
    // More than are remembered, so that low ids are known to be old.
    for n in 1..=2_000 {
        rig.bring(0, &trade(n));
    }
    assert_eq!(rig.bring(1, &trade_at(60, 60)), [""; 0]);
    assert_eq!(rig.bring(1, &trade_at(61, 2_000)), [""; 0]);
    rig.state(1, BookState::Connecting);
    // A low id at a new time, on a connection that saw no break.
    assert_eq!(rig.bring(1, &trade_at(50, 5_000)), ["trades 50"]);
    assert_eq!(rig.bring(0, &trade(2_001)), [""; 0]);
    assert_eq!(rig.bring(1, &trade_at(51, 5_001)), ["trades 51"]);
    // The other comes to the new start, and may lead then.
    assert_eq!(rig.bring(0, &trade_at(50, 5_000)), [""; 0]);
    assert_eq!(rig.bring(0, &trade_at(51, 5_001)), [""; 0]);
    assert_eq!(rig.bring(0, &trade_at(52, 5_002)), ["trades 52"]);
}

#[test]
fn every_line_leads_again_after_a_new_start_that_all_have_seen() {
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=2_000 {
        rig.bring(0, &trade(n));
        rig.bring(1, &trade(n));
    }
    assert_eq!(rig.bring(0, &trade_at(5, 3_000)), ["trades 5"]);
    assert_eq!(rig.bring(1, &trade_at(5, 3_000)), [""; 0]);
    assert_eq!(rig.bring(1, &trade_at(6, 3_001)), ["trades 6"]);
    assert_eq!(rig.bring(0, &trade_at(6, 3_001)), [""; 0]);
    assert_eq!(rig.bring(0, &trade_at(7, 3_002)), ["trades 7"]);
    assert_eq!(rig.arbiter.stats().iter().map(|line| line.old).sum::<u64>(), 0);
}

#[test]
fn deep_messages_that_no_line_has_a_book_for_do_not_go_through() {
    let mut rig = Rig::new(1, &["trades"]);
    assert_eq!(rig.bring(0, &deep("snapshot", &[(1, 1)], -1, 1)), [""; 0]);
    rig.arbiter.subscribe(sub("books"));
    assert_eq!(rig.bring(0, &deep("snapshot", &[(1, 1)], -1, 1)), [""; 0]);
    assert_eq!(rig.arbiter.state(&sub("books")), Some(BookState::Connecting));
}

/// An exchange that is set up anew: ids and clock both lower, be it behind a loss of all lines.
#[test]
fn trades_of_an_exchange_whose_ids_and_clock_go_back_at_once_are_told_after_half_a_minute() {
    for is_lost in [true, false] {
        let mut rig = Rig::new(2, &["trades"]);
        for n in 1..=2_000 {
            rig.bring(0, &trade_at(n, 10_000_000 + n));
            rig.bring(1, &trade_at(n, 10_000_000 + n));
        }
        if is_lost {
            rig.state(0, BookState::Connecting);
            rig.state(1, BookState::Connecting);
        }
        let mut told = Vec::new();
        for n in 1..=100 {
            rig.now += 1_000_000_000;
            told.extend(rig.bring(0, &trade_at(n, n * 1_000)));
            told.extend(rig.bring(1, &trade_at(n, n * 1_000)));
        }
        // The first of them makes the line believe, and the next the arbiter.
        let mut expected: Vec<_> = (31..=100).map(|n| format!("trades {n}")).collect();
        if is_lost {
            expected.insert(0, "trades live".into());
        }
        assert_eq!(told, expected);
    }
}

#[test]
fn a_bad_id_on_a_line_that_ends_silences_the_other_for_half_a_minute() {
    // A low id at a later time is taken for a new count, which the other never sees.
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=2_000 {
        rig.bring(0, &trade(n));
        rig.bring(1, &trade(n));
    }
    assert_eq!(rig.bring(0, &trade_at(7, 2_001)), ["trades 7"]);
    rig.close(0);
    let mut told = Vec::new();
    for n in 2_001..=2_100 {
        rig.now += 1_000_000_000;
        told.extend(rig.bring(1, &trade_at(n, n + 1_000)));
    }
    let expected: Vec<_> = (2_030..=2_100).map(|n| format!("trades {n}")).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_line_that_leads_a_book_back_after_all_were_lost_leads_it_on_again() {
    for numbered in [true, false] {
        let mut rig = Rig::new(2, &["books5"]);
        for n in 1..=100 {
            rig.bring(0, &book("books5", n, numbered));
            rig.bring(1, &book("books5", n, numbered));
        }
        rig.state(0, BookState::Connecting);
        rig.state(1, BookState::Connecting);
        rig.now += 31_000_000_000;
        assert_eq!(rig.bring(1, &book("books5", 95, numbered)), ["books5 live", "books5 95"]);
        for n in 96..=100 {
            assert_eq!(rig.bring(1, &book("books5", n, numbered)), [format!("books5 {n}")]);
        }
    }
}
