//! `okx-feed serve` and `okx-feed watch`, the real programs, against each other.

use std::net::TcpListener;

use crate::program::{Output, Program, text};
use serde_json::Value;

/// A served exchange, with its two addresses.
pub(crate) struct Exchange {
    pub(crate) program: Program,
    pub(crate) v3: String,
    pub(crate) v5: String,
}

impl Exchange {
    pub(crate) fn start() -> Self {
        Self::with_faults("")
    }

    pub(crate) fn with_faults(faults: &str) -> Self {
        Self::serving(&["--rate", "2000", "--every-change", "--faults", faults])
    }

    /// With options of `serve`.
    pub(crate) fn serving(options: &[&str]) -> Self {
        let mut program =
            Program::start(&[&["serve", "--listen", "127.0.0.1:0"], options].concat());
        let (mut v3, mut v5) = (None, None);
        while v3.is_none() || v5.is_none() {
            let line = program.error_line();
            assert!(!line.is_empty(), "serve has ended");
            let url = line.split_whitespace().find(|word| word.starts_with("ws://"));
            match url {
                Some(url) if url.ends_with("/ws/v3") => v3 = Some(url.to_owned()),
                Some(url) if url.ends_with("/public") => v5 = Some(url.to_owned()),
                _ => {}
            }
        }
        Self { program, v3: v3.unwrap(), v5: v5.unwrap() }
    }
}

pub(crate) fn watch(url: &str, args: &[&str]) -> Program {
    Program::start(&[&["watch", "--url", url], args].concat())
}

fn check_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
}

/// The price of the best level of a side.
fn best(event: &Value, side: &str) -> f64 {
    event[side][0][0].as_str().unwrap().parse().unwrap()
}

fn check_event(line: &str, last: &mut u64) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    let ts_recv: u64 = event["ts_recv_ns"].as_u64().unwrap();
    assert!(ts_recv > 1_700_000_000_000_000_000, "{line}");
    let kind = event["event"].as_str().unwrap();
    // A state has the time of its change, a frame that of the read, which may be before it.
    if kind != "state" {
        assert!(ts_recv >= *last, "{line}");
        *last = ts_recv;
    }
    let keys = match kind {
        "book" => vec!["channel", "inst_id", "ts_ns", "seq", "asks", "bids", "flags"],
        "trade" => {
            let all = "channel inst_id ts_ns seq trade_id side px sz count replayed missed";
            all.split(' ').collect()
        }
        "control" => vec!["kind", "code", "message", "channel", "inst_id"],
        "state" => vec!["channel", "inst_id", "from", "to"],
        "depth" => vec![
            "channel",
            "action",
            "inst_id",
            "ts_ns",
            "seq",
            "checksum",
            "sequence",
            "bid_levels",
            "ask_levels",
            "asks",
            "bids",
            "state",
            "flags",
        ],
        other => panic!("{other}"),
    };
    let mut expected = [&["ts_recv_ns", "event"], keys.as_slice()].concat();
    // v3 names the market; v5 says of a trade where it came from.
    match event.get("market") {
        Some(_) => expected.push("market"),
        None if kind == "trade" => expected.push("source"),
        None => {}
    }
    let mut found: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    if matches!(kind, "book" | "depth") {
        assert!(best(&event, "bids") < best(&event, "asks"), "crossed: {line}");
    }
    kind.to_owned()
}

#[test]
fn json_has_one_whole_event_a_line_and_exactly_as_many_as_asked() {
    let exchange = Exchange::start();
    let v3 = ["--dialect", "v3", "futures/depth5:BTC-USD-190517", "spot/trade:BTC-USDT"];
    let v5 = ["books5:BTC-USDT", "bbo-tbt:ETH-USDT", "trades:BTC-USDT"];
    for (url, channels) in [(&exchange.v3, &v3[..]), (&exchange.v5, &v5[..])] {
        let args = [&["--json", "--count", "200", "--duration", "20s"], channels].concat();
        let output = watch(url, &args).finish();
        check_code(&output, 0);
        let mut last = 0;
        let kinds: Vec<_> =
            text(&output.stdout).lines().map(|line| check_event(line, &mut last)).collect();
        // Only books and trades are counted, and the last line is one of them.
        let is_data = |kind: &&String| matches!(kind.as_str(), "book" | "trade" | "depth");
        assert_eq!(kinds.iter().filter(is_data).count(), 200);
        assert!(kinds.last().as_ref().is_some_and(is_data) && kinds.len() > 200);
        for kind in ["book", "trade", "control", "state"] {
            assert!(kinds.iter().any(|k| k == kind), "{kind}");
        }
        assert!(text(&output.stderr).contains("0 malformed"));
    }
    let output = exchange.program.interrupt();
    check_code(&output, 0);
    assert!(text(&output.stderr).contains("ended"));
}

/// The most levels that a side of the books of a kind had; all of them sorted.
fn most_levels(events: &[Value], kind: &str) -> usize {
    let mut most = 0;
    for event in events.iter().filter(|event| event["event"] == kind) {
        for side in ["asks", "bids"] {
            let level = |level: &Value| level[0].as_str().unwrap().parse::<f64>().unwrap();
            let prices: Vec<f64> = event[side].as_array().unwrap().iter().map(level).collect();
            let sign = if side == "asks" { 1.0 } else { -1.0 };
            assert!(prices.is_sorted_by(|a, b| sign * a < sign * b), "{event}");
            let whole = event[format!("{}_levels", &side[..3])].as_u64();
            assert!(whole.is_none_or(|whole| prices.len() as u64 <= whole), "{event}");
            most = most.max(prices.len());
        }
    }
    most
}

#[test]
fn books_have_as_many_levels_as_asked_for_and_as_their_channel_has() {
    let exchange = Exchange::start();
    let v3 = ["--dialect", "v3", "spot/depth_l2_tbt:BTC-USDT", "spot/depth5:BTC-USDT"];
    let v5 = ["books:BTC-USDT", "books5:BTC-USDT"];
    for (depth, deep, five) in [(None, 5, 5), (Some("2"), 2, 2), (Some("25"), 25, 5)] {
        for (url, channels) in [(&exchange.v3, &v3[..]), (&exchange.v5, &v5[..])] {
            let mut args = vec!["--json", "--count", "60", "--duration", "20s"];
            args.extend(depth.into_iter().flat_map(|depth| ["--depth", depth]));
            args.extend(channels);
            let output = watch(url, &args).finish();
            check_code(&output, 0);
            let (mut last, mut events) = (0, Vec::new());
            for line in text(&output.stdout).lines() {
                check_event(line, &mut last);
                events.push(serde_json::from_str::<Value>(line).unwrap());
            }
            assert_eq!(most_levels(&events, "depth"), deep, "{args:?}");
            assert_eq!(most_levels(&events, "book"), five, "{args:?}");
        }
    }
}

#[test]
fn broken_books_are_reported_with_their_cause() {
    let exchange = Exchange::with_faults("gap:each=5");
    let args = ["--json", "--count", "60", "--duration", "20s", "books:BTC-USDT"];
    let output = watch(&exchange.v5, &args).finish();
    check_code(&output, 0);
    assert!(text(&output.stdout).contains(r#""from":"live","to":"resyncing""#));
    assert!(text(&output.stderr).contains(" sequence gap"), "{}", text(&output.stderr));
}

#[test]
fn the_wrong_dialect_is_named() {
    let exchange = Exchange::start();
    let output = watch(&exchange.v3, &["--json", "--duration", "20s", "books5:BTC-USDT"]).finish();
    check_code(&output, 1);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("the messages are of v3; add --dialect v3"), "{stderr}");
}

#[test]
fn a_closed_terminal_ends_it_with_the_summary() {
    let exchange = Exchange::start();
    let mut program = watch(&exchange.v5, &["--json", "books5:BTC-USDT"]);
    while !program.line().contains(r#""event":"book""#) {}
    let output = program.signal("HUP");
    check_code(&output, 0);
    assert!(text(&output.stdout).contains("down_stopped"));
    assert!(text(&output.stderr).contains("okx-feed watch: "), "{}", text(&output.stderr));
}

#[test]
fn plain_lines_come_until_an_interrupt() {
    let exchange = Exchange::start();
    let mut program = watch(&exchange.v5, &["books5:BTC-USDT", "trades:BTC-USDT"]);
    while !program.line().contains("bid ") {}
    let output = program.interrupt();
    check_code(&output, 0);
    assert!(text(&output.stdout).contains("live -> down_stopped"));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let exchange = Exchange::start();
    let mut program = watch(&exchange.v5, &["books5:BTC-USDT"]);
    program.line();
    program.close_stdout();
    let output = program.finish();
    check_code(&output, 0);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn it_reconnects_when_the_exchange_is_back() {
    let exchange = Exchange::start();
    let url = exchange.v5.clone();
    let address = url.trim_start_matches("ws://").split('/').next().unwrap().to_owned();
    let mut program = watch(&url, &["--json", "books5:BTC-USDT"]);
    while !program.line().contains(r#""to":"live""#) {}
    check_code(&exchange.program.interrupt(), 0);
    while !program.line().contains(r#""to":"connecting""#) {}
    let _again = Program::start(&["serve", "--listen", &address]);
    while !program.line().contains(r#""to":"live""#) {}
    let output = program.interrupt();
    check_code(&output, 0);
    let stderr = text(&output.stderr);
    // A loss between two refreshes is in the summary alone.
    assert!(stderr.contains("2 connects, 1 lost"), "{stderr}");
}

#[test]
fn a_refused_port_is_reported_and_retried_to_the_end() {
    // Bound and released: no socket listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("ws://{address}/ws/v5/public");
    let output = watch(&url, &["--json", "--duration", "5s", "books5:BTC-USDT"]).finish();
    check_code(&output, 2);
    let stderr = text(&output.stderr);
    let first = stderr.lines().next().unwrap();
    assert!(first.contains("refused") && first.contains("trying again"), "{stderr}");
    assert!(stderr.contains(" attempts: "), "{stderr}");
}

#[test]
fn refused_channels_are_named_and_all_of_them_end_it() {
    let exchange = Exchange::start();
    let some = ["--json", "--count", "20", "books5:NO-SUCH", "books5:BTC-USDT"];
    let output = watch(&exchange.v5, &some).finish();
    check_code(&output, 0);
    let line = text(&output.stderr).lines().next().unwrap().to_owned();
    assert!(line.contains("books5:NO-SUCH is refused: 60018"), "{line}");
    let all = ["--dialect", "v3", "spot/depth5:NO-SUCH", "spot/trade:NO-SUCH"];
    // They are requested again meanwhile.
    let output = watch(&exchange.v3, &[&all[..], &["--refused-for", "2s"]].concat()).finish();
    check_code(&output, 2);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("spot/trade:NO-SUCH is refused: 30040"), "{stderr}");
    assert!(stderr.contains("refused every channel"), "{stderr}");
}

#[test]
fn errors_of_arguments_name_the_correct_form() {
    let cases: [(&[&str], &str); 12] = [
        (&["watch", "--duration", "-5s", "books:BTC-USDT"], "is negative"),
        (&["watch", "--schema", "books:BTC-USDT"], "--json"),
        (&["watch"], "CHANNEL"),
        (&["watch", "tickerz:BTC-USDT"], "books5, bbo-tbt, trades"),
        (&["watch", "futures/depth5:BTC-USD-190517"], "--dialect v3"),
        (&["watch", "--dialect", "v3", "books5:BTC-USDT"], "--dialect v5"),
        (&["watch", "--dialect", "v3", "depth5:BTC-USDT"], "futures/depth5"),
        (&["watch", "books5"], "books5:BTC-USDT"),
        (&["watch", "--url", "http://x/", "books5:BTC-USDT"], "ws://HOST:PORT/PATH"),
        (&["watch", "--ca-file", "/no/such.pem", "books5:BTC-USDT"], "/no/such.pem"),
        (&["watch", "--depth", "26", "books:BTC-USDT"], "1..=25"),
        (&["watch", "--depth", "0", "books:BTC-USDT"], "1..=25"),
    ];
    for (args, hint) in cases {
        let output = Program::start(args).finish();
        check_code(&output, 2);
        assert!(text(&output.stderr).contains(hint), "{args:?}: {}", text(&output.stderr));
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn a_taken_port_and_a_wrong_address_are_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (listen, hint) in [(address.as_str(), "another program"), ("8443", "HOST:PORT")] {
        let output = Program::start(&["serve", "--listen", listen]).finish();
        check_code(&output, 2);
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
}

#[test]
fn channels_of_two_paths_are_watched_by_one_command() {
    let exchange = Exchange::start();
    let channels = ["books5:BTC-USDT", "trades-all:BTC-USDT"];
    let mut program = watch(&exchange.v5, &["--json", channels[0], channels[1]]);
    let mut missing = vec!["books5", "trades-all"];
    while !missing.is_empty() {
        let event: Value = serde_json::from_str(&program.line()).unwrap();
        let live = event["event"] == "state" && event["to"] == "live";
        missing.retain(|channel| !(live && event["channel"] == *channel));
    }
    check_code(&program.interrupt(), 0);
}

#[test]
fn the_address_and_the_proxy_are_chosen_by_options() {
    let books = "books5:BTC-USDT";
    for (args, hint) in [
        (&["--region", "eu"][..], "[possible values: global, eea, us]"),
        (&["--region", "eea", "--url", "ws://127.0.0.1:9/"], "cannot be used with"),
        (&["--proxy", "socks4://user:secret@127.0.0.1:9"], "can't use the proxy"),
        (&["--header", "no colon"], "'NAME: VALUE'"),
        (&["--header", "Host: elsewhere"], "can't send the header"),
        (&["--demo", "--dialect", "v3", "spot/depth5:BTC-USDT"], "neither regions nor demo"),
    ] {
        let channels: &[&str] = if args.contains(&"v3") { &[] } else { &[books] };
        let output = Program::start(&[&["watch"], args, channels].concat()).finish();
        check_code(&output, 2);
        let stderr = text(&output.stderr);
        assert!(stderr.contains(hint) && !stderr.contains("secret"), "{args:?}: {stderr}");
    }
    // No proxy listens, but the error names the host.
    let proxy = ["--proxy", "http://127.0.0.1:9", "--duration", "500ms", books];
    let output = Program::start(&[&["watch", "--region", "us", "--demo"], &proxy[..]].concat());
    let output = output.finish();
    check_code(&output, 2);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("wss://wsuspap.okx.com/ws/v5/public"), "{stderr}");
    assert!(stderr.contains("127.0.0.1:9: "), "{stderr}");
}

#[test]
fn a_login_without_a_key_names_its_sources() {
    let books = "books-l2-tbt:BTC-USDT";
    // No socket listens there, and no connection is attempted.
    let output = watch("ws://127.0.0.1:9", &["--login", books]).finish();
    check_code(&output, 2);
    assert!(text(&output.stderr).contains("set OKX_API_KEY"), "{}", text(&output.stderr));

    let file = std::env::temp_dir().join(format!("okx-feed-key-{}", std::process::id()));
    std::fs::write(&file, "key=the-key\nsecret=the-secret\n").unwrap();
    let path = file.to_str().unwrap();
    let output = watch("ws://127.0.0.1:9", &["--login-file", path, books]).finish();
    check_code(&output, 2);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("not all are there") && !stderr.contains("the-"), "{stderr}");

    // A complete key is sent, and refused, since the exchange knows no key. The most verbose log
    // does not contain it.
    std::fs::write(&file, "key=the-key\nsecret=the-secret\npassphrase=the-phrase\n").unwrap();
    let exchange = Exchange::serving(&["--rate", "2000", "--refuse-logins"]);
    let args = ["-vvv", "--json", "--count", "5", "--login-file", path, books];
    let output = watch(&exchange.v5, &args).finish();
    std::fs::remove_file(&file).unwrap();
    check_code(&output, 0);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("logging in") && !stderr.contains("the-"), "{stderr}");
    assert!(
        stderr.contains("the login is refused: 60032") && stderr.contains("--region"),
        "{stderr}"
    );
    assert!(text(&output.stdout).contains(r#""code":60032"#), "{}", text(&output.stdout));
}

/// Watches an exchange with such a certificate, trusting its issuer or not.
fn watch_tls(tls: &str, trusted: bool) -> Output {
    let file = format!("okx-feed-{tls}-{trusted}-{}.pem", std::process::id());
    let file = std::env::temp_dir().join(file);
    let path = file.to_str().unwrap();
    let listen = ["serve", "--listen", "127.0.0.1:0", "--every-change"];
    let mut served = Program::start(&[&listen[..], &["--tls", tls, "--ca-out", path]].concat());
    let url = loop {
        let line = served.error_line();
        assert!(!line.is_empty(), "serve has ended");
        let url = line.split_whitespace().find(|word| word.ends_with("/public"));
        if let Some(url) = url {
            break url.to_owned();
        }
    };
    assert!(url.starts_with("wss://"));
    let ca_file: &[&str] = if trusted { &["--ca-file", path] } else { &[] };
    let args = ["--json", "--count", "3", "--duration", "3s", "books5:BTC-USDT"];
    let output = watch(&url, &[ca_file, &args].concat()).finish();
    std::fs::remove_file(&file).unwrap();
    served.interrupt();
    output
}

#[test]
fn a_bad_certificate_is_refused_with_its_fault() {
    check_code(&watch_tls("good", true), 0);
    for (tls, trusted, says) in [
        ("good", false, "UnknownIssuer"),
        ("expired", true, "xpired"),
        ("wrong-host", true, "not valid for"),
        ("self-signed", false, "UnknownIssuer"),
    ] {
        let output = watch_tls(tls, trusted);
        let error = text(&output.stderr);
        assert!(error.contains(says), "{tls}: {error}");
        assert_ne!(output.status.code(), Some(0), "{tls}");
    }
}

#[test]
fn options_that_nats_can_not_serve_are_wrong_usage() {
    let run = |options: &[&str]| {
        let nats = ["watch", "--nats", "nats://127.0.0.1:1", "--duration", "100ms", "--json"];
        let output = Program::start(&[&nats, options, &["books5:A"]].concat()).finish();
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr).to_owned()
    };
    let served = run(&["--schema", "--depth", "5", "--count", "1", "--core"]);
    assert!(served.contains("no connection to NATS"), "{served}");
    for options in [
        &["--metrics", "127.0.0.1:0"][..],
        &["--web", "127.0.0.1:0"],
        &["--shm", "x"],
        &["--login"],
        &["--busy-poll"],
        &["--refused-for", "2m"],
        &["--url", "ws://127.0.0.1:1/ws/v5/public"],
        &["--region", "global"],
        &["--header", "a: b"],
    ] {
        let error = run(options);
        let is_named = error.contains(options[0]) && error.contains("'--nats <URL>'");
        assert!(is_named && error.contains("cannot be used with"), "{error}");
    }
}
