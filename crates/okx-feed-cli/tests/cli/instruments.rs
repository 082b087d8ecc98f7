//! `okx-feed instruments`, and `watch` of a selection.

use std::fs;

use crate::program::{Program, text};
use crate::watch::{Exchange, watch};
use serde_json::Value;

#[test]
fn the_catalogue_is_listed_and_filtered_as_table_and_as_json() {
    let exchange = Exchange::with_faults("list:at=1h,inst=NEW-USDT-SWAP");
    let rest = exchange.v5.replace("ws://", "http://").replace("/ws/v5/public", "");
    let list =
        |args: &[&str]| Program::start(&[&["instruments", "--rest-url", &rest], args].concat());
    let table = list(&[]).finish();
    let lines: Vec<_> = text(&table.stdout).lines().collect();
    assert!(lines[0].starts_with("instrument") && lines.len() > 10, "{lines:?}");
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{lines:#?}");
    let json = list(&["--json", "*-USDT-SWAP"]).finish();
    let rows: Vec<Value> =
        text(&json.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = rows.iter().map(|row| row["inst_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["BTC-USDT-SWAP", "ETH-USDT-SWAP", "NEW-USDT-SWAP"]);
    assert_eq!((&rows[0]["tick_sz"], &rows[0]["ct_val"]), (&"0.1".into(), &"0.01".into()));
    assert_eq!((&rows[2]["state"], &rows[2]["tick_sz"]), (&"preopen".into(), &Value::Null));
    let code = |args: &[&str]| list(args).finish().status.code();
    assert_eq!(code(&["type=SWAP,state=suspend"]), Some(1));
    assert_eq!(code(&["colour=red"]), Some(2));
    // The rows of a file are read by the same table.
    let path = std::env::temp_dir().join(format!("okx-feed-list-{}.json", std::process::id()));
    let rows = r#"{"data":[{"instId":"A-USDT","instType":"SPOT","state":"live","tickSz":"0.5"}]}"#;
    fs::write(&path, rows).unwrap();
    let args = ["instruments", "--json", "--file", path.to_str().unwrap()];
    let read = Program::start(&args).finish();
    assert!(text(&read.stdout).contains(r#""tick_sz":"0.5""#), "{}", text(&read.stderr));
    // What a terminal would interpret is no part of a row.
    fs::write(&path, r#"[{"instId":"A\u001b[2J\r\n","instType":"SPOT","state":"l\u0007"}]"#)
        .unwrap();
    let read = Program::start(&["instruments", "--file", path.to_str().unwrap()]).finish();
    let lines: Vec<_> = text(&read.stdout).lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("A\\u{1b}[2J\\r\\n"), "{}", lines[1]);
    assert!(!lines[1].contains(char::is_control), "{}", lines[1]);
    // An answer that is a refusal is no list.
    fs::write(&path, r#"{"code":"51000","msg":"no \u001b type","data":[]}"#).unwrap();
    let read = Program::start(&["instruments", "--file", path.to_str().unwrap()]).finish();
    assert_eq!(read.status.code(), Some(2));
    assert!(text(&read.stderr).contains("51000"), "{}", text(&read.stderr));
    fs::remove_file(&path).unwrap();
    exchange.program.interrupt();
}

#[test]
fn watch_follows_a_listing_and_a_delisting() {
    let faults = "list:at=3s,inst=NEW-USDT-SWAP;delist:at=5s,inst=ETH-USDT-SWAP";
    let exchange = Exchange::with_faults(faults);
    let mut program = watch(&exchange.v5, &["--json", "--duration", "30s", "books5:*-USDT-SWAP"]);
    let mut seen = Vec::new();
    while !seen.contains(&"ETH down_unsubscribed".to_owned()) {
        let event: Value = serde_json::from_str(&program.line()).unwrap();
        if event["event"] == "state" && event["channel"] == "books5" {
            let id = event["inst_id"].as_str().unwrap().trim_end_matches("-USDT-SWAP");
            seen.push(format!("{id} {}", event["to"].as_str().unwrap()));
        }
    }
    for state in ["BTC live", "ETH live", "NEW live"] {
        assert!(seen.contains(&state.to_owned()), "{state}: {seen:?}");
    }
    assert!(!seen.iter().any(|state| state.starts_with("BTC down")), "{seen:?}");
    program.interrupt();
    exchange.program.interrupt();
}
