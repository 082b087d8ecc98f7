//! The reader in Rust, which is a process of its own.

use std::io::Write;
use std::time::{Duration, Instant};

use okx_feed::publish::shm::{MonotonicNanos, ShmReader, ShmRing, ShmValue, WriterState};
use okx_feed::{Book5, Trade};

use super::truth::{hash_of_book, hash_of_trade};
use super::{BOOK, TRADES};

pub(super) const FILE: &str = "OKX_FEED_TEST_AGREE";

fn open(file: &std::ffi::OsStr) -> (ShmReader, ShmValue<Book5>, ShmRing<Trade>) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Ok(reader) = ShmReader::open(file)
            && let (Ok(book), Ok(trades)) = (reader.book(BOOK), reader.trades(TRADES))
        {
            return (reader, book, trades);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no slot of the book and the trades");
}

/// Not a test: prints the hash of each version that it sees.
#[test]
#[ignore = "the process that another test starts"]
fn read_until_the_writer_ends() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let (reader, book, trades) = open(&file);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut version, mut next) = (0, 0);
    loop {
        let now = MonotonicNanos::now();
        let is_running = matches!(reader.writer(now), WriterState::Running(_));
        if let Some(seen) = book.snapshot(now)
            && seen.version != version
            // The state of an ended writer is not that of a publication.
            && matches!(reader.writer(now), WriterState::Running(_))
        {
            version = seen.version;
            let hash = hash_of_book(&seen.value, seen.state);
            writeln!(out, "book {version} {hash:016x}").unwrap();
        }
        for (number, trade) in trades.since(next) {
            writeln!(out, "trade {number} {:016x}", hash_of_trade(&trade)).unwrap();
            next = number + 1;
        }
        if !is_running {
            break;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
    out.flush().unwrap();
}
