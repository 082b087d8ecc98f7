//! A Rust, a C and a Python reader, each in a process of its own, agree with the writer under
//! faults of the exchange: what they saw of a version has the writer's hash of that version.
//!
//! The writer does not hash what it reads back: it computes from the events what each publication
//! must be. Seconds by default; `OKX_FEED_SHM_SECONDS=600` runs longer, see docs/TESTING.md.

mod reader;
mod truth;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use okx_feed::Client;
use okx_feed::publish::shm::{ShmOptions, ShmSink, ShmWriter};
use okx_feed::sim::{Endpoint, ExchangeConfig, ServerThread};
use okx_feed::transport::Proxy;

use super::{Name, languages};
use truth::{Truth, Versions};

const BOOK: &str = "books5:BTC-USDT";
const TRADES: &str = "trades:BTC-USDT";

/// What goes wrong: connections that end, and messages that are lost or damaged.
const FAULTS: &str = "drop:every=5s;corrupt:p=0.005;truncate:p=0.002;gap:p=0.01;repeat:p=0.01;\
                      reorder:p=0.005;rst:every=7s;stall:every=23s,for=2s;close:every=11s,code=4004";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shm/agree")
}

/// A reader and where it writes what it saw.
struct Reader {
    name: &'static str,
    child: Child,
    out: PathBuf,
}

impl Reader {
    fn start(name: &'static str, command: &mut Command, segment: &Name) -> Self {
        let out = segment.0.with_extension(name);
        let child = command.stdout(File::create(&out).unwrap()).spawn().unwrap();
        Self { name, child, out }
    }

    /// Waits for its end, and compares each line with the truth: how many books and trades.
    fn compare(mut self, truth: &Versions) -> (usize, usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the reader in {} does not end", self.name);
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.child.wait().unwrap().success(), "the reader in {} has failed", self.name);
        let (mut books, mut trades) = (HashSet::new(), HashSet::new());
        for line in BufReader::new(File::open(&self.out).unwrap()).lines() {
            let line = line.unwrap();
            let mut words = line.split(' ');
            let (Some(kind), Some(number), Some(hash), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            let (of, seen) = match kind {
                "book" => (&truth.books, &mut books),
                "trade" => (&truth.trades, &mut trades),
                _ => continue,
            };
            let number: usize = number.parse().unwrap();
            let hash = u64::from_str_radix(hash, 16).unwrap();
            assert_eq!(of.get(number), Some(&hash), "{}: {line}", self.name);
            seen.insert(number);
        }
        std::fs::remove_file(&self.out).unwrap();
        (books.len(), trades.len())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The readers that this machine can run.
fn readers(segment: &Name) -> Vec<Reader> {
    let mut rust = Command::new(std::env::current_exe().unwrap());
    rust.args(["--exact", "agree::reader::read_until_the_writer_ends", "--ignored", "--nocapture"]);
    rust.env(reader::FILE, &segment.0);
    let program = segment.0.with_extension("agree");
    let c = languages::c(&folder().join("reader.c"), &program);
    let python = languages::python(&folder().join("reader.py"));
    let foreign = [("c", c), ("python", python)].map(|(name, command)| {
        let mut command = command?;
        command.arg(&segment.0).args([BOOK, TRADES]);
        Some((name, command))
    });
    std::iter::once(("rust", rust))
        .chain(foreign.into_iter().flatten())
        .map(|(name, mut command)| Reader::start(name, &mut command, segment))
        .collect()
}

fn exchange() -> ServerThread {
    let mut config = ExchangeConfig::default();
    config.market.events_per_sec = 4_000;
    config.intervals.book5 = Duration::from_millis(1);
    config.faults = FAULTS.parse().unwrap();
    ServerThread::start("127.0.0.1:0", config).unwrap()
}

#[test]
fn readers_in_three_languages_agree_with_the_writer_under_faults() {
    let seconds = std::env::var("OKX_FEED_SHM_SECONDS").map_or(8, |text| text.parse().unwrap());
    let name = Name::new();
    let exchange = exchange();
    let truth = Arc::new(Mutex::new(Versions::default()));
    // A machine that runs other tests too may hold the heartbeat's thread back for a while.
    let heartbeat_limit = Duration::from_secs(30);
    let options = ShmOptions { ring_len: 4096, heartbeat_limit, ..super::small() };
    let sink =
        ShmSink::new(ShmWriter::create(&name.0, options).unwrap(), Truth::new(Arc::clone(&truth)));
    let client = Client::v5("BTC-USDT")
        .url(exchange.url(Endpoint::V5Public))
        .configure(|config| {
            config.proxy = Proxy::Direct;
            config.session.backoff.first = Duration::from_millis(50);
            config.session.backoff.floor = Duration::from_millis(50);
            config.session.connect_limit.attempts = 100_000;
        })
        .sink(sink)
        .spawn()
        .unwrap();
    let readers = readers(&name);
    std::thread::sleep(Duration::from_secs(seconds));
    let stats = client.stats().unwrap();
    client.stop();
    let truth = std::mem::take(&mut *truth.lock().unwrap());
    let faults = exchange.inspect(|exchange| exchange.faults().total());
    println!(
        "{seconds} s: {faults} faults, {} connections, {} malformed frames; {} versions of the book, \
         {} of them live, {} trades",
        stats.connects,
        stats.feed.errors.iter().map(|(_, count)| count).sum::<u64>(),
        truth.books.len(),
        truth.live,
        truth.trades.len(),
    );
    assert!(stats.losses > 0 && truth.live > 100 && truth.trades.len() > 10);
    for reader in readers {
        let language = reader.name;
        let (books, trades) = reader.compare(&truth);
        println!("{language}: {books} versions of the book and {trades} trades agree");
        assert!(books > 20 && trades > 5, "{language} saw {books} books and {trades} trades");
    }
    let _ = std::fs::remove_file(name.0.with_extension("agree"));
}
