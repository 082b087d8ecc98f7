//! Known disagreements of JSON parsers, each case by name.

use okx_feed::{DecodeErrorKind, Decoder, Dialect, Event, Frame, UnixNanos};

use okx_feed_testkit::check::Checker;

/// Wraps a value as an ignored member.
fn message(value: &str) -> Vec<u8> {
    format!("{{\"event\":\"x\",\"unread\":{value}}}").into_bytes()
}

fn refused(text: &[u8]) -> Option<DecodeErrorKind> {
    let mut decoder = Decoder::new(Dialect::V5);
    decoder
        .decode(Frame::Text(text), UnixNanos(1), &mut |_: &Event<'_>| {})
        .err()
        .map(|error| error.kind)
}

#[test]
fn valid_json_is_accepted_in_ignored_members() {
    let mut checker = Checker::new(Dialect::V5);
    for value in [
        "-0",
        "0e0",
        "1E+2",
        "1e-9",
        "123456789012345678901234567890",
        "0.1e1",
        "[[],{}]",
        r#""\ud83d\ude00""#,
        r#""\u0000""#,
        "1.0000000000000000001e999",
        "[-9007199254740993.0000000000000001,\"x\"]",
        "\"\u{7f}\"",
        "{\"a\":1,\"a\":2}",
    ] {
        let text = message(value);
        assert_eq!(refused(&text), None, "{value}");
        checker.check(Frame::Text(&text));
    }
}

/// Beyond JSON: `1e999` is a number to its grammar, but no double, and simd-json makes one of each
/// that is not long.
#[test]
fn invalid_json_is_refused_even_in_ignored_members() {
    let mut checker = Checker::new(Dialect::V5);
    for value in [
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "--1",
        "0x1",
        "NaN",
        "Infinity",
        "1e999",
        "-1e309",
        "01234567890123456789",
        "12345678901234567890.",
        "12345678901234567890 1",
        "12345678901234567890\"\"",
        "\"\"12345678901234567890",
        "'a'",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12\"",
        "tru",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "1 2",
        "/**/1",
        "\u{feff}1",
        "\u{a0}1",
        "\u{c}1",
    ] {
        let text = message(value);
        assert_eq!(refused(&text), Some(DecodeErrorKind::Json), "{value}");
        checker.check(Frame::Text(&text));
    }
    for text in [
        &b"\xef\xbb\xbf{\"event\":\"x\"}"[..],
        b"{\"event\":\"x\"}\0",
        b"{\"event\":\"\xc0\x80\"}",
        b"{\"event\":\"\xed\xa0\x80\"}",
    ] {
        assert_eq!(refused(text), Some(DecodeErrorKind::Json), "{}", text.escape_ascii());
        checker.check(Frame::Text(text));
    }
}
