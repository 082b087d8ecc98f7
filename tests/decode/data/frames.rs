//! Frames that are not data, not compressed, padded or too long.

use okx_feed::wire::DecodeLimits;
use okx_feed::{DecodeErrorKind as Kind, Decoder, Dialect, Event, Frame, UnixNanos};

use crate::data::{Feed, deflated, name, v3_message, v5_message};

fn v3(frame: Frame<'_>) -> Result<Vec<String>, Kind> {
    let mut decoder = Decoder::new(Dialect::V3);
    let mut events = Vec::new();
    // A previous frame, to prove that its state is not used for this one.
    let before = deflated(&trade("BEFORE"));
    decoder.decode(Frame::Binary(&before), UnixNanos(1), &mut |_: &Event<'_>| {}).unwrap();
    let decoded = decoder.decode(frame, UnixNanos(1), &mut |e: &Event<'_>| events.push(name(e)));
    decoded.map(|_| events).map_err(|error| error.kind)
}

fn trade(id: &str) -> String {
    v3_message("spot/trade", id, r#""side":"buy","trade_id":"1","price":"1","size":"2""#)
}

#[test]
fn pings_and_pongs_are_no_data_and_break_nothing() {
    for dialect in [Dialect::V3, Dialect::V5] {
        let (deep, text) = match dialect {
            Dialect::V3 => (
                "spot/depth:A",
                v3_message("spot/depth", "A", r#""asks":[],"bids":[],"checksum":0"#),
            ),
            Dialect::V5 => (
                "books:A",
                v5_message("books", "A", r#""asks":[],"bids":[],"ts":"1795940000000""#)
                    .replace(r#""data""#, r#""action":"snapshot","data""#),
            ),
        };
        let mut feed = Feed::new(dialect, &[deep]);
        feed.text(&text);
        for (word, expected) in [
            ("pong", "pong"),
            ("PONG", "pong"),
            ("pong ", "pong"),
            (" pong", "pong"),
            ("Pong\r\n", "pong"),
            ("ping", "ping"),
            ("PING", "ping"),
            ("\tping\n", "ping"),
        ] {
            assert_eq!(feed.text(word), [expected], "{word:?}");
        }
        assert!(feed.state(deep).is_live());
        assert_eq!((feed.handler.stats().malformed(), feed.handler.stats().pongs), (0, 5));
        // Other words are no messages.
        for word in ["pongs", "pin", "p", "", " ", "ping pong", "\"pong\""] {
            assert!(feed.text(word).last().unwrap().starts_with("malformed"), "{word:?}");
        }
    }
}

#[test]
fn a_v3_binary_frame_may_hold_plain_text() {
    let text = trade("A");
    let events = ["trade:A 1 2@1 x1 from 0"].map(str::to_owned).to_vec();
    for body in [text.clone(), format!(" {text}\n")] {
        assert_eq!(v3(Frame::Binary(body.as_bytes())), Ok(events.clone()), "{body}");
    }
    for (word, kind) in [("pong", "pong"), ("PONG ", "pong"), ("ping", "ping")] {
        assert_eq!(v3(Frame::Binary(word.as_bytes())), Ok(vec![kind.to_owned()]));
        assert_eq!(v3(Frame::Binary(&deflated(word))), Ok(vec![kind.to_owned()]));
    }
    // Longer than a compressed body may be.
    let long = text.replace(
        "\"data\"",
        &format!("\"x\":\"{}\",\"data\"", "y".repeat(DecodeLimits::MAX_BODY_LEN)),
    );
    assert_eq!(v3(Frame::Binary(long.as_bytes())), Ok(events));
    // Bytes that are neither are treated as compressed.
    assert_eq!(v3(Frame::Binary(b"{\"a\":1")), Err(Kind::Deflate));
    assert_eq!(v3(Frame::Binary(b"hello")), Err(Kind::Deflate));
    assert_eq!(v3(Frame::Binary(b"{\"a\":}")), Err(Kind::Json));
    // A malformed message is of its subscription.
    let mut feed = Feed::new(Dialect::V3, &["spot/trade:A"]);
    let events = feed.frame(Frame::Binary(text.replace("buy", "bid").as_bytes()));
    assert_eq!(events, ["malformed side of spot/trade:A"]);
}

#[test]
fn bytes_after_the_end_of_a_stream_are_ignored() {
    let whole = deflated(&trade("A"));
    let events = Ok(vec!["trade:A 1 2@1 x1 from 0".to_owned()]);
    for padding in [&[0; 1][..], &[0; 7], &[0; 64], b"\xff\xff", &whole] {
        let body = [&whole[..], padding].concat();
        assert_eq!(v3(Frame::Binary(&body)), events, "{} bytes", padding.len());
    }
    assert_eq!(v3(Frame::Binary(&whole[..whole.len() - 1])), Err(Kind::Deflate));
}

#[test]
fn an_unread_channel_is_skipped_however_long_its_message_is() {
    let data = |len: usize| "{\"a\":\"0\"},".repeat(len / 10);
    let v5 = |channel: &str, len: usize| {
        let data = data(len);
        format!(r#"{{"arg":{{"channel":"{channel}","instId":"A"}},"data":[{data}{{}}]}}"#)
    };
    let v3_text =
        |table: &str, len: usize| format!(r#"{{"table":"{table}","data":[{}{{}}]}}"#, data(len));
    let mut feed = Feed::new(Dialect::V5, &["books:A", "books5:A"]);
    feed.text(&v5_message("books5", "A", r#""asks":[],"bids":[],"ts":"1795940000000""#));
    for len in
        [DecodeLimits::MAX_FRAME_LEN - 100_000, DecodeLimits::MAX_FRAME_LEN + 100_000, 8 << 20]
    {
        assert_eq!(feed.text(&v5("greeks", len)), ["skipped greeks"]);
    }
    assert_eq!(feed.handler.stats().malformed(), 0);
    assert!(feed.state("books5:A").is_live());
    // One of a subscribed channel is malformed, and its subscription is known.
    let events = feed.text(&v5("books5", DecodeLimits::MAX_FRAME_LEN + 100_000));
    assert_eq!(events, ["books5:A stale", "malformed frame_too_large of books5:A"]);
    assert_eq!(feed.text(&" ".repeat(2 << 20)), ["malformed frame_too_large of ?"]);

    let skipped = |channel: &str| Ok(vec![format!("skipped {channel}")]);
    let long = v3_text("futures/no_such_channel", DecodeLimits::MAX_INFLATED_LEN + 100_000);
    assert_eq!(v3(Frame::Text(long.as_bytes())), skipped("no_such_channel"));
    assert_eq!(v3(Frame::Binary(&deflated(&long))), skipped("no_such_channel"));
    // A channel of that name on a market that there is not.
    let long = v3_text("moon/trade", DecodeLimits::MAX_INFLATED_LEN + 100_000);
    assert_eq!(v3(Frame::Binary(&deflated(&long))), skipped("trade"));
    // A body that is too long itself: no two of its items are alike.
    let mut seed = 1_u64;
    let items = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("\"{seed}\",")
    });
    let items: String = items.take(10_000).collect();
    let noisy = |table: &str| deflated(&format!(r#"{{"table":"{table}","data":[{items}0]}}"#));
    let body = noisy("spot/no_such_channel");
    assert!(body.len() > DecodeLimits::MAX_BODY_LEN);
    assert_eq!(v3(Frame::Binary(&body)), skipped("no_such_channel"));
    assert_eq!(v3(Frame::Binary(&noisy("spot/trade"))), Err(Kind::FrameTooLarge));
    let read = v3_text("spot/trade", DecodeLimits::MAX_INFLATED_LEN + 100_000);
    assert_eq!(v3(Frame::Binary(&deflated(&read))), Err(Kind::InflatedTooLarge));
}
