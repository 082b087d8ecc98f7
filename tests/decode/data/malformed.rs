//! The effects of a malformed message, and its attribution to a subscription.

use okx_feed::{BookState, Dialect, Frame};

use crate::data::{Feed, deflated, sub, v3_message, v5_message};

fn book(channel: &str, id: &str, ts: u64) -> String {
    let item = format!(r#""asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"{ts}""#);
    v5_message(channel, id, &item)
}

#[test]
fn a_malformed_book_is_stale_until_its_next_message() {
    for channel in ["books5", "bbo-tbt"] {
        let (ours, other) = (format!("{channel}:A"), format!("{channel}:B"));
        let mut feed = Feed::new(Dialect::V5, &[&ours, &other]);
        let reader = feed.handler.book_reader(&sub(&ours)).unwrap();
        feed.text(&book(channel, "A", 1_000));
        feed.text(&book(channel, "B", 1_000));
        for (bad, kind) in [
            (book(channel, "A", 1_001).replace(r#"["2""#, r#"["x""#), "number"),
            (book(channel, "A", 1_001).replace("}]}", "}]"), "json"),
            (book(channel, "A", 1_001).replace(r#""asks""#, r#""offers""#), "missing_field"),
        ] {
            let events = feed.text(&bad);
            let malformed = format!("malformed {kind} of {ours}");
            assert_eq!(events, [format!("{ours} stale"), malformed], "{bad}");
            assert!(reader.live().is_none());
            assert_eq!(feed.state(&other), BookState::Live);
            let events = feed.text(&book(channel, "A", 1_002));
            assert_eq!(events[0], format!("{ours} live"));
            assert!(reader.live().is_some());
        }
    }
}

/// v3 names the instrument after the levels. In valid JSON it is found all the same.
#[test]
fn a_malformed_v3_book_is_stale_or_all_that_it_may_have_been() {
    let subscriptions = ["spot/depth5:A", "spot/depth5:B", "swap/depth5:A", "spot/trade:A"];
    let mut feed = Feed::new(Dialect::V3, &subscriptions);
    let book = |table: &str, id: &str| v3_message(table, id, r#""asks":[["2","1","1"]],"bids":[]"#);
    for (table, id) in [("spot/depth5", "A"), ("spot/depth5", "B"), ("swap/depth5", "A")] {
        feed.text(&book(table, id));
    }
    let states = |feed: &Feed| {
        ["spot/depth5:A", "spot/depth5:B", "swap/depth5:A"].map(|of| feed.state(of).is_live())
    };
    assert_eq!(states(&feed), [true; 3]);
    let bad = book("spot/depth5", "A").replace(r#""2""#, r#""x""#);
    for frame in [Frame::Text(bad.as_bytes()), Frame::Binary(&deflated(&bad))] {
        let events = feed.frame(frame);
        assert_eq!(events, ["spot/depth5:A stale", "malformed number of spot/depth5:A"]);
        assert_eq!(states(&feed), [false, true, true]);
        feed.text(&book("spot/depth5", "A"));
    }
    // The beginning of an invalid v3 text names no instrument.
    let events = feed.text(&bad.replace("}]}", "}]"));
    assert_eq!(events, ["spot/depth5:A stale", "spot/depth5:B stale", "malformed json of ?"]);
    assert_eq!(states(&feed), [false, false, true]);
    // Without a text it may belong to any book.
    let events = feed.frame(Frame::Binary(&[0xff; 9]));
    assert_eq!(events, ["swap/depth5:A stale", "malformed deflate of ?"]);
    // Two items of two instruments.
    feed.text(&book("spot/depth5", "A"));
    feed.text(&book("spot/depth5", "B"));
    let (_, item) = bad.split_once('[').unwrap();
    let two = bad.replace("]}", &format!(",{}", item.replace(r#":"A""#, r#":"B""#)));
    let events = feed.text(&two);
    assert_eq!(events.last().unwrap(), "malformed number of ?");
    assert_eq!(states(&feed), [false; 3]);
}

#[test]
fn a_malformed_trade_leaves_a_number_out() {
    let mut feed = Feed::new(Dialect::V5, &["trades:A", "trades:B"]);
    let tape = feed.handler.trade_reader(&sub("trades:A")).unwrap();
    let other = feed.handler.trade_reader(&sub("trades:B")).unwrap();
    let trade = |id: u64| {
        let item = format!(
            r#""instId":"A","tradeId":"{id}","px":"1","sz":"2","side":"buy","ts":"1795940000000""#
        );
        v5_message("trades", "A", &item)
    };
    feed.text(&trade(1));
    let events = feed.text(&trade(2).replace("buy", "bid"));
    assert_eq!(events, ["malformed side of trades:A"]);
    assert_eq!((tape.next(), tape.last().unwrap().trade_id), (2, 1));
    // The ids detect it as well.
    assert_eq!(feed.text(&trade(3)), ["trades:A 3 2@1 x1 from 0 false missed 1"]);
    let numbers = |from: u64| {
        tape.since(from).map(|(number, trade)| (number, trade.trade_id)).collect::<Vec<_>>()
    };
    assert_eq!(numbers(0), [(0, 1), (2, 3)]);
    let ring = feed.handler.trades(&sub("trades:A")).unwrap();
    assert_eq!((ring.next(), ring.at(1).is_none(), ring.iter().count()), (3, true, 2));
    assert_eq!((other.next(), feed.handler.stats().lost_trades), (0, 1));
}

/// The ids of v3 have gaps, so that nothing else detects the loss.
#[test]
fn an_unreadable_v3_frame_may_have_been_a_trade() {
    let mut feed = Feed::new(Dialect::V3, &["spot/trade:A"]);
    let trade =
        v3_message("spot/trade", "A", r#""side":"buy","trade_id":"1","price":"1","size":"2""#);
    feed.text(&trade);
    feed.frame(Frame::Binary(&[0xff; 9]));
    feed.text(&trade.replace(r#""trade_id":"1""#, r#""trade_id":"5""#));
    let ring = feed.handler.trades(&sub("spot/trade:A")).unwrap();
    assert_eq!((ring.next(), ring.iter().count()), (3, 2));
    let events = feed.text(&trade.replace("buy", "bid"));
    assert_eq!(events, ["malformed side of spot/trade:A"]);
}
