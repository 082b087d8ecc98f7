//! What a strategy and its readers are shown of a subscription that several lines deliver.

use okx_feed::{BookState, DownReason, UnixNanos};

use crate::arbiter::rig::{Rig, deep_text, message, sub};

#[test]
fn a_quiet_book_that_is_sent_again_is_of_now_for_readers_and_nothing_for_the_sink() {
    let mut rig = Rig::new(2, &["books5"]);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    for (line, number) in [(0, "1"), (1, "1"), (0, "2")] {
        rig.deliver(line, &message("books5", number));
    }
    let first = reader.snapshot();
    assert_eq!(first.value.ts_recv, UnixNanos(rig.now));
    // The other comes to it late: that does not say that it is still so. Sending it again does.
    rig.now += 60_000_000_000;
    assert_eq!(rig.deliver(1, &message("books5", "2")), [""; 0]);
    assert_eq!(reader.snapshot(), first);
    for line in [1, 0] {
        rig.now += 1;
        assert_eq!(rig.deliver(line, &message("books5", "2")), [""; 0]);
        let now = reader.snapshot();
        assert_eq!((now.value.ts_recv, now.state), (UnixNanos(rig.now), BookState::Live));
    }
}

#[test]
fn what_no_line_has_a_book_for_and_what_no_known_line_delivers_is_not_emitted() {
    let mut rig = Rig::new(1, &["trades"]);
    assert_eq!(rig.deliver(0, &message("books", "1")), [""; 0]);
    rig.arbiter.subscribe(sub("books"));
    assert_eq!(rig.deliver(0, &message("books", "1")), [""; 0]);
    assert_eq!(rig.arbiter.state(&sub("books")), Some(BookState::Connecting));
    // The arbiter knows of no line 1.
    rig.lines.push(okx_feed::FeedHandler::new(okx_feed::Dialect::V5));
    rig.lines[1].subscribe(sub("trades")).unwrap();
    assert_eq!(rig.deliver(1, &message("trades", "1")), [""; 0]);
    assert_eq!(rig.arbiter.stats().len(), 1);
}

#[test]
fn who_drops_the_arbiter_leaves_no_reader_with_a_live_book() {
    let mut rig = Rig::new(1, &["books5", "trades", "books"]);
    let books = rig.arbiter.book_reader(&sub("books5")).unwrap();
    let trades = rig.arbiter.trade_reader(&sub("trades")).unwrap();
    let depths = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let rejected = BookState::Down(DownReason::Rejected);
    rig.pass(
        0,
        |_| None::<()>,
        |handler, now, mut sink| {
            handler.set_state(&sub("books"), rejected, now, &mut sink);
        },
    );
    drop(rig);
    let stopped = BookState::Down(DownReason::Stopped);
    assert_eq!((books.snapshot().state, trades.state()), (stopped, stopped));
    // What was down before says still why.
    assert_eq!(depths.snapshot().state, rejected);
}

#[test]
fn an_order_book_is_published_where_readers_could_see_the_change() {
    let mut rig = Rig::new(2, &["books"]);
    let deep_reader = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let top_reader = rig.arbiter.book_reader(&sub("books")).unwrap();
    let levels: Vec<_> = (0..40).map(|place| (100 + place, 1)).collect();
    for line in 0..2 {
        rig.deliver(line, &deep_text(&levels, None, 1, 1));
    }
    let versions = || (top_reader.version(), deep_reader.version());
    let update =
        |place: u64, n: u64| deep_text(&[(100 + place, n)], Some(n.cast_signed() - 1), n, n);
    let mut before = versions();
    // The first level that is not among the best five, the first that is not among the best 25.
    for (n, place, [top, deeper]) in
        [(2, 4, [1, 1]), (3, 5, [0, 1]), (4, 24, [0, 1]), (5, 25, [0, 0]), (6, 39, [0, 0])]
    {
        assert_eq!(rig.deliver(0, &update(place, n)), [format!("books {n}")]);
        assert_eq!(versions(), (before.0 + top, before.1 + deeper), "level {place}");
        assert_eq!(rig.deliver(1, &update(place, n)), [""; 0]);
        before = versions();
    }
    // Another line's book is published whole, whatever it changes; so is what is live again.
    assert_eq!(rig.deliver(1, &update(39, 7)), ["books 7"]);
    assert_eq!(versions(), (before.0 + 1, before.1 + 1));
    assert_eq!(deep_reader.snapshot().seq, Some(7));
    assert_eq!(rig.deliver(0, &update(39, 7)), [""; 0]);
    rig.state(0, BookState::Stale);
    assert_eq!(rig.state(1, BookState::Stale), ["books stale"]);
    assert!(deep_reader.live().is_none() && top_reader.live().is_none());
    assert_eq!(rig.deliver(1, &update(39, 8)), ["books live", "books 8"]);
    assert!(deep_reader.live().is_some() && top_reader.live().is_some());
}
