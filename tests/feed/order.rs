//! The order of books: by the numbers and times of one connection, and over connections.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use okx_feed::{Arbiter, BookState, Dialect, Event, FeedHandler, Frame, UnixNanos};

use super::handler::{book, feed, sub};

/// A five-level book of a price, without a number in v3 and where `seq` is `None`.
fn numbered(dialect: Dialect, px: u32, seq: Option<i64>, ts: u64) -> String {
    let seq = seq.map(|seq| format!(r#","seqId":{seq}"#)).unwrap_or_default();
    let levels = format!(r#""asks":[["{px}","1","0","1"]],"bids":[]"#);
    match dialect {
        Dialect::V5 => format!(
            r#"{{"arg":{{"channel":"books5","instId":"A"}},"data":[{{{levels},"ts":"{ts}"{seq}}}]}}"#
        ),
        Dialect::V3 => format!(
            r#"{{"table":"spot/depth5","data":[{{{levels},"instrument_id":"A","timestamp":"1970-01-01T00:00:{:02}.{:03}Z"}}]}}"#,
            ts / 1000,
            ts % 1000
        ),
    }
}

/// The book that a reader sees after each of these messages, and the state changes of the sink.
fn shown(dialect: Dialect, books: &[(u32, Option<i64>, u64)]) -> (Vec<Option<u32>>, Vec<String>) {
    let subscription = sub(if dialect == Dialect::V5 { "books5:A" } else { "spot/depth5:A" });
    // With a reader the book is stored in another place than without.
    let mut handlers = [FeedHandler::new(dialect), FeedHandler::new(dialect)];
    handlers.iter_mut().for_each(|handler| handler.subscribe(subscription).unwrap());
    let reader = handlers[0].book_reader(&subscription).unwrap();
    let (mut seen, mut reported) = (Vec::new(), Vec::new());
    for (px, seq, ts) in books {
        let text = numbered(dialect, *px, *seq, *ts);
        let [states, others] =
            handlers.each_mut().map(|handler| feed(handler, &text, ts * 1_000_000));
        assert_eq!(states, others);
        reported.extend(states.into_iter().filter(|what| what.contains("->")));
        let px = |px: String| px.parse::<u32>().unwrap();
        let live = reader.live().map(|book| px(book.best_ask().unwrap().px().to_string()));
        let slot = handlers[1].slots().get(&subscription).unwrap();
        let own = slot.book().filter(|_| slot.state().is_live());
        assert_eq!(own.map(|book| px(book.best_ask().unwrap().px().to_string())), live);
        seen.push(live);
    }
    (seen, reported)
}

#[test]
fn within_one_connection_the_order_is_the_exchanges() {
    let n = Some;
    for (dialect, books) in [
        (Dialect::V3, [(1, None, 9000), (3, None, 5000), (2, None, 4000), (4, None, 4001)]),
        (Dialect::V5, [(1, None, 9000), (3, None, 5000), (2, None, 4000), (4, None, 4001)]),
        // Numbers that go back, and with them the clock.
        (Dialect::V5, [(1, n(10), 9000), (3, n(30), 9000), (2, n(20), 5000), (4, n(40), 5001)]),
    ] {
        let (seen, states) = shown(dialect, &books);
        assert_eq!(seen, books.map(|(px, ..)| Some(px)), "{books:?}");
        assert_eq!(states, ["connecting -> live"], "{books:?}");
    }
}

#[test]
fn sequence_resets_and_clock_steps_remove_no_book() {
    let n = Some;
    // Numbers continue while the clock is set back; numbers are reset while the clock continues.
    let books = [(1, n(10), 9000), (2, n(11), 5000), (3, n(12), 5100), (4, n(1), 5200)];
    let (seen, states) = shown(Dialect::V5, &books);
    assert_eq!(seen, [1, 2, 3, 4].map(Some));
    assert_eq!(states, ["connecting -> live"]);
}

#[test]
fn a_book_of_an_earlier_time_and_one_that_is_rejected_are_counted_as_backwards() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let subscription = sub("books5:A");
    handler.subscribe(subscription).unwrap();
    let connecting = |handler: &mut FeedHandler| {
        let sink = &mut |_: &Event<'_>| {};
        handler.set_all_states(BookState::Connecting, UnixNanos(1000), sink);
    };
    let books = [(10, 1000, 0, 1000), (11, 999, 1, 999), (9, 999, 2, 999), (12, 1001, 2, 1001)];
    for (seq, ts, backwards, last) in books {
        // A new connection begins with an older one of the same time.
        if seq == 9 {
            connecting(&mut handler);
        }
        feed(&mut handler, &numbered(Dialect::V5, 1, Some(seq), ts), ts);
        assert_eq!(handler.stats().backwards, backwards, "{seq}");
        let slot = handler.slots().get(&subscription).unwrap();
        assert_eq!(slot.ts_event(), UnixNanos(last * 1_000_000), "{seq}");
    }
}

#[test]
fn a_late_unnumbered_update_or_snapshot_breaks_its_book() {
    let mut handler = FeedHandler::new(Dialect::V3);
    let subscription = sub("spot/depth_l2_tbt:A");
    handler.subscribe(subscription).unwrap();
    for (action, ms, live, [backwards, broken]) in [
        ("partial", 2, true, [0, 0]),
        ("update", 3, true, [0, 0]),
        ("update", 2, false, [1, 1]),
        ("partial", 1, false, [2, 1]),
        ("update", 1, false, [2, 1]),
        ("partial", 4, true, [2, 1]),
        ("partial", 3, false, [3, 2]),
    ] {
        let text = format!(
            r#"{{"table":"spot/depth_l2_tbt","action":"{action}","data":[{{"instrument_id":"A","asks":[],"bids":[],"timestamp":"2021-04-05T10:00:00.00{ms}Z","checksum":0}}]}}"#
        );
        feed(&mut handler, &text, 1);
        let stats = handler.stats();
        assert_eq!([stats.backwards, stats.broken], [backwards, broken], "{action} {ms}");
        assert_eq!(handler.slots().get(&subscription).unwrap().state().is_live(), live);
    }
}

#[test]
fn a_new_connection_that_lags_shows_no_older_book() {
    const SECOND: u64 = 1_000_000_000;
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(sub("books5:A")).unwrap();
    let reader = handler.book_reader(&sub("books5:A")).unwrap();
    let connecting = |handler: &mut FeedHandler, at: u64| {
        let sink = &mut |_: &Event<'_>| {};
        handler.set_all_states(BookState::Connecting, UnixNanos(at), sink);
        handler.set_all_states(BookState::AwaitingSnapshot, UnixNanos(at), sink);
    };
    feed(&mut handler, &book("books5", "A", "1", 2000), SECOND);
    connecting(&mut handler, 2 * SECOND);
    // For any number of messages: the line may lag for long.
    let seen = feed(&mut handler, &book("books5", "A", "2", 1000), 3 * SECOND);
    assert_eq!(seen, ["awaiting_snapshot -> stale"]);
    for n in 1..20 {
        let text = book("books5", "A", "2", 1000 + n);
        assert_eq!(feed(&mut handler, &text, 3 * SECOND + n), [""; 0], "{n}");
    }
    assert!(reader.live().is_none() && reader.snapshot().value.ts_event.0 == 2000 * 1_000_000);
    let seen = feed(&mut handler, &book("books5", "A", "3", 2001), 4 * SECOND);
    assert_eq!(seen, ["stale -> live", "book books5"]);
    // Half a minute after the last accepted one any book is accepted.
    connecting(&mut handler, 5 * SECOND);
    let seen = feed(&mut handler, &book("books5", "A", "4", 1000), 34 * SECOND);
    assert_eq!(seen, ["awaiting_snapshot -> live", "book books5"]);
}

#[test]
fn a_line_that_is_alone_and_lags_shows_no_old_book_as_live() {
    let subscription = sub("books5:A");
    let mut arbiter = Arbiter::new(2);
    arbiter.subscribe(subscription);
    let reader = arbiter.readers(&subscription).book.unwrap();
    let mut lines = [FeedHandler::new(Dialect::V5), FeedHandler::new(Dialect::V5)];
    lines.iter_mut().for_each(|line| line.subscribe(subscription).unwrap());
    let mut deliver = |arbiter: &mut Arbiter, line: usize, n: u64, at_ms: u64| {
        let text = numbered(Dialect::V5, 1, Some(n.cast_signed()), n);
        let pass = &mut |event: &Event<'_>| arbiter.on_event(line, event, &mut |_: &Event<'_>| {});
        let at = UnixNanos(at_ms * 1_000_000);
        lines[line].on_frame(Frame::Text(text.as_bytes()), at, pass).unwrap();
        if n == 20 {
            lines[line].set_all_states(BookState::Connecting, at, pass);
        }
    };
    deliver(&mut arbiter, 0, 10, 100_000);
    deliver(&mut arbiter, 1, 10, 100_100);
    deliver(&mut arbiter, 0, 19, 101_000);
    deliver(&mut arbiter, 0, 20, 101_100);
    // The first line is gone; the second is far behind, but no wait has been long yet.
    deliver(&mut arbiter, 1, 11, 101_200);
    assert_eq!(reader.snapshot().state, BookState::Live);
    deliver(&mut arbiter, 1, 12, 103_200);
    assert_eq!(reader.snapshot().state, BookState::Stale);
    assert_eq!(arbiter.state(&subscription), Some(BookState::Stale));
    deliver(&mut arbiter, 1, 21, 103_300);
    assert_eq!(reader.live().map(|book| book.seq), Some(21));
}
