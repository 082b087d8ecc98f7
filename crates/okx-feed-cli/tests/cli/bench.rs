//! `okx-feed bench`, the real program: tiny runs print a table, JSON, an HDR log and a plot.

use std::path::PathBuf;

use crate::program::{Output, Program, text};
use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    Program::start(&[&["bench"], args].concat()).finish()
}

/// The path of a temporary file of this process.
fn file(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("okx-feed-bench-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn take(path: &PathBuf) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

fn json(args: &[&str]) -> Value {
    let output = bench(&[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_channel_of_the_exchange_is_timed_stage_by_stage() {
    for (dialect, channels) in
        [("v3", &["depth5", "trade"][..]), ("v5", &["books5", "bbo-tbt", "trades", "trades-all"])]
    {
        for channel in channels {
            let report = json(&[
                "--dialect",
                dialect,
                "--channel",
                channel,
                "--frames",
                "50",
                "--seed",
                "7",
            ]);
            let rows = report["rows"].as_array().unwrap();
            assert_eq!(rows.len(), if dialect == "v3" { 9 } else { 8 }, "{report}");
            for row in rows {
                // Any number of the timed frames had the core to themselves.
                let is_part = row["name"].as_str().unwrap().ends_with("core to itself");
                let count = row["count"].as_u64().unwrap();
                assert!(count == 50 || is_part && count < 50, "{report}");
                let times = ["p50", "p90", "p99", "p99_9", "p99_99", "max"];
                let times = times.map(|name| row[name].as_u64().unwrap());
                assert!(times.is_sorted(), "{report}");
            }
            assert_eq!((&report["frames"], &report["malformed"]), (&50.into(), &0.into()));
        }
    }
}

#[test]
fn the_table_names_its_clock_and_its_omissions() {
    let output = bench(&["--frames", "20"]);
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for part in
        ["a measurement costs", "p99.99", "parse", "whole hot path, cold by 4 MB", "no queue"]
    {
        assert!(table.contains(part), "{part} is not in {table}");
    }
}

#[test]
fn the_log_and_the_plots_hold_every_frame() {
    let (log, svg, page) = (file("times.hlog"), file("plot.svg"), file("plot.html"));
    for plot in [&svg, &page] {
        let (log, plot) = (log.to_str().unwrap(), plot.to_str().unwrap());
        let args = ["--dialect", "v3", "--frames", "30", "--hdr", log, "--plot", plot];
        let output = bench(&args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    use hdrhistogram::serialization::{Deserializer, interval_log};
    let log = take(&log);
    let mut rows = 0;
    for entry in interval_log::IntervalLogIterator::new(log.as_bytes()) {
        let interval_log::LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let encoded = interval.encoded_histogram();
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        let times = Deserializer::new().deserialize::<u64, _>(&mut bytes.as_slice()).unwrap();
        let is_part = interval.tag().is_some_and(|tag| tag.as_str().ends_with("core-to-itself"));
        assert!(times.len() == 30 || is_part && times.len() < 30);
        rows += 1;
    }
    assert_eq!(rows, 9, "{log}");
    let (svg, page) = (take(&svg), take(&page));
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert_eq!(svg.matches("<path").count(), 3);
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg"));
}

#[test]
fn a_capture_with_malformed_frames_is_timed() {
    let capture = file("capture.jsonl");
    let lines = [
        r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7","0.14","0","3"]],"bids":[["31774.6","0.33","0","3"]],"ts":"1654032991947"}]}"#,
        "pong",
        r#"{"arg":{"channel":"greeks","instId":"X"},"data":[{"last":"1"}]}"#,
    ];
    std::fs::write(&capture, lines.join("\n")).unwrap();
    let report = json(&["--capture", capture.to_str().unwrap()]);
    assert_eq!(report["frames"], 3);
    std::fs::write(&capture, format!("{}\n{{\"arg\":", lines.join("\n"))).unwrap();
    let output = bench(&["--capture", capture.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 malformed"));
    std::fs::remove_file(&capture).unwrap();
}

#[test]
fn captures_of_the_embedded_exchange_are_timed_in_both_dialects() {
    for dialect in ["v3", "v5"] {
        let capture =
            format!("{}/../../tests/data/conn-sim-{dialect}.tsv", env!("CARGO_MANIFEST_DIR"));
        let report = json(&["--dialect", dialect, "--capture", &capture]);
        assert_eq!((&report["frames"], &report["malformed"]), (&160.into(), &0.into()));
    }
}

#[test]
fn a_capture_may_come_from_standard_input() {
    let capture = file("piped");
    std::fs::write(&capture, "0\t{\"event\":\"x\"}\n1\tpong\n").unwrap();
    let input = std::fs::File::open(&capture).unwrap();
    let args = ["bench", "--json", "--capture", "-", "--form", "tsv"];
    let output = Program::start_with(&args, input).finish();
    std::fs::remove_file(&capture).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["frames"], 2);
    assert!(report["title"].as_str().unwrap().contains("standard input"), "{report}");
}

#[test]
fn a_capture_of_the_other_dialect_is_noticed() {
    for (asked, other) in [("v3", "v5"), ("v5", "v3")] {
        let capture =
            format!("{}/../../tests/data/conn-sim-{other}.tsv", env!("CARGO_MANIFEST_DIR"));
        let output = bench(&["--dialect", asked, "--capture", &capture]);
        let expected = format!("the messages are of {other}; add --dialect {other}\n");
        assert!(text(&output.stderr).contains(&expected), "{}", text(&output.stderr));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_it_properly() {
    for signal in ["HUP", "INT", "TERM"] {
        let (input, _open) = std::io::pipe().unwrap();
        let reading = Program::start_with(&["bench", "--capture", "-", "--form", "tsv"], input);
        let timing = Program::start(&["bench", "--frames", "10000000"]);
        for program in [reading, timing] {
            program.wait_for_signal_handlers();
            let output = program.signal(signal);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{signal}");
            assert!(text(&output.stderr).ends_with("ended before it had a result\n"), "{signal}");
        }
    }
}

#[test]
fn an_empty_capture_is_an_error() {
    let capture = file("empty.jsonl");
    std::fs::write(&capture, "\n\n").unwrap();
    let output = bench(&["--capture", capture.to_str().unwrap()]);
    std::fs::remove_file(&capture).unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("empty.jsonl") && stderr.contains("has no frame to time"), "{stderr}");
    assert!(!stderr.contains("permissions"), "{stderr}");
}

#[test]
fn every_form_of_the_report_names_program_machine_and_span() {
    let (log, svg) = (file("facts.hlog"), file("facts.svg"));
    let args = ["--frames", "20", "--hdr", log.to_str().unwrap(), "--plot", svg.to_str().unwrap()];
    let output = bench(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let object = json(&["--frames", "20"]);
    let program = &object["program"];
    assert_eq!(program["version"], env!("CARGO_PKG_VERSION"));
    assert!(program["date"].is_string() && object["frames"] == 20, "{object}");
    let span = object["latency_spans"].as_str().unwrap();
    let machine = program["kernel"].as_str().unwrap_or_default();
    for form in [text(&output.stdout).to_owned(), take(&log), take(&svg)] {
        for fact in [env!("CARGO_PKG_VERSION"), machine, "20 frames"] {
            assert!(form.contains(fact), "{fact}: {form}");
        }
    }
    assert!(text(&output.stdout).contains(span));
}

#[test]
fn errors_of_arguments_name_the_correct_form() {
    for (args, hint) in [
        (&["--channel", "depth5"][..], "is a channel of v3; add --dialect v3\n"),
        (&["--dialect", "v3", "--channel", "bbo-tbt"], "is a channel of v5; add --dialect v5\n"),
        (
            &["--channel", "books"],
            "v5 has no channel \"books\" that bench times; give --channel books5",
        ),
        (&["--dialect", "v3", "--channel", "nothing"], "give --channel depth5 or trade\n"),
        (&["--capture", env!("CARGO_MANIFEST_DIR")], "is a directory; give one file of it"),
        (&["--capture", "-"], "standard input has no frame to time"),
        (&["--format", "tsv"], "--capture"),
        (&["--frames", "0"], "1..="),
        (&["--frames", "1", "--plot", "plot.png"], ".svg"),
        (&["--capture", "/nowhere/at/all.tsv"], "check the path"),
        (&["--frames", "1", "--hdr", "/nowhere/at/all.hlog"], "check the path"),
    ] {
        let output = bench(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
}

#[test]
fn a_socket_is_measured_by_both_transports() {
    let svg = file("socket.svg");
    let report = json(&[
        "--socket",
        "--rounds",
        "1",
        "--span",
        "100ms",
        "--burst-frames",
        "1000",
        "--plot",
        svg.to_str().unwrap(),
    ]);
    let rows = report["rows"].as_array().unwrap();
    let transports: &[&str] = if cfg!(unix) { &["direct", "tokio"] } else { &["tokio"] };
    assert_eq!(rows.len(), 6 * transports.len(), "{report}");
    for (row, transport) in rows.iter().zip(transports.iter().cycle()) {
        assert_eq!(row["transport"], *transport);
        assert!(row["per_second"].as_f64().unwrap() > 10.0, "{row}");
        for span in ["send_to_book", "read_to_book"] {
            let times = ["p50", "p99", "p99_9"];
            let times = times.map(|name| row[format!("{span}_{name}")].as_f64().unwrap());
            assert!(times.is_sorted() && times[0] > 0.0, "{row}");
        }
        // The kernel stamps what the direct transport receives.
        let has_stamps = cfg!(target_os = "linux") && *transport == "direct";
        assert_eq!(row["kernel_to_book_p50"].is_number(), has_stamps, "{row}");
    }
    assert_eq!(take(&svg).matches("<path").count(), 4 * transports.len());
    let output = bench(&["--rounds", "2"]);
    assert_eq!(output.status.code(), Some(2), "it belongs to --socket");
}
