//! A line that joins while another goes on: where it is, and what it has delivered until that is
//! known.

use okx_feed::feed::StaleLimits;
use okx_feed::{BookState, Event, UnixNanos};

use crate::arbiter::{Rig, book_text, deep, deep_text, name, sub};

const SECOND: u64 = 1_000_000_000;

/// Two lines, of which the first has just seen a clock step; books without numbers.
fn stepped() -> Rig {
    let mut rig = Rig::new(2, &["bbo-tbt"]);
    assert_eq!(rig.deliver(0, &of(1, 60_001)), ["bbo-tbt live", "bbo-tbt 1"]);
    assert_eq!(rig.deliver(0, &of(2, 2)), ["bbo-tbt 2"]);
    rig
}

fn of(n: u64, ts: u64) -> String {
    book_text("bbo-tbt", n, None, ts)
}

#[test]
fn what_it_holds_is_emitted_when_another_line_comes_to_it() {
    let mut rig = stepped();
    for n in 3..6 {
        assert_eq!(rig.deliver(1, &of(n, n)), [""; 0]);
    }
    assert_eq!(rig.deliver(0, &of(3, 3)), ["bbo-tbt 3", "bbo-tbt 4", "bbo-tbt 5"]);
    assert_eq!(rig.deliver(1, &of(6, 6)), ["bbo-tbt 6"]);
    assert!((4..7).all(|n| rig.deliver(0, &of(n, n)).is_empty()));
    let [zero, one] = rig.arbiter.stats() else { panic!("two lines") };
    assert_eq!((zero.duplicates, one.held, one.accepted), (3, 3, 1));
}

#[test]
fn what_it_holds_is_old_when_it_comes_to_what_another_has_emitted() {
    let mut rig = stepped();
    // From before the clock step.
    for n in [60_002, 60_003] {
        assert_eq!(rig.deliver(1, &of(n, n)), [""; 0]);
    }
    assert_eq!(rig.deliver(1, &of(2, 2)), [""; 0]);
    assert_eq!(rig.deliver(1, &of(3, 3)), ["bbo-tbt 3"]);
    rig.now += 2 * SECOND;
    assert_eq!(tick(&mut rig), [""; 0]);
}

#[test]
fn what_it_holds_is_emitted_after_a_second_in_which_no_other_goes_on() {
    for ends in [false, true] {
        let mut rig = stepped();
        assert_eq!(rig.deliver(1, &of(3, 3)), [""; 0]);
        if ends {
            assert_eq!(rig.close(0), [""; 0]);
        }
        rig.now += SECOND - 1;
        assert_eq!(tick(&mut rig), [""; 0]);
        rig.now += 1;
        assert_eq!(tick(&mut rig), ["bbo-tbt 3"]);
        assert_eq!(rig.deliver(1, &of(4, 4)), ["bbo-tbt 4"]);
    }
    // While another goes on, it is waited for.
    let mut rig = stepped();
    for n in 0..5 {
        rig.now += SECOND / 2;
        assert_eq!(rig.deliver(0, &of(10 + n, 10 + n)), [format!("bbo-tbt {}", 10 + n)]);
        assert_eq!(rig.deliver(1, &of(60_010 + n, 60_010 + n)), [""; 0]);
    }
}

/// What a client does each second.
fn tick(rig: &mut Rig) -> Vec<String> {
    let mut emitted = Vec::new();
    let sink = &mut |event: &Event<'_>| emitted.push(name(event));
    rig.arbiter.mark_stale(&StaleLimits::NONE, UnixNanos(rig.now), sink);
    emitted
}

#[test]
fn no_more_is_held_than_there_is_room_for_and_of_that_the_newest() {
    let mut rig = stepped();
    for n in 3..103 {
        assert_eq!(rig.deliver(1, &of(n, n)), [""; 0]);
    }
    rig.now += SECOND;
    let expected: Vec<_> = (71..103).map(|n| format!("bbo-tbt {n}")).collect();
    assert_eq!(tick(&mut rig), expected);
}

#[test]
fn where_nothing_was_reset_a_newer_book_is_emitted_at_once_and_an_older_never() {
    for numbered in [true, false] {
        let of = |n: u64| book_text("books5", n, numbered.then_some(n), n);
        let mut rig = Rig::new(2, &["books5"]);
        rig.deliver(0, &of(100));
        assert_eq!(rig.deliver(1, &of(99)), [""; 0]);
        assert_eq!(rig.deliver(1, &of(101)), ["books5 101"]);
        // The lists differ: what only one line has comes too late from it.
        assert_eq!(rig.deliver(0, &of(102)), ["books5 102"]);
        assert_eq!(rig.deliver(1, &of(103)), ["books5 103"]);
        assert_eq!(rig.deliver(0, &of(101)), [""; 0]);
        assert_eq!((rig.arbiter.stats()[0].outdated, rig.arbiter.stats()[1].outdated), (1, 1));
    }
}

#[test]
fn a_snapshot_between_two_messages_joins_at_the_next() {
    let mut rig = Rig::new(2, &["books"]);
    rig.deliver(0, &deep("snapshot", &[(10, 1)], -1, 10));
    rig.deliver(0, &deep("update", &[(10, 2)], 10, 20));
    // Its number is in no message of the others, and from before the last.
    assert_eq!(rig.deliver(1, &deep("snapshot", &[(10, 1)], -1, 15)), [""; 0]);
    assert_eq!(rig.deliver(1, &deep("update", &[(10, 2)], 15, 20)), [""; 0]);
    assert_eq!(rig.deliver(1, &deep("update", &[(10, 3)], 20, 30)), ["books 30"]);
    assert_eq!(rig.deliver(0, &deep("update", &[(10, 3)], 20, 30)), [""; 0]);
}

#[test]
fn an_order_book_that_is_held_is_emitted_whole_with_its_next_message() {
    let begun = || {
        let mut rig = Rig::new(2, &["books"]);
        rig.deliver(0, &deep("snapshot", &[(10, 1)], -1, 100));
        // A sequence reset and a clock step.
        rig.deliver(0, &deep_text("update", &[(10, 2)], (100, 1), 51));
        assert_eq!(rig.deliver(1, &deep_text("snapshot", &[(10, 3)], (-1, 2), 52)), [""; 0]);
        assert_eq!(rig.deliver(1, &deep_text("update", &[(10, 4)], (2, 3), 53)), [""; 0]);
        rig
    };
    // Another comes to what it has, and to all of that.
    let mut rig = begun();
    assert_eq!(rig.deliver(0, &deep_text("update", &[(10, 3)], (1, 2), 52)), ["books 2"]);
    assert_eq!(rig.deliver(1, &deep_text("update", &[(10, 5)], (3, 4), 54)), [""; 0]);
    assert_eq!(rig.deliver(0, &deep_text("update", &[(10, 4)], (2, 3), 53)), ["books 3"]);
    assert_eq!(rig.deliver(0, &deep_text("update", &[(10, 5)], (3, 4), 54)), ["books 4"]);
    assert_eq!(rig.deliver(1, &deep_text("update", &[(10, 6)], (4, 5), 55)), ["books 5"]);
    // Another ends: what readers see is old until its next message.
    let mut rig = begun();
    let reader = rig.arbiter.depth_reader(&sub("books")).unwrap();
    rig.state(0, BookState::Connecting);
    rig.now += SECOND;
    assert_eq!(tick(&mut rig), ["books stale"]);
    let emitted = rig.deliver(1, &deep_text("update", &[(11, 1)], (3, 4), 54));
    assert_eq!(emitted, ["books live", "books 4"]);
    assert_eq!(reader.live().unwrap().asks().len(), 2);
}

#[test]
fn what_two_lines_hold_is_emitted_once_and_in_order() {
    let mut rig = Rig::new(3, &["books5"]);
    let of = |n: u64, ts: u64| book_text("books5", n, Some(n), ts);
    rig.deliver(0, &of(100, 100));
    // The others join behind a reset, and begin with the same number at times of their own.
    for (line, n, ts) in [(1, 7, 201), (2, 7, 203), (1, 8, 204), (2, 8, 204), (2, 9, 205)] {
        assert_eq!(rig.deliver(line, &of(n, ts)), [""; 0]);
    }
    rig.now += SECOND;
    assert_eq!(rig.deliver(1, &of(9, 205)), ["books5 7", "books5 8", "books5 9"]);
    assert_eq!(rig.deliver(2, &of(10, 206)), ["books5 10"]);
}

#[test]
fn what_a_line_holds_goes_when_it_is_not_live_and_when_it_is_from_before_what_is_shown() {
    for is_live in [true, false] {
        let mut rig = Rig::new(2, &["books5"]);
        let of = |n: u64, ts: u64| book_text("books5", n, Some(n), ts);
        rig.deliver(0, &of(100, 100));
        assert_eq!(rig.deliver(1, &of(5, 200)), [""; 0]);
        if !is_live {
            rig.state(1, BookState::Stale);
        }
        let emitted = rig.close(0);
        assert_eq!(emitted, [if is_live { "books5 5" } else { "books5 stale" }]);
    }
    let mut rig = Rig::new(3, &["books5"]);
    let of = |n: u64, ts: u64| book_text("books5", n, Some(n), ts);
    rig.deliver(0, &of(100, 100));
    assert_eq!(rig.deliver(1, &of(11, 200)), [""; 0]);
    // Another goes on over that reset, and over the next one.
    for (n, ts) in [(12, 201), (4, 300)] {
        assert_eq!(rig.deliver(0, &of(n, ts)), [format!("books5 {n}")]);
    }
    rig.close(0);
    rig.now += SECOND;
    assert_eq!(tick(&mut rig), [""; 0]);
}
