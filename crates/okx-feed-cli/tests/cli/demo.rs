//! `okx-feed demo`, the real program: it ends by itself, and its table has frames and no error.

use crate::program::{Program, text};
use serde_json::Value;

/// The second word of a row of the table, as awk finds it.
fn number(table: &str, row: &str) -> u64 {
    let words = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut row = words.filter(|words| words.first() == Some(&row));
    row.next().and_then(|words| words.get(1)?.parse().ok()).unwrap()
}

#[test]
fn it_ends_by_itself_with_frames_and_no_error_in_both_dialects() {
    for (dialect, channel) in [("v3", "futures/depth5:BTC-USD-190517"), ("v5", "books5:BTC-USDT")] {
        let args = ["demo", "--dialect", dialect, "--duration", "1200ms"];
        let output = Program::start(&args).finish();
        let table = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{table}{}", text(&output.stderr));
        let line = table.lines().next().unwrap();
        assert!(line.contains(channel) && line.contains("frames/s"), "{line}");
        for fact in [env!("CARGO_PKG_VERSION"), " cores, ", "from the receipt of a frame", "Z\n"] {
            assert!(table.contains(fact), "{fact}: {table}");
        }
        assert!(number(table, "frames") > 0, "{table}");
        assert!(number(table, "events") >= number(table, "frames"), "{table}");
        for none in ["errors", "anomalies", "skipped"] {
            assert_eq!(number(table, none), 0, "{table}");
        }
        assert_eq!(number(table, "connects"), 1, "{table}");
        for name in ["p50", "p99", "p99.9", "max"] {
            assert!(table.contains(name), "{table}");
        }
        // Each run has its frames and its four latencies; the reason is printed below.
        for run in ["frames/s  ", "frames/s, the exchange's own pace", "frames/s with --busy-poll"]
        {
            let row = table.lines().rfind(|line| line.contains(run)).unwrap();
            let units =
                row.split_whitespace().filter(|word| ["ns", "µs", "ms", "s"].contains(word));
            assert_eq!(units.count(), 4, "{row}");
        }
        assert!(table.contains("the caches"), "{table}");
        // Tools like awk would split a number with blanks in it.
        assert!(!table.contains(|c: char| c.is_whitespace() && !" \n".contains(c)), "{table}");
    }
}

#[test]
fn an_interrupt_ends_it_with_the_table_so_far() {
    let mut program = Program::start(&["--verbose"]);
    // The first line comes after a second: the client runs.
    program.line();
    let output = program.interrupt();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(number(text(&output.stdout), "frames") > 0);
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let mut program = Program::start(&["demo", "--duration", "3s"]);
    program.line();
    program.close_stdout();
    let output = program.finish();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn the_object_has_what_the_table_has_and_nothing_else_is_printed() {
    let output = Program::start(&["demo", "--json", "--duration", "1s", "--rate", "500"]).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["command"], &report["dialect"]), (&"demo".into(), &"v5".into()));
    assert_eq!(report["program"]["version"], env!("CARGO_PKG_VERSION"));
    for fact in ["cpu", "kernel", "date"] {
        assert!(cfg!(not(target_os = "linux")) || report["program"][fact].is_string(), "{report}");
    }
    assert_eq!(report["rate_asked"], 500);
    let reached = report["rate_reached"].as_u64().unwrap();
    assert!((100..1_000).contains(&reached), "{report}");
    assert!(report["frames"].as_u64().unwrap() > 0 && report["latency_spans"].is_string());
    let runs = report["own_pace"].as_array().unwrap();
    assert_eq!(runs.iter().map(|run| run["busy_poll"] == true).collect::<Vec<_>>(), [false, true]);
    for times in runs.iter().chain([&report]).map(|run| &run["latency_ns"]) {
        let times = ["p50", "p99", "p99_9", "max"].map(|name| times[name].as_u64().unwrap());
        assert!(times.is_sorted() && times[0] > 0, "{report}");
    }
}

#[test]
fn a_rate_that_is_not_reached_is_reported_as_measured() {
    let args = ["demo", "--duration", "1s", "--rate", "4000000000", "--instruments", "1"];
    let output = Program::start(&args).finish();
    let table = text(&output.stdout);
    let line = table.lines().find(|line| line.contains("were asked for")).unwrap();
    let reached = line.split(", ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(reached.parse::<u64>().unwrap() < 4_000_000_000, "{line}");
    assert!(line.contains("where 4000000000 were asked for"), "{line}");
}

#[test]
fn a_terminal_that_is_closed_ends_it_with_the_table() {
    let mut program = Program::start(&["demo", "--duration", "60s"]);
    program.line();
    let output = program.signal("HUP");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(number(text(&output.stdout), "frames") > 0);
}

#[test]
fn errors_of_arguments_name_the_correct_form() {
    for (args, hint) in [
        (["demo", "--duration", "10"], "10s"),
        (["demo", "--duration", "0s"], "too short"),
        (["demo", "--duration", "-1s"], "is negative"),
        (["demo", "--duration", "9000h"], "too long"),
        (["demo", "--dialect", "v4"], "v3, v5"),
        (["demo", "--instruments", "0"], "1..=10000"),
    ] {
        let output = Program::start(&args).finish();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
}

#[test]
fn the_old_name_of_busy_polling_is_still_accepted() {
    for command in ["demo", "watch"] {
        let output = Program::start(&[command, "--busy", "--help"]).finish();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let help = text(&output.stdout);
        assert!(help.contains("--busy-poll") && !help.contains("--busy "), "{help}");
    }
}
