//! The handler: each event reaches its state, and nothing is lost silently.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use okx_feed::feed::StaleLimits;
use okx_feed::{
    BookState, Dialect, DownReason, Event, FeedHandler, Frame, Subscription, TradeUpdate, UnixNanos,
};
use okx_feed_testkit::messages;

pub(super) fn sub(text: &str) -> Subscription {
    text.parse().unwrap()
}

pub(super) fn book(channel: &str, inst_id: &str, px: &str, ts: u64) -> String {
    messages::book(channel, inst_id, px, None, ts)
}

pub(super) fn trade(inst_id: &str, id: u64) -> String {
    messages::trade(inst_id, id, 1, 1_626_995_753_055)
}

pub(super) fn feed(feed: &mut FeedHandler, text: &str, ts_recv: u64) -> Vec<String> {
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
