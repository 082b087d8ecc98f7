//! What a strategy and its readers are shown of a subscription that several lines deliver.

use okx_feed::{BookState, Dialect, DownReason, Event, FeedHandler, UnixNanos};
use okx_feed_testkit::messages;

use crate::rig::{Rig, message, sub};

#[test]
fn what_no_line_has_a_book_for_and_what_no_known_line_delivers_is_not_emitted() {
    let mut rig = Rig::new(1, &["trades"]);
    rig.arbiter.subscribe(sub("books"));
    rig.deliver(0, &message("books", "1"));
    assert_eq!(rig.arbiter.state(&sub("books")), Some(BookState::Connecting));
    rig.lines.push(FeedHandler::new(Dialect::V5));
    rig.lines[1].subscribe(sub("trades")).unwrap();
    rig.deliver(1, &message("trades", "1"));
    assert_eq!((rig.sink.0, rig.arbiter.stats().len()), (vec![], 1));
}

#[test]
fn who_drops_the_arbiter_leaves_no_reader_with_a_live_book() {
    let mut rig = Rig::new(1, &["books5", "trades", "books"]);
    let books = rig.arbiter.book_reader(&sub("books5")).unwrap();
    let trades = rig.arbiter.trade_reader(&sub("trades")).unwrap();
    let depths = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let rejected = BookState::Down(DownReason::Rejected);
    rig.lines[0].set_state(&sub("books"), rejected, UnixNanos(rig.now), &mut |event: &Event<
        '_,
    >| {
        rig.arbiter.on_event(0, event, &mut rig.sink);
    });
    drop(rig);
    let stopped = BookState::Down(DownReason::Stopped);
    assert_eq!((books.snapshot().state, trades.state()), (stopped, stopped));
    // What was down before says still why.
    assert_eq!(depths.snapshot().state, rejected);
}

#[test]
fn the_order_book_of_another_line_is_published_whole() {
    let mut rig = Rig::new(2, &["books"]);
    let reader = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let levels: Vec<_> = (0..40).map(|place| (100 + place, 1)).collect();
    for line in 0..2 {
        rig.deliver(line, &messages::order_book("A", &levels, None, 1, 1));
    }
    // Where it is not published, no reader could see the change.
    let steps = [(0, 2, false), (0, 3, false), (1, 2, false), (1, 3, false), (1, 4, true)];
    for (line, n, is_published) in steps.into_iter().chain([(1, 5, false), (0, 4, false)]) {
        let version = reader.version();
        let deepest = [(139, n)];
        rig.deliver(line, &messages::order_book("A", &deepest, Some(n as i64 - 1), n, n));
        assert_eq!(reader.version() > version, is_published, "{n} of {line}");
    }
    assert_eq!(reader.snapshot().seq, Some(4));
}

#[test]
fn counters_of_groups_add_up() {
    let mut rig = Rig::new(2, &["trades"]);
    for (line, number) in [(0, "1"), (1, "1"), (1, "2"), (1, "2"), (0, "2"), (0, "3")] {
        rig.now += 10_000;
        rig.deliver(line, &message("trades", number));
    }
    let mut both = rig.arbiter.stats()[0].clone();
    both.merge(&rig.arbiter.stats()[1]);
    // What a line delivers again itself it does not emit again.
    assert_eq!((both.accepted, both.duplicates, both.self_duplicates), (3, 2, 0));
    assert_eq!((both.lag_us.len(), both.lag_us.min(), both.lag_us.max()), (2, 10, 20));
}
