//! Processes that are killed while others read, in three languages: no torn book, and no live book
//! of a dead process.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use okx_feed::event::StateChange;
use okx_feed::publish::shm::{
    MonotonicNanos, ShmError, ShmOptions, ShmReader, ShmSink, ShmWriter, WriterState,
};
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, Event, EventSink, Level, NoSink, Subscription,
    SubscriptionId, UnixNanos,
};

use super::{Name, languages, small};

const FILE: &str = "OKX_FEED_TEST_SEGMENT";
const NAME: &str = "books5:BTC-USDT";
const LIMIT: Duration = Duration::from_millis(500);

/// A book whose every number follows from `n`.
fn book(n: u64) -> Book5 {
    let number = i64::try_from(n).unwrap();
    let level = |offset: i64| {
        Level::new(Decimal::from(number + offset), Decimal::from(number), (n % 1_000) as u32)
    };
    let mut book = Book5::new(&[1, 2, 3, 4, 5].map(level), &[0, -1, -2, -3, -4].map(level));
    (book.seq, book.ts_event, book.ts_recv) = (number, UnixNanos(n), UnixNanos(n));
    book
}

/// Not a test: the process that publishes until it is killed.
#[test]
#[ignore = "the process that another test starts and kills"]
fn publish_until_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let heartbeat_every = LIMIT / 20;
    let options = ShmOptions { heartbeat_every, heartbeat_limit: LIMIT, ..small() };
    let writer = ShmWriter::create(file, options).unwrap();
    let mut sink = ShmSink::new(writer, NoSink);
    let subscription: Subscription = NAME.parse().unwrap();
    let id = SubscriptionId::new(0);
    let (from, to) = (BookState::Connecting, BookState::Live);
    let ts_recv = UnixNanos(1);
    let change =
        StateChange { subscription: &subscription, subscription_id: id, from, to, ts_recv };
    sink.on_event(&Event::State(change));
    for n in 10.. {
        let book = book(n);
        let mut update = BookUpdate::new(subscription.topic(), &book);
        update.subscription_id = id;
        sink.on_event(&Event::Book(update));
    }
}

struct Publisher(Child);

impl Publisher {
    fn start(name: &Name) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::publish_until_killed", "--ignored"]);
        command.env(FILE, &name.0).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A reader in another language, which reads until the writer is silent.
struct Foreign {
    language: &'static str,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Foreign {
    /// Starts it, and returns once it reads live books.
    fn start(language: &'static str, mut command: Command, name: &Name) -> Self {
        command.arg(&name.0).arg(NAME).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut foreign = Self { language, child, lines };
        assert_eq!(foreign.line(), "reading");
        foreign
    }

    fn line(&mut self) -> String {
        let line = self.lines.next().and_then(Result::ok);
        line.unwrap_or_else(|| panic!("{}: {:?}", self.language, self.child.wait()))
    }

    /// Waits for its end: how many live books it has seen, all of one write each. `killed` is when
    /// the writer was dead.
    fn finish(mut self, killed: MonotonicNanos) -> u64 {
        let line = self.line();
        assert!(self.child.wait().unwrap().success(), "{}", self.language);
        let (live, last) = line.split_once(' ').unwrap();
        let last: u64 = last.parse().unwrap();
        let limit = u64::try_from(LIMIT.as_nanos()).unwrap();
        assert!(last <= killed.0 + limit, "{}: a live book of a dead process", self.language);
        live.parse().unwrap()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the readers that this machine can run.
fn foreign(name: &Name) -> Vec<Foreign> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shm/killed");
    let program = name.0.with_extension("killed");
    let c = languages::c(&folder.join("reader.c"), &program);
    let python = languages::python(&folder.join("reader.py"));
    let readers = [("C", c), ("Python", python)].into_iter();
    let readers: Vec<_> = readers
        .filter_map(|(language, command)| Some(Foreign::start(language, command?, name)))
        .collect();
    let _ = std::fs::remove_file(program);
    readers
}

/// Opens the segment of a generation other than `last`, within ten seconds.
fn open(name: &Name, last: u64) -> ShmReader {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match ShmReader::open(&name.0) {
            Ok(reader) if reader.generation() != last && reader.book(NAME).is_ok() => {
                return reader;
            }
            Ok(_) | Err(ShmError::Io { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(Instant::now() < deadline, "no segment");
        std::thread::yield_now();
    }
}

#[test]
fn a_writer_that_is_killed_at_any_moment_leaves_no_torn_and_no_live_book() {
    let name = Name::new();
    let mut random = fastrand::Rng::with_seed(5);
    let (mut last, mut whole, mut earlier) = (0, 0, None::<ShmReader>);
    let mut foreign_whole = std::collections::BTreeMap::new();
    for _ in 0..6 {
        let mut publisher = Publisher::start(&name);
        let reader = open(&name, last);
        last = reader.generation();
        if let Some(earlier) = earlier.replace(reader.clone()) {
            assert_eq!(earlier.writer(MonotonicNanos::now()), WriterState::Replaced);
        }
        let readers = foreign(&name);
        let shared = reader.book(NAME).unwrap();
        let mut newest = 0;
        for _ in 0..random.u32(1..50_000) {
            let Some(seen) = shared.snapshot(MonotonicNanos::now()) else { continue };
            if seen.state.is_live() {
                let n = u64::try_from(seen.seq).unwrap();
                assert_eq!(seen.value, book(n), "torn");
                assert!(n >= newest, "an older book after a newer one");
                (newest, whole) = (n, whole + 1);
            }
        }
        publisher.kill();
        let killed = MonotonicNanos::now();
        // The heartbeat's limit after the kill, on the reader's own clock.
        let later = MonotonicNanos(killed.0 + u64::try_from(LIMIT.as_nanos()).unwrap() + 1);
        assert!(matches!(reader.writer(later), WriterState::Silent(_)));
        // `None` if it was killed in the middle of a write.
        let seen = shared.snapshot(later);
        assert!(seen.is_none_or(|seen| !seen.state.is_live()), "a live book of a dead process");
        for reader in readers {
            let language = reader.language;
            *foreign_whole.entry(language).or_insert(0) += reader.finish(killed);
        }
    }
    println!("whole live books: {whole} in Rust, {foreign_whole:?}");
    assert!(whole > 1_000, "{whole} live books were seen");
    for (language, whole) in foreign_whole {
        assert!(whole > 50, "{whole} live books were seen in {language}");
    }
}
