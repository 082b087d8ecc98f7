//! The value types by serde: round trips are exact, and invalid values are refused.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::fmt::Debug;

use okx_feed::book::{BookFlags, BookSide, LevelChange, Sweep};
use okx_feed::model::Text;
use okx_feed::publish::{BookPublisher, DepthPublisher};
use okx_feed::{
    Book5, BookState, Channel, Decimal, Decoder, Dialect, Event, Frame, InstrumentId, Level,
    Market, Side, Subscription, Trade, UnixNanos,
};
use okx_feed_testkit::depth_oracle::{Rng, book_of, level};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Writes a value, reads it back from text, from a stream and from a tree, and gives the tree.
fn round<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    assert_eq!(&serde_json::from_reader::<_, T>(text.as_bytes()).unwrap(), value, "{text}");
    let tree = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(tree.clone()).unwrap(), value, "{text}");
    tree
}

fn fails<T: DeserializeOwned + Debug>(value: &Value) -> String {
    serde_json::from_value::<T>(value.clone()).unwrap_err().to_string()
}

fn number(rng: &mut Rng) -> Decimal {
    let mantissa = rng.draw().cast_signed() >> rng.below(64);
    Decimal::new(mantissa, u8::try_from(rng.below(19)).unwrap()).unwrap()
}

#[test]
fn a_decimal_keeps_every_digit_of_its_text() {
    let mut rng = Rng(31);
    for _ in 0..5_000 {
        let number = number(&mut rng);
        let text = number.to_string();
        assert_eq!(round(&number), json!(text));
        let back: Decimal = serde_json::from_value(json!(text)).unwrap();
        assert!(back.same_text(number), "{text}");
    }
    for odd in [json!(1.5), json!(1), json!("1e3"), json!("01"), json!(""), json!(null)] {
        assert!(fails::<Decimal>(&odd).contains("a decimal number as text"), "{odd}");
    }
}

#[test]
fn names_are_those_of_the_wire() {
    for channel in Channel::ALL {
        // Both dialects have one of this name.
        let is_v3s = channel == Channel::InstrumentsV3;
        let name = if is_v3s { "instruments-v3" } else { channel.name() };
        assert_eq!(round(&channel), json!(name));
    }
    for market in Market::ALL {
        assert_eq!(round(&market), json!(market.name()));
    }
    for side in [Side::Buy, Side::Sell] {
        assert_eq!(round(&side), json!(side.name()));
    }
    for side in [BookSide::Ask, BookSide::Bid] {
        assert_eq!(round(&side), json!(side.name()));
    }
    for dialect in [Dialect::V3, Dialect::V5] {
        assert_eq!(round(&dialect), json!(dialect.name()));
    }
    assert!(fails::<Channel>(&json!("books-x")).contains("\"books-x\""));
    assert!(fails::<Side>(&json!("Buy")).contains("buy or sell"));
    assert!(fails::<Market>(&json!(0)).contains("market"));
}

#[test]
fn every_state_has_a_name_that_reads_back() {
    let mut publisher = BookPublisher::new();
    let reader = publisher.reader();
    let names = [
        "connecting",
        "awaiting_snapshot",
        "live",
        "stale",
        "resyncing",
        "down_rejected",
        "down_unsubscribed",
        "down_stopped",
    ];
    for name in names {
        let state: BookState = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(round(&state), json!(name));
        publisher.publish_state(state);
        assert_eq!(reader.snapshot().state, state);
    }
    assert!(fails::<BookState>(&json!("down")).contains("\"down\""));
}

#[test]
fn instruments_and_subscriptions_are_texts() {
    for text in ["books5:BTC-USDT", "futures/depth5:BTC-USD-190517", "books-l2-tbt:A/B:C"] {
        let subscription: Subscription = text.parse().unwrap();
        assert_eq!(round(&subscription), json!(text));
        assert_eq!(round(subscription.inst_id()), json!(subscription.inst_id().as_str()));
    }
    for odd in ["books5", "depth5:BTC-USDT", "spot/books5:BTC-USDT", "books5:"] {
        assert!(fails::<Subscription>(&json!(odd)).contains("books5:BTC-USDT (v5)"), "{odd}");
    }
    assert!(fails::<InstrumentId>(&json!("X".repeat(64))).contains("1 to 63 bytes"));
}

#[test]
fn times_are_nanoseconds() {
    for time in [UnixNanos(0), UnixNanos(u64::MAX), UnixNanos(1_597_026_383_085_000_000)] {
        assert_eq!(round(&time), json!(time.0));
    }
    assert!(serde_json::from_value::<UnixNanos>(json!(-1)).is_err());
}

#[test]
fn a_trade_comes_back_whole() {
    let mut rng = Rng(32);
    for _ in 0..2_000 {
        let side = if rng.one_in(2) { Side::Buy } else { Side::Sell };
        let mut trade = Trade::new(side, number(&mut rng), number(&mut rng));
        trade.trade_id = rng.draw();
        trade.count = 1 + u32::try_from(rng.below(9)).unwrap();
        trade.source = u8::try_from(rng.below(2)).unwrap();
        (trade.ts_event, trade.ts_recv) = (UnixNanos(rng.draw()), UnixNanos(rng.draw()));
        if rng.one_in(2) {
            trade.seq = rng.draw().cast_signed() >> 1;
        }
        round(&trade);
    }
    let trade = Trade::new(Side::Sell, "124.0".parse().unwrap(), "3".parse().unwrap());
    let mut tree = round(&trade);
    let want = json!({
        "ts_event": 0, "ts_recv": 0, "trade_id": 0, "seq": null, "side": "sell", "px": "124.0",
        "sz": "3", "count": 1, "source": 0
    });
    assert_eq!(tree, want);
    // No trade is made of no fill.
    tree["count"] = json!(0);
    assert!(fails::<Trade>(&tree).contains("nonzero"));
}

#[test]
fn a_book_comes_back_whole() {
    let mut rng = Rng(33);
    let mut odd = 0;
    for _ in 0..2_000 {
        let mut side = || -> Vec<Level> {
            let count = u32::try_from(rng.below(3)).unwrap();
            (0..rng.below(6))
                .map(|_| Level::new(number(&mut rng), number(&mut rng), count))
                .collect()
        };
        let mut book = Book5::new(&side(), &side());
        (book.ts_event, book.ts_recv) = (UnixNanos(rng.draw()), UnixNanos(rng.draw()));
        if rng.one_in(2) {
            book.seq = rng.draw().cast_signed() >> 1;
        }
        round(&book);
        round(&book.flags());
        odd += u32::from(!book.flags().is_empty());
    }
    assert!(odd > 500, "{odd}");
    let book = Book5::new(&[level("101.50", "2")], &[level("102", "0")]);
    let want = json!({
        "ts_event": 0, "ts_recv": 0, "seq": null, "asks": [["101.50", "2", 1]],
        "bids": [["102", "0", 1]], "flags": ["crossed", "empty_level"]
    });
    assert_eq!(round(&book), want);
}

/// Flags are computed from the levels, not read from the text. Only the original order is taken
/// from the text.
#[test]
fn a_book_that_is_read_is_flagged_by_its_levels() {
    let text = |flags: &[&str], asks: &[&str]| {
        let asks: Vec<_> = asks.iter().map(|px| json!([px, "1", 0])).collect();
        json!({"ts_event": 0, "ts_recv": 0, "seq": 1, "asks": asks, "bids": [], "flags": flags})
    };
    let flags = |tree: Value| serde_json::from_value::<Book5>(tree).unwrap().flags();
    assert_eq!(flags(text(&["crossed", "empty_level"], &["1"])), BookFlags::NONE);
    assert_eq!(flags(text(&[], &["2", "1"])), BookFlags::UNSORTED);
    assert_eq!(flags(text(&["unsorted"], &["1", "2"])), BookFlags::UNSORTED);
    assert!(fails::<Book5>(&text(&["odd"], &[])).contains("\"odd\""));
    assert!(fails::<Book5>(&text(&[], &["1"; 6])).contains("at most 5 levels"));
    let mut plain = text(&[], &["1"]);
    plain.as_object_mut().unwrap().remove("flags");
    assert_eq!(flags(plain), BookFlags::NONE);
}

#[test]
fn changes_and_sweeps_come_back() {
    let (old, new) = (Book5::new(&[level("1", "2")], &[]), Book5::new(&[level("1", "3")], &[]));
    new.changes_since(&old, |change: LevelChange| {
        let want = json!({"side": "ask", "before": ["1", "2", 1], "after": ["1", "3", 1]});
        assert_eq!(round(&change), want);
    });
    let sweep: Sweep = new.sweep(Side::Buy, Decimal::from(2)).unwrap();
    let want = json!({"filled": "2", "worst_px": "1", "avg_px": "1.000000000", "complete": true});
    assert_eq!(round(&sweep), want);
}

#[test]
fn snapshots_are_written() {
    let book = book_of(8, &[level("101.0", "2"), level("102", "1")], &[level("100", "1")]);
    let mut levels = DepthPublisher::new();
    levels.publish_book(&book.view(), BookState::Live);
    let want = json!({
        "state": "live", "version": 1, "value": {
            "ts_event": 1, "ts_recv": 2, "seq": null,
            "asks": [["101.0", "2", 1], ["102", "1", 1]], "bids": [["100", "1", 1]]
        }
    });
    assert_eq!(serde_json::to_value(levels.reader().snapshot()).unwrap(), want);
    let mut five = BookPublisher::new();
    five.publish(&book.view().top5(), BookState::Stale);
    let tree = serde_json::to_value(five.reader().snapshot()).unwrap();
    assert_eq!((&tree["state"], &tree["version"]), (&json!("stale"), &json!(1)));
    assert_eq!(serde_json::from_value::<Book5>(tree["value"].clone()).unwrap(), book.view().top5());
}

#[test]
fn records_come_back_whole_and_what_is_absent_is_null() {
    let texts = [
        r#"{"arg":{"channel":"tickers","instId":"A"},"data":[{"instId":"A","last":"1.50","askPx":"","ts":"1765201256914"}]}"#,
        r#"{"arg":{"channel":"instruments","instType":"SWAP"},"data":[{"instId":"A-SWAP","instType":"SWAP","state":"live","tickSz":"0.1","instIdCode":7}]}"#,
        r#"{"arg":{"channel":"status"},"data":[{"begin":"1","state":"ongoing","title":"Wörk","ts":"2"}]}"#,
        r#"{"arg":{"channel":"candle1m","instId":"A"},"data":[["1","1.0","2","0.5","1.5","7","8","9","1"]]}"#,
    ];
    let mut trees = Vec::new();
    for text in texts {
        let mut decoder = Decoder::new(Dialect::V5);
        let mut sink = |event: &Event<'_>| {
            if let Event::Record(update) = event {
                trees.push(round(update.record));
            }
        };
        decoder.decode(Frame::Text(text.as_bytes()), UnixNanos(3), &mut sink).unwrap();
    }
    let [ticker, instrument, status, candle] = <[Value; 4]>::try_from(trees).unwrap();
    assert_eq!(ticker["data"]["Ticker"]["last"], "1.50");
    assert_eq!(ticker["data"]["Ticker"]["ask_px"], Value::Null);
    assert_eq!(
        (&ticker["ts_recv"], &instrument["data"]["Instrument"]["inst_id_code"]),
        (&json!(3), &json!(7))
    );
    assert_eq!(status["data"]["Status"]["title"], "Wörk");
    assert_eq!(candle["data"]["Candle"]["confirm"], true);
    let long = json!("x".repeat(8));
    assert!(fails::<Text<7>>(&long).contains("short text"));
}
