//! `okx-feed decode`: which trades are shown again, which are missing, and what cannot be said.

use serde_json::{Value, json};

use super::decode_books::decode;

/// A trade of v5, its time in milliseconds.
fn trade(id: u64, ms: u64) -> String {
    message("A", &[(id, ms)])
}

fn message(inst_id: &str, trades: &[(u64, u64)]) -> String {
    let items = trades.iter().map(|(id, ms)| {
        format!(
            r#"{{"instId":"{inst_id}","tradeId":"{id}","px":"1","sz":"2","side":"buy","ts":"{}","count":"1","source":"0","seqId":3}}"#,
            1_700_000_000_000_u64 + ms
        )
    });
    let items = items.collect::<Vec<_>>().join(",");
    format!(r#"{{"arg":{{"channel":"trades","instId":"{inst_id}"}},"data":[{items}]}}"#)
}

/// The id of each trade, whether it is replayed, and how many are missing before it.
fn checked(lines: &[String]) -> Vec<(u64, bool, u64)> {
    let (events, ..) = decode(&["--dialect", "v5"], lines);
    let trades = events.iter().filter(|event| event["event"] == "trade");
    trades
        .map(|event| {
            let id = event["trade_id"].as_str().unwrap().parse().unwrap();
            (id, event["replayed"].as_bool().unwrap(), event["missed"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn ids_that_start_again_are_new_trades() {
    let lines = [(100, 0), (101, 1), (1, 1_000), (2, 1_001), (3, 1_002), (3, 1_002), (5, 1_003)];
    let new = |id, missed| (id, false, missed);
    let expected =
        [new(100, 0), new(101, 0), new(1, 0), new(2, 0), new(3, 0), (3, true, 0), new(5, 1)];
    assert_eq!(checked(&lines.map(|(id, ms)| trade(id, ms))), expected);
}

#[test]
fn a_corrupt_id_does_not_make_later_trades_repeated() {
    let mut lines = vec![trade(7, 0), trade(1 << 60, 1)];
    lines.extend((8..400).map(|id| trade(id, id)));
    lines.extend([trade(402, 402), trade(402, 402)]);
    let all = checked(&lines);
    let replayed: Vec<u64> = all.iter().filter(|of| of.1).map(|of| of.0).collect();
    assert_eq!(replayed, [402]);
    assert_eq!(all[all.len() - 2], (402, false, 2));
}

#[test]
fn trades_that_come_newest_first_are_shown_once() {
    let lines = [trade(99, 99), message("A", &[(101, 101), (100, 100)]), trade(102, 102)];
    let expected = [(99, false, 0), (101, false, 1), (100, false, 0), (102, false, 0)];
    assert_eq!(checked(&lines), expected);
}

#[test]
fn trades_past_the_bound_say_that_they_were_not_compared() {
    let lines = ["A", "B", "C", "A", "C"].map(|id| message(id, &[(5, 5)]));
    let (events, stderr, code) = decode(&["--dialect", "v5", "--max-books", "2"], &lines);
    let replayed: Vec<Value> = events.iter().map(|event| event["replayed"].clone()).collect();
    assert_eq!(replayed, [json!(false), json!(false), Value::Null, json!(true), Value::Null]);
    assert_eq!((&events[2]["missed"], &events[0]["missed"]), (&Value::Null, &json!(0)));
    assert!(stderr.contains("2 trades of channels past the first 2 were not compared"), "{stderr}");
    assert!(stderr.contains("5 trade, "), "{stderr}");
    assert_eq!(code, Some(1));
}

#[test]
fn optional_values_that_cannot_be_read_are_in_the_summary() {
    let good = trade(1, 1);
    let bad = trade(2, 2).replace(r#""count":"1""#, r#""count":"n/a""#);
    let (_, stderr, _) = decode(&["--dialect", "v5"], &[good.clone(), bad]);
    assert!(stderr.contains("; optional values that could not be read: 1 count\n"), "{stderr}");
    let (_, stderr, _) = decode(&["--dialect", "v5"], &[good]);
    assert!(!stderr.contains("optional"), "{stderr}");
}
