//! A line that was alone gets a second one beside it, and readers notice nothing.

use okx_feed::{Arbiter, BookState, DownReason, Event, UnixNanos};

use crate::arbiter::rig::{Rig, message, name, play, sub};

const CHANNELS: [&str; 3] = ["books5", "trades", "books"];

#[test]
fn what_the_line_alone_has_delivered_is_emitted_by_no_other() {
    play(
        "books5 trades books",
        "alone 1 7; adopt 1; 0 7; 0 8 = 8; 1 8; stats 0 = 1 1 0 0 0; stats 1 = 0 1 0 0 0",
    );
    // Its own ring has the last 256 trades; what was before them is not new.
    let alone: String = (1..=300).map(|n| format!("alone 0 {n};")).collect();
    play("trades", &format!("{alone} adopt 0; 1 40; 1 44; 1 45; 1 301 = 301"));
}

#[test]
fn readers_from_before_read_on_through_the_handover() {
    let mut rig = Rig::new(2, &CHANNELS);
    let books = rig.lines[0].book_reader(&sub("books5")).unwrap();
    let depths = rig.lines[0].depth_reader(&sub("books")).unwrap();
    let trades = rig.lines[0].trade_reader(&sub("trades")).unwrap();
    let see = || {
        let (book, depth) = (books.live().unwrap(), depths.live().unwrap());
        (book.seq, depth.seq, trades.last().unwrap().trade_id, trades.state())
    };
    let deliver = |rig: &mut Rig, line: usize, number: &str| {
        CHANNELS.iter().for_each(|channel| {
            rig.deliver(line, &message(channel, number));
        });
    };
    deliver(&mut rig, 0, "3");
    assert_eq!(see(), (3, Some(3), 3, BookState::Live));
    rig.arbiter = Arbiter::adopt(&mut rig.lines[0], 0);
    assert_eq!(see(), (3, Some(3), 3, BookState::Live));
    CHANNELS.iter().for_each(|of| assert_eq!(rig.arbiter.last_seq(&sub(of)), Some(3), "{of}"));
    deliver(&mut rig, 0, "4");
    assert_eq!(see(), (4, Some(4), 4, BookState::Live));
    // The line goes, another has come: the readers are the arbiter's now.
    rig.arbiter.open_line(1);
    rig.lines[0] = okx_feed::FeedHandler::new(okx_feed::Dialect::V5);
    rig.arbiter.close_line(0, UnixNanos(5), &mut |_: &Event<'_>| {});
    deliver(&mut rig, 1, "5");
    assert_eq!(see(), (5, Some(5), 5, BookState::Live));
    // What is unsubscribed is shown no longer, whichever line delivers it.
    let mut emitted = Vec::new();
    let sink = &mut |event: &Event<'_>| emitted.extend(name(event));
    rig.arbiter.unsubscribe(&sub("trades"), UnixNanos(6), sink);
    assert_eq!(emitted, ["trades down_unsubscribed"]);
    assert_eq!(trades.state(), BookState::Down(DownReason::Unsubscribed));
    assert_eq!(rig.deliver(1, &message("trades", "6")), [""; 0]);
    assert_eq!(rig.deliver(1, &message("books5", "6")), ["books5 6"]);
}

#[test]
fn lines_are_numbered_from_zero_whether_they_are_open_or_not() {
    let mut rig = Rig::new(5, &["books5"]);
    rig.deliver(1, &message("books5", "1"));
    rig.arbiter = Arbiter::adopt(&mut rig.lines[1], 1);
    assert_eq!(rig.arbiter.stats().len(), 2);
    // Line 0 is not open, so the end of line 1 leaves nothing.
    rig.arbiter.close_line(1, UnixNanos(1), &mut |_: &Event<'_>| {});
    assert_eq!(rig.arbiter.state(&sub("books5")), Some(BookState::Connecting));
    // What is subscribed later knows which lines there are: line 4 alone, not 0 to 3.
    rig.arbiter.open_line(4);
    assert_eq!(rig.arbiter.stats().len(), 5);
    rig.arbiter.subscribe(sub("bbo-tbt"));
    rig.lines[4].subscribe(sub("bbo-tbt")).unwrap();
    let first = rig.deliver(4, &message("bbo-tbt", "1"));
    assert_eq!(first, ["bbo-tbt live", "bbo-tbt 1"]);
    let rejected = BookState::Down(DownReason::Rejected);
    assert_eq!(rig.state(4, rejected), ["books5 down_rejected", "bbo-tbt down_rejected"]);
}

#[test]
fn no_trade_is_emitted_again_to_who_subscribes_again_before_the_lines_have_heard() {
    let mut rig = Rig::new(2, &["trades"]);
    for (line, number) in [(0, "1"), (0, "2"), (0, "3"), (1, "1")] {
        rig.deliver(line, &message("trades", number));
    }
    rig.arbiter.unsubscribe(&sub("trades"), UnixNanos(rig.now), &mut |_: &Event<'_>| {});
    rig.arbiter.subscribe(sub("trades"));
    assert_eq!(rig.deliver(1, &message("trades", "2")), [""; 0]);
    // Now they have: what is emitted is of the new subscription.
    rig.state(0, BookState::AwaitingSnapshot);
    assert_eq!(rig.deliver(0, &message("trades", "4")), ["trades live", "trades 4"]);
}

#[test]
fn counters_of_groups_add_up() {
    let mut rig = Rig::new(2, &["trades"]);
    for (line, number) in [(0, "1"), (1, "1"), (1, "2"), (1, "2"), (0, "2"), (0, "3")] {
        rig.now += 10_000;
        rig.deliver(line, &message("trades", number));
    }
    let [zero, one] = rig.arbiter.stats() else { panic!("two lines") };
    assert_eq!((zero.accepted, zero.duplicates, one.accepted, one.duplicates), (2, 1, 1, 1));
    let mut both = zero.clone();
    both.merge(one);
    // What a line delivers again itself it does not emit again.
    assert_eq!((both.accepted, both.duplicates, both.self_duplicates), (3, 2, 0));
    assert_eq!((both.lag_us.len(), both.lag_us.min(), both.lag_us.max()), (2, 10, 20));
}
