//! Sequence resets and clock steps, of which the lines learn at different times.

use okx_feed::BookState;

use crate::arbiter::{Rig, book, book_text, deep, sub, trade, trade_text};

fn book_at(n: u64, ts: u64) -> String {
    book_text("books5", n, Some(n), ts)
}

fn trade_at(n: u64, ts: u64) -> String {
    trade_text(n, 1, ts)
}

#[test]
fn a_line_from_before_a_sequence_reset_leads_no_book_back() {
    let mut rig = Rig::new(2, &["books5"]);
    rig.deliver(0, &book_at(100, 100));
    // The other line connects behind the reset, or what it delivers has waited since long before:
    // while the first goes on, it is held.
    assert_eq!(rig.deliver(1, &book_at(4, 199)), [""; 0]);
    rig.now += 2_000_000_000;
    assert_eq!(rig.deliver(1, &book_at(5, 200)), ["books5 4", "books5 5"]);
    for n in 101..110 {
        assert_eq!(rig.deliver(0, &book_at(n, n)), [""; 0], "{n}");
    }
    assert_eq!(rig.deliver(1, &book_at(6, 201)), ["books5 6"]);
    // Once it has come to the reset itself, it may lead.
    assert_eq!(rig.deliver(0, &book_at(5, 200)), [""; 0]);
    assert_eq!(rig.deliver(0, &book_at(6, 201)), [""; 0]);
    assert_eq!(rig.deliver(0, &book_at(7, 202)), ["books5 7"]);
    assert_eq!(rig.deliver(1, &book_at(7, 202)), [""; 0]);
    let stats = rig.arbiter.stats();
    assert_eq!((stats[0].accepted, stats[0].outdated, stats[1].accepted), (2, 9, 2));
}

#[test]
fn where_all_lines_were_lost_a_reset_is_emitted_at_once_and_what_waited_is_not() {
    for (n, ts, is_emitted) in [(5, 2_000, true), (999, 999, false), (1_001, 2_000, true)] {
        let mut rig = Rig::new(2, &["books5"]);
        rig.deliver(0, &book_at(1_000, 1_000));
        rig.deliver(1, &book_at(1_000, 1_000));
        rig.state(0, BookState::Connecting);
        rig.state(1, BookState::Connecting);
        rig.now += 500_000_000;
        let emitted = rig.deliver(0, &book_at(n, ts));
        // There is something again, but nothing of now.
        let stale = vec!["books5 stale".to_owned()];
        let expected =
            if is_emitted { ["books5 live".into(), format!("books5 {n}")].to_vec() } else { stale };
        assert_eq!(emitted, expected);
    }
}

#[test]
fn lines_read_on_over_a_reset_and_a_clock_step_each_at_its_own_pace() {
    for numbered in [true, false] {
        // The exchange resets its sequence, or steps its clock, or both at once, in the middle.
        for (reset, step) in [(true, false), (false, true), (true, true)] {
            let of = |n: u64| {
                let seq = if reset && n >= 50 { n } else { 1_000 + n };
                let ts = if step && n >= 50 { n } else { 60_000 + n };
                book_text("books5", n, numbered.then_some(seq), ts)
            };
            let mut rig = Rig::new(2, &["books5"]);
            for n in 0..100 {
                assert_eq!(rig.deliver(0, &of(n)).last(), Some(&format!("books5 {n}")));
                let other = (n >= 30).then(|| rig.deliver(1, &of(n - 30)));
                assert!(other.is_none_or(|emitted| emitted.is_empty()), "{n}");
            }
            assert!((70..100).all(|n| rig.deliver(1, &of(n)).is_empty()));
            assert_eq!(rig.deliver(1, &of(100)), ["books5 100"]);
            assert_eq!(rig.arbiter.stats()[1].duplicates, 100);
        }
    }
}

#[test]
fn every_line_leads_again_after_ids_were_reset_and_no_trade_is_lost() {
    let mut rig = Rig::new(2, &["trades"]);
    // More than the log holds, so that low ids are older than all that it does.
    for n in 1..=2_000 {
        rig.deliver(0, &trade(n));
    }
    assert_eq!(rig.deliver(1, &trade_at(60, 60)), [""; 0]);
    assert_eq!(rig.deliver(1, &trade_at(61, 2_000)), [""; 0]);
    rig.state(1, BookState::Connecting);
    // A low id at a new time, on a connection that saw no reset.
    assert_eq!(rig.deliver(1, &trade_at(50, 5_000)), ["trades 50"]);
    assert_eq!(rig.deliver(0, &trade(2_001)), ["trades 2001"]);
    assert_eq!(rig.deliver(1, &trade_at(51, 5_001)), ["trades 51"]);
    // The other comes to the reset, and may lead then.
    assert_eq!(rig.deliver(0, &trade_at(50, 5_000)), [""; 0]);
    assert_eq!(rig.deliver(0, &trade_at(51, 5_001)), [""; 0]);
    assert_eq!(rig.deliver(0, &trade_at(52, 5_002)), ["trades 52"]);
    assert_eq!(rig.deliver(1, &trade_at(52, 5_002)), [""; 0]);
}

#[test]
fn deep_messages_that_no_line_has_a_book_for_do_not_go_through() {
    let mut rig = Rig::new(1, &["trades"]);
    assert_eq!(rig.deliver(0, &deep("snapshot", &[(1, 1)], -1, 1)), [""; 0]);
    rig.arbiter.subscribe(sub("books"));
    assert_eq!(rig.deliver(0, &deep("snapshot", &[(1, 1)], -1, 1)), [""; 0]);
    assert_eq!(rig.arbiter.state(&sub("books")), Some(BookState::Connecting));
}

/// An exchange that is set up again: ids and clock both lower, be it behind a loss of all lines.
#[test]
fn ids_and_clock_that_are_reset_at_once_are_emitted_and_on_new_connections_after_half_a_minute() {
    for is_lost in [true, false] {
        let mut rig = Rig::new(2, &["trades"]);
        for n in 1..=2_000 {
            rig.deliver(0, &trade_at(n, 10_000_000 + n));
            rig.deliver(1, &trade_at(n, 10_000_000 + n));
        }
        if is_lost {
            rig.state(0, BookState::Connecting);
            rig.state(1, BookState::Connecting);
        }
        let mut emitted = Vec::new();
        for n in 1..=100 {
            rig.now += 1_000_000_000;
            emitted.extend(rig.deliver(0, &trade_at(n, n * 1_000)));
            emitted.extend(rig.deliver(1, &trade_at(n, n * 1_000)));
        }
        let first = if is_lost { 30 } else { 1 };
        let mut expected: Vec<_> = (first..=100).map(|n| format!("trades {n}")).collect();
        if is_lost {
            expected.insert(0, "trades live".into());
        }
        assert_eq!(emitted, expected);
    }
}

#[test]
fn a_bad_id_on_a_line_that_ends_silences_the_other_not_at_all() {
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=2_000 {
        rig.deliver(0, &trade(n));
        rig.deliver(1, &trade(n));
    }
    assert_eq!(rig.deliver(0, &trade_at(7, 2_001)), ["trades 7"]);
    rig.close(0);
    for n in 2_001..=2_100 {
        assert_eq!(rig.deliver(1, &trade_at(n, n + 1_000)), [format!("trades {n}")]);
    }
}

#[test]
fn a_line_that_lags_after_all_were_lost_emits_nothing_again() {
    for numbered in [true, false] {
        let mut rig = Rig::new(2, &["books5"]);
        for n in 1..=100 {
            rig.deliver(0, &book("books5", n, numbered));
            rig.deliver(1, &book("books5", n, numbered));
        }
        rig.state(0, BookState::Connecting);
        rig.state(1, BookState::Connecting);
        // So late the line's own feed believes anything.
        rig.now += 31_000_000_000;
        for n in 95..100 {
            assert_eq!(rig.deliver(1, &book("books5", n, numbered)), [""; 0]);
        }
        assert_eq!(rig.deliver(1, &book("books5", 100, numbered)), ["books5 live", "books5 100"]);
        assert_eq!(rig.deliver(1, &book("books5", 101, numbered)), ["books5 101"]);
    }
}

#[test]
fn a_first_push_near_a_reset_has_its_number_and_a_time_of_its_own() {
    let mut rig = Rig::new(2, &["books5"]);
    for (n, ts) in [(100, 100), (3, 200), (4, 201)] {
        rig.deliver(0, &book_at(n, ts));
    }
    // It begins with a number that the log has, and a clock step comes between.
    assert_eq!(rig.deliver(1, &book_at(3, 202)), [""; 0]);
    assert_eq!(rig.deliver(0, &book_at(5, 150)), ["books5 5"]);
    rig.close(0);
    rig.now += 2_000_000_000;
    assert_eq!(rig.deliver(1, &book_at(4, 201)), ["books5 stale"]);
    assert_eq!(rig.deliver(1, &book_at(5, 150)), ["books5 live", "books5 5"]);
    assert_eq!(rig.arbiter.stats()[1].held, 0);

    // An earlier time is from before the reset.
    let mut rig = Rig::new(2, &["books5"]);
    for (n, ts) in [(100, 100), (3, 200), (4, 201)] {
        rig.deliver(0, &book_at(n, ts));
    }
    assert_eq!(rig.deliver(1, &book_at(4, 90)), [""; 0]);
    assert_eq!(rig.deliver(1, &book_at(5, 91)), [""; 0]);
    assert_eq!(rig.deliver(0, &book_at(5, 202)), ["books5 5"]);
}

#[test]
fn what_only_a_slower_line_has_is_no_sequence_reset() {
    let mut rig = Rig::new(2, &["books5"]);
    for line in 0..2 {
        rig.deliver(line, &book_at(100, 1_000));
    }
    // The clock is stepped back between 105 and 110; the first line never has 105.
    assert_eq!(rig.deliver(0, &book_at(110, 500)), ["books5 110"]);
    assert_eq!(rig.deliver(1, &book_at(105, 1_010)), [""; 0]);
    rig.close(0);
    rig.now += 2_000_000_000;
    assert_eq!(rig.deliver(1, &book_at(107, 1_020)), ["books5 stale"]);
    assert_eq!(rig.deliver(1, &book_at(110, 500)), ["books5 live", "books5 110"]);
    assert_eq!(rig.arbiter.stats()[1].held, 0);
}
