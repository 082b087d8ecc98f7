//! The order of lines whose times are equal, or run back within a read.

use std::path::PathBuf;

use okx_feed::capture::{CapturedKind, ConnectionLabel, Mark, RecordConfig, Recorder};
use okx_feed::{Dialect, Event, Replay, UnixNanos};

use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

const LABEL: ConnectionLabel = ConnectionLabel { group: 0, line: 0 };

fn at(nanos: u64) -> UnixNanos {
    UnixNanos(START.0 + nanos)
}

fn trade(id: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"A"}},"data":[{{"instId":"A","tradeId":"{id}","px":"4","sz":"2","side":"buy","ts":"1790000000000","count":"1"}}]}}"#
    )
}

/// Kind, number and time since the start of each trade and each state.
fn played(dir: &ScratchDir, change: impl FnOnce(&mut Vec<PathBuf>)) -> Vec<String> {
    let mut files = dir.files();
    change(&mut files);
    let mut seen = Vec::new();
    let sink = |event: &Event<'_>| {
        let time = event.ts_recv().0 - START.0;
        match event {
            Event::Trade(update) => seen.push(format!("{} at {time}", update.trade.trade_id)),
            Event::State(change) => seen.push(format!("{} at {time}", change.to)),
            _ => {}
        }
    };
    Replay::builder().files(files).on_event(sink).open().unwrap().run().unwrap();
    seen
}

/// All frames of a read have its time, and what a client does between two of them a later one.
#[test]
fn a_frame_has_the_time_of_its_read_also_behind_a_later_mark() {
    let dir = ScratchDir::new("read");
    let mut recorder = Recorder::start(dir.path().into(), Dialect::V5, START).unwrap();
    recorder.record(CapturedKind::Mark(Mark::Line), LABEL, at(1), b"v5 1 trades:A");
    recorder.record(CapturedKind::Text, LABEL, at(10), trade(1).as_bytes());
    recorder.record(CapturedKind::Mark(Mark::State), LABEL, at(12), b"stale trades:A");
    recorder.record(CapturedKind::Text, LABEL, at(10), trade(2).as_bytes());
    recorder.record(CapturedKind::Mark(Mark::States), LABEL, at(15), b"down_stopped");
    drop(recorder);
    let seen = played(&dir, |_| {});
    let expected =
        ["live at 10", "1 at 10", "stale at 12", "live at 10", "2 at 10", "down_stopped at 15"];
    assert_eq!(seen, expected);
}

/// A file may begin at the time at which the one before it ends, and end there too.
#[test]
fn files_of_equal_times_are_played_in_the_order_of_their_numbers() {
    let dir = ScratchDir::new("equal-times");
    // Each block is a file of its own.
    let config = RecordConfig { max_file_len: 1, ..dir.path().into() };
    let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
    recorder.record(CapturedKind::Mark(Mark::Line), LABEL, at(1), b"v5 1 trades:A");
    for id in 1..=5 {
        recorder.record(CapturedKind::Text, LABEL, at(10), trade(id).as_bytes());
        // A block is handed over when it has waited for a second; its lines keep their time.
        recorder.flush_due(at(2_000_000_000));
    }
    drop(recorder);
    assert_eq!(dir.files().len(), 5);
    let expected: Vec<_> = (1..=5).map(|id| format!("{id} at 10")).collect();
    let changes: [fn(&mut Vec<PathBuf>); 3] =
        [|_| {}, |files| files.reverse(), |files| files.rotate_left(2)];
    for change in changes {
        let mut seen = played(&dir, change);
        seen.retain(|text| !text.starts_with("live") && !text.starts_with("connecting"));
        assert_eq!(seen, expected);
    }
}
