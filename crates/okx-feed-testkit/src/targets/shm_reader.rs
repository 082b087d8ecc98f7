//! A shared-memory segment with any words changed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use okx_feed::publish::shm::{MonotonicNanos, ShmOptions, ShmReader, ShmSink, ShmWriter, SlotKind};
use okx_feed::{Dialect, FeedHandler, Frame, NoSink, UnixNanos};

/// A file of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("okx-feed-shm-{}-{nth}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let mut lock = self.0.clone().into_os_string();
        lock.push(".segment-lock");
        let _ = std::fs::remove_file(lock);
    }
}

/// The bytes of a segment with a book, trades, a record and records.
fn segment() -> Vec<u8> {
    const MESSAGES: [(&str, &str); 3] = [
        ("books5", r#"{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1","seqId":1}"#),
        ("trades", r#"{"tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1","count":"1"}"#),
        ("tickers", r#"{"last":"1","ts":"1"}"#),
    ];
    let file = Scratch::new();
    let options =
        ShmOptions { subscriptions: 8, bytes: 1 << 13, ring_len: 16, ..ShmOptions::default() };
    let mut feed = FeedHandler::new(Dialect::V5);
    let writer = ShmWriter::create(&file.0, options).expect("a temporary file can be made");
    let mut sink = ShmSink::new(writer, NoSink);
    for (channel, data) in MESSAGES {
        let subscription = format!("{channel}:BTC-USDT").parse().expect("a subscription");
        feed.subscribe(subscription).expect("of v5");
        let text =
            format!(r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"data":[{data}]}}"#);
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).expect("valid");
    }
    drop(sink);
    std::fs::read(&file.0).expect("the segment's file")
}

thread_local! {
    static SEGMENT: Vec<u8> = segment();
}

/// Each ten bytes change a word: two bytes say which, eight are its new value. An odd number of
/// bytes makes the file shorter: reading ends, without a panic.
pub fn shm_reader(bytes: &[u8]) {
    let mut changed = SEGMENT.with(Clone::clone);
    let (patches, rest) = bytes.as_chunks::<10>();
    for [low, high, word @ ..] in patches {
        let at = usize::from(u16::from_le_bytes([*low, *high])) * 8 % changed.len();
        if let Some(to) = changed.get_mut(at..at + 8) {
            to.copy_from_slice(word);
        }
    }
    if let [low, high, _, ..] = rest {
        changed.truncate(usize::from(u16::from_le_bytes([*low, *high])));
    }
    let file = Scratch::new();
    std::fs::write(&file.0, &changed).expect("a temporary file can be written");
    read(&file.0);
}

/// Reads everything that a segment has.
fn read(path: &Path) {
    let Ok(segment) = ShmReader::open(path) else { return };
    // Its last heartbeat is hardly later.
    let now = MonotonicNanos(segment.generation());
    let _ = (segment.writer(now), segment.pid(), segment.generation());
    for (text, kind) in segment.slots() {
        match kind {
            SlotKind::Book => {
                if let Some(book) = segment.book(&text).ok().and_then(|book| book.snapshot(now)) {
                    assert!(book.asks().len() <= 5 && book.bids().len() <= 5);
                }
            }
            SlotKind::Record => drop(segment.record(&text).map(|record| record.snapshot(now))),
            SlotKind::Trades => {
                if let Ok(ring) = segment.trades(&text) {
                    let _ = (ring.at(u64::MAX), ring.state(now), ring.since(u64::MAX).count());
                    assert!(ring.since(0).count() <= segment_len());
                }
            }
            SlotKind::Records => drop(segment.records(&text).map(|ring| ring.since(0).count())),
        }
    }
}

fn segment_len() -> usize {
    SEGMENT.with(Vec::len)
}
