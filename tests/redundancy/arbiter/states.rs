//! What a strategy is emitted of the state of a subscription that several lines bring.

use okx_feed::{BookState, DownReason, Event, StateChange, SubscriptionId, UnixNanos};

use crate::arbiter::{Rig, book, deep, sub, trade};

/// All states, the best first.
const STATES: [BookState; 6] = [
    BookState::Live,
    BookState::Stale,
    BookState::Resyncing,
    BookState::AwaitingSnapshot,
    BookState::Connecting,
    BookState::Down(DownReason::Rejected),
];

#[test]
fn a_subscription_is_as_good_as_its_best_line() {
    for (a, b) in (0..6).flat_map(|a| (0..6).map(move |b| (a, b))) {
        let mut rig = Rig::new(2, &["books5"]);
        // A book makes it live, so that each pair is a change.
        rig.deliver(0, &book("books5", 1, true));
        rig.deliver(1, &book("books5", 1, true));
        let mut emitted = Vec::new();
        for (line, at) in [(0, a), (1, b)] {
            let subscription = &sub("books5");
            let ts_recv = UnixNanos(rig.now);
            let change = StateChange {
                subscription,
                subscription_id: SubscriptionId::NONE,
                from: BookState::Live,
                to: STATES[at],
                ts_recv,
            };
            rig.arbiter.on_event(line, &Event::State(change), &mut |event: &Event<'_>| {
                if let Event::State(change) = event {
                    emitted.push((change.from, change.to));
                }
            });
        }
        // One line alone changes nothing, since the other is still live.
        let best = STATES[a.min(b)];
        let want = if best.is_live() { vec![] } else { vec![(BookState::Live, best)] };
        assert_eq!(emitted, want, "{} {}", STATES[a], STATES[b]);
        assert_eq!(rig.arbiter.state(&sub("books5")), Some(best));
        let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
        assert_eq!(reader.snapshot().state, best);
    }
}

#[test]
fn a_line_that_is_live_without_a_book_shows_no_old_one() {
    let mut rig = Rig::new(2, &["books5"]);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    rig.deliver(0, &book("books5", 1, true));
    rig.deliver(1, &book("books5", 1, true));
    assert_eq!(rig.state(0, BookState::Connecting), [""; 0]);
    assert_eq!(rig.state(1, BookState::Connecting), ["books5 connecting"]);
    assert!(reader.live().is_none());
    assert_eq!(rig.state(0, BookState::Live), [""; 0]);
    assert!(reader.live().is_none());
    // The same book as before the loss: only now is it known to be whole.
    assert_eq!(rig.deliver(1, &book("books5", 1, true)), ["books5 live", "books5 1"]);
    assert!(reader.live().is_some());
}

#[test]
fn a_quiet_book_that_is_sent_again_is_of_now_for_readers_and_nothing_for_the_sink() {
    let mut rig = Rig::new(2, &["books5"]);
    let reader = rig.arbiter.book_reader(&sub("books5")).unwrap();
    rig.deliver(0, &book("books5", 1, true));
    rig.deliver(1, &book("books5", 1, true));
    rig.deliver(0, &book("books5", 2, true));
    let first = reader.snapshot();
    assert_eq!(first.value.ts_recv, UnixNanos(rig.now));
    // The other comes to it late: that does not tell that it is still so.
    rig.now += 60_000_000_000;
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), [""; 0]);
    assert_eq!(reader.snapshot(), first);
    // Whichever line sends it again does.
    for line in [1, 0, 0, 1] {
        rig.now += 60_000_000_000;
        assert_eq!(rig.deliver(line, &book("books5", 2, true)), [""; 0]);
        let again = reader.snapshot();
        assert_eq!((again.value.ts_recv, again.state), (UnixNanos(rig.now), BookState::Live));
    }
}

#[test]
fn a_line_that_lags_makes_no_book_stale_while_another_is_live() {
    let mut rig = Rig::new(2, &["books5"]);
    rig.deliver(1, &book("books5", 1, true));
    for n in 1..=3 {
        rig.deliver(0, &book("books5", n, true));
    }
    rig.now += 3_000_000_000;
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), [""; 0]);
    // Without the other it is the one to judge by.
    assert_eq!(rig.state(0, BookState::Connecting), [""; 0]);
    assert_eq!(rig.deliver(1, &book("books5", 2, true)), ["books5 stale"]);
    assert_eq!(rig.deliver(1, &book("books5", 3, true)), ["books5 live", "books5 3"]);
}

#[test]
fn without_any_line_nothing_is_live_and_the_first_to_come_back_may_be_anywhere() {
    let mut rig = Rig::new(2, &["books5", "trades"]);
    for line in 0..2 {
        rig.deliver(line, &book("books5", 100, true));
        rig.deliver(line, &trade(100));
    }
    assert_eq!(rig.close(0), [""; 0]);
    assert_eq!(rig.close(1), ["books5 connecting", "trades connecting"]);
    // What is older than what was shown a moment ago has waited on a connection that stood still.
    rig.arbiter.open_line(1);
    assert_eq!(rig.deliver(1, &book("books5", 99, true)), ["books5 stale"]);
    assert_eq!(rig.close(1), ["books5 connecting"]);
    // The exchange was set up again in between: lower numbers at lower times.
    rig.now += 30_000_000_000;
    rig.arbiter.open_line(1);
    assert_eq!(rig.deliver(1, &book("books5", 5, true)), ["books5 live", "books5 5"]);
    assert_eq!(rig.deliver(1, &trade(5)), ["trades live", "trades 5"]);
    assert_eq!(rig.arbiter.last_seq(&sub("books5")), Some(5));
    // While a line is live, what is older is not accepted.
    rig.arbiter.open_line(0);
    assert_eq!(rig.deliver(0, &book("books5", 4, true)), [""; 0]);
    assert_eq!(rig.arbiter.stats()[0].outdated, 1);
}

#[test]
fn trades_stay_live_with_a_line_that_is_acknowledged_and_books_do_not() {
    let mut rig = Rig::new(2, &["trades", "books5"]);
    rig.deliver(0, &trade(1));
    rig.deliver(0, &book("books5", 1, true));
    assert_eq!(rig.state(1, BookState::AwaitingSnapshot), [""; 0]);
    // From its acknowledgement on the other line misses no trade; a book it has to be sent first.
    assert_eq!(rig.state(0, BookState::Connecting), ["books5 awaiting_snapshot"]);
    assert_eq!(rig.arbiter.state(&sub("trades")), Some(BookState::Live));
    assert_eq!(rig.state(1, BookState::Connecting), ["trades connecting", "books5 connecting"]);
    // What is not live does not become so by an acknowledgement.
    let emitted = rig.state(0, BookState::AwaitingSnapshot);
    assert_eq!(emitted, ["trades awaiting_snapshot", "books5 awaiting_snapshot"]);
}

#[test]
fn a_line_whose_order_book_is_not_whole_emits_nothing() {
    let mut rig = Rig::new(2, &["books"]);
    let reader = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let snapshot = [(10, 1), (11, 1)];
    assert_eq!(rig.deliver(0, &deep("snapshot", &snapshot, -1, 1)), ["books live", "books 1"]);
    // The other line has had no snapshot yet, and is ahead.
    assert_eq!(rig.deliver(1, &deep("update", &[(12, 5)], 1, 2)), [""; 0]);
    assert_eq!(reader.live().unwrap().asks().len(), 2);
    assert_eq!((rig.arbiter.stats()[1].outdated, rig.arbiter.stats()[1].accepted), (1, 0));
    assert_eq!(rig.deliver(0, &deep("update", &[(12, 5)], 1, 2)), ["books 2"]);
    assert_eq!(reader.live().unwrap().asks().len(), 3);
    // A line that misses one is out, and the subscription with it while there is no other.
    assert_eq!(rig.deliver(0, &deep("update", &[(13, 5)], 3, 4)), ["books resyncing"]);
    assert!(reader.live().is_none());
    // The other comes by its snapshot to what was shown last, which counts again.
    let whole = [(10, 1), (11, 1), (12, 5)];
    assert_eq!(rig.deliver(1, &deep("snapshot", &whole, -1, 2)), ["books live", "books 2"]);
    assert_eq!(reader.live().unwrap().asks().len(), 3);
}

#[test]
fn a_line_of_no_number_that_is_known_emits_nothing() {
    let mut rig = Rig::new(1, &["books5", "trades", "books"]);
    let text = [book("books5", 1, true), trade(1), deep("snapshot", &[(1, 1)], -1, 1)];
    let Rig { lines, arbiter, .. } = &mut rig;
    for text in text {
        let frame = okx_feed::Frame::Text(text.as_bytes());
        let mut pass = |event: &Event<'_>| {
            arbiter.on_event(7, event, &mut |event: &Event<'_>| panic!("{event:?}"));
        };
        lines[0].on_frame(frame, UnixNanos(1), &mut pass).unwrap();
    }
    assert_eq!(arbiter.state(&sub("books5")), Some(BookState::Connecting));
    assert_eq!(arbiter.stats().len(), 1);
}

#[test]
fn who_drops_the_arbiter_leaves_no_reader_believing() {
    let rig = Rig::new(2, &["books5", "trades", "books"]);
    let Rig { mut lines, mut arbiter, .. } = rig;
    let (book_reader, trade_reader) = (
        arbiter.book_reader(&sub("books5")).unwrap(),
        arbiter.trade_reader(&sub("trades")).unwrap(),
    );
    let depth_reader = arbiter.depth_reader(&sub("books")).unwrap();
    let rejected = BookState::Down(DownReason::Rejected);
    for (line, handler) in lines.iter_mut().enumerate() {
        handler.set_state(&sub("books"), rejected, UnixNanos(1), &mut |event: &Event<'_>| {
            arbiter.on_event(line, event, &mut |_: &Event<'_>| {});
        });
    }
    drop(arbiter);
    let stopped = BookState::Down(DownReason::Stopped);
    assert_eq!((book_reader.snapshot().state, trade_reader.state()), (stopped, stopped));
    // What was down before says still why.
    assert_eq!(depth_reader.snapshot().state, rejected);
}

#[test]
fn an_order_book_is_published_where_readers_could_see_the_change() {
    let mut rig = Rig::new(2, &["books"]);
    let deep_reader = rig.arbiter.depth_reader(&sub("books")).unwrap();
    let top_reader = rig.arbiter.book_reader(&sub("books")).unwrap();
    let levels: Vec<_> = (0..40).map(|place| (100 + place, 1)).collect();
    for line in 0..2 {
        rig.deliver(line, &deep("snapshot", &levels, -1, 1));
    }
    let versions = || (top_reader.version(), deep_reader.version());
    let mut before = versions();
    // The first level that is not among the best five, the first that is not among the best 25.
    for (n, place, [top, deeper]) in
        [(2, 4, [1, 1]), (3, 5, [0, 1]), (4, 24, [0, 1]), (5, 25, [0, 0]), (6, 39, [0, 0])]
    {
        let update = deep("update", &[(100 + place, n)], n.cast_signed() - 1, n);
        assert_eq!(rig.deliver(0, &update), [format!("books {n}")]);
        assert_eq!(versions(), (before.0 + top, before.1 + deeper), "level {place}");
        assert_eq!(rig.deliver(1, &update), [""; 0]);
        before = versions();
    }
    // Another line's book is published whole, whatever it changes.
    let update = deep("update", &[(139, 7)], 6, 7);
    assert_eq!(rig.deliver(1, &update), ["books 7"]);
    assert_eq!(versions(), (before.0 + 1, before.1 + 1));
    assert_eq!(deep_reader.snapshot().seq, Some(7));
    // And so is what makes a book live again.
    assert_eq!(rig.deliver(0, &update), [""; 0]);
    rig.state(0, BookState::Stale);
    assert_eq!(rig.state(1, BookState::Stale), ["books stale"]);
    assert!(deep_reader.live().is_none() && top_reader.live().is_none());
    assert_eq!(rig.deliver(1, &deep("update", &[(139, 8)], 7, 8)), ["books live", "books 8"]);
    assert!(deep_reader.live().is_some() && top_reader.live().is_some());
}
