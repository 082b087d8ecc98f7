//! The recorder: what is written is what was recorded, or the file says what is missing.

use std::time::Duration;

use okx_feed::capture::{
    CaptureReader, CapturedKind, ConnectionLabel, EntryKind, Mark, RecordConfig, Recorder,
    SyncPolicy,
};
use okx_feed::{Dialect, Frame, UnixNanos};

use crate::scratch_dir::ScratchDir;

pub(crate) const START: UnixNanos = UnixNanos(1_790_000_000_000_000_000);

/// One line as the reader gives it: time, connection, kind, payload.
pub(crate) type Seen = (u64, ConnectionLabel, String, Vec<u8>);

/// All lines of a file but for what the recorder adds, and whether it ends in the middle.
pub(crate) fn lines(path: &std::path::Path) -> (Vec<Seen>, bool) {
    let mut reader = CaptureReader::open(path).unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let (kind, payload) = match entry.kind {
            EntryKind::Frame(Frame::Text(text)) => ("text", text),
            EntryKind::Frame(Frame::Binary(bytes)) => ("binary", bytes),
            EntryKind::Mark(mark, text) => (mark.name(), text),
            other => panic!("{other:?}"),
        };
        seen.push((entry.ts_recv.0, entry.connection, kind.to_owned(), payload.to_vec()));
    }
    (seen, reader.is_torn())
}

/// Records numbered frames of both kinds, `step` apart; returns them as the reader gives them.
pub(crate) fn record(recorder: &mut Recorder, count: u64, step: Duration) -> Vec<Seen> {
    let mut all = Vec::new();
    for n in 0..count {
        let ts = START.0 + n * u64::try_from(step.as_nanos()).unwrap();
        let connection = ConnectionLabel { group: (n % 3) as u16, line: (n % 2) as u16 };
        let payload = format!("{{\"n\":{n},\"px\":\"{}.{}\"}}\n", n * 7919 % 100_003, n % 97);
        let (kind, name) = match n % 5 {
            0 => (CapturedKind::Binary, "binary"),
            1 => (CapturedKind::Mark(Mark::Sent), "sent"),
            _ => (CapturedKind::Text, "text"),
        };
        // Some are as they come, some would break a line.
        let payload = if n % 7 == 0 { payload.as_bytes() } else { payload.trim_end().as_bytes() };
        recorder.record(kind, connection, UnixNanos(ts), payload);
        all.push((ts, connection, name.to_owned(), payload.to_vec()));
    }
    all
}

fn without_head(mut seen: Vec<Seen>) -> Vec<Seen> {
    seen.retain(|(.., kind, _)| kind != "file" && kind != "finish");
    seen
}

#[test]
fn what_is_recorded_is_read_back_in_order() {
    for sync in [SyncPolicy::Never, SyncPolicy::File, SyncPolicy::Block] {
        let dir = ScratchDir::new(&format!("order-{sync:?}"));
        let config = RecordConfig { sync, ..dir.path().into() };
        let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
        let recorded = record(&mut recorder, 20_000, Duration::from_micros(400));
        let recording = recorder.recording();
        drop(recorder);
        let [file] = &dir.files()[..] else { panic!("{:?}", dir.files()) };
        let (seen, is_torn) = lines(file);
        assert!(!is_torn);
        assert_eq!(seen[0].2, "file");
        let (.., last, next) = seen.last().unwrap();
        assert_eq!((&last[..], &next[..]), ("finish", &b"no"[..]));
        assert_eq!(without_head(seen), recorded);
        let stats = recording.stats();
        assert_eq!((stats.lines, stats.written_lines), (20_000, 20_000), "{stats:?}");
        assert_eq!((stats.dropped_lines, stats.files), (0, 1), "{stats:?}");
        assert_eq!(std::fs::metadata(file).unwrap().len(), stats.written_len);
    }
}

#[test]
fn a_frame_of_the_longest_length_is_kept_and_a_longer_one_is_counted() {
    let dir = ScratchDir::new("longest");
    let mut recorder = Recorder::start(dir.path().into(), Dialect::V3, START).unwrap();
    let connection = ConnectionLabel::default();
    let mut frame = vec![0xA5; 1 << 20];
    recorder.record(CapturedKind::Binary, connection, START, &frame);
    frame.push(0);
    recorder.record(CapturedKind::Binary, connection, START, &frame);
    recorder.record(CapturedKind::Text, connection, START, b"{}");
    drop(recorder);
    let seen = lines(&dir.files()[0]).0;
    let kinds: Vec<_> = seen.iter().map(|(.., kind, payload)| (&kind[..], payload.len())).collect();
    assert_eq!(kinds[1], ("binary", 1 << 20));
    assert_eq!((kinds[2].0, kinds[3]), ("gap", ("text", 2)), "{kinds:?}");
}

#[test]
fn files_follow_each_other_by_size_and_by_time_and_their_names_sort() {
    for (name, change) in [
        ("by-size", (20_000, Duration::from_secs(3600))),
        ("by-time", (1 << 30, Duration::from_secs(2))),
    ] {
        let dir = ScratchDir::new(name);
        let (max_file_len, max_file_time) = change;
        let config = RecordConfig { max_file_len, max_file_time, ..dir.path().into() };
        let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
        let subscriptions = b"v5 1 books5:BTC-USDT";
        let connection = ConnectionLabel { group: 1, line: 0 };
        recorder.record(CapturedKind::Mark(Mark::Line), connection, START, subscriptions);
        let recorded = record(&mut recorder, 20_000, Duration::from_micros(400));
        drop(recorder);
        let files = dir.files();
        assert!(files.len() >= 3, "{name}: {files:?}");
        let mut all = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let seen = lines(file).0;
            let head = String::from_utf8(seen[0].3.clone()).unwrap();
            assert!(head.contains(&format!(" file={at} dialect=v5 ")), "{head}");
            // Each can be played alone.
            assert_eq!((seen[1].1, &seen[1].3[..]), (connection, &subscriptions[..]));
            let (.., last, next) = seen.last().unwrap();
            let is_last = at + 1 == files.len();
            assert_eq!(
                (&last[..], &next[..]),
                ("finish", if is_last { b"no" } else { &b"yes"[..] })
            );
            let seen = without_head(seen);
            all.extend(seen.into_iter().filter(|(.., kind, _)| kind != "line"));
        }
        assert_eq!(all, recorded, "{name}");
    }
}

/// A disk that can't be written to, while the feed goes on.
#[test]
fn a_directory_that_is_gone_is_reported_and_the_gap_is_marked_once_it_is_back() {
    let dir = ScratchDir::new("gone");
    let inner = dir.path().join("inner");
    let mut recorder = Recorder::start(inner.clone().into(), Dialect::V5, START).unwrap();
    let recording = recorder.recording();
    let connection = ConnectionLabel::default();
    let at = |secs: u64| UnixNanos(START.0 + secs * 1_000_000_000);
    let wait_until = |recorder: &mut Recorder, secs, is: &dyn Fn() -> bool| {
        for step in 0..3_000_u64 {
            if is() {
                return;
            }
            recorder.flush_due(at(secs + step));
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{:?}", recording.stats());
    };
    recorder.record(CapturedKind::Text, connection, at(0), b"first");
    wait_until(&mut recorder, 5, &|| recording.stats().written_len > 0);
    std::fs::remove_dir_all(&inner).unwrap();
    recorder.record(CapturedKind::Text, connection, at(100), b"lost");
    wait_until(&mut recorder, 105, &|| recording.stats().error.is_some());
    // What was in the file is gone too.
    let stats = recording.stats();
    assert_eq!((stats.dropped_lines, stats.written_lines, stats.removed_files), (2, 0, 1));
    std::fs::create_dir_all(&inner).unwrap();
    recorder.record(CapturedKind::Text, connection, at(200), b"last");
    drop(recorder);
    let files: Vec<_> =
        std::fs::read_dir(&inner).unwrap().map(|file| file.unwrap().path()).collect();
    let seen = without_head(lines(&files[0]).0);
    let [(.., gap, why), (.., last)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((&gap[..], &last[..]), ("gap", &b"last"[..]));
    assert!(String::from_utf8_lossy(why).starts_with("lines=2 blocks=2 "), "{seen:?}");
    assert_eq!(recording.stats().error, None);
}

/// What is written to a file that is removed is lost, though no write fails.
#[cfg(unix)]
#[test]
fn a_file_that_is_removed_while_it_is_written_is_missing_and_reported() {
    for is_last in [false, true] {
        let dir = ScratchDir::new(&format!("removed-{is_last}"));
        let mut recorder = Recorder::start(dir.path().into(), Dialect::V5, START).unwrap();
        let recording = recorder.recording();
        let connection = ConnectionLabel::default();
        let at = |secs: u64| UnixNanos(START.0 + secs * 1_000_000_000);
        for secs in 1..=3 {
            recorder.record(CapturedKind::Text, connection, at(secs), b"lost");
        }
        recorder.flush_due(at(10));
        while recording.stats().written_lines < 3 {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(&dir.files()[0]).unwrap();
        if !is_last {
            recorder.record(CapturedKind::Text, connection, at(20), b"kept");
        }
        drop(recorder);
        let stats = recording.stats();
        let kept = u64::from(!is_last);
        assert_eq!((stats.written_lines, stats.dropped_lines), (kept, 3), "{stats:?}");
        assert_eq!((stats.files, stats.removed_files), (2, 1));
        let [file] = &dir.files()[..] else { panic!("{:?}", dir.files()) };
        let seen = lines(file).0;
        let head = String::from_utf8_lossy(&seen[0].3).into_owned();
        assert!(head.contains(" file=1 ") && head.ends_with(" after=0"), "{head}");
        let (ts, _, kind, text) = &seen[1];
        let text = String::from_utf8_lossy(text);
        assert_eq!((*ts, &kind[..]), (at(1).0, "gap"));
        let times = format!("first={} last={}", at(1).0, at(3).0);
        assert!(text.starts_with("lines=3 blocks=") && text.ends_with(&times), "{text}");
        assert_eq!(seen.last().unwrap().2, "finish");
        assert_eq!(seen.len(), if is_last { 3 } else { 4 });
    }
}

/// A disk that is full, where the system has one.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_can_not_be_made_is_an_error_at_the_start() {
    let error = Recorder::start("/dev/null/inner".into(), Dialect::V5, START).unwrap_err();
    assert!(error.to_string().starts_with("can't record to \"/dev/null/inner\""), "{error}");
}

#[test]
fn a_writer_that_falls_behind_costs_whole_blocks_and_a_gap_mark() {
    let dir = ScratchDir::new("behind");
    // The writer looks every 10 ms; two blocks are full long before.
    let config = RecordConfig { blocks: 2, ..dir.path().into() };
    let mut recorder = Recorder::start(config, Dialect::V5, START).unwrap();
    let recording = recorder.recording();
    let frame = vec![b'x'; 4_000];
    let mut count = 0;
    while recording.stats().dropped_blocks == 0 || count < 5_000 {
        let ts = UnixNanos(START.0 + count);
        recorder.record(CapturedKind::Text, ConnectionLabel::default(), ts, &frame);
        count += 1;
        assert!(count < 10_000_000, "the writer never fell behind");
    }
    drop(recorder);
    let mut expected = START.0;
    let mut missing = 0;
    for (ts, _, kind, payload) in without_head(lines(&dir.files()[0]).0) {
        if kind == "gap" {
            let text = String::from_utf8(payload).unwrap();
            let value = |key: &str| {
                let words = text.split(' ').find_map(|word| word.strip_prefix(key));
                words.unwrap().parse::<u64>().unwrap()
            };
            // The mark says which are missing, exactly.
            assert_eq!(value("first="), expected);
            missing += value("lines=");
            expected += value("lines=");
            assert_eq!(value("last="), expected - 1);
        } else {
            assert_eq!(ts, expected);
            expected += 1;
        }
    }
    assert_eq!(expected, START.0 + count);
    let stats = recording.stats();
    assert!(missing > 0 && stats.dropped_lines == missing, "{stats:?}");
    assert_eq!(stats.lines + stats.dropped_lines, count);
}
