//! `okx-feed serve --replay`: a capture as an exchange, to the real `watch`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::program::{Program, text};

/// A served capture, and its URL.
fn serve(args: &[&str]) -> (Program, String) {
    let mut program = Program::start(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
    loop {
        let line = program.error_line();
        assert!(!line.is_empty(), "serve has ended");
        if let Some(url) = line.split_whitespace().find(|word| word.contains("://")) {
            return (program, url.to_owned());
        }
    }
}

#[test]
fn a_client_gets_from_a_served_capture_what_is_in_it() {
    for (dialect, channel) in [("v5", "trades:BTC-USDT"), ("v3", "futures/trade:BTC-USD-190517")] {
        let file =
            format!("{}/../../tests/data/conn-sim-{dialect}.tsv", env!("CARGO_MANIFEST_DIR"));
        assert!(Path::new(&file).exists());
        let replayed = Program::start(&["replay", "--json", "--channel", channel, &file]).finish();
        let is_trade = |line: &&str| line.contains(r#""event":"trade""#);
        let id = |line: &str| line.split_once(r#""trade_id":"#).unwrap().1[..14].to_owned();
        let expected: Vec<_> = text(&replayed.stdout).lines().filter(is_trade).map(id).collect();
        assert!(expected.len() >= 5, "{expected:?}");
        let of_others =
            text(&replayed.stdout).lines().find(|line| line.contains(r#""event":"book""#));
        assert_eq!(of_others, None);

        let (server, url) = serve(&["--replay", &file, "--speed", "1000"]);
        let count = expected.len().to_string();
        let args = ["watch", "--dialect", dialect, "--url", &url, "--json", "--count", &count];
        let watched = Program::start(&[&args[..], &[channel]].concat()).finish();
        assert_eq!(watched.status.code(), Some(0), "{}", text(&watched.stderr));
        let seen: Vec<_> = text(&watched.stdout).lines().filter(is_trade).map(id).collect();
        assert_eq!(seen, expected, "{dialect}");
        assert_eq!(server.interrupt().status.code(), Some(0));
    }
}

/// The ids of the trades among JSON events.
fn trade_ids(events: &[u8]) -> BTreeSet<u64> {
    let id = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["trade_id"].as_str().map(|id| id.parse().unwrap())
    };
    text(events).lines().filter_map(id).collect()
}

/// Two recorded lines, of which the first has nothing for a while.
#[test]
fn a_client_with_as_many_lines_as_were_recorded_gets_what_any_of_them_has() {
    let mut capture = "1790000000000000000\tfile/0.0\trecording=1 file=0 dialect=v5\n".to_owned();
    for line in 0..2 {
        capture.push_str(&format!("1790000000000000000\tline/0.{line}\tv5 2 trades:A\n"));
    }
    for id in 1..=300_u64 {
        for line in 0..2 {
            if line == 0 && (101..=200).contains(&id) {
                continue;
            }
            let ts = 1_790_000_000_000_000_000 + id * 5_000_000;
            capture.push_str(&format!(
                "{ts}\ttext/0.{line}\t{{\"arg\":{{\"channel\":\"trades\",\"instId\":\"A\"}},\"data\":[{{\"instId\":\"A\",\"tradeId\":\"{id}\",\"px\":\"4\",\"sz\":\"2\",\"side\":\"buy\",\"ts\":\"{}\",\"count\":\"1\"}}]}}\n",
                ts / 1_000_000
            ));
        }
    }
    capture.push_str("1790000001500000000\tgap/0.0\tlines=3 reason=none is there\n");
    let dir = crate::record::folder("served-lines");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("lines.tsv");
    std::fs::write(&file, capture).unwrap();
    let (server, url) = serve(&["--replay", file.to_str().unwrap()]);
    let client = |lines: &str| {
        let out = dir.join(format!("out-{lines}"));
        let args = ["record", "--json", "--url", &url, "--lines", lines, "--duration", "5s"];
        let args = [&args[..], &["--out", out.to_str().unwrap(), "trades:A"]].concat();
        trade_ids(&Program::start(&args).finish().stdout)
    };
    assert_eq!(client("2"), (1..=300).collect());
    assert_eq!(client("1"), (1..=100).chain(201..=300).collect());
    let output = server.interrupt();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("lacks lines here: none is there"), "{said}");
}

#[test]
fn a_capture_is_served_over_tls_and_its_clients_are_closed_properly() {
    let file = format!("{}/../../tests/data/conn-sim-v5.tsv", env!("CARGO_MANIFEST_DIR"));
    let dir = crate::record::folder("served-tls");
    std::fs::create_dir_all(&dir).unwrap();
    let ca = dir.join("ca.pem");
    let ca = ca.to_str().unwrap();
    let (server, url) = serve(&["--replay", &file, "--tls", "good", "--ca-out", ca]);
    assert!(url.starts_with("wss://"), "{url}");
    let args = ["watch", "--url", &url, "--ca-file", ca, "--json", "trades:BTC-USDT"];
    let mut watched = Program::start(&args);
    while !watched.line().contains(r#""event":"trade""#) {}
    assert_eq!(server.interrupt().status.code(), Some(0));
    let why = watched.error_line();
    assert!(why.contains("closed by the other side"), "{why}");
    assert_eq!(watched.interrupt().status.code(), Some(0));
}

#[test]
fn what_can_not_be_served_is_said() {
    for args in [
        &["serve", "--replay", "no-such-file"][..],
        &["serve", "--replay", "x", "--faults", "drop:every=1s"],
        &["serve", "--speed", "2"],
        &["serve", "--replay", "x", "--speed", "0"],
    ] {
        let output = Program::start(args).finish();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
    }
}
