//! A server, a feed with an exporter, and a receiver.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::consumer::push::OrderedConfig;
use bytes::Bytes;
use futures_util::StreamExt;
use okx_feed::event::StateChange;
use okx_feed::{
    Book5, BookState, BookUpdate, Event, EventSink, Level, NoSink, Subscription, SubscriptionId,
    UnixNanos,
};
use okx_feed_export::events::{RingOptions, RingSink};
use okx_feed_export::json::{Stamp, write_event};
use okx_feed_export::nats::{Exporter, ExporterOptions, NatsServer, StreamOptions};

/// Messages of a block of throughput.
pub(crate) const MANY: u64 = 200_000;

pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) url: String,
    dir: PathBuf,
}

impl ServerProcess {
    /// Its id, as `/proc` has it.
    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn start() -> Option<Self> {
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

pub(crate) fn topic(number: usize) -> Subscription {
    format!("books5:COIN{number}-USDT").parse().unwrap()
}

pub(crate) fn book(seq: i64) -> Book5 {
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
pub(crate) fn payload(of: &Subscription, book: &Book5) -> Bytes {
    let mut out = Vec::new();
    let stamp = Stamp { key: "ts_recv_ns", value: book.ts_recv.0, ts_recv: None };
    let update = BookUpdate::new(of.topic(), book);
    write_event(&mut out, stamp, Book5::LEVELS, &Event::Book(update));
    out.pop();
    out.into()
}

/// A sink with the feed's part of an exporter.
pub(crate) struct Feed {
    sink: RingSink<NoSink>,
    pub(crate) exporter: Exporter,
    pushed: u64,
}

impl Feed {
    pub(crate) fn start(url: &str, stream: bool, writer: &str) -> Self {
        let mut options = ExporterOptions::new(NatsServer::new(url), writer);
        options.stream = stream.then(StreamOptions::default);
        let (sink, receiver) = RingSink::new(RingOptions::default(), NoSink);
        let exporter = Exporter::spawn(options, receiver).unwrap();
        while !exporter.stats().is_connected() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { sink, exporter, pushed: 0 }
    }

    pub(crate) fn push(&mut self, number: usize, of: &Subscription, book: &Book5) {
        let mut update = BookUpdate::new(of.topic(), book);
        update.subscription_id = SubscriptionId::new(number);
        self.sink.on_event(&Event::Book(update));
        self.sink.on_drained();
        self.pushed += 1;
    }

    pub(crate) fn set_live(&mut self, number: usize, of: &Subscription) {
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
    pub(crate) fn keep_room(&self) {
        while self.pushed - self.exporter.stats().published() > 4_000 {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Runs what a client of the library does on a thread of its own, as the exporter has one.
pub(crate) fn connect(url: &str, thread: &str) -> (tokio::runtime::Runtime, Client) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(1).thread_name(thread).enable_all();
    let runtime = builder.build().unwrap();
    // Room for all of a block: a receiver that is slow must not lose what it is to count.
    let options = async_nats::ConnectOptions::new().subscription_capacity(1 << 20);
    let client = runtime.block_on(options.connect(url)).unwrap();
    (runtime, client)
}

/// Makes the stream again, or leaves the server without: it would keep what core NATS sends too.
pub(crate) fn use_stream(url: &str, stream: bool) {
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
pub(crate) struct Receiver {
    pub(crate) latencies: std::sync::mpsc::Receiver<(bool, u64)>,
    count: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub(crate) fn start(url: &str, stream: bool, start: Instant) -> Self {
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

    pub(crate) fn wait_for(&self, count: u64) {
        while self.count.load(Ordering::Relaxed) < count {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// The name of the main thread, which Linux takes from the program.
pub(crate) const MAIN: &str = "nats";

/// The CPU time of our threads whose names begin so, in nanoseconds; Linux only.
pub(crate) fn cpu_time(names: &[&str]) -> u64 {
    cpu_time_of("self", names)
}

/// The CPU time of threads of a process.
pub(crate) fn cpu_time_of(process: &str, names: &[&str]) -> u64 {
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
