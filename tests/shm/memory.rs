//! A file system without room: an error with the feed going on, not the end of the process.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use okx_feed::publish::shm::{ShmError, ShmOptions, ShmReader, ShmSink, ShmWriter, SlotKind};
use okx_feed::{Dialect, Event, FeedHandler, Frame, NoSink, UnixNanos};
use okx_feed_testkit::page_faults::page_faults;

use super::Name;

/// A small file system in memory, until it is dropped.
struct Small(PathBuf);

impl Small {
    /// `None`, with a message, where this process may not mount one.
    fn mount(kilobytes: u32) -> Option<Self> {
        let name = Name::new();
        let folder = name.0.with_extension("mount");
        std::fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "none"]).arg(&folder);
        match mount.output() {
            Ok(done) if done.status.success() => Some(Self(folder)),
            refused => {
                println!("SKIPPED: a small file system can't be mounted: {refused:?}");
                std::fs::remove_dir(&folder).unwrap();
                None
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

const CHANNELS: [&str; 3] = ["books5", "trades", "tickers"];

fn message(channel: &str, n: u64) -> String {
    let data = match channel {
        "books5" => {
            format!(
                r#"{{"asks":[["2","{n}","0","1"]],"bids":[["1","1","0","1"]],"ts":"{n}","seqId":{n}}}"#
            )
        }
        "trades" => format!(
            r#"{{"instId":"BTC-USDT","tradeId":"{n}","px":"1","sz":"1","side":"buy","ts":"{n}","count":"1"}}"#
        ),
        _ => format!(r#"{{"instId":"BTC-USDT","last":"{n}","ts":"{n}"}}"#),
    };
    format!(r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"data":[{data}]}}"#)
}

/// Room for the directory and a book, and not for 16,384 trades.
const OPTIONS: ShmOptions = ShmOptions {
    subscriptions: 64,
    bytes: 4 << 20,
    ring_len: 1 << 14,
    mode: 0o600,
    heartbeat_every: std::time::Duration::from_millis(100),
    heartbeat_limit: std::time::Duration::from_secs(1),
};

fn is_storage_full(error: Option<&ShmError>) -> bool {
    matches!(error, Some(ShmError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull)
}

#[test]
fn a_full_file_system_is_an_error_and_the_feed_goes_on() {
    let Some(small) = Small::mount(256) else { return };
    let path = small.0.join("segment");
    let mut feed = FeedHandler::new(Dialect::V5);
    for channel in CHANNELS {
        feed.subscribe(format!("{channel}:BTC-USDT").parse().unwrap()).unwrap();
    }
    let mut events = 0;
    let count = |event: &Event<'_>| events += u64::from(!matches!(event, Event::State(_)));
    let mut sink = ShmSink::new(ShmWriter::create(&path, OPTIONS).unwrap(), count);
    // More trades than there is memory for.
    let rounds = 5_000;
    for n in 1..=rounds {
        for channel in CHANNELS {
            let text = message(channel, n);
            feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(n), &mut sink).unwrap();
        }
    }
    assert!(is_storage_full(sink.failure()), "{:?}", sink.failure());
    // What has memory is published as ever.
    let reader = ShmReader::open(&path).unwrap();
    let kinds = [
        ("books5:BTC-USDT".to_owned(), SlotKind::Book),
        ("tickers:BTC-USDT".to_owned(), SlotKind::Record),
    ];
    assert_eq!(reader.slots(), kinds);
    let book = reader.book("books5:BTC-USDT").unwrap();
    assert_eq!(book.live(okx_feed::publish::shm::MonotonicNanos::now()).unwrap().seq, 5_000);
    drop(sink);
    assert_eq!(events, 3 * rounds, "all events are passed on");
}

#[test]
fn without_memory_for_a_directory_there_is_no_segment() {
    let Some(small) = Small::mount(64) else { return };
    let made = |name: &str| {
        let options = ShmOptions { subscriptions: 4096, ..OPTIONS };
        ShmWriter::create(small.0.join(name), options)
    };
    assert!(is_storage_full(made("segment").as_ref().err()));
    let left = |path: &Path| std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name());
    let left: Vec<_> = left(&small.0).collect();
    assert_eq!(left, ["segment.segment-lock"]);
}

#[test]
fn values_touch_no_new_memory() {
    let name = Name::new();
    let mut feed = FeedHandler::new(Dialect::V5);
    feed.subscribe("trades:BTC-USDT".parse().unwrap()).unwrap();
    let mut sink = ShmSink::new(ShmWriter::create(&name.0, OPTIONS).unwrap(), NoSink);
    let mut push = |n| {
        let text = message("trades", n);
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(n), &mut sink).unwrap();
    };
    (1..=100).for_each(&mut push);
    let Some(before) = page_faults() else { return };
    // A ring of a megabyte.
    (101..=16_384).for_each(push);
    let faults = page_faults().unwrap() - before;
    assert!(faults <= 16, "{faults} page faults");
    assert!(sink.failure().is_none());
}
