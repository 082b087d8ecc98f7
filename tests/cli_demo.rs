//! `okx-feed demo`, the real program: it ends by itself, and its table tells of frames and no error.
#![cfg(all(feature = "cli", unix))]
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test does")]

mod program;

use program::{Program, text};

/// The number in a row of the table, with its groups of digits joined.
fn number(table: &str, row: &str) -> u64 {
    let line = table.lines().find(|line| line.trim_start().starts_with(row)).unwrap();
    let rest = line.trim_start().strip_prefix(row).unwrap().trim_start();
    let digits = rest.split("   ").next().unwrap().replace(' ', "");
    digits.parse().unwrap()
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
        assert!(number(table, "frames") > 0, "{table}");
        assert!(number(table, "events") >= number(table, "frames"), "{table}");
        for none in ["errors", "anomalies", "skipped"] {
            assert_eq!(number(table, none), 0, "{table}");
        }
        assert_eq!(number(table, "connects"), 1, "{table}");
        for name in ["p50", "p99", "p99.9", "max"] {
            assert!(table.contains(name), "{table}");
        }
        assert!(table.lines().last().unwrap().matches(['n', 'µ', 'm']).count() >= 4, "{table}");
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
fn a_reader_that_leaves_ends_it_quietly() {
    let mut program = Program::start(&["demo", "--duration", "3s"]);
    program.line();
    program.close_stdout();
    let output = program.finish();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn wrong_arguments_say_what_would_be_right() {
    for (args, hint) in [
        (["demo", "--duration", "10"], "10s"),
        (["demo", "--duration", "0s"], "1ms"),
        (["demo", "--dialect", "v4"], "v3, v5"),
        (["demo", "--instruments", "0"], "1..=10000"),
    ] {
        let output = Program::start(&args).finish();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
}
