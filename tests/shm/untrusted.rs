//! Any bytes: reading ends, without a panic.

use std::os::unix::fs::FileExt;

use okx_feed::publish::shm::{MonotonicNanos, ShmOptions, ShmReader, ShmSink, ShmWriter, SlotKind};
use okx_feed::{Dialect, FeedHandler, Frame, NoSink, UnixNanos};

use super::{Name, small};

/// Reads everything that a segment has.
fn read_all(reader: &ShmReader) {
    let now = MonotonicNanos::now();
    let _ = (reader.writer(now), reader.pid(), reader.generation());
    for (text, kind) in reader.slots() {
        match kind {
            SlotKind::Book => drop(reader.book(&text).map(|book| book.snapshot(now))),
            SlotKind::Record => drop(reader.record(&text).map(|record| record.snapshot(now))),
            SlotKind::Trades => {
                let _ = reader.trades(&text).map(|ring| {
                    (
                        ring.since(0).count(),
                        ring.since(u64::MAX).count(),
                        ring.at(u64::MAX),
                        ring.state(now),
                    )
                });
            }
            SlotKind::Records => drop(reader.records(&text).map(|ring| ring.since(0).count())),
        }
    }
}

#[test]
fn a_segment_with_any_words_changed_is_read_without_a_panic() {
    let name = Name::new();
    let mut feed = FeedHandler::new(Dialect::V5);
    let options = ShmOptions { bytes: 1 << 13, ..small() };
    let mut sink = ShmSink::new(ShmWriter::create(&name.0, options).unwrap(), NoSink);
    for (channel, data) in [
        ("books5", r#"{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1","seqId":1}"#),
        ("trades", r#"{"tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1","count":"1"}"#),
        ("tickers", r#"{"last":"1","ts":"1"}"#),
    ] {
        feed.subscribe(format!("{channel}:BTC-USDT").parse().unwrap()).unwrap();
        let text =
            format!(r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"data":[{data}]}}"#);
        feed.on_frame(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).unwrap();
    }
    drop(sink);
    let whole = std::fs::read(&name.0).unwrap();
    // Header, directory, and the beginning of the slots.
    let interesting = (256 + 8 * 256 + 2048) / 8;
    let mut random = fastrand::Rng::with_seed(11);
    let mut refused = 0;
    for _ in 0..3_000 {
        let other = Name::new();
        std::fs::write(&other.0, &whole).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&other.0).unwrap();
        for _ in 0..random.usize(1..4) {
            let at = 8 * random.u64(..interesting);
            let word = match random.u32(..4) {
                0 => random.u64(..),
                1 => u64::MAX - random.u64(..16),
                2 => 1 << random.u32(..64),
                _ => random.u64(..300),
            };
            file.write_all_at(&word.to_ne_bytes(), at).unwrap();
        }
        if random.u32(..8) == 0 {
            file.set_len(random.u64(..whole.len() as u64)).unwrap();
        }
        match ShmReader::open(&other.0) {
            Ok(reader) => read_all(&reader),
            Err(_) => refused += 1,
        }
    }
    assert!((1..2_000).contains(&refused), "most are read, some are refused: {refused}");
}
