//! What the judge says right at its bounds of time, and of what is alike.

use super::tests::{BASE, Lines, mark};
use super::*;

#[test]
fn a_line_holds_only_while_it_is_live_and_stands_at_what_is_shown() {
    let at = |key: u64, epoch| {
        let last = Some(Mark { key, ..mark(1, 1) });
        Position { last, epoch, is_behind: false, placed: true }
    };
    for (lines, hold, epoch) in [
        (vec![], false, None),
        (vec![(Position::default(), true)], false, None),
        (vec![(at(7, 3), true)], true, Some(3)),
        (vec![(at(7, 3), false)], false, Some(3)),
        (vec![(at(8, 3), true), (at(7, 2), true), (at(7, 1), true)], true, Some(3)),
    ] {
        let all = [(at(7, 9), true)].into_iter().chain(lines);
        let others = Others::of(0, all, Some(7));
        assert_eq!((others.hold, others.epoch), (hold, epoch));
    }
}

#[test]
fn a_turn_is_recent_for_half_a_minute() {
    for (at_ms, counts) in [(29_999, false), (30_000, true)] {
        let mut lines = Lines::new(8);
        assert!(lines.book(0, mark(100, 100), 0) && lines.book(0, mark(1, 200), 0));
        assert!(lines.book(0, mark(2, 300), 29_000));
        // A new connection may have waited since before the new start.
        assert_eq!(lines.book(1, mark(3, 400), at_ms), counts);
    }
    // What is of the moment of the new start is not from before it.
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(100, 100), 0) && lines.book(0, mark(1, 200), 0));
    lines.1[0] = Position::default();
    assert!(!lines.book(1, mark(99, 199), 2_000) && lines.book(1, mark(100, 200), 2_000));
}

#[test]
fn a_book_that_is_held_is_led_back_by_none_of_its_moment() {
    let held = || {
        let mut lines = Lines::new(8);
        assert!((90..=100).all(|n| lines.book(0, mark(n, 100), 0)));
        assert!(!lines.book(1, mark(94, 50), 0));
        lines
    };
    // Of the same millisecond, or with the same number: older all the same.
    assert!(!held().book(1, mark(95, 100), 60_000) && !held().book(1, mark(100, 99), 60_000));
    // A number that another line has told of is a copy at any time.
    assert!(!held().book(1, mark(95, 101), 60_000));
    // Numbers and times that say the opposite of each other are believed after so long.
    assert!(held().book(1, mark(92, 101), 60_000));
}

#[test]
fn one_number_at_an_earlier_time_is_old_and_no_new_count() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(10, 10), 0) && !lines.book(1, mark(10, 10), 0));
    assert!(lines.book(0, mark(10, 20), 0) && !lines.book(1, mark(10, 15), 0));
    // A quiet book is sent again under a clock that was set back.
    let mut position = Position::default();
    for (mark, epoch) in [(mark(10, 60_000), 0), (mark(10, 500), 0), (mark(9, 501), 1)] {
        position.step_book(mark, 0);
        assert_eq!(position.epoch, epoch);
    }
}

#[test]
fn to_and_fro_on_one_line_lets_no_other_go_to_and_fro_again() {
    let of = |content: u64| Mark { key: content, ..mark(NO_SEQ, 0) };
    let mut lines = Lines::new(8);
    assert!([1, 2, 1].iter().all(|content| lines.book(0, of(*content), 0)));
    assert!(![1, 2, 1].iter().any(|content| lines.book(1, of(*content), 0)));
    assert!(lines.book(1, of(3), 0));
    // With numbers it is a copy, whoever brings it.
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(1, 0), 0) && lines.book(0, mark(2, 0), 0));
    let copy = lines.0.book(0, &mut lines.1[0], mark(1, 0), UnixNanos(BASE), Others::default());
    assert_eq!(copy, Arbitration::Of(0, UnixNanos(BASE)));
}

#[test]
fn a_new_line_without_numbers_waits_for_two_seconds_of_silence_after_a_clock_set_back() {
    let of = |ms| mark(NO_SEQ, ms);
    for (at_ms, counts) in [(2_999, false), (3_000, true)] {
        let mut lines = Lines::new(8);
        assert!(lines.book(0, of(60_000), 0) && lines.book(0, of(500), 1_000));
        assert_eq!(lines.book(1, of(59_990), at_ms), counts);
    }
}

#[test]
fn without_numbers_a_line_from_before_a_clock_set_back_is_believed_when_all_others_are_gone() {
    let of = |ms| mark(NO_SEQ, ms);
    // The second line has not seen the clock set back, and the first is at later times again.
    let begun = |last_at_ms, is_gone| {
        let mut lines = Lines::new(8);
        assert!(lines.book(0, of(60_000), 0) && !lines.book(1, of(60_000), 0));
        assert!(lines.book(0, of(500), 100) && lines.book(0, of(60_050), last_at_ms));
        if is_gone {
            lines.1[0] = Position::default();
        }
        lines
    };
    let mut lines = begun(30_200, true);
    assert!(!lines.book(1, of(60_100), 32_199) && lines.book(1, of(60_200), 32_200));
    let mut lines = begun(30_200, true);
    let same_time = Mark { key: 5, ..of(60_050) };
    assert!(!lines.book(1, of(60_020), 33_000) && !lines.book(1, same_time, 33_001));
    // Not while another has come so far, nor while the line may still lag.
    assert!(!begun(30_200, false).book(1, of(60_100), 33_000));
    let mut lines = begun(20_000, true);
    assert!(!lines.book(1, of(60_100), 30_099) && lines.book(1, of(60_101), 30_100));
}

#[test]
fn what_was_passed_is_told_by_number_and_time() {
    let shown = |seq, ms| {
        let mut lines = Lines::new(8);
        assert!(lines.book(0, mark(seq, ms), 0));
        move |mark: Mark, at_ms: u64| {
            lines.0.was_passed_lately(mark, UnixNanos(BASE + at_ms * 1_000_000))
        }
    };
    let numbered = shown(100, 100);
    for (seq, ms, passed) in
        [(99, 99, true), (99, 100, true), (100, 99, true), (100, 100, false), (101, 99, false)]
    {
        assert_eq!(numbered(mark(seq, ms), 29_999), passed, "{seq} {ms}");
        assert!(!numbered(mark(seq, ms), 30_000));
    }
    assert!(!numbered(mark(99, 101), 0) && numbered(mark(NO_SEQ, 99), 0));
    assert!(!numbered(mark(NO_SEQ, 100), 0));
    // Without numbers the turn tells nothing: it was one of the clock.
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(NO_SEQ, 60_000), 0) && lines.book(0, mark(NO_SEQ, 500), 0));
    assert!(!lines.0.was_passed_lately(mark(NO_SEQ, 501), UnixNanos(BASE)));
}

#[test]
fn a_new_count_ends_what_was_known_of_a_clock_set_back_before_it() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(1_000, 60_000), 0) && lines.book(0, mark(1_001, 100), 10));
    assert!(lines.book(0, mark(5, 200), 20));
    // The line ends; another is new, and what it brings is behind the new count.
    lines.1[0] = Position::default();
    assert!(!lines.book(1, mark(7, 400), 2_019) && lines.book(1, mark(8, 500), 2_020));
}

#[test]
fn a_line_from_before_the_count_that_is_believed_in_the_end_tells_of_no_clock_set_back() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(100, 100), 0) && !lines.book(1, mark(100, 100), 0));
    assert!(lines.book(0, mark(1, 200), 0));
    lines.1[0] = Position::default();
    assert!(lines.book(1, mark(101, 150), 30_000));
    // Another new line, behind the new count.
    assert!(!lines.book(0, mark(7, 400), 31_999) && lines.book(0, mark(8, 500), 32_000));
}

#[test]
fn a_line_of_this_count_leads_no_quiet_book_back_over_a_clock_set_back() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(10, 60_000), 0) && !lines.book(1, mark(10, 60_000), 0));
    assert!(lines.book(0, mark(20, 100), 0) && !lines.book(0, mark(20, 100), 25_000));
    assert!(!lines.book(1, mark(15, 60_050), 55_001));
}

#[test]
fn a_line_from_before_the_count_waits_as_long_as_another_is_there() {
    let mut lines = Lines::new(8);
    assert!(lines.book(0, mark(100, 100), 0) && !lines.book(1, mark(100, 100), 0));
    assert!(lines.book(0, mark(1, 200), 0) && lines.book(0, mark(3, 31_000), 31_000));
    assert!(!lines.book(1, mark(101, 250), 33_500));
}

#[test]
fn neighbouring_trades_out_of_order_are_no_new_count() {
    let mut lines = Lines::new(64);
    let ids = [1, 2, 4, 3, 5, 6, 8, 7, 9];
    assert!(ids.iter().zip(1..).all(|(id, ms)| lines.trade(0, *id, ms)));
    assert!(!ids.iter().zip(1..).any(|(id, ms)| lines.trade(1, *id, ms)));
    // The line ends; the other is not taken to be from before a new count.
    assert!((10..200_i64).all(|id| lines.trade(1, id, id.unsigned_abs())));
}
