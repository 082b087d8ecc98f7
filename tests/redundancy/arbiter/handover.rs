//! A line that was alone gets a second one beside it, and readers notice nothing.

use okx_feed::feed::LineStats;
use okx_feed::{Arbiter, BookState, DownReason, Event, FeedHandler, UnixNanos};

use crate::arbiter::{Rig, book, deep, name, sub, trade};

/// A line that was alone and has delivered one of each, then as line number 1 of an arbiter that
/// has a line 0 too.
fn handed_over() -> Rig {
    let mut line = FeedHandler::new(okx_feed::Dialect::V5);
    for channel in ["books5", "trades", "books"] {
        line.subscribe(sub(channel)).unwrap();
    }
    let snapshot = deep("snapshot", &[(10, 1)], -1, 7);
    for text in [book("books5", 7, true), trade(6), trade(7), snapshot] {
        let frame = okx_feed::Frame::Text(text.as_bytes());
        line.on_frame(frame, UnixNanos(1_000), &mut |_: &Event<'_>| {}).unwrap();
    }
    let arbiter = Arbiter::adopt(&mut line, 1);
    let mut rig = Rig::new(1, &["books5", "trades", "books"]);
    rig.lines.push(line);
    rig.arbiter = arbiter;
    rig
}

#[test]
fn what_the_line_alone_has_brought_is_emitted_by_no_other() {
    let mut rig = handed_over();
    for channel in ["books5", "trades", "books"] {
        assert_eq!(rig.arbiter.state(&sub(channel)), Some(BookState::Live));
        assert_eq!(rig.arbiter.last_seq(&sub(channel)), Some(7), "{channel}");
    }
    rig.arbiter.open_line(0);
    rig.now = 5_000;
    let snapshot = deep("snapshot", &[(10, 1)], -1, 7);
    for text in [book("books5", 7, true), trade(6), trade(7), snapshot] {
        assert_eq!(rig.deliver(0, &text), [""; 0], "{text}");
    }
    assert_eq!(rig.deliver(0, &book("books5", 8, true)), ["books5 8"]);
    assert_eq!(rig.deliver(0, &trade(8)), ["trades 8"]);
    assert_eq!(rig.deliver(0, &deep("update", &[(11, 1)], 7, 8)), ["books 8"]);
    assert_eq!(rig.deliver(1, &book("books5", 8, true)), [""; 0]);
    assert_eq!(rig.deliver(1, &trade(8)), [""; 0]);
    assert_eq!(rig.deliver(1, &deep("update", &[(11, 1)], 7, 8)), [""; 0]);
    let [zero, one] = rig.arbiter.stats() else { panic!("two lines") };
    assert_eq!((zero.accepted, zero.duplicates, zero.self_duplicates, zero.outdated), (3, 4, 0, 0));
    assert_eq!((one.accepted, one.duplicates, one.self_duplicates, one.outdated), (0, 3, 0, 0));
    // The copies came four microseconds after the originals, and at once.
    assert_eq!((zero.lag_us.min(), zero.lag_us.max(), one.lag_us.max()), (4, 4, 1));
}

#[test]
fn readers_from_before_read_on_through_the_handover() {
    let mut line = FeedHandler::new(okx_feed::Dialect::V5);
    ["books5", "trades", "books"].iter().for_each(|channel| line.subscribe(sub(channel)).unwrap());
    let books = line.book_reader(&sub("books5")).unwrap();
    let depths = line.depth_reader(&sub("books")).unwrap();
    let trades = line.trade_reader(&sub("trades")).unwrap();
    let deliver = |line: &mut FeedHandler, arbiter: &mut Option<Arbiter>, n: u64, from: usize| {
        let texts = [book("books5", n, true), trade(n), deep("snapshot", &[(n, 1)], -1, n)];
        for text in texts {
            let frame = okx_feed::Frame::Text(text.as_bytes());
            line.on_frame(frame, UnixNanos(n), &mut |event: &Event<'_>| {
                if let Some(arbiter) = arbiter.as_mut() {
                    arbiter.on_event(from, event, &mut |_: &Event<'_>| {});
                }
            })
            .unwrap();
        }
    };
    let see = || {
        let (book, depth) = (books.live().unwrap(), depths.live().unwrap());
        (book.seq, depth.seq, trades.last().unwrap().trade_id, trades.state())
    };
    let mut arbiter = None;
    deliver(&mut line, &mut arbiter, 3, 0);
    assert_eq!(see(), (3, Some(3), 3, BookState::Live));
    arbiter = Some(Arbiter::adopt(&mut line, 0));
    assert_eq!(see(), (3, Some(3), 3, BookState::Live));
    deliver(&mut line, &mut arbiter, 4, 0);
    assert_eq!(see(), (4, Some(4), 4, BookState::Live));
    // The line goes, another has come: the readers are the arbiter's now.
    let after = arbiter.as_mut().unwrap();
    after.open_line(1);
    drop(line);
    after.close_line(0, UnixNanos(5), &mut |_: &Event<'_>| {});
    let mut other = FeedHandler::new(okx_feed::Dialect::V5);
    ["books5", "trades", "books"].iter().for_each(|channel| other.subscribe(sub(channel)).unwrap());
    deliver(&mut other, &mut arbiter, 5, 1);
    assert_eq!(see(), (5, Some(5), 5, BookState::Live));
}

#[test]
fn lines_are_numbered_from_zero_whether_they_are_open_or_not() {
    let mut rig = handed_over();
    // Line 0 is not open, so the end of line 1 leaves nothing.
    assert_eq!(rig.arbiter.stats().len(), 2);
    assert_eq!(rig.close(1).len(), 3);
    assert_eq!(rig.arbiter.state(&sub("books5")), Some(BookState::Connecting));
    // What is subscribed later knows which lines there are: line 4 alone, not 0 to 3.
    rig.arbiter.open_line(4);
    assert_eq!(rig.arbiter.stats().len(), 5);
    rig.arbiter.subscribe("bbo-tbt:A".parse().unwrap());
    rig.lines.truncate(1);
    let mut line = FeedHandler::new(okx_feed::Dialect::V5);
    line.subscribe(sub("bbo-tbt")).unwrap();
    rig.lines.extend((1..4).map(|_| FeedHandler::new(okx_feed::Dialect::V5)));
    rig.lines.push(line);
    assert_eq!(rig.deliver(4, &book("bbo-tbt", 1, false)), ["bbo-tbt live", "bbo-tbt 1"]);
    assert_eq!(rig.state(4, BookState::Stale), ["bbo-tbt stale"]);
    // No line but this one is waited for.
    let rejected = BookState::Down(DownReason::Rejected);
    assert_eq!(rig.state(4, rejected), ["bbo-tbt down_rejected"]);
}

#[test]
fn counters_of_groups_add_up() {
    let mut rig = Rig::new(2, &["trades"]);
    for (line, n) in [(0, 1), (1, 1), (1, 2), (1, 2), (0, 2), (0, 3)] {
        rig.now += 10_000;
        rig.deliver(line, &trade(n));
    }
    let [zero, one] = rig.arbiter.stats() else { panic!("two lines") };
    let numbers = |of: &LineStats| {
        (of.accepted, of.duplicates, of.self_duplicates, of.outdated, of.lag_us.len())
    };
    assert_eq!((numbers(zero), numbers(one)), ((2, 1, 0, 0, 1), (1, 1, 0, 0, 1)));
    let mut both = zero.clone();
    both.merge(one);
    // What a line delivers again itself it does not tell again.
    assert_eq!(numbers(&both), (3, 2, 0, 0, 2));
    assert_eq!((both.lag_us.min(), both.lag_us.max()), (10, 20));
    let mut old = Rig::new(2, &["books5"]);
    old.deliver(0, &book("books5", 9, true));
    old.deliver(1, &book("books5", 8, true));
    both.merge(&old.arbiter.stats()[1]);
    assert_eq!(numbers(&both), (3, 2, 0, 1, 2));
}

#[test]
fn what_is_unsubscribed_is_shown_no_longer_whichever_line_delivers_it() {
    let mut rig = handed_over();
    let reader = rig.arbiter.trade_reader(&sub("trades")).unwrap();
    assert!(reader.state().is_live());
    let mut emitted = Vec::new();
    let sink = &mut |event: &Event<'_>| emitted.push(name(event));
    rig.arbiter.unsubscribe(&sub("trades"), UnixNanos(2_000), sink);
    assert_eq!(emitted, ["trades down_unsubscribed"]);
    assert_eq!(reader.state(), BookState::Down(DownReason::Unsubscribed));
    assert_eq!(rig.deliver(1, &trade(8)), [""; 0]);
    assert_eq!(rig.deliver(1, &book("books5", 8, true)), ["books5 8"]);
}
