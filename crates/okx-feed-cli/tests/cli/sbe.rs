//! `okx-feed watch` and `record` of the path of SBE.

use std::fs;

use crate::program::{Program, text};
use crate::watch::{Exchange, watch};
use serde_json::Value;

#[test]
fn watch_and_record_take_sbe_and_decode_reads_what_was_recorded() {
    // At the exchange's own pace: a snapshot of its cache is among the updates that are kept.
    let exchange = Exchange::serving(&["--rate", "2000"]);
    let folder = std::env::temp_dir().join(format!("okx-feed-sbe-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (key, out) = (folder.join("key"), folder.join("out"));
    fs::write(&key, "key=k-e-y\nsecret=s-e-c\npassphrase=p-a-s\n").unwrap();
    let (key, out) = (key.to_str().unwrap(), out.to_str().unwrap());
    let sbe = ["--dialect", "sbe", "--login-file", key];
    let channels = ["bbo-tbt:BTC-USDT", "books-l2-tbt:BTC-USDT", "trades:BTC-USDT"];
    let limits = ["--json", "--count", "400", "--duration", "30s", "--schema"];
    let output = watch(&exchange.v5, &[&sbe[..], &limits, &channels].concat()).finish();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let events: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["dialect"], "sbe");
    let live = |event: &&Value| event["event"] == "depth" && event["state"] == "live";
    let book = events.iter().find(live).expect("a live book");
    assert_eq!(book["inst_id"], "BTC-USDT");
    for kind in ["book", "trade"] {
        assert!(events.iter().any(|event| event["event"] == kind), "{kind}");
    }
    // A recording has the snapshots too.
    let args = [&["record", "--url", &exchange.v5, "--out", out, "--duration", "6s"], &sbe[..]];
    let recorded = Program::start(&[&args.concat()[..], &channels].concat()).finish();
    assert!(recorded.status.success(), "{}", text(&recorded.stderr));
    let file = fs::read_dir(out).unwrap().next().unwrap().unwrap().path();
    let rest = exchange.v5.replace("ws://", "http://").replace("/ws/v5/public", "");
    let list = Program::start(&["instruments", "--rest-url", &rest, "--json"]).finish();
    let rows = text(&list.stdout).lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        format!(r#"{{"instId":{},"instIdCode":{}}}"#, row["inst_id"], row["inst_id_code"])
    });
    let catalogue = folder.join("list.json");
    fs::write(&catalogue, format!("[{}]", rows.collect::<Vec<_>>().join(","))).unwrap();
    let catalogue = catalogue.to_str().unwrap();
    let args = ["decode", "--dialect", "sbe", "--instruments", catalogue, file.to_str().unwrap()];
    let decoded = Program::start(&args).finish();
    let decoded = text(&decoded.stdout);
    assert!(decoded.contains(r#""state":"live""#), "{}", decoded.len());
    assert!(decoded.contains(r#""inst_id":"BTC-USDT""#));
    // A replay gives the same, and digits where there are no ids.
    let recording = file.to_str().unwrap();
    let args = ["replay", "--json", "--dialect", "sbe"];
    let named = [&args[..], &["--instruments", catalogue, recording]].concat();
    let replayed = Program::start(&named).finish();
    let replayed = text(&replayed.stdout);
    assert!(replayed.contains(r#""state":"live""#) && !replayed.contains("malformed"));
    assert!(replayed.contains(r#""inst_id":"BTC-USDT""#));
    let unnamed = Program::start(&[&args[..], &[recording]].concat()).finish();
    assert!(text(&unnamed.stdout).contains(r#""inst_id":"10400""#));
    fs::remove_dir_all(&folder).unwrap();
    exchange.program.interrupt();
}
