//! The exporter and the source beside plain NATS with the same payload, in one run, against a real
//! `nats-server` (`OKX_FEED_NATS_SERVER` or `PATH`).
//!
//! `cargo bench -p okx-feed-export --features nats --bench nats`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark: it prints, measures with a clock, and ends where anything fails"
)]

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::{Client, Subject};
use bytes::Bytes;
use futures_util::StreamExt;
use okx_feed::{
    Book5, BookState, BookUpdate, Event, EventSink, Level, NoSink, StateChange, Subscription,
    SubscriptionId, UnixNanos,
};
use okx_feed_export::events::{RingOptions, RingSink};
use okx_feed_export::json::{Stamp, write_event};
use okx_feed_export::nats::{
    Delivery, Exporter, ExporterOptions, NatsServer, NatsSource, SourceOptions, StreamOptions,
};

/// Messages of a block of latencies, and the pause between two.
const BLOCK: usize = 1_000;
const PAUSE: Duration = Duration::from_micros(1_000);
const BLOCKS: usize = 6;

/// Messages of a block of throughput.
const MANY: u64 = 200_000;

struct ServerProcess {
    child: Child,
    url: String,
    dir: PathBuf,
}

impl ServerProcess {
    fn start() -> Option<Self> {
        let named = std::env::var_os("OKX_FEED_NATS_SERVER").map(PathBuf::from);
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&paths).map(|dir| dir.join("nats-server"));
        let binary = named.into_iter().chain(found).find(|path| path.is_file())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = std::env::temp_dir().join(format!("okx-feed-nats-bench-{}", std::process::id()));
        let child = Command::new(binary)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(&dir)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { child, url: format!("nats://127.0.0.1:{port}"), dir })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn topic(number: usize) -> Subscription {
    format!("books5:COIN{number}-USDT").parse().unwrap()
}

fn book(seq: i64) -> Book5 {
    let level = |px: i64, n: i64| {
        Level::new(okx_feed::Decimal::new(px, 1).unwrap(), okx_feed::Decimal::new(n, 4).unwrap(), 7)
    };
    let asks: Vec<_> = (1..=5).map(|i| level(840_900 + i, 12_345 + seq % 1_000 + i)).collect();
    let bids: Vec<_> = (0..5).map(|i| level(840_900 - i, 54_321 + seq % 1_000 + i)).collect();
    let mut book = Book5::new(&asks, &bids);
    book.seq = seq;
    book.ts_event = UnixNanos(1_764_512_345_678_000_000 + seq.unsigned_abs());
    book
}

/// The payload of a book, as the exporter writes it.
fn payload(of: &Subscription, book: &Book5) -> Bytes {
    let mut out = Vec::new();
    let stamp = Stamp { key: "ts_recv_ns", value: book.ts_recv.0, ts_recv: None };
    let update = BookUpdate::new(of.topic(), book);
    write_event(&mut out, stamp, Book5::LEVELS, &Event::Book(update));
    out.pop();
    out.into()
}

/// A sink with the feed's part of an exporter.
struct Feed {
    sink: RingSink<NoSink>,
    exporter: Exporter,
    pushed: u64,
}

impl Feed {
    fn start(url: &str, stream: bool, writer: &str) -> Self {
        let mut options = ExporterOptions::new(NatsServer::new(url), writer);
        options.stream = stream.then(StreamOptions::default);
        let (sink, receiver) = RingSink::new(RingOptions::default(), NoSink);
        let exporter = Exporter::spawn(options, receiver).unwrap();
        while !exporter.stats().is_connected() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { sink, exporter, pushed: 0 }
    }

    fn push(&mut self, number: usize, of: &Subscription, book: &Book5) {
        let mut update = BookUpdate::new(of.topic(), book);
        update.subscription_id = SubscriptionId::new(number);
        self.sink.on_event(&Event::Book(update));
        self.sink.on_drained();
        self.pushed += 1;
    }

    fn set_live(&mut self, number: usize, of: &Subscription) {
        let change = StateChange {
            subscription: of,
            subscription_id: SubscriptionId::new(number),
            from: BookState::Connecting,
            to: BookState::Live,
            ts_recv: UnixNanos(1),
        };
        self.sink.on_event(&Event::State(change));
        self.pushed += 1;
    }

    /// Waits until the ring has room.
    fn keep_room(&self) {
        while self.pushed - self.exporter.stats().published() > 4_000 {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Runs what a client of the library does on a thread of its own, as the exporter has one.
fn connect(url: &str, thread: &str) -> (tokio::runtime::Runtime, Client) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(1).thread_name(thread).enable_all();
    let runtime = builder.build().unwrap();
    // Room for all of a block: a receiver that is slow must not lose what it is to count.
    let options = async_nats::ConnectOptions::new().subscription_capacity(1 << 20);
    let client = runtime.block_on(options.connect(url)).unwrap();
    (runtime, client)
}

/// Makes the stream again, or leaves the server without: it would keep what core NATS sends too.
fn use_stream(url: &str, stream: bool) {
    let (runtime, client) = connect(url, "setup");
    runtime.block_on(async {
        let jetstream = async_nats::jetstream::new(client);
        let _ = jetstream.delete_stream(StreamOptions::NAME).await;
    });
    if stream {
        drop(Feed::start(url, true, "setup"));
    }
}

/// Receive times minus the times in the payloads, in nanoseconds.
struct Receiver {
    latencies: std::sync::mpsc::Receiver<(bool, u64)>,
    count: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    fn start(url: &str, stream: bool, start: Instant) -> Self {
        let (runtime, client) = connect(url, "receiver");
        let (sender, latencies) = std::sync::mpsc::channel();
        let count = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&count);
        let note = move |subject: &str, payload: &[u8]| {
            let now = u64::try_from(start.elapsed().as_nanos()).unwrap();
            let digits = payload.get(14..).unwrap().iter().take_while(|byte| byte.is_ascii_digit());
            let sent = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            counted.fetch_add(1, Ordering::Relaxed);
            if sent > 1 {
                let _ = sender.send((subject.ends_with("COIN0-USDT"), now - sent));
            }
        };
        runtime.block_on(async {
            if stream {
                let jetstream = async_nats::jetstream::new(client.clone());
                let stream = jetstream.get_stream(StreamOptions::NAME).await.unwrap();
                let config = OrderedConfig {
                    deliver_subject: client.new_inbox(),
                    filter_subject: "md.okx.v5.books5.*".to_owned(),
                    deliver_policy: async_nats::jetstream::consumer::DeliverPolicy::New,
                    ..OrderedConfig::default()
                };
                let consumer = stream.create_consumer(config).await.unwrap();
                let mut messages = consumer.messages().await.unwrap();
                tokio::spawn(async move {
                    // Where heartbeats of a busy server are late, the consumer is made again.
                    while let Some(message) = messages.next().await {
                        if let Ok(message) = message {
                            note(&message.subject, &message.payload);
                        }
                    }
                });
            } else {
                let mut messages = client.subscribe("md.okx.v5.books5.*").await.unwrap();
                client.flush().await.unwrap();
                tokio::spawn(async move {
                    while let Some(message) = messages.next().await {
                        note(&message.subject, &message.payload);
                    }
                });
            }
        });
        Self { latencies, count, _runtime: runtime }
    }

    fn wait_for(&self, count: u64) {
        while self.count.load(Ordering::Relaxed) < count {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Sleeps to the next message, then takes the time.
fn now(start: Instant) -> UnixNanos {
    std::thread::sleep(PAUSE);
    UnixNanos(u64::try_from(start.elapsed().as_nanos()).unwrap())
}

fn percentile(sorted: &[u64], of: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (sorted.len() as f64 * of) as usize;
    sorted.get(at.min(sorted.len() - 1)).map_or(0.0, |nanos| *nanos as f64 / 1_000.0)
}

/// Blocks of ours and of plain NATS in turn, so that what else the machine does meets both.
fn latencies(url: &str, stream: bool) {
    use_stream(url, stream);
    let start = Instant::now();
    let mut feed = Feed::start(url, stream, "latency");
    let receiver = Receiver::start(url, stream, start);
    let (runtime, client) = connect(url, "sender");
    // The context of JetStream spawns a task.
    let _entered = runtime.enter();
    let jetstream = async_nats::jetstream::new(client.clone());
    let (ours, plain) = (topic(0), topic(1));
    let subject = "md.okx.v5.books5.COIN1-USDT";
    for block in 0..2 * BLOCKS {
        for number in 0..BLOCK {
            let mut book = book(i64::try_from(block * BLOCK + number).unwrap());
            book.ts_recv = now(start);
            if block % 2 == 0 {
                feed.push(0, &ours, &book);
            } else {
                let payload = payload(&plain, &book);
                if stream {
                    // The acknowledgement is read by a task, as the exporter reads it meanwhile.
                    let sent = jetstream.publish(subject, payload);
                    let ack = runtime.block_on(sent).unwrap();
                    runtime.spawn(ack.into_future());
                } else {
                    runtime.block_on(client.publish(subject, payload)).unwrap();
                }
            }
        }
    }
    receiver.wait_for((2 * BLOCKS * BLOCK) as u64);
    let all: Vec<_> = receiver.latencies.try_iter().collect();
    let mut table = [Vec::new(), Vec::new()];
    for (is_ours, latency) in all {
        table.get_mut(usize::from(is_ours)).unwrap().push(latency);
    }
    let name = if stream { "JetStream" } else { "core" };
    for (of, mut nanos) in ["plain", "okx-feed"].into_iter().zip(table) {
        nanos.sort_unstable();
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|of| percentile(&nanos, of));
        println!("latency     {name:9} {of:8} p50 {p50:7.1} p90 {p90:7.1} p99 {p99:8.1} us");
    }
}

/// Who sends as fast as possible.
#[derive(Clone, Copy, PartialEq)]
enum Sender {
    OkxFeed,
    /// Payloads that were made before.
    Plain,
    /// The same, with the headers that okx-feed sends.
    PlainWithHeaders,
}

/// The name of the main thread, which Linux takes from the program.
const MAIN: &str = "nats";

/// The CPU time of our threads whose names begin so, in nanoseconds; Linux only.
fn cpu_time(names: &[&str]) -> u64 {
    cpu_time_of("self", names)
}

/// The CPU time of threads of a process.
fn cpu_time_of(process: &str, names: &[&str]) -> u64 {
    let text = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let ours = tasks.filter(|task| {
        let own = text(task.path().join("comm"));
        names.iter().any(|name| own.starts_with(name))
    });
    ours.filter_map(|task| {
        text(task.path().join("schedstat")).split(' ').next()?.parse::<u64>().ok()
    })
    .sum()
}

fn throughput(url: &str, stream: bool) {
    use_stream(url, stream);
    let start = Instant::now();
    let name = if stream { "JetStream" } else { "core" };
    let senders = [Sender::OkxFeed, Sender::Plain, Sender::PlainWithHeaders];
    let mut rates = [0.0_f64; 3];
    for round in 0..9 {
        let receiver = Receiver::start(url, stream, start);
        let sender = senders[round % 3];
        let first = i64::try_from(round).unwrap() * i64::try_from(MANY).unwrap() + 1_000_000;
        let books: Vec<_> = (0..i64::try_from(MANY).unwrap()).map(|n| book(first + n)).collect();
        let (secs, cpu) = match sender {
            Sender::OkxFeed => send_books(url, stream, &books, &receiver),
            _ => send_plain(url, stream, (&books, sender), &receiver),
        };
        let rate = MANY as f64 / secs;
        let of = ["okx-feed", "plain", "headers"][round % 3];
        let cpu = cpu as f64 / MANY as f64;
        println!("throughput  {name:9} {of:8} {rate:9.0} messages/s, {cpu:5.0} ns CPU to send one");
        rates[round % 3] = rate.max(rates[round % 3]);
    }
    let [ours, plain, headers] = rates;
    let (of_plain, of_headers) = (100.0 * ours / plain, 100.0 * ours / headers);
    println!("throughput  {name:9} best of three: {of_plain:.0} % of plain NATS");
    println!("throughput  {name:9} best of three: {of_headers:.0} % of plain NATS with headers");
}

/// Sends books by the exporter. Gives the seconds and the CPU time.
fn send_books(url: &str, stream: bool, books: &[Book5], receiver: &Receiver) -> (f64, u64) {
    let mut feed = Feed::start(url, stream, "many");
    let of = topic(2);
    let (began, cpu) = (Instant::now(), cpu_time(&[MAIN, "okx-nats"]));
    for (number, book) in books.iter().enumerate() {
        if number % 256 == 0 {
            feed.keep_room();
        }
        feed.push(0, &of, book);
    }
    receiver.wait_for(MANY);
    (began.elapsed().as_secs_f64(), cpu_time(&[MAIN, "okx-nats"]) - cpu)
}

/// Sends the payloads of books, as who writes such a program would.
fn send_plain(
    url: &str,
    stream: bool,
    (books, sender): (&[Book5], Sender),
    receiver: &Receiver,
) -> (f64, u64) {
    let of = topic(3);
    let payloads: Vec<_> = books.iter().map(|book| payload(&of, book)).collect();
    let (runtime, client) = connect(url, "sender");
    let entered = runtime.enter();
    let jetstream = async_nats::jetstream::new(client.clone());
    drop(entered);
    let (began, cpu) = (Instant::now(), cpu_time(&[MAIN, "sender"]));
    let subject = Subject::from_static("md.okx.v5.books5.COIN3-USDT");
    runtime.block_on(async {
        let mut acks = std::collections::VecDeque::new();
        for (payload, book) in payloads.into_iter().zip(books) {
            let mut headers = async_nats::HeaderMap::new();
            if sender == Sender::PlainWithHeaders {
                let seq = book.seq;
                headers.insert("Okx-Feed", format!("okx-feed/1 many 1764512345678 {seq} live"));
                let id = format!("v5.books5.COIN3-USDT:b{seq}.{}", book.ts_event.0);
                headers.insert("Nats-Msg-Id", id);
            }
            if stream {
                let sent = jetstream.publish_with_headers(subject.clone(), headers, payload);
                acks.push_back(sent.await.unwrap());
                if acks.len() >= 4_096 {
                    acks.pop_front().unwrap().await.unwrap();
                }
            } else if sender == Sender::PlainWithHeaders {
                client.publish_with_headers(subject.clone(), headers, payload).await.unwrap();
            } else {
                client.publish(subject.clone(), payload).await.unwrap();
            }
        }
        client.flush().await.unwrap();
    });
    receiver.wait_for(MANY);
    (began.elapsed().as_secs_f64(), cpu_time(&[MAIN, "sender"]) - cpu)
}

/// What the exporter's thread takes for a message where it does not wait for another thread's, and
/// what a source and the server take: books of 100 topics.
fn source(server: &ServerProcess, stream: bool) {
    let (url, name) = (server.url.as_str(), if stream { "JetStream" } else { "core" });
    use_stream(url, stream);
    let process = server.child.id().to_string();
    let topics: Vec<_> = (0..100).map(|number| topic(20_000 + number)).collect();
    let mut options = SourceOptions::new(NatsServer::new(url), ["md.okx.v5.books5.*"]);
    if !stream {
        options.delivery = Delivery::Core;
    }
    let source = NatsSource::spawn(options, NoSink).unwrap();
    let mut feed = Feed::start(url, stream, "source");
    while !source.stats().is_current() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    let before = source.stats().messages();
    let cpu = || {
        let [source, export] = ["okx-nats-source", "okx-nats-export"];
        [cpu_time(&[source]), cpu_time(&[export]), cpu_time_of(&process, &[""])]
    };
    let (began, cpu_before) = (Instant::now(), cpu());
    for number in 0..MANY {
        let at = usize::try_from(number).unwrap() % topics.len();
        if number % 64 == 0 {
            feed.keep_room();
            // The source's client drops what its queue has no room for.
            let waited = Instant::now();
            while (number + before).saturating_sub(source.stats().messages()) > 8_000 {
                std::thread::sleep(Duration::from_micros(50));
                let (from, to) = (feed.exporter.stats(), source.stats());
                assert!(waited.elapsed() < Duration::from_secs(20), "stuck: {from:?} {to:?}");
            }
        }
        feed.push(at, &topics[at], &book(9_000_000 + i64::try_from(number).unwrap()));
    }
    while source.stats().messages() - before < MANY {
        std::thread::sleep(Duration::from_micros(200));
    }
    let rate = MANY as f64 / began.elapsed().as_secs_f64();
    println!("source      {name:9} okx-feed {rate:9.0} messages/s");
    for ((of, after), before) in
        ["source", "exporter", "server"].into_iter().zip(cpu()).zip(cpu_before)
    {
        let each = (after - before) as f64 / MANY as f64;
        println!("source      {name:9} {of:8} {each:6.0} ns CPU for each");
    }
}

fn newcomer(url: &str) {
    let mut feed = Feed::start(url, true, "new");
    let topics: Vec<_> = (0..1_000).map(|number| topic(10_000 + number)).collect();
    for (number, of) in topics.iter().enumerate() {
        feed.set_live(number, of);
        feed.push(number, of, &book(5_000_000));
        feed.keep_room();
    }
    while feed.exporter.stats().acknowledged() < 2_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..3 {
        let began = Instant::now();
        let subject = "md.okx.v5.books5.*";
        let options = SourceOptions::new(NatsServer::new(url), [subject]);
        let source = NatsSource::spawn(options, NoSink).unwrap();
        let is_live = |of: &Subscription| {
            let reader = source.book_reader(of);
            reader.is_some_and(|reader| reader.live().is_some())
        };
        let mut left: Vec<_> = topics.iter().collect();
        let mut first = None;
        while !left.is_empty() {
            if first.is_none() && source.subscriptions().len() >= 1_000 {
                first = Some(began.elapsed());
            }
            left.retain(|of| !is_live(of));
            std::thread::sleep(Duration::from_millis(1));
        }
        let all = began.elapsed();
        println!("newcomer    1,000 books after {first:.0?}, all live after {all:.0?}");
    }
}

fn main() {
    let Some(server) = ServerProcess::start() else {
        eprintln!("SKIPPED: there is no nats-server in PATH or OKX_FEED_NATS_SERVER");
        return;
    };
    // One part alone, by its name.
    let wanted = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    let is_wanted = |part: &str| wanted.as_ref().is_none_or(|wanted| wanted == part);
    for stream in [false, true] {
        if is_wanted("latency") {
            latencies(&server.url, stream);
        }
    }
    for stream in [false, true] {
        if is_wanted("throughput") {
            throughput(&server.url, stream);
        }
    }
    for stream in [false, true] {
        if is_wanted("source") {
            source(&server, stream);
        }
    }
    if is_wanted("newcomer") {
        newcomer(&server.url);
    }
}
