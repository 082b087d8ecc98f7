//! Files of a recording that are missing, cut, joined or given twice.

use std::path::PathBuf;
use std::time::Duration;

use okx_feed::capture::{CapturedKind, ConnectionLabel, Mark, Recorder};
use okx_feed::replay::ReplayError;
use okx_feed::{BookState, Dialect, Event, Replay, UnixNanos};

use crate::damage::{ALL, TRADES, assert_reported, at, blocks, case, parts, played, record};
use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

#[test]
fn a_file_that_is_missing_or_cut_between_two_is_reported_where_it_is_missing() {
    let dir = ScratchDir::new("damage-files");
    let files = record(dir.path(), Duration::from_secs(2));
    assert!(files.len() >= 4, "{files:?}");
    let whole = played(&files, &ALL).unwrap();
    assert_eq!((whole.ids.len() as u64, whole.report.gaps), (TRADES, 0));
    for missing in 1..files.len() - 1 {
        let mut left = files.clone();
        left.remove(missing);
        for times in parts() {
            assert_reported(&left, &times, &format!("file {missing} is missing"));
        }
        let played = played(&left, &ALL).unwrap();
        // Before what comes behind it.
        let before = played.ids.windows(2).position(|pair| pair[1] > pair[0] + 1).unwrap() + 1;
        assert_eq!((&played.gaps[..], played.report.missing_files.len()), (&[before][..], 1));
        assert!(!played.is_live);
    }
    let bytes = std::fs::read(&files[1]).unwrap();
    let cut = [files[0].clone(), dir.path().join("cut.tsv.zst"), files[2].clone()];
    let ends: Vec<_> = blocks(&bytes)
        .iter()
        .scan(0, |end, block| {
            *end += block.len();
            Some(*end)
        })
        .collect();
    for end in ends {
        for len in [end - 90, end - 1, end].into_iter().filter(|len| *len < bytes.len()) {
            std::fs::write(&cut[1], &bytes[..len]).unwrap();
            for times in [ALL, at(5) + 1..at(12) + 1, at(14)..at(14) + 1, at(14)..u64::MAX] {
                let expected: Vec<_> = (0..TRADES).filter(|id| times.contains(&at(*id))).collect();
                let Ok(played) = played(&cut, &times) else { continue };
                let last = played.ids.last().copied().unwrap_or(0);
                let has_all = expected.iter().filter(|id| **id <= last).count() == played.ids.len();
                let what = format!("cut at {len}, {times:?}: {:?}", played.ids);
                assert!(has_all || played.report.gaps > 0, "{what}");
                // There is nothing between the last trade and the closing mark.
                assert!(played.report.gaps <= 1, "{what}");
            }
        }
    }
}

#[test]
fn files_end_to_end_are_one_recording_and_a_file_twice_is_refused() {
    let dir = ScratchDir::new("damage-joined");
    let files = record(dir.path(), Duration::from_secs(2));
    let joined = [dir.path().join("joined.tsv.zst")];
    let join = |files: &[PathBuf]| {
        let all: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        std::fs::write(&joined[0], all.concat()).unwrap();
    };
    join(&files);
    for times in parts() {
        assert_eq!(assert_reported(&joined, &times, "joined").unwrap().report.gaps, 0, "{times:?}");
    }
    join(&[&files[..1], &files[2..]].concat());
    let report = played(&joined, &ALL).unwrap().report;
    assert_eq!((report.gaps, &report.missing_files[..]), (1, &[(joined[0].clone(), 1)][..]));
    // The same file, and a copy of it.
    let copy = dir.path().join("copy.tsv.zst");
    std::fs::copy(&files[1], &copy).unwrap();
    for twice in [&files[1], &copy] {
        let all = [files.clone(), vec![twice.clone()]].concat();
        match played(&all, &ALL) {
            Err(ReplayError::Twice { path, other }) => {
                assert_eq!((&path, &other), (twice, &files[1]))
            }
            other => panic!("{:?}", other.map(|played| played.report)),
        }
    }
}

/// A recorder that was killed has lost its connections then, though another goes on.
#[test]
fn a_recording_that_ends_before_another_one_is_not_live_any_more() {
    let dir = ScratchDir::new("damage-goes-on");
    let killed = case("killed");
    let end: usize = killed.blocks[..3].iter().map(Vec::len).sum();
    std::fs::write(&killed.changed[0], &killed.whole[..end]).unwrap();
    let mut recorder = Recorder::start(dir.path().into(), Dialect::V5, START).unwrap();
    let label = ConnectionLabel { group: 1, line: 0 };
    recorder.record(CapturedKind::Mark(Mark::Line), label, START, b"v5 1 trades:B");
    recorder.record(CapturedKind::Text, label, UnixNanos(at(TRADES)), b"{\"event\":\"x\"}");
    drop(recorder);
    let mut ended = None;
    let sink = |event: &Event<'_>| {
        if let Event::State(change) = event
            && change.to == BookState::Connecting
            && change.subscription.to_string() == "books5:A"
        {
            ended = Some(change.ts_recv.0);
        }
    };
    let files = [dir.files(), killed.changed.to_vec()].concat();
    Replay::builder().files(files).on_event(sink).open().unwrap().run().unwrap();
    assert!(ended.is_some_and(|ended| ended < at(20)), "{ended:?}");
    drop(killed.dir);
}
