//! docs/JSON.md: every example is run, and its output compared with the page.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::program::{Output, Program, text};
use serde_json::Value;

/// The blocks of the page: the text behind the fence, and the lines.
fn blocks() -> Vec<(String, Vec<String>)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/JSON.md");
    let page = fs::read_to_string(page).unwrap();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(kind) => {
                inside = true;
                found.push((kind.to_owned(), Vec::new()));
            }
            None if inside => found.last_mut().unwrap().1.push(line.to_owned()),
            None => {}
        }
    }
    found
}

/// Runs `decode` on an input.
fn decode(args: &[&str], format: &str, input: &str) -> Output {
    let id = std::process::id();
    let name = format!("okx-feed-json-{id}-{:x}.{format}", input.len() * 31 + args.len());
    let path: PathBuf = std::env::temp_dir().join(name);
    fs::write(&path, input).unwrap();
    let output = Program::start(&[&["decode"], args, &[path.to_str().unwrap()]].concat()).finish();
    fs::remove_file(&path).unwrap();
    output
}

#[test]
fn every_example_is_the_output_of_its_input() {
    let (mut input, mut checked): (Option<(String, String)>, Vec<String>) = (None, Vec::new());
    for (kind, lines) in blocks() {
        let body = lines.join("\n") + "\n";
        let words: Vec<&str> = kind.split(' ').collect();
        match words.as_slice() {
            ["text", ..] => input = Some((kind, body)),
            ["json"] => {
                let (kind, input) = input.take().expect("an input before it");
                let dialects = ["v3", "sbe", "v5"];
                let dialect = dialects.into_iter().find(|name| kind.contains(name)).unwrap();
                let format = if kind.contains("tsv") { "tsv" } else { "jsonl" };
                let output = decode(&["--dialect", dialect], format, &input);
                assert_eq!(text(&output.stdout), body, "{input}");
                checked.extend(lines);
            }
            ["json", "schema", ..] => {
                let output = decode(&["--dialect", "v5", "--schema"], "jsonl", "pong\n");
                let first = text(&output.stdout).lines().next().unwrap().to_owned();
                let version = env!("CARGO_PKG_VERSION");
                assert_eq!(first + "\n", body.replace("VERSION", version));
            }
            ["json", "watch"] => checked.extend(lines),
            other => unreachable!("{other:?}"),
        }
    }
    let kinds = ["book", "trade", "depth", "control", "skipped", "malformed", "state", "missed"];
    for kind in kinds.into_iter().chain(["ticker", "mark_price", "candle", "liquidation", "raw"]) {
        let member = format!("\"event\":\"{kind}\"");
        assert!(checked.iter().any(|line| line.contains(&member)), "{kind}");
    }
}

fn keys(line: &str) -> Vec<String> {
    let event: Value = serde_json::from_str(line).unwrap();
    event.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn watch_has_the_members_of_the_page() {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--every-change"];
    let mut serve = Program::start(&listen);
    let url = loop {
        let line = serve.error_line();
        assert!(!line.is_empty(), "serve has ended");
        if let Some(url) = line.split_whitespace().find(|word| word.ends_with("/public")) {
            break url.to_owned();
        }
    };
    let args = ["watch", "--json", "--schema", "--url", &url, "--count", "60", "--duration", "20s"];
    let channels = ["books5:BTC-USDT", "trades:BTC-USDT", "books:BTC-USDT"];
    let output = Program::start(&[&args[..], &channels].concat()).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut lines = text(&output.stdout).lines();
    let schema: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!((&schema["schema"], &schema["command"]), (&"okx-feed/1".into(), &"watch".into()));
    let examples: Vec<String> = blocks().into_iter().flat_map(|(_, lines)| lines).collect();
    let mut seen = std::collections::BTreeSet::new();
    for line in lines {
        let event: Value = serde_json::from_str(line).unwrap();
        let member = format!("\"event\":{}", event["event"]);
        let of_kind = examples.iter().filter(|line| line.contains(&member));
        let mut own = keys(line);
        own.retain(|name| name != "ts_recv_ns");
        let same = |example: &String| {
            let mut keys = keys(example);
            keys.retain(|name| name != "line" && name != "ts_recv_ns");
            keys == own
        };
        assert!(of_kind.into_iter().any(same), "{line}");
        assert!(line.starts_with("{\"ts_recv_ns\":"), "{line}");
        seen.insert(member);
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

#[test]
fn more_books_than_the_limit_are_reported() {
    let mut input = String::new();
    for n in 0..1_200 {
        writeln!(
            input,
            r#"{{"arg":{{"channel":"books","instId":"I{n}-USDT"}},"action":"snapshot","data":[{{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1700000000127","seqId":1,"prevSeqId":-1}}]}}"#
        )
        .unwrap();
    }
    let output = decode(&["--dialect", "v5"], "jsonl", &input);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).matches(r#""state":"live""#).count(), 1_200);

    let output = decode(&["--dialect", "v5", "--max-books", "1000"], "jsonl", &input);
    let (events, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(events.matches(r#""state":"live""#).count(), 1_000);
    let last = events.lines().last().unwrap();
    let expected = r#"{"line":1200,"event":"skipped","channel":"books","inst_id":"I1199-USDT","reason":"max_books"}"#;
    assert_eq!(last, expected);
    assert!(stderr.contains("200 messages") && stderr.contains("--max-books"), "{stderr}");
}

#[test]
fn the_wrong_dialect_is_named() {
    let v5 = r#"{"arg":{"channel":"trades","instId":"A"},"data":[{"instId":"A","tradeId":"9","px":"81.5","sz":"1","side":"buy","ts":"1700000000125"}]}"#;
    let v3 = r#"{"table":"spot/trade","data":[{"side":"sell","trade_id":"7","price":"8","size":"5","instrument_id":"A","timestamp":"2020-02-29T12:00:00.007Z"}]}"#;
    for (asked, is, message) in [("v3", "v5", v5), ("v5", "v3", v3)] {
        let output = decode(&["--dialect", asked], "jsonl", &format!("pong\n{message}\n"));
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains(&format!("the messages are of {is}; add --dialect {is}")),
            "{stderr}"
        );
        // One message of the right dialect proves it.
        let own = if asked == "v3" { v3 } else { v5 };
        let output = decode(&["--dialect", asked], "jsonl", &format!("{message}\n{own}\n"));
        assert!(!text(&output.stderr).contains("add --dialect"), "{}", text(&output.stderr));
    }
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/conn-sim-v3.tsv");
    let output = Program::start(&["decode", "--dialect", "v5", capture]).finish();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the messages are of v3"), "{stderr}");
}
