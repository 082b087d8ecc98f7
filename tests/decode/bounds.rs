//! Every limit on the cost of bytes, at the limit and one past it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use okx_feed::wire::DecodeLimits;
use okx_feed::{
    Book5, Decimal, DecodeErrorKind as Kind, Decoder, DepthBook, Dialect, Event, Frame,
    InstrumentId, UnixNanos,
};

/// Decodes a frame; `None` if it is accepted.
fn refused(dialect: Dialect, frame: Frame<'_>) -> Option<Kind> {
    let mut decoder = Decoder::new(dialect);
    let decoded = decoder.decode(frame, UnixNanos(1), &mut |_: &Event<'_>| {});
    decoded.err().map(|error| error.kind)
}

fn v5(text: &str) -> Option<Kind> {
    refused(Dialect::V5, Frame::Text(text.as_bytes()))
}

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).unwrap());
    let mut body = vec![0; compressor.deflate_compress_bound(text.len())];
    let len = compressor.deflate_compress(text, &mut body).unwrap();
    body.truncate(len);
    body
}

/// A message of so many bytes, most of them white space.
fn long(len: usize) -> String {
    format!("{{{}}}", " ".repeat(len - 2))
}

fn book(channel: &str, id: &str, levels: usize, level: &str) -> String {
    let levels = vec![level; levels].join(",");
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"{id}"}},"action":"snapshot","data":[{{"asks":[{levels}],"bids":[],"ts":"1654032991947"}}]}}"#
    )
}

const LEVEL: &str = r#"["1","2","0","3"]"#;

#[test]
fn a_frame_has_at_most_max_frame_len_bytes() {
    assert_eq!(v5(&long(DecodeLimits::MAX_FRAME_LEN)), None);
    assert_eq!(v5(&long(DecodeLimits::MAX_FRAME_LEN + 1)), Some(Kind::FrameTooLarge));
}

#[test]
fn a_body_has_at_most_max_body_len_bytes() {
    // Bytes after the end of a stream are ignored, but are part of the length.
    let mut body = deflated(b"{}");
    body.resize(DecodeLimits::MAX_BODY_LEN, 0);
    assert_eq!(refused(Dialect::V3, Frame::Binary(&body)), None);
    body.push(0);
    assert_eq!(refused(Dialect::V3, Frame::Binary(&body)), Some(Kind::FrameTooLarge));
}

#[test]
fn a_body_inflates_to_at_most_max_inflated_len_bytes() {
    let kind = |len: usize| refused(Dialect::V3, Frame::Binary(&deflated(long(len).as_bytes())));
    assert_eq!(kind(DecodeLimits::MAX_INFLATED_LEN), None);
    assert_eq!(kind(DecodeLimits::MAX_INFLATED_LEN + 1), Some(Kind::InflatedTooLarge));
}

#[test]
fn data_has_at_most_max_items() {
    let item = r#"{"tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1654032991947"}"#;
    let message = |items: usize| {
        let items = vec![item; items].join(",");
        format!(r#"{{"arg":{{"channel":"trades","instId":"X"}},"data":[{items}]}}"#)
    };
    assert_eq!(v5(&message(DecodeLimits::MAX_ITEMS)), None);
    assert_eq!(v5(&message(DecodeLimits::MAX_ITEMS + 1)), Some(Kind::TooManyItems));
}

#[test]
fn a_side_has_at_most_as_many_levels_as_its_channel() {
    assert_eq!(v5(&book("books", "X", DecodeLimits::MAX_DEPTH_LEVELS, LEVEL)), None);
    let over = v5(&book("books", "X", DecodeLimits::MAX_DEPTH_LEVELS + 1, LEVEL));
    assert_eq!(over, Some(Kind::TooManyLevels));
    // A book of five levels keeps the best of more.
    for channel in ["books5", "bbo-tbt"] {
        for levels in [Book5::LEVELS + 1, 10_000] {
            assert_eq!(v5(&book(channel, "X", levels, LEVEL)), None, "{channel}");
        }
    }
}

#[test]
fn an_id_has_at_most_max_id_len_bytes() {
    let kind = |len: usize| v5(&book("books5", &"A".repeat(len), 1, LEVEL));
    assert_eq!((kind(0), kind(1)), (Some(Kind::InstrumentId), None));
    assert_eq!(
        (kind(InstrumentId::MAX_LEN), kind(InstrumentId::MAX_LEN + 1)),
        (None, Some(Kind::InstrumentId))
    );
    // Bytes, not characters.
    assert_eq!(v5(&book("books5", &"\u{e9}".repeat(32), 1, LEVEL)), Some(Kind::InstrumentId));
}

#[test]
fn a_number_has_at_most_max_scale_decimals_and_an_i64_of_digits() {
    let kind = |px: &str| v5(&book("books5", "X", 1, &format!(r#"["{px}","2","0","3"]"#)));
    let scale = usize::from(Decimal::MAX_SCALE);
    assert_eq!(kind(&format!("0.{:0>scale$}", 1)), None);
    assert_eq!(kind(&format!("0.{:0>1$}", 1, scale + 1)), Some(Kind::NumberScale));
    assert_eq!(kind("9223372036854775807"), None);
    assert_eq!(kind("9223372036854775808"), Some(Kind::NumberOverflow));
    assert_eq!(kind("9.223372036854775807"), None);
    assert_eq!(kind("9.223372036854775808"), Some(Kind::NumberOverflow));
    assert_eq!(kind("-9223372036854775808"), None);
    assert_eq!(kind("-9223372036854775809"), Some(Kind::NumberOverflow));
    assert_eq!(kind(&"9".repeat(100_000)), Some(Kind::NumberOverflow));
}

#[test]
fn json_is_nested_at_most_max_json_depth_deep() {
    // The message's own object is one level.
    let kind = |depth: usize, open: &str, close: &str| {
        let (open, close) = (open.repeat(depth - 1), close.repeat(depth - 1));
        v5(&format!(r#"{{"event":"x","unread":{open}1{close}}}"#))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        assert_eq!(kind(DecodeLimits::MAX_JSON_DEPTH, open, close), None);
        assert_eq!(kind(DecodeLimits::MAX_JSON_DEPTH + 1, open, close), Some(Kind::Json));
    }
    assert_eq!(v5(&"[".repeat(DecodeLimits::MAX_FRAME_LEN)), Some(Kind::Json));
}

#[test]
fn an_order_book_has_at_most_max_depth_levels() {
    assert_eq!(
        DepthBook::with_capacity(DepthBook::MAX_CAPACITY).capacity(),
        DepthBook::MAX_CAPACITY
    );
    assert_eq!(
        DepthBook::with_capacity(DepthBook::MAX_CAPACITY + 1).capacity(),
        DepthBook::MAX_CAPACITY
    );
    assert_eq!(DepthBook::with_capacity(0).capacity(), 1);
}

/// The work for an item must not grow with the length before it: otherwise this takes a minute.
#[test]
#[should_panic(expected = "capacity overflow")]
fn a_limit_that_no_memory_could_hold_is_no_limit() {
    let limits = DecodeLimits { frame_len: usize::MAX, ..DecodeLimits::default() };
    let _ = Decoder::with_limits(Dialect::V3, limits);
}

#[test]
fn numbers_in_any_order_behind_a_long_part_cost_no_more_than_their_bytes() {
    let item = r#"{"trade_id":1,"qty":2,"price":3,"side":"buy","instrument_id":"X","timestamp":"2021-04-25T08:24:33.352Z"}"#;
    let items = vec![item; DecodeLimits::MAX_ITEMS].join(",");
    let unread = "1,".repeat(400_000);
    let text = format!(r#"{{"unread":[{unread}0],"table":"futures/trade","data":[{items}]}}"#);
    assert_eq!(refused(Dialect::V3, Frame::Text(text.as_bytes())), None);
}
