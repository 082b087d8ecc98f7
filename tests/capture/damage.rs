//! Nothing is missing silently: whatever is done to the bytes, the blocks and the files of a
//! recording, a replay of all or of a part of the time says where lines are missing.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use okx_feed::capture::{CapturedKind, ConnectionLabel, Mark, RecordConfig, Recorder, Trailer};
use okx_feed::replay::{ReplayError, ReplayReport};
use okx_feed::{BookState, Dialect, Event, Replay, UnixNanos};

use crate::recorder::START;
use crate::scratch_dir::ScratchDir;

const SECOND: u64 = 1_000_000_000;

/// How many trades are recorded, five a second.
pub(crate) const TRADES: u64 = 40;

pub(crate) fn at(id: u64) -> u64 {
    START.0 + id * SECOND / 5
}

/// A book, and a trade of each id, in blocks of a second.
pub(crate) fn record(dir: &Path, max_file_time: Duration) -> Vec<PathBuf> {
    let config = RecordConfig { max_file_time, ..dir.into() };
    let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
    let label = ConnectionLabel::default();
    recorder.record(CapturedKind::Mark(Mark::Line), label, START, b"v5 1 trades:A books5:A");
    let ms = START.0 / 1_000_000;
    let book = format!(
        r#"{{"arg":{{"channel":"books5","instId":"A"}},"data":[{{"asks":[["2","1","0","1"]],"bids":[],"instId":"A","ts":"{ms}","seqId":1}}]}}"#
    );
    recorder.record(CapturedKind::Text, label, START, book.as_bytes());
    for id in 0..TRADES {
        let text = format!(
            r#"{{"arg":{{"channel":"trades","instId":"A"}},"data":[{{"instId":"A","tradeId":"{id}","px":"4.1","sz":"2","side":"buy","ts":"1790000000001","count":"1"}}]}}"#
        );
        recorder.record(CapturedKind::Text, label, UnixNanos(at(id)), text.as_bytes());
    }
    drop(recorder);
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files
}

/// The ids of the trades in order, where gaps are among them, the last state of the book, and the
/// report.
pub(crate) struct Played {
    pub(crate) ids: Vec<u64>,
    /// How many trades came before each gap.
    pub(crate) gaps: Vec<usize>,
    pub(crate) is_live: bool,
    pub(crate) report: ReplayReport,
}

pub(crate) fn played(files: &[PathBuf], times: &Range<u64>) -> Result<Played, ReplayError> {
    let (mut ids, mut gaps, mut is_live) = (Vec::new(), Vec::new(), false);
    let sink = |event: &Event<'_>| match event {
        Event::Trade(update) => ids.push(update.trade.trade_id),
        Event::Gap(gap) => {
            assert!(gap.ts_recv.0 >= times.start, "{gap:?}");
            gaps.push(ids.len());
        }
        Event::State(change) if change.subscription.to_string() == "books5:A" => {
            is_live = change.to == BookState::Live;
        }
        _ => {}
    };
    let replay = Replay::builder().files(files).times(UnixNanos(times.start), UnixNanos(times.end));
    let report = replay.dialect(Dialect::V5).on_event(sink).open()?.run()?;
    assert_eq!(report.gaps, gaps.len() as u64);
    Ok(Played { ids, gaps, is_live, report })
}

pub(crate) const ALL: Range<u64> = 0..u64::MAX;

/// All of the time, and parts that begin and end within blocks and between them.
pub(crate) fn parts() -> Vec<Range<u64>> {
    let part = |from, to| at(from) + 1..at(to) + 1;
    vec![ALL, part(7, 22), part(13, 14), part(11, TRADES), 0..at(18), part(4, 9), part(19, 39)]
}

/// Each trade of the time comes once, in order, or the replay says that something is missing.
pub(crate) fn assert_reported(files: &[PathBuf], times: &Range<u64>, what: &str) -> Option<Played> {
    let expected: Vec<_> = (0..TRADES).filter(|id| times.contains(&at(*id))).collect();
    match played(files, times) {
        Ok(played) => {
            let Played { ids, gaps, report, .. } = &played;
            assert!(ids.is_sorted_by(|a, b| a < b), "{what}, {times:?}: {ids:?}");
            assert!(ids.iter().all(|id| expected.contains(id)), "{what}, {times:?}: {ids:?}");
            let is_reported = !gaps.is_empty() || !report.torn.is_empty();
            assert!(is_reported || *ids == expected, "{what}, {times:?}: {ids:?} {report:?}");
            Some(played)
        }
        // There is nothing of the time.
        Err(ReplayError::NothingInTimes { .. }) => None,
        Err(error) => panic!("{what}, {times:?}: {error}"),
    }
}

/// The blocks of a file with their trailers.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some((at, _)) = Trailer::find(rest) {
        let (block, next) = rest.split_at(at + Trailer::LEN);
        blocks.push(block.to_vec());
        rest = next;
    }
    assert!(rest.is_empty());
    blocks
}

/// As a file was written before trailers had a checksum.
fn unchecked(mut block: Vec<u8>) -> Vec<u8> {
    let trailer = block.len() - Trailer::LEN;
    block[trailer + 12] = 1;
    block[trailer + 28..trailer + 32].fill(0);
    block
}

pub(crate) struct Case {
    pub(crate) dir: ScratchDir,
    pub(crate) whole: Vec<u8>,
    pub(crate) blocks: Vec<Vec<u8>>,
    pub(crate) changed: [PathBuf; 1],
}

pub(crate) fn case(name: &str) -> Case {
    let dir = ScratchDir::new(&format!("damage-{name}"));
    let files = record(dir.path(), Duration::from_secs(3600));
    let whole = std::fs::read(&files[0]).unwrap();
    let blocks = blocks(&whole);
    assert!(blocks.len() >= 8, "{}", blocks.len());
    let changed = [dir.path().join("changed.tsv.zst")];
    Case { dir, whole, blocks, changed }
}

#[test]
fn a_changed_byte_of_a_block_or_a_trailer_is_reported_in_every_part_of_the_time() {
    let case = case("byte");
    for version in [2, 1] {
        let mut start = 0;
        for (number, block) in case.blocks.iter().enumerate() {
            let trailer = block.len() - Trailer::LEN;
            // All of a few trailers, and some of the rest.
            let is_tried = |byte: &usize| match number {
                0 | 3 if *byte >= trailer => byte.is_multiple_of(3) || *byte < trailer + 32,
                _ => byte % 61 == number % 61 || *byte < 2,
            };
            for byte in (0..block.len()).filter(is_tried) {
                let mut blocks = case.blocks.clone();
                if version == 1 {
                    blocks = blocks.into_iter().map(unchecked).collect();
                }
                blocks[number][byte] ^= 0x55;
                std::fs::write(&case.changed[0], blocks.concat()).unwrap();
                let what = format!("version {version}, byte {byte} of {number} at {start}");
                let times = if byte.is_multiple_of(2) { at(7) + 1..at(22) + 1 } else { ALL };
                let played = assert_reported(&case.changed, &times, &what);
                // It costs the blocks that it is in, and at most the one behind.
                let most = 2 * TRADES as usize / 8 + 2;
                let of_part = if times == ALL { TRADES as usize } else { 15 };
                let ids = played.map_or(0, |played| played.ids.len());
                assert!(ids + most >= of_part, "{what}: {ids}");
            }
            start += block.len();
        }
    }
}

/// A damaged time of a trailer left out its block where a part of the time was asked for.
#[test]
fn a_trailer_that_nothing_covers_is_no_index() {
    let case = case("index");
    for number in 0..case.blocks.len() {
        let mut blocks: Vec<_> = case.blocks.iter().cloned().map(unchecked).collect();
        let trailer = blocks[number].len() - Trailer::LEN;
        // The highest bits of the earliest and of the latest time.
        for (byte, bit) in [(47, 1 << 6), (55, 1 << 4), (55, 1 << 6), (53, 1)] {
            blocks[number][trailer + byte] ^= bit;
            std::fs::write(&case.changed[0], blocks.concat()).unwrap();
            for times in parts() {
                assert_reported(&case.changed, &times, &format!("byte {byte} of {number}"));
            }
            blocks[number][trailer + byte] ^= bit;
        }
        std::fs::write(&case.changed[0], blocks.concat()).unwrap();
        let played = assert_reported(&case.changed, &ALL, "whole").unwrap();
        assert_eq!((played.ids.len() as u64, played.report.gaps), (TRADES, 0));
    }
}

#[test]
fn a_gap_over_the_start_or_the_end_of_the_time_is_reported() {
    let case = case("over");
    for number in 1..6 {
        let mut blocks = case.blocks.clone();
        let middle = (blocks[number].len() - Trailer::LEN) / 2;
        blocks[number][middle] ^= 0x55;
        let trailer = Trailer::find(&blocks[number]).unwrap().1;
        std::fs::write(&case.changed[0], blocks.concat()).unwrap();
        let (first, last) = (trailer.first.0, trailer.last.0);
        let middle = first + (last - first) / 2;
        for (times, gaps) in [
            (middle..u64::MAX, 1),
            (0..middle, 1),
            (middle..middle + 1, 1),
            (first - SECOND..first + 1, 1),
            (last..last + SECOND, 1),
            // What is left out can't be missing.
            (last + 1..last + 2 * SECOND, 0),
            (first - SECOND..first, 0),
        ] {
            let Some(played) = assert_reported(&case.changed, &times, "over") else {
                panic!("{number}: {times:?}");
            };
            assert_eq!(played.report.gaps, gaps, "{number}: {times:?} of {first} to {last}");
        }
    }
}

/// What the recorder dropped is missing since then, not since it could write again.
#[test]
fn what_the_recorder_dropped_is_reported_in_a_part_of_the_time_that_ends_within() {
    let dir = ScratchDir::new("damage-dropped");
    let mut recorder = Recorder::start(dir.path().into(), Dialect::V5, START).unwrap();
    let label = ConnectionLabel::default();
    let at = |secs: u64| UnixNanos(START.0 + secs * SECOND);
    recorder.record(CapturedKind::Mark(Mark::Line), label, START, b"v5 1 trades:A");
    recorder.record(CapturedKind::Text, label, at(1), b"{}");
    // Longer than any frame.
    recorder.record(CapturedKind::Text, label, at(3), &vec![b' '; (1 << 20) + 1]);
    recorder.record(CapturedKind::Text, label, at(10), &vec![b' '; (1 << 20) + 1]);
    recorder.record(CapturedKind::Text, label, at(20), b"{}");
    drop(recorder);
    for (from, to, gaps) in [(0, 5, 1), (5, 6, 1), (5, 99, 1), (10, 20, 1), (0, 3, 0), (11, 99, 0)]
    {
        let gap = played(&dir.files(), &(at(from).0..at(to).0)).unwrap().report;
        assert_eq!(gap.gaps, gaps, "{from} to {to}");
        assert_eq!(gap.missing_lines, gaps * 2, "{from} to {to}");
    }
}

#[test]
fn blocks_that_are_missing_doubled_or_moved_are_reported_and_none_is_played_twice() {
    let case = case("blocks");
    let count = case.blocks.len();
    let check = |blocks: Vec<Vec<u8>>, what: &str| {
        std::fs::write(&case.changed[0], blocks.concat()).unwrap();
        for times in parts() {
            assert_reported(&case.changed, &times, what);
        }
        let played = assert_reported(&case.changed, &ALL, what).unwrap();
        assert!(played.report.gaps > 0, "{what}");
    };
    for at in 0..count {
        let mut missing = case.blocks.clone();
        missing.remove(at);
        // Where the last one is missing, so is the closing mark.
        if at + 1 < count {
            check(missing, &format!("{at} is missing"));
        }
        let mut doubled = case.blocks.clone();
        doubled.insert(at, doubled[at].clone());
        check(doubled, &format!("{at} is doubled"));
        if at + 1 < count {
            let mut swapped = case.blocks.clone();
            swapped.swap(at, at + 1);
            check(swapped, &format!("{at} is swapped"));
        }
    }
    check(vec![case.whole.clone(), case.whole.clone()], "the file behind itself");
    check(vec![case.whole.clone(), b"garbage".to_vec()], "garbage behind it");
    let middle = case.blocks.split_at(4);
    check(vec![middle.0.concat(), vec![7; 3_000_000], middle.1.concat()], "garbage within");
    let played = played(&case.changed, &ALL).unwrap();
    assert_eq!((played.ids.len() as u64, played.report.gaps), (TRADES, 1));
}

/// A file whose start is gone says so, and the rest of it is played.
#[test]
fn a_file_whose_first_block_or_trailer_is_damaged_is_played_from_there() {
    let case = case("start");
    let block = case.blocks[0].len() - Trailer::LEN;
    for byte in [0, 3, 5, 9, block / 2, block - 2, block + 2, block + 4, block + 10, block + 50] {
        let mut changed = case.whole.clone();
        changed[byte] ^= 0x55;
        std::fs::write(&case.changed[0], &changed).unwrap();
        let mut count = 0;
        let trades = |event: &Event<'_>| count += u64::from(matches!(event, Event::Trade(_)));
        let replay = Replay::builder().file(&case.changed[0]).on_event(trades).open().unwrap();
        let report = replay.run().unwrap();
        assert!(count + 10 >= TRADES && report.gaps == 1, "byte {byte}: {count}, {report:?}");
        let pipe = std::io::Cursor::new(changed);
        let error = Replay::builder().reader(pipe).open().unwrap_err().to_string();
        assert!(error.contains("is missing") && error.contains(" byte "), "{error}");
    }
}
