//! `okx-feed decode`: what a lost message does to order books, and what the JSON says of them.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::program::{Program, text};

/// The events of lines on standard input, the summary and the exit code.
pub(crate) fn decode(args: &[&str], lines: &[String]) -> (Vec<Value>, String, Option<i32>) {
    let (input, mut end) = std::io::pipe().unwrap();
    let program = Program::start_with(&[&["decode"], args, &["-"]].concat(), input);
    let all = lines.join("\n");
    let writer = std::thread::spawn(move || end.write_all(all.as_bytes()));
    let output = program.finish();
    writer.join().unwrap().unwrap();
    let events = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap());
    (events.collect(), text(&output.stderr).to_owned(), output.status.code())
}

/// The base64 of a v3 frame.
fn v3_frame(message: &str) -> String {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(message.as_bytes()).unwrap();
    BASE64.encode(encoder.finish().unwrap())
}

/// A message of a v3 book of `id` with an ask of this price.
fn v3_book(id: &str, action: &str, ask: &str) -> String {
    format!(
        r#"{{"table":"swap/depth","action":"{action}","data":[{{"instrument_id":"{id}","asks":[["{ask}","1","0","1"]],"bids":[],"timestamp":"2020-01-01T00:00:00.000Z"}}]}}"#
    )
}

/// A message of a v5 book with an ask of this price and with or without a number.
fn v5_book(id: &str, action: &str, ask: &str, seq: Option<u32>) -> String {
    let numbers = seq.map_or(String::new(), |seq| {
        let prev = if action == "snapshot" { -1 } else { i64::from(seq) - 1 };
        format!(r#","seqId":{seq},"prevSeqId":{prev}"#)
    });
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{id}"}},"action":"{action}","data":[{{"asks":[["{ask}","1","0","1"]],"bids":[],"ts":"1700000000000"{numbers}}}]}}"#
    )
}

/// The instrument, the state and the fault of each order-book event.
fn states(events: &[Value]) -> Vec<(String, String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let depths = events.iter().filter(|event| event["event"] == "depth");
    depths
        .map(|event| {
            let part = |name: &str| text(&event[name]);
            (part("inst_id").unwrap(), part("state").unwrap(), part("fault"))
        })
        .collect()
}

fn live(id: &str) -> (String, String, Option<String>) {
    (id.to_owned(), "live".to_owned(), None)
}

fn lost(id: &str) -> (String, String, Option<String>) {
    (id.to_owned(), "broken".to_owned(), Some("lost".to_owned()))
}

#[test]
fn a_malformed_message_breaks_its_own_book_until_a_snapshot() {
    for seq in [None, Some(10)] {
        let next = |n| seq.map(|seq| seq + n);
        let (events, _, code) = decode(
            &["--dialect", "v5"],
            &[
                v5_book("A", "snapshot", "101", seq),
                v5_book("B", "snapshot", "101", seq),
                v5_book("A", "update", "x", next(1)),
                v5_book("A", "update", "102", next(1)),
                v5_book("B", "update", "102", next(1)),
                v5_book("A", "snapshot", "103", next(5)),
            ],
        );
        let expected = [live("A"), live("B"), lost("A"), live("B"), live("A")];
        assert_eq!((states(&events), code), (expected.to_vec(), Some(1)), "{seq:?}");
    }
    let frame = |message: String| format!("1577836800.1\t{}", v3_frame(&message));
    let (events, ..) = decode(
        &["--dialect", "v3", "--form", "tsv"],
        &[
            frame(v3_book("A", "partial", "101")),
            frame(v3_book("B", "partial", "101")),
            frame(v3_book("A", "update", "x")),
            frame(v3_book("A", "update", "102")),
            frame(v3_book("B", "update", "102")),
        ],
    );
    assert_eq!(states(&events), [live("A"), live("B"), lost("A"), live("B")]);
}

/// A line or a gap of which nothing is known, before an update of A without numbers and one of B
/// with numbers, of another connection.
fn after(line: &str) -> Vec<(String, String, Option<String>)> {
    let frame = |connection: &str, message: String| format!("17\ttext/{connection}\t{message}");
    let (events, _, code) = decode(
        &["--dialect", "v5", "--form", "tsv"],
        &[
            frame("0.0", v5_book("A", "snapshot", "101", None)),
            frame("1.0", v5_book("A", "snapshot", "101", None)),
            frame("1.0", v5_book("B", "snapshot", "101", Some(1))),
            line.to_owned(),
            frame("0.0", v5_book("A", "update", "102", None)),
            frame("1.0", v5_book("A", "update", "102", None)),
            frame("1.0", v5_book("B", "update", "102", Some(2))),
        ],
    );
    assert_eq!(code, Some(1), "{line}");
    states(&events)[3..].to_vec()
}

#[test]
fn what_may_have_lost_a_message_breaks_books_whose_numbers_do_not_show_it() {
    // A gap, and a line whose connection is not known, may have been of any connection.
    let long = format!("18\ttext/0.0\t{}", "x".repeat(2 << 20));
    for line in ["18\tgap/0.0\tlines=1", "no columns", ""] {
        assert_eq!(after(line), [lost("A"), lost("A"), live("B")], "{line}");
    }
    for line in ["18\tbinary/0.0\t@@@@", "x\ttext/0.0\t{}", "18\ttext/0.0\t{\"arg\"", &long] {
        let name = &line[..line.len().min(20)];
        assert_eq!(after(line), [lost("A"), live("A"), live("B")], "{name}");
    }
}

#[test]
fn flags_of_a_snapshot_are_those_of_its_message() {
    let message = |asks: &str, bids: &str, action: &str, seq: u32| {
        let prev = if action == "snapshot" { -1 } else { i64::from(seq) - 1 };
        format!(
            r#"{{"arg":{{"channel":"books","instId":"A"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1700000000000","seqId":{seq},"prevSeqId":{prev}}}]}}"#
        )
    };
    let snapshot = |asks, bids| message(asks, bids, "snapshot", 1);
    let cases = [
        (snapshot(r#"["101","1"],["103","1"]"#, r#"["100","1"],["99","1"]"#), json!([])),
        (snapshot(r#"["103","1"],["101","1"]"#, r#"["100","1"]"#), json!(["unsorted"])),
        (snapshot(r#"["101","1"]"#, r#"["99","1"],["100","1"]"#), json!(["unsorted"])),
        (snapshot(r#"["101","1"],["101","2"]"#, r#"["100","1"]"#), json!(["unsorted"])),
        (snapshot(r#"["101","0"],["102","1"]"#, r#"["100","1"]"#), json!(["empty_level"])),
        (snapshot(r#"["100","1"]"#, r#"["100","1"]"#), json!(["crossed"])),
        (
            snapshot(r#"["102","1"],["101","0"]"#, r#"["102","1"]"#),
            json!(["crossed", "unsorted", "empty_level"]),
        ),
        // A deletion is no empty level.
        (message(r#"["102","0"],["101","1"]"#, r#"["102","0"]"#, "update", 2), json!([])),
    ];
    let lines: Vec<String> = cases.iter().map(|(line, _)| line.clone()).collect();
    let (events, ..) = decode(&["--dialect", "v5"], &lines);
    let flags: Vec<Value> = events.iter().map(|event| event["flags"].clone()).collect();
    assert_eq!(flags, cases.map(|(_, flags)| flags));
}

#[test]
fn a_message_that_is_not_decoded_is_skipped_whatever_its_length() {
    for len in [1_000, 1_100_000, 1_400_000, 1_500_000, 40_000_000] {
        let message = |channel: &str| {
            let data = "x".repeat(len);
            format!(r#"{{"arg":{{"channel":"{channel}","instId":"A"}},"data":["{data}"]}}"#)
        };
        let pong = "pong".to_owned();
        let (events, _, code) = decode(&["--dialect", "v5"], &[message("greeks"), pong.clone()]);
        assert_eq!(events[0], json!({"line": 1, "event": "skipped", "channel": "greeks"}), "{len}");
        assert_eq!((events.len(), code), (2, Some(0)), "{len}");
        if len < 1_100_000 {
            continue;
        }
        let (events, ..) = decode(&["--dialect", "v5"], &[message("books5"), pong]);
        let expected = json!({
            "line": 1, "event": "malformed", "kind": "frame_too_large", "offset": 1 << 20,
            "channel": "books5", "inst_id": "A",
        });
        assert_eq!((&events[0], events.len()), (&expected, 2), "{len}");
    }
}

#[test]
fn a_text_of_two_columns_is_no_base64() {
    let lines = ["ping", "PONG", "Ping", " pong", "pong "].map(|word| format!("1.5\t{word}"));
    let (events, _, code) = decode(&["--dialect", "v3", "--form", "tsv"], &lines);
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, code), (vec!["ping", "pong", "ping", "pong", "pong"], Some(0)));
}
