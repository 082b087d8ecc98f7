//! `okx-feed serve --replay`: a capture as an exchange, to the real `watch`.

use std::path::Path;

use crate::program::{Program, text};

/// A served capture, and its URL.
fn serve(args: &[&str]) -> (Program, String) {
    let mut program = Program::start(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
    loop {
        let line = program.error_line();
        assert!(!line.is_empty(), "serve has ended");
        if let Some(url) = line.split_whitespace().find(|word| word.starts_with("ws://")) {
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
