//! `okx-feed soak`, the real program for a minute: faults of every kind, and no wrong book.

use crate::program::{Program, text};
use serde_json::Value;

#[test]
fn a_negative_number_is_refused_in_words() {
    for (args, words) in [
        (["soak", "--minutes", "-1"], "\"-1\" is negative; give 0.01 or longer"),
        (["demo", "--duration", "-1s"], "\"-1s\" is negative; give 1ms or longer"),
        (["bench", "--frames", "-1"], "invalid value '-1' for '--frames <N>'"),
        (["watch", "--count", "-1"], "invalid value '-1' for '--count <N>'"),
    ] {
        let output = Program::start(&args).finish();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

/// As the README promises, but with fewer instruments and market events: an unoptimised exchange is
/// slow, and one that falls behind the wall clock has books that are too old. With this seed the
/// clock is set back while no line is connected, so that lines lag.
#[test]
fn a_minute_of_faults_leaves_every_book_correct() {
    let args = "soak --minutes 1 --seed 11 --instruments 20 --rate 500 --every 1s --json";
    let args: Vec<_> = args.split(' ').collect();
    let mut program = Program::start(&args);
    // It comes after a minute, and the time until all books are live again.
    let line = program.line();
    let output = program.finish();
    let report: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}\n{}", text(&output.stderr));
    assert_eq!(report["clean"], true);
    let faults = report["faults"].as_array().unwrap();
    let injected: u64 = faults.iter().map(|fault| fault["injected"].as_u64().unwrap()).sum();
    assert!(injected >= 30 && faults.len() >= 10, "{report:#}");
    let clients = report["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 2);
    for client in clients {
        assert!(client["books_verified"].as_u64().unwrap() > 1_000, "{report:#}");
        assert!(client["trades"].as_u64().unwrap() > 0, "{report:#}");
        assert!(client["losses"].as_u64().unwrap() > 0, "{report:#}");
        // Without stale books the check of their age would be empty.
        assert!(client["stale"].as_u64().unwrap() > 0, "{report:#}");
        assert!(client["lines"].as_array().unwrap().len() >= 2);
    }
}

#[test]
fn an_interrupt_ends_it_with_the_report() {
    let args =
        ["soak", "--minutes", "5", "--instruments", "3", "--rate", "300", "--every", "500ms"];
    let mut program = Program::start(&args);
    // It reports its progress after ten seconds.
    let progress = program.error_line();
    assert!(progress.contains("live books verified, 0 wrong"), "{progress}");
    let output = program.interrupt();
    let (report, rest) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{report}{rest}");
    assert!(report.contains("faults not recovered from: 0"), "{report}");
}

#[test]
fn errors_of_arguments_name_the_correct_form() {
    for (args, hint) in [
        (&["soak", "--minutes", "0"][..], "give minutes"),
        (&["soak", "--minutes", "nan"], "give minutes"),
        (&["soak", "--instruments", "0"], "1..=1000"),
    ] {
        let output = Program::start(args).finish();
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(hint), "{}", text(&output.stderr));
    }
}
