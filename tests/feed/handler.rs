//! The handler: each event reaches its state, and nothing is lost silently.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::{
    Arbiter, BookState, Dialect, DownReason, Event, FeedHandler, Frame, Subscription,
    SubscriptionId, TradeUpdate, UnixNanos,
};
use okx_feed_testkit::messages;

fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

fn book(channel: &str, inst_id: &str, px: &str, ts: u64) -> String {
    messages::book(channel, inst_id, px, None, ts)
}

fn trade(inst_id: &str, id: u64) -> String {
    messages::trade(inst_id, id, 1, 1_626_995_753_055)
}

fn feed(feed: &mut FeedHandler, text: &str, ts_recv: u64) -> Vec<String> {
    let mut seen = Vec::new();
    let frame = Frame::Text(text.as_bytes());
    feed.on_frame(frame, UnixNanos(ts_recv), &mut |event: &Event<'_>| {
        seen.push(match event {
            Event::Book(update) => format!("book {}", update.topic.channel),
            Event::Trade(update) => format!("trade {}", update.trade.trade_id),
            Event::State(change) => format!("{} -> {}", change.from, change.to),
            other => format!("{other:?}"),
        });
    })
    .unwrap();
    seen
}

#[test]
fn each_channel_of_an_instrument_has_its_own_book() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let (five, best) = (sub("books5:BTC-USDT"), sub("bbo-tbt:BTC-USDT"));
    handler.subscribe(five).unwrap();
    handler.subscribe(best).unwrap();
    assert_eq!(
        feed(&mut handler, &book("books5", "BTC-USDT", "101", 1000), 1),
        ["connecting -> live", "book books5"]
    );
    feed(&mut handler, &book("bbo-tbt", "BTC-USDT", "102", 1001), 2);
    feed(&mut handler, &book("books5", "BTC-USDT", "103", 1002), 3);
    let px = |s: &Subscription| handler.book(s).unwrap().best_ask().unwrap().px().to_string();
    assert_eq!((px(&five), px(&best)), ("103".to_owned(), "102".to_owned()));
    assert_eq!(handler.book(&five).unwrap().ts_recv, UnixNanos(3));
}

#[test]
fn a_frame_that_cannot_be_read_may_have_been_of_any_book_without_numbers() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let channels = ["books:OLD", "books:NEW", "books5:OLD"].map(sub);
    channels.iter().for_each(|channel| handler.subscribe(*channel).unwrap());
    for (inst_id, numbers) in [("OLD", ""), ("NEW", r#","seqId":7,"prevSeqId":-1"#)] {
        let text = format!(
            r#"{{"arg":{{"channel":"books","instId":"{inst_id}"}},"action":"snapshot","data":[{{"asks":[["2","1","0","1"]],"bids":[],"ts":"1"{numbers}}}]}}"#
        );
        feed(&mut handler, &text, 1);
    }
    feed(&mut handler, &book("books5", "OLD", "101", 1000), 2);
    let reader = handler.depth_reader(&channels[0]).unwrap();
    let mut reported = Vec::new();
    let result = handler.on_frame(Frame::Text(b"{"), UnixNanos(3), &mut |event: &Event<'_>| {
        reported.push(match event {
            Event::State(change) => format!("{} {}", change.subscription, change.to),
            Event::Malformed(_) => "malformed".to_owned(),
            other => format!("{other:?}"),
        });
    });
    assert!(result.is_err());
    assert_eq!(reported, ["books:OLD resyncing", "books5:OLD stale", "malformed"]);
    let states = channels.map(|channel| handler.slots().get(&channel).unwrap().state());
    assert_eq!(states, [BookState::Resyncing, BookState::Live, BookState::Stale]);
    assert_eq!((reader.snapshot().state, handler.stats().broken), (BookState::Resyncing, 1));
}

#[test]
fn an_unsubscribed_channel_is_counted_and_still_emitted() {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(sub("trades:A")).unwrap();
    assert_eq!(feed(&mut handler, &trade("B", 7), 1), ["trade 7"]);
    assert_eq!(feed(&mut handler, &book("books5", "A", "1", 1000), 2), ["book books5"]);
    assert_eq!(handler.stats().unsubscribed, 2);
    assert!(handler.trades(&sub("trades:A")).unwrap().is_empty());
}

#[test]
fn the_same_id_in_two_markets_is_two_instruments() {
    let mut handler = FeedHandler::new(Dialect::V3);
    let (spot, index) = (sub("spot/depth5:BTC-USDT"), sub("index/depth5:BTC-USDT"));
    handler.subscribe(spot).unwrap();
    handler.subscribe(index).unwrap();
    let text = r#"{"table":"index/depth5","data":[{"asks":[["5","1","1"]],"bids":[],"instrument_id":"BTC-USDT","timestamp":"2021-04-25T08:24:33.352Z"}]}"#;
    feed(&mut handler, text, 1);
    assert_eq!(handler.book(&index).unwrap().asks().len(), 1);
    assert_eq!(handler.book(&spot).unwrap().asks().len(), 0);
}

#[test]
fn ten_thousand_instruments_are_all_found_and_forgotten() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let subs: Vec<_> = (0..10_000).map(|n| sub(&format!("books5:COIN{n}-USDT"))).collect();
    subs.iter().for_each(|s| handler.subscribe(*s).unwrap());
    subs.iter().for_each(|s| handler.subscribe(*s).unwrap());
    assert_eq!(handler.slots().len(), 10_000);
    for (n, s) in subs.iter().enumerate().step_by(7) {
        let px = n.to_string();
        feed(&mut handler, &book("books5", s.inst_id().as_str(), &px, 1000), 1);
        assert_eq!(handler.book(s).unwrap().best_ask().unwrap().px().to_string(), px);
    }
    assert_eq!(handler.stats().unsubscribed, 0);
    for s in subs.iter().take(20) {
        assert!(handler.unsubscribe(s, UnixNanos(2), &mut |_: &Event<'_>| {}));
        assert!(!handler.unsubscribe(s, UnixNanos(2), &mut |_: &Event<'_>| {}));
    }
    assert!(handler.book(&subs[3]).is_none());
    assert!(subs.iter().skip(20).all(|s| handler.book(s).is_some()));
}

#[test]
fn states_change_once_and_readers_see_them() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let (books, trades) = (sub("books5:A"), sub("trades:A"));
    handler.subscribe(books).unwrap();
    handler.subscribe(trades).unwrap();
    let reader = handler.book_reader(&books).unwrap();
    let tape = handler.trade_reader(&trades).unwrap();
    assert_eq!(
        (reader.snapshot().state, tape.state()),
        (BookState::Connecting, BookState::Connecting)
    );
    feed(&mut handler, &book("books5", "A", "1", 1000), 5);
    assert_eq!(feed(&mut handler, &trade("A", 1), 6), ["connecting -> live", "trade 1"]);
    assert_eq!(feed(&mut handler, &trade("A", 2), 7), ["trade 2"]);
    assert_eq!((tape.state(), tape.last().map(|t| t.trade_id)), (BookState::Live, Some(2)));
    assert!(reader.live().is_some());

    // Silence makes a book stale, but trades may be silent without a fault.
    let mut reported = Vec::new();
    let mut sink = |event: &Event<'_>| {
        if let Event::State(change) = event {
            reported.push((change.subscription.to_string(), change.to));
        }
    };
    let limit = &StaleLimits::books(Duration::from_nanos(100));
    handler.mark_stale(limit, UnixNanos(104), &mut sink);
    handler.mark_stale(limit, UnixNanos(105), &mut sink);
    handler.mark_stale(limit, UnixNanos(500), &mut sink);
    handler.set_all_states(BookState::Connecting, UnixNanos(501), &mut sink);
    handler.set_state(&books, BookState::Down(DownReason::Rejected), UnixNanos(502), &mut sink);
    handler.set_all_states(BookState::Connecting, UnixNanos(503), &mut sink);
    assert_eq!(
        reported,
        [
            ("books5:A".to_owned(), BookState::Stale),
            ("books5:A".to_owned(), BookState::Connecting),
            ("trades:A".to_owned(), BookState::Connecting),
            ("books5:A".to_owned(), BookState::Down(DownReason::Rejected)),
        ]
    );
    assert!(reader.live().is_none());
}

#[test]
fn odd_books_and_clocks_are_counted_not_repaired() {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(sub("books5:A")).unwrap();
    let text = r#"{"arg":{"channel":"books5","instId":"A"},"data":[{"asks":[["5","1","0","1"],["4","0","0","1"]],"bids":[["6","1","0","1"]],"ts":"2000"}]}"#;
    feed(&mut handler, text, 1);
    feed(&mut handler, &book("books5", "A", "1", 1999), 2);
    feed(&mut handler, &book("books5", "A", "1", 1999), 3);
    let stats = *handler.stats();
    assert_eq!((stats.crossed, stats.unsorted, stats.empty_levels), (1, 1, 1));
    assert_eq!((stats.backwards, stats.books, stats.frames), (1, 3, 3));
}

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
fn an_arbiter_reports_the_end_of_a_subscription() {
    let mut arbiter = Arbiter::new(2);
    let (given_up, kept) = (sub("books5:BTC-USDT"), sub("books5:ETH-USDT"));
    arbiter.subscribe(given_up);
    arbiter.subscribe(kept);
    let reader = arbiter.readers(&given_up).book.unwrap();
    let mut reported = Vec::new();
    arbiter.unsubscribe(&given_up, UnixNanos(9), &mut |event: &Event<'_>| {
        if let Event::State(change) = event {
            reported.push((change.to, event.ts_recv()));
        }
    });
    let down = BookState::Down(DownReason::Unsubscribed);
    assert_eq!(reported, [(down, UnixNanos(9))]);
    assert_eq!(reader.snapshot().state, down);
    assert_eq!(arbiter.state(&given_up), None);
    assert_eq!(arbiter.state(&kept), Some(BookState::Connecting));
}

fn deep(action: &str, asks: &str, bids: &str, [seq, prev_seq]: [i64; 2]) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"A"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1","checksum":0,"seqId":{seq},"prevSeqId":{prev_seq}}}]}}"#
    )
}

const ASK: &str = r#"["10","1","0","1"]"#;
const BID: &str = r#"["9","1","0","1"]"#;

#[test]
fn an_empty_snapshot_empties_the_readers_too() {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(sub("books:A")).unwrap();
    let deep_reader = handler.depth_reader(&sub("books:A")).unwrap();
    let reader = handler.book_reader(&sub("books:A")).unwrap();
    feed(&mut handler, &deep("snapshot", ASK, BID, [10, -1]), 1);
    assert_eq!(deep_reader.live().unwrap().asks().len(), 1);
    feed(&mut handler, &deep("snapshot", "", "", [11, -1]), 2);
    assert_eq!(deep_reader.live().unwrap().asks().len(), 0);
    assert_eq!(reader.live().unwrap().bids().len(), 0);
}

#[test]
fn a_malformed_level_breaks_its_book_and_no_other() {
    let mut handler = FeedHandler::new(Dialect::V5);
    for name in ["books:A", "books-l2-tbt:A", "books:B"] {
        handler.subscribe(sub(name)).unwrap();
    }
    let snapshot = deep("snapshot", ASK, BID, [10, -1]);
    feed(&mut handler, &snapshot, 1);
    feed(&mut handler, &snapshot.replace("books", "books-l2-tbt"), 1);
    feed(&mut handler, &snapshot.replace(r#""A""#, r#""B""#), 1);
    let bad = deep("update", r#"["10","x","0","1"]"#, r#"["9","0","0","0"]"#, [11, 10]);
    let mut states = Vec::new();
    let result =
        handler.on_frame(Frame::Text(bad.as_bytes()), UnixNanos(2), &mut |e: &Event<'_>| {
            if let Event::State(change) = e {
                states.push((change.subscription.to_string(), change.to));
            }
        });
    assert!(result.is_err());
    assert_eq!(states, [("books:A".to_owned(), BookState::Resyncing)]);

    let mut handler = FeedHandler::new(Dialect::V3);
    handler.subscribe(sub("spot/depth_l2_tbt:A")).unwrap();
    let snapshot = r#"{"table":"spot/depth_l2_tbt","action":"partial","data":[{"instrument_id":"A","asks":[],"bids":[],"timestamp":"2021-04-05T10:00:00.000Z","checksum":0}]}"#;
    feed(&mut handler, snapshot, 1);
    let live = |handler: &FeedHandler| {
        handler.depth(&sub("spot/depth_l2_tbt:A")).unwrap().live().is_some()
    };
    // Another channel's, then another market's, then one without a name.
    for (text, is_live) in [
        (r#"{"table":"spot/trade","data":[{"price":"x"}]}"#, true),
        (r#"{"table":"swap/depth_l2_tbt","action":"update","data":[{"asks":1}]}"#, true),
        (r#"{"tabl"#, false),
    ] {
        assert!(
            handler
                .on_frame(Frame::Text(text.as_bytes()), UnixNanos(2), &mut |_: &Event<'_>| {})
                .is_err()
        );
        assert_eq!(live(&handler), is_live, "{text}");
    }
}

#[test]
fn an_arbiter_drops_events_of_ended_subscriptions() {
    let given_up = sub("trades:A");
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(given_up).unwrap();
    let mut arbiter = Arbiter::new(2);
    arbiter.subscribe(given_up);
    arbiter.unsubscribe(&given_up, UnixNanos(1), &mut |_: &Event<'_>| {});
    // The message was in flight; the line does not know of it yet.
    let mut seen = 0;
    let mut count = |_: &Event<'_>| seen += 1;
    let pass = &mut |event: &Event<'_>| arbiter.on_event(0, event, &mut count);
    handler.on_frame(Frame::Text(trade("A", 1).as_bytes()), UnixNanos(2), pass).unwrap();
    assert_eq!(seen, 0);
    // It is subscribed again before the line has ended it: that is not the new subscription's end.
    arbiter.subscribe(given_up);
    handler.unsubscribe(&given_up, UnixNanos(3), &mut |event: &Event<'_>| {
        arbiter.on_event(0, event, &mut |_: &Event<'_>| {});
    });
    assert_eq!(arbiter.state(&given_up), Some(BookState::Connecting));
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

#[test]
fn every_event_has_the_number_of_its_subscription() {
    let (books, trades) = (sub("books5:BTC-USDT"), sub("trades:BTC-USDT"));
    let mut feed = FeedHandler::new(Dialect::V5);
    feed.subscribe(sub("bbo-tbt:BTC-USDT")).unwrap();
    feed.subscribe(books).unwrap();
    // An ended subscription keeps its number, and has it again after a new subscribe.
    let ended = sub("bbo-tbt:BTC-USDT");
    feed.unsubscribe(&ended, UnixNanos(1), &mut |_: &Event<'_>| {});
    feed.subscribe(trades).unwrap();
    feed.subscribe(sub("books:BTC-USDT")).unwrap();
    let ids = [1, 2, 3].map(SubscriptionId::new);
    let known =
        [books, trades, sub("books:BTC-USDT")].map(|of| feed.slots().get(&of).unwrap().id());
    assert_eq!(known, ids);
    feed.subscribe(ended).unwrap();
    assert_eq!(feed.slots().get(&ended).unwrap().id(), SubscriptionId::new(0));
    let trade = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"7","px":"2","sz":"1","side":"buy","ts":"5"}]}"#;
    let next = trade.replace(r#""7""#, r#""8""#);
    let deep = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["2","1","0","1"]],"bids":[],"ts":"5","checksum":0,"seqId":5,"prevSeqId":-1}]}"#;
    let other = book("books5", "ETH-USDT", "2", 6);
    let mut seen = Vec::new();
    for text in [&book("books5", "BTC-USDT", "2", 5), trade, &next, deep, &other] {
        let mut sink = |event: &Event<'_>| seen.push(event.subscription_id());
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).unwrap();
    }
    let [book, trade, deep] = ids;
    // The state, then the event; the second trade changes no state.
    assert_eq!(seen, [book, book, trade, trade, trade, deep, deep, SubscriptionId::NONE]);
}

/// Feeds a text that may be malformed; returns the events.
fn feed_any(handler: &mut FeedHandler, text: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let frame = Frame::Text(text.as_bytes());
    let _ = handler.on_frame(frame, UnixNanos(9), &mut |event: &Event<'_>| {
        seen.push(match event {
            Event::Malformed(fault) => {
                format!(
                    "malformed {}",
                    fault.subscription.map_or_else(|| "-".into(), |s| s.to_string())
                )
            }
            Event::State(change) => format!("{} {}", change.subscription, change.to),
            Event::Trade(TradeUpdate { trade, topic, missed, subscription_id, .. }) => {
                let id = subscription_id.index();
                format!("{} {} missed {missed} of {id:?}", topic.inst_id, trade.trade_id)
            }
            _ => String::new(),
        });
    });
    seen
}

#[test]
fn a_malformed_message_of_any_form_makes_its_numbered_book_stale() {
    let name = sub("books5:BTC-USDT");
    let live = r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["2","1","0","1"]],"bids":[],"ts":"1626995753055","seqId":7}]}"#;
    let bad = r#"[{"asks":[["x","1","0","1"]],"bids":[],"ts":"1","seqId":8}]"#;
    let named = "malformed books5:BTC-USDT";
    for (text, malformed) in [
        (format!(r#"{{"data":{bad},"arg":{{"channel":"books5","instId":"BTC-USDT"}}}}"#), named),
        (format!(r#"{{"arg":{{"instId":"BTC-USDT","channel":"books5"}},"data":{bad}}}"#), named),
        (
            format!(
                r#"{{ "id" : "3", "arg" : {{ "channel" : "books5" , "instId" : "BTC-USDT" }}, "data":{bad}}}"#
            ),
            named,
        ),
        (r#"{"arg":{"channel":"books5","instId":"BTC-U"#.to_owned(), "malformed -"),
        (r#"{"arg":{"chan"#.to_owned(), "malformed -"),
    ] {
        let mut handler = FeedHandler::new(Dialect::V5);
        handler.subscribe(name).unwrap();
        handler.subscribe(sub("books5:ETH-USDT")).unwrap();
        feed_any(&mut handler, live);
        let seen = feed_any(&mut handler, &text);
        assert_eq!(seen, ["books5:BTC-USDT stale", malformed], "{text}");
        assert_eq!(feed_any(&mut handler, live), ["books5:BTC-USDT live", ""]);
    }
}

#[test]
fn a_trade_count_that_cannot_be_read_invents_no_missing_trades() {
    let mut handler = FeedHandler::new(Dialect::V5);
    handler.subscribe(sub("trades:BTC-USDT")).unwrap();
    let mut shown = Vec::new();
    for (id, count) in [
        (100, "\"1\""),
        (103, "\"n/a\""),
        (106, "\"\""),
        (109, "3.0"),
        (112, "\"1\""),
        (113, "\"01\""),
    ] {
        let text = trade("BTC-USDT", id).replace("}]}", &format!(r#","count":{count}}}]}}"#));
        shown.extend(feed_any(&mut handler, &text));
    }
    shown.retain(|shown| shown.contains("missed"));
    let missed: Vec<_> = shown.iter().map(|shown| shown.split(' ').nth(3).unwrap()).collect();
    assert_eq!(missed, ["0", "0", "0", "0", "2", "0"]);
}

#[test]
fn a_renamed_instruments_trades_are_those_of_the_old_subscription() {
    let mut handler = FeedHandler::new(Dialect::V5);
    let old = sub("trades:XAUT-USDT-SWAP");
    handler.subscribe(old).unwrap();
    let renamed = |id| {
        let text = trade("XAU-USDT-SWAP", id);
        text.replacen("XAU-USDT-SWAP", "XAUT-USDT-SWAP", 1)
    };
    feed_any(&mut handler, &trade("XAUT-USDT-SWAP", 1));
    let shown = ["XAU-USDT-SWAP 2 missed 0 of Some(0)"];
    assert_eq!(feed_any(&mut handler, &renamed(2)), shown);
    assert!(feed_any(&mut handler, &renamed(2)).is_empty(), "shown once");
    assert_eq!(handler.trades(&old).unwrap().last().unwrap().trade_id, 2);
    // Who subscribes the new id too has it there.
    handler.subscribe(sub("trades:XAU-USDT-SWAP")).unwrap();
    let shown = feed_any(&mut handler, &renamed(3));
    assert_eq!(shown.last().unwrap(), "XAU-USDT-SWAP 3 missed 0 of Some(1)");
}
