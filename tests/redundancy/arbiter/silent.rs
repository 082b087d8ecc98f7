//! What a strategy is shown while lines stand still, are lost, or come late to where another was.

use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::{Arbiter, BookState, Event, Frame, UnixNanos};

use crate::arbiter::{Rig, book, deep, deep_text, name, sub, trade};

const SECOND: u64 = 1_000_000_000;

fn limits(secs: u64) -> StaleLimits {
    StaleLimits::books(Duration::from_secs(secs))
}

fn book_at(n: u64, ts: u64) -> String {
    book("books5", n, true).replace(&format!(r#""ts":"{n}""#), &format!(r#""ts":"{ts}""#))
}

/// What a client does for each of its lines each second.
fn look(rig: &mut Rig, limits: &StaleLimits) -> Vec<String> {
    let Rig { lines, arbiter, now } = rig;
    let mut emitted = Vec::new();
    for (line, handler) in lines.iter_mut().enumerate() {
        handler.mark_stale(limits, UnixNanos(*now), &mut |event: &Event<'_>| {
            arbiter.on_event(line, event, &mut |event: &Event<'_>| emitted.push(name(event)));
        });
        let sink = &mut |event: &Event<'_>| emitted.push(name(event));
        arbiter.mark_stale(limits, UnixNanos(*now), sink);
    }
    emitted
}

#[test]
fn what_all_lines_are_silent_of_is_stale_though_one_has_only_just_come_to_it() {
    let limits = limits(4);
    let mut rig = Rig::new(2, &["books5"]);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    for n in 1..=2 {
        rig.deliver(0, &book("books5", n, true));
    }
    let after = |rig: &mut Rig, ms: u64| {
        rig.now += ms * 1_000_000;
        look(rig, &limits)
    };
    // The other stood still, and comes to it after three seconds. It is live by itself until seven.
    assert_eq!(after(&mut rig, 3_000), [""; 0]);
    for n in 1..=2 {
        assert_eq!(rig.deliver(1, &book("books5", n, true)), [""; 0]);
    }
    assert_eq!(after(&mut rig, 999), [""; 0]);
    assert!(reader.live().is_some());
    assert_eq!(after(&mut rig, 1), ["books5 stale"]);
    assert_eq!(after(&mut rig, 1), [""; 0]);
    assert!(reader.live().is_none());
    // Whichever line sends it again shows it live, and none that only comes to it.
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), ["books5 live", "books5 2"]);
    assert_eq!(after(&mut rig, 4_000), ["books5 stale"]);
    assert_eq!(rig.deliver(0, &book("books5", 3, true)), ["books5 live", "books5 3"]);
    assert_eq!(after(&mut rig, 4_000), ["books5 stale"]);
    assert_eq!(rig.deliver(1, &book("books5", 3, true)), [""; 0]);
    assert!(reader.live().is_none());
    assert_eq!(rig.deliver(1, &book("books5", 3, true)), ["books5 live", "books5 3"]);
}

#[test]
fn a_late_copy_shows_no_old_book_live_whether_its_line_is_silent_or_lost() {
    for is_lost in [false, true] {
        let mut rig = Rig::new(2, &["books5"]);
        let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
        for line in 0..2 {
            rig.deliver(line, &book("books5", 1, true));
        }
        // The second line stands still from here. The first delivers one more after two seconds.
        let mut states = Vec::new();
        for second in 1..=6 {
            rig.now += SECOND;
            if second == 2 {
                rig.deliver(0, &book("books5", 2, true));
            } else if second == 3 && is_lost {
                states.extend(rig.state(0, BookState::Connecting));
            }
            states.extend(look(&mut rig, &limits(4)));
        }
        assert_eq!(states, ["books5 stale"]);
        rig.now += SECOND;
        assert_eq!(rig.deliver(1, &book("books5", 2, true)), [""; 0]);
        assert!(reader.live().is_none());
    }
}

#[test]
fn a_book_whose_line_is_lost_is_shown_again_by_whoever_comes_to_it() {
    let mut rig = Rig::new(2, &["books5"]);
    for n in 1..=2 {
        rig.deliver(0, &book("books5", n, true));
    }
    // Not silent: it was there a second ago.
    rig.now += SECOND;
    assert_eq!(look(&mut rig, &limits(4)), [""; 0]);
    assert_eq!(rig.state(0, BookState::Connecting), ["books5 connecting"]);
    assert_eq!(rig.deliver(1, &book("books5", 1, true)), [""; 0]);
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), ["books5 live", "books5 2"]);
}

#[test]
fn a_quiet_book_is_led_back_by_no_new_connection_while_its_line_stands_at_it() {
    let limits = limits(65);
    let mut rig = Rig::new(2, &["books5"]);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    for n in 1_000..=1_100 {
        rig.deliver(0, &book_at(n, n));
    }
    // A node that lags, after longer than any frozen book waits.
    rig.now += 31 * SECOND;
    assert_eq!(rig.deliver(1, &book_at(1_020, 1_020)), [""; 0]);
    for _ in 0..5 {
        rig.now += 29 * SECOND;
        assert_eq!(rig.deliver(0, &book_at(1_100, 1_100)), [""; 0]);
        assert_eq!(look(&mut rig, &limits), [""; 0]);
        rig.now += 31 * SECOND;
        assert_eq!(look(&mut rig, &limits), [""; 0]);
    }
    assert_eq!(reader.live().unwrap().seq, 1_100);
}

#[test]
fn trades_that_a_user_has_set_a_limit_for_do_not_flap_with_late_copies() {
    let limits = StaleLimits::NONE.with(sub("trades").channel(), Some(Duration::from_secs(4)));
    let mut rig = Rig::new(2, &["trades"]);
    for n in 1..=100 {
        rig.deliver(0, &trade(n));
    }
    // The first line stands still; the other lags and delivers ten copies a second.
    let mut emitted = Vec::new();
    for n in 1..=100 {
        rig.now += SECOND / 10;
        emitted.extend(rig.deliver(1, &trade(n)));
        emitted.extend(look(&mut rig, &limits));
    }
    assert_eq!(emitted, ["trades stale"]);
    assert_eq!(rig.deliver(1, &trade(101)), ["trades live", "trades 101"]);
}

#[test]
fn a_book_that_was_stale_when_its_line_got_another_beside_it_is_shown_by_no_late_copy() {
    let mut rig = Rig::new(2, &["books5"]);
    let line = &mut rig.lines[0];
    for n in 1..=2 {
        let text = book("books5", n, true);
        line.on_frame(Frame::Text(text.as_bytes()), UnixNanos(rig.now), &mut |_: &Event<'_>| {})
            .unwrap();
    }
    rig.now += 5 * SECOND;
    line.mark_stale(&limits(4), UnixNanos(rig.now), &mut |_: &Event<'_>| {});
    rig.arbiter = Arbiter::adopt(line, 0);
    rig.arbiter.open_line(1);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    assert_eq!(rig.arbiter.state(&sub("books5")), Some(BookState::Stale));
    for n in 1..=2 {
        assert_eq!(rig.deliver(1, &book("books5", n, true)), [""; 0]);
    }
    assert!(reader.live().is_none());
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), ["books5 live", "books5 2"]);
}

#[test]
fn what_a_line_only_comes_to_is_live_no_longer_than_it_would_have_been() {
    let mut rig = Rig::new(2, &["books5"]);
    rig.deliver(1, &book("books5", 1, true));
    for n in 1..=3 {
        rig.deliver(0, &book("books5", n, true));
    }
    rig.state(0, BookState::Connecting);
    rig.now += 3 * SECOND;
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), ["books5 stale"]);
    assert_eq!(rig.deliver(1, &book("books5", 3, true)), ["books5 live", "books5 3"]);
    rig.now += SECOND - 1;
    assert_eq!(look(&mut rig, &limits(4)), [""; 0]);
    rig.now += 1;
    assert_eq!(look(&mut rig, &limits(4)), ["books5 stale"]);
}

#[test]
fn after_all_lines_were_lost_for_long_no_line_that_only_comes_to_it_shows_the_last_book() {
    let mut rig = Rig::new(2, &["books5"]);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    for n in 1..=3 {
        rig.deliver(0, &book("books5", n, true));
        rig.deliver(1, &book("books5", n, true));
    }
    rig.state(0, BookState::Connecting);
    rig.state(1, BookState::Connecting);
    rig.now += 4 * SECOND;
    assert_eq!(look(&mut rig, &limits(4)), [""; 0]);
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), ["books5 stale"]);
    assert_eq!(rig.deliver(1, &book("books5", 3, true)), [""; 0]);
    assert!(reader.live().is_none());
    assert_eq!(rig.deliver(1, &book("books5", 4, true)), ["books5 live", "books5 4"]);
}

#[test]
fn a_heartbeat_of_an_order_book_is_not_emitted_and_keeps_it_live() {
    let mut rig = Rig::new(2, &["books"]);
    for line in 0..2 {
        rig.deliver(line, &deep("snapshot", &[(10, 1)], -1, 7));
    }
    for second in 1..10 {
        rig.now += 3 * SECOND;
        for line in 0..2 {
            let heartbeat = deep_text("update", &[], (7, 7), 7 + second);
            assert_eq!(rig.deliver(line, &heartbeat), [""; 0]);
        }
        assert_eq!(look(&mut rig, &limits(4)), [""; 0]);
    }
    rig.now += 4 * SECOND;
    assert_eq!(look(&mut rig, &limits(4)), ["books stale"]);
    assert_eq!(rig.deliver(1, &deep("update", &[(11, 1)], 7, 8)), ["books live", "books 8"]);
}
