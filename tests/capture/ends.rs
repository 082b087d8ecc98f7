//! How recordings end, and which part of them a replay is given.

use std::path::PathBuf;
use std::time::Duration;

use okx_feed::capture::{CapturedKind, ConnectionLabel, Mark, RecordConfig, Recorder, Trailer};
use okx_feed::replay::{ReplayError, ReplayReport};
use okx_feed::{Dialect, Event, Replay, UnixNanos};

use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

const SECOND: u64 = 1_000_000_000;

/// Twelve seconds of trades, ten a second, in blocks of a second and files of `file_time`.
fn record(dir: &ScratchDir, file_time: Duration) -> Vec<PathBuf> {
    let config = RecordConfig { max_file_time: file_time, ..dir.path().into() };
    let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
    let label = ConnectionLabel::default();
    recorder.record(CapturedKind::Mark(Mark::Line), label, START, b"v5 1 trades:BTC-USDT");
    for n in 0..120 {
        let text = format!(
            r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{}","px":"4.1","sz":"2","side":"buy","ts":"1790000000001","count":"1"}}]}}"#,
            n + 1
        );
        let ts = UnixNanos(START.0 + 1 + n * SECOND / 10);
        recorder.record(CapturedKind::Text, label, ts, text.as_bytes());
    }
    drop(recorder);
    dir.files()
}

/// The ids of the trades of a part of the time, all events, and the report.
fn played(files: &[PathBuf], from: u64, to: u64) -> (Vec<u64>, Vec<String>, ReplayReport) {
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    let sink = |event: &Event<'_>| {
        all.push(format!("{event:?}"));
        if let Event::Trade(update) = event {
            ids.push(update.trade.trade_id);
        }
    };
    let replay = Replay::builder().files(files).times(UnixNanos(from), UnixNanos(to));
    let report = replay.on_event(sink).open().unwrap().run().unwrap();
    (ids, all, report)
}

fn all_of(files: &[PathBuf]) -> ReplayReport {
    played(files, 0, u64::MAX).2
}

/// A process that is killed between two blocks leaves a file that is whole up to there.
#[test]
fn a_recording_that_was_killed_between_two_blocks_does_not_look_finished() {
    let dir = ScratchDir::new("killed-between");
    let [file] = &record(&dir, Duration::from_secs(3600))[..] else { panic!("one file") };
    let bytes = std::fs::read(file).unwrap();
    let report = all_of(std::slice::from_ref(file));
    assert!(report.unfinished.is_empty() && report.continued.is_empty(), "{report:?}");
    let cut = vec![dir.path().join("cut.tsv.zst")];
    let mut boundaries = 0;
    for end in Trailer::LEN..bytes.len() {
        if Trailer::parse(&bytes[end - Trailer::LEN..end]).is_some() {
            std::fs::write(&cut[0], &bytes[..end]).unwrap();
            let report = all_of(&cut);
            assert_eq!((&report.unfinished, report.torn.len()), (&cut, 0), "cut at {end}");
            // Nobody can know it of a part of the time.
            let report = played(&cut, 0, START.0 + SECOND / 2).2;
            assert!(report.unfinished.is_empty(), "{report:?}");
            boundaries += 1;
        }
    }
    assert!(boundaries >= 10, "{boundaries}");
}

#[test]
fn files_that_follow_are_named_where_they_were_not_given() {
    let dir = ScratchDir::new("followed");
    let files = record(&dir, Duration::from_secs(4));
    assert_eq!(files.len(), 3);
    let report = all_of(&files);
    assert!(report.unfinished.is_empty() && report.continued.is_empty(), "{report:?}");
    let report = all_of(&files[..2]);
    assert_eq!((report.unfinished.len(), &report.continued[..]), (0, &files[1..2]));
}

/// A process that is killed as it begins a file leaves an empty one.
#[test]
fn an_empty_file_changes_nothing_and_is_named() {
    let dir = ScratchDir::new("empty");
    let files = record(&dir, Duration::from_secs(3600));
    let (ids, all, _) = played(&files, 0, u64::MAX);
    for torn in [&b""[..], &[0x28], &std::fs::read(&files[0]).unwrap()[..40]] {
        let path = dir.path().join("z.tsv.zst");
        std::fs::write(&path, torn).unwrap();
        let with = [files.clone(), vec![path.clone()]].concat();
        let (same_ids, same, report) = played(&with, 0, u64::MAX);
        assert_eq!((ids.len(), &same_ids, &same), (120, &ids, &all));
        assert_eq!(report.torn, std::slice::from_ref(&path));
        let error = Replay::builder().file(&path).open().unwrap_err();
        assert!(matches!(error, ReplayError::Empty(_)), "{error}");
    }
}

/// What the first line of a file says of it holds for times that begin after it.
#[test]
fn a_part_of_several_files_is_of_one_recording() {
    let dir = ScratchDir::new("part");
    let files = record(&dir, Duration::from_secs(4));
    let (from, to) = (START.0 + 1 + 2 * SECOND, START.0 + 1 + 10 * SECOND);
    let (ids, all, report) = played(&files, from, to);
    assert_eq!(ids, (21..=100).collect::<Vec<_>>());
    assert!(report.missing_files.is_empty(), "{report:?}");
    let whole = ScratchDir::new("part-whole");
    let one = record(&whole, Duration::from_secs(3600));
    assert_eq!(all, played(&one, from, to).1);
    // A file that has nothing of it is not missing.
    let report = played(&files, START.0 + 9 * SECOND, u64::MAX).2;
    assert!(report.missing_files.is_empty(), "{report:?}");
    let report = played(&[files[0].clone(), files[2].clone()], from, to).2;
    assert_eq!(report.missing_files, [(files[2].clone(), 1)]);
}
