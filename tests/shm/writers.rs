//! One writer at a time, and readers that notice the next.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use okx_feed::publish::shm::{
    MonotonicNanos, ShmError, ShmOptions, ShmReader, ShmWriter, WriterState,
};

use super::{Name, small};

#[test]
fn a_second_writer_is_refused_until_the_first_has_ended() {
    let name = Name::new();
    let first = ShmWriter::create(&name.0, small()).unwrap();
    let reader = ShmReader::open(&name.0).unwrap();
    assert_eq!(
        (reader.generation(), reader.pid()),
        (first.generation(), std::process::id().into())
    );
    match ShmWriter::create(&name.0, small()) {
        Err(ShmError::InUse { pid, .. }) => assert_eq!(pid, u64::from(std::process::id())),
        other => panic!("{other:?}"),
    }
    let now = MonotonicNanos::now();
    assert!(matches!(reader.writer(now), WriterState::Running(_)), "the refused one changed it");
    drop(first);
    assert_eq!(reader.writer(now), WriterState::Ended);
    let second = ShmWriter::create(&name.0, small()).unwrap();
    assert_eq!(reader.writer(now), WriterState::Replaced);
    let reader = ShmReader::open(&name.0).unwrap();
    assert_eq!(reader.generation(), second.generation());
    let own = name.0.file_name().unwrap().to_string_lossy();
    let files = std::fs::read_dir(name.0.parent().unwrap()).unwrap();
    let mut left: Vec<_> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap_or_default())
        .filter(|file| file.starts_with(&format!("{own}.")))
        .collect();
    left.sort();
    assert_eq!(left, [format!("{own}.segment-lock")], "the lock stays, and nothing else");
}

#[test]
fn a_writer_whose_heartbeat_is_too_old_is_silent() {
    let name = Name::new();
    let limit = Duration::from_secs(5);
    let options = ShmOptions { heartbeat_limit: limit, ..small() };
    let _writer = ShmWriter::create(&name.0, options).unwrap();
    let reader = ShmReader::open(&name.0).unwrap();
    let now = MonotonicNanos::now();
    assert!(matches!(reader.writer(now), WriterState::Running(_)));
    // A reader whose clock reading is a little older than the heartbeat.
    let earlier = MonotonicNanos(now.0 - 500_000_000);
    assert!(matches!(reader.writer(earlier), WriterState::Running(age) if age.is_zero()));
    let later = MonotonicNanos(now.0 + 60_000_000_000);
    assert!(matches!(reader.writer(later), WriterState::Silent(age) if age > limit));
}

#[test]
fn a_writer_that_is_to_beat_too_rarely_beats_within_its_limit() {
    let name = Name::new();
    let (heartbeat_every, heartbeat_limit) = (Duration::MAX, Duration::from_millis(100));
    let options = ShmOptions { heartbeat_every, heartbeat_limit, ..small() };
    let writer = ShmWriter::create(&name.0, options).unwrap();
    let reader = ShmReader::open(&name.0).unwrap();
    // The age of the latest heartbeat at one time becomes less by each.
    let then = Duration::from_secs(3600);
    let at = MonotonicNanos(writer.generation() + 3_600_000_000_000);
    let begun = std::time::Instant::now();
    while reader.writer(at) == WriterState::Silent(then) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no heartbeat");
        std::thread::yield_now();
    }
    assert!(matches!(reader.writer(at), WriterState::Silent(age) if age < then));
}

#[test]
fn a_heartbeat_of_more_than_a_second_ahead_is_silent() {
    let name = Name::new();
    let writer = ShmWriter::create(&name.0, small()).unwrap();
    let reader = ShmReader::open(&name.0).unwrap();
    // Such as in a file that is older than the machine's last start.
    let started = writer.generation();
    for (earlier, is_running) in [(900_000_000, true), (5_000_000_000, false), (started, false)] {
        let state = reader.writer(MonotonicNanos(started - earlier));
        match is_running {
            true => assert_eq!(state, WriterState::Running(Duration::ZERO)),
            false => assert_eq!(state, WriterState::Silent(Duration::ZERO), "{earlier}"),
        }
    }
}

#[test]
fn the_file_is_the_owners_alone_unless_asked_otherwise() {
    for (options, mode) in [(small(), 0o600), (ShmOptions { mode: 0o640, ..small() }, 0o640)] {
        let name = Name::new();
        let _writer = ShmWriter::create(&name.0, options).unwrap();
        let permissions = std::fs::metadata(&name.0).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
    }
}

#[test]
fn a_writer_leaves_a_file_of_another_kind_as_it_is() {
    let name = Name::new();
    for bytes in [&b"precious"[..], b"x", &[7; 4096]] {
        std::fs::write(&name.0, bytes).unwrap();
        let refused = ShmWriter::create(&name.0, small());
        assert!(matches!(refused, Err(ShmError::NotASegment { .. })), "{refused:?}");
        assert_eq!(std::fs::read(&name.0).unwrap(), bytes);
    }
    // There is nothing in an empty one.
    std::fs::write(&name.0, b"").unwrap();
    assert!(ShmWriter::create(&name.0, small()).is_ok());
}

#[test]
fn a_file_that_is_no_segment_is_refused_with_its_name() {
    let name = Name::new();
    for bytes in [&b""[..], b"OKXFEED1", &[0; 4096]] {
        std::fs::write(&name.0, bytes).unwrap();
        let error = ShmReader::open(&name.0).unwrap_err().to_string();
        assert!(error.contains("okx-feed-test"), "{error}");
    }
    std::fs::remove_file(&name.0).unwrap();
    assert!(matches!(ShmReader::open(&name.0), Err(ShmError::Io { .. })));
    let missing = name.0.join("missing");
    assert!(matches!(ShmWriter::create(missing, small()), Err(ShmError::Io { .. })));
}
