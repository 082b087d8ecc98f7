//! `okx-feed replay`: lines that cannot be read.

use std::io::Write;

use serde_json::Value;

use super::program::{Program, text};

/// The events of a capture in a file, and the exit code.
fn replay(lines: &[&str]) -> (Vec<Value>, Option<i32>) {
    let path = std::env::temp_dir().join(format!("okx-feed-replay-{}.tsv", fastrand::u64(..)));
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(lines.join("\n").as_bytes()).unwrap();
    let args = ["replay", "--dialect", "v5", "--json", path.to_str().unwrap()];
    let output = Program::start(&args).finish();
    std::fs::remove_file(&path).unwrap();
    let events = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap());
    (events.collect(), output.status.code())
}

const SNAPSHOT: &str = r#"1700000000.1	{"arg":{"channel":"books","instId":"A"},"action":"snapshot","data":[{"asks":[["101","1","0","1"]],"bids":[],"ts":"1700000000000"}]}"#;
const UPDATE: &str = r#"1700000000.3	{"arg":{"channel":"books","instId":"A"},"action":"update","data":[{"asks":[["102","1","0","1"]],"bids":[],"ts":"1700000000001"}]}"#;

#[test]
fn a_line_that_cannot_be_read_is_an_event_and_costs_what_a_lost_frame_costs() {
    let long = format!("1700000000.2\t{}", "=".repeat(3 << 20));
    for (line, kind) in [
        ("1700000000.2\t@@@@", "base64"),
        ("1700000000.2 no tab", "tsv"),
        ("", "tsv"),
        ("x\t{}", "time"),
        (&long, "frame_too_large"),
    ] {
        let (events, code) = replay(&[SNAPSHOT, line, UPDATE, ""]);
        let malformed = events.iter().filter(|event| event["event"] == "malformed");
        let kinds: Vec<&str> = malformed.map(|event| event["kind"].as_str().unwrap()).collect();
        assert_eq!((kinds, code), (vec![kind], Some(1)));
        let update = events.iter().find(|event| event["action"] == "update").unwrap();
        assert_eq!((&update["state"], &update["fault"]), (&"broken".into(), &"lost".into()));
    }
    // Empty lines at the end are no fault.
    let (events, code) = replay(&[SNAPSHOT, UPDATE, "", "", ""]);
    assert!(!events.iter().any(|event| event["event"] == "malformed"));
    assert_eq!(code, Some(0));
}
