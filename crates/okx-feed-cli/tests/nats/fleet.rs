//! An exchange, publishers of it as programs, and their states.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::StreamExt;
use okx_feed::sim::{ConnectionId, Endpoint, ExchangeConfig, Listing, Server, ServerHandle};
use okx_feed::transport::Proxy;
use okx_feed::{Client, Dialect, Subscription};
use okx_feed_export::nats::HEADER;
use okx_feed_export::nats::subject::TopicSubjects;
use rustix::process::{Pid, Signal, kill_process};

use super::log::{Difference, Logger};
use super::server::scratch_dir;

/// The channels of each instrument.
const CHANNELS: [&str; 3] = ["books5", "books", "trades"];

/// How long anything may take: other programs may have the machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An exchange with so many instruments and events a second.
pub(crate) struct Fleet {
    pub(crate) exchange: ServerHandle,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) truth: Logger,
    /// A client of the exchange without faults.
    _direct: Client,
    /// Its connection.
    direct: Option<ConnectionId>,
    publishers: HashMap<String, Child>,
    nats: String,
    jetstream: async_nats::jetstream::Context,
    /// The end of the stream when a publisher was killed.
    killed_at: HashMap<String, u64>,
    /// What happened to which line, and the exchange's time of the last trade then.
    faults: Vec<(String, String, u64)>,
    /// The folder of the publishers' logs.
    dir: PathBuf,
}

impl Fleet {
    pub(crate) async fn start(nats: &str, instruments: usize, rate: u32) -> Self {
        let mut config = ExchangeConfig::default();
        config.market.listings = Listing::generate(instruments);
        config.market.events_per_sec = rate;
        config.market.seed = 21;
        let ids: Vec<_> = config.market.listings.iter().map(|of| *of.inst_id()).collect();
        // An exchange that falls behind the wall clock by seconds shows old books, never live ones.
        let exchange = Server::bind("127.0.0.1:0", config).await.unwrap();
        let exchange = exchange.with_catch_up(Duration::from_secs(3)).spawn();
        let names = ids.iter().flat_map(|id| CHANNELS.map(|channel| format!("{channel}:{id}")));
        let subscriptions: Vec<Subscription> = names.map(|name| name.parse().unwrap()).collect();
        let truth = Logger::default();
        let direct = Client::builder(Dialect::V5)
            .url(url(&exchange))
            .proxy(Proxy::Direct)
            .subscriptions(subscriptions.clone())
            .sink(truth.clone())
            .spawn()
            .unwrap();
        let client = async_nats::connect(nats).await.unwrap();
        let mut fleet = Self {
            exchange,
            subscriptions,
            truth,
            _direct: direct,
            direct: None,
            publishers: HashMap::new(),
            nats: nats.to_owned(),
            jetstream: async_nats::jetstream::new(client),
            killed_at: HashMap::new(),
            faults: Vec::new(),
            dir: scratch_dir(),
        };
        fleet
            .wait("the direct client", |fleet| {
                fleet.exchange.inspect(|exchange| exchange.ids().len()) == 1
            })
            .await;
        fleet.direct = fleet.exchange.inspect(|exchange| exchange.ids().first().copied());
        fleet
    }

    /// Waits until something holds, for a minute at most.
    pub(crate) async fn wait(&mut self, what: &str, is_so: impl Fn(&mut Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < TIMEOUT, "timed out: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts a publisher and waits until all its topics are live.
    pub(crate) async fn publish(&mut self, writer: &str) {
        let log = self.log_of(writer);
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_okx-feed"))
            .args(["publish", "--nats", &self.nats, "--writer", writer, "--no-proxy"])
            .args(["--snapshot-every", "2s", "--url", &url(&self.exchange)])
            .args(self.subscriptions.iter().map(ToString::to_string))
            .arg("-v")
            .stderr(log)
            .spawn()
            .unwrap();
        self.publishers.insert(writer.to_owned(), child);
        self.is_live(writer).await;
    }

    /// Waits until all topics of a publisher are live, by their last states in the stream.
    pub(crate) async fn is_live(&self, writer: &str) {
        let began = Instant::now();
        let (mut left, mut states) = (self.subscriptions.clone(), Vec::new());
        while !left.is_empty() {
            if began.elapsed() > TIMEOUT {
                let log = fs::read_to_string(self.log_of(writer)).unwrap();
                let lines: Vec<_> = log.lines().rev().take(60).collect();
                let faults: Vec<_> = self.faults.iter().rev().take(9).collect();
                panic!("{writer} has not live: {states:?}; after {faults:?}; {lines:#?}");
            }
            states.clear();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let Ok(stream) = self.jetstream.get_stream("MD_OKX").await else { continue };
            let mut others = Vec::new();
            for of in left {
                let subject = TopicSubjects::of(&of).state(writer);
                let last = stream.direct_get_last_for_subject(subject).await;
                let is_live = last.is_ok_and(|last| {
                    let text = String::from_utf8_lossy(&last.payload).into_owned();
                    // Not what a killed one has left.
                    let is_own = Some(&last.sequence) > self.killed_at.get(writer);
                    let is_live = is_own && text.contains("\"to\":\"live\"");
                    if !is_live {
                        states.push(text);
                    }
                    is_live
                });
                if !is_live {
                    others.push(of);
                }
            }
            left = others;
        }
    }

    /// What a publisher writes to standard error.
    fn log_of(&self, writer: &str) -> PathBuf {
        self.dir.join(format!("{writer}.log"))
    }

    /// Kills a publisher with SIGKILL.
    pub(crate) async fn kill(&mut self, writer: &str) {
        self.note_fault(writer, "kill");
        let mut child = self.publishers.remove(writer).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let stream = self.jetstream.get_stream("MD_OKX").await.unwrap();
        self.killed_at.insert(writer.to_owned(), stream.cached_info().state.last_sequence);
    }

    /// Ends a publisher with SIGINT. Gives its exit code and its log.
    pub(crate) fn interrupt(&mut self, writer: &str) -> (Option<i32>, String) {
        let mut child = self.publishers.remove(writer).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let code = child.wait().unwrap().code();
        (code, fs::read_to_string(self.log_of(writer)).unwrap())
    }

    /// The connections of publishers, oldest first. Each has one.
    pub(crate) fn lines(&self) -> Vec<ConnectionId> {
        let mut ids = self.exchange.inspect(okx_feed::sim::Exchange::ids);
        ids.retain(|id| Some(*id) != self.direct);
        ids.sort_unstable();
        ids
    }

    /// Panics if the client that shows what is to be has lost its connection.
    pub(crate) fn assert_direct(&self) {
        let ids = self.exchange.inspect(okx_feed::sim::Exchange::ids);
        assert!(ids.iter().any(|id| Some(*id) == self.direct), "the direct client has reconnected");
    }

    /// Waits until all topics of all publishers are live, each over one connection.
    pub(crate) async fn are_live(&mut self) {
        let writers: Vec<_> = self.publishers.keys().cloned().collect();
        for writer in &writers {
            self.is_live(writer).await;
        }
        self.wait("a connection each", |fleet| fleet.lines().len() == writers.len()).await;
    }

    /// A fault for a connection of a publisher.
    pub(crate) fn inject(&mut self, line: ConnectionId, fault: &str) {
        self.note_fault(&line.number().to_string(), fault);
        let rule = fault.parse().unwrap();
        self.exchange.intervene(|exchange, now| exchange.inject(line, &rule, now));
    }

    /// Puts a difference into words, with what the stream has around it and the faults there.
    pub(crate) async fn explain(&self, difference: &Difference) -> String {
        let mut text = difference.text.clone();
        let Some((of, trade)) = difference.trade.as_deref() else { return text };
        let config = OrderedConfig {
            deliver_subject: "explain".to_owned(),
            filter_subject: TopicSubjects::of(of).events,
            ..OrderedConfig::default()
        };
        let stream = self.jetstream.get_stream("MD_OKX").await.unwrap();
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut left = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.unwrap();
        while left > 0 {
            let message = messages.next().await.unwrap().unwrap();
            let info = message.info().unwrap();
            left = info.pending;
            let event: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            let at = event["ts_ns"].as_u64().unwrap_or_default();
            if event["event"] == "missed" || at.abs_diff(trade.ts_event.0) < 1_000_000_000 {
                let head = message.headers.as_ref().and_then(|headers| headers.get(HEADER));
                let (at, head) = (info.stream_sequence, head.map_or("", |head| head.as_str()));
                let _ = write!(text, "\n  at {at} by {head}: {event}");
            }
        }
        for (line, fault, at) in &self.faults {
            let ms = i128::from(trade.ts_event.0) - i128::from(*at);
            if ms.abs() < 20_000_000_000 {
                let _ = write!(text, "\n  {} ms before: {fault} of {line}", ms / 1_000_000);
            }
        }
        text
    }

    /// Notes what happens to a line.
    fn note_fault(&mut self, line: &str, fault: &str) {
        let now = self.last_trade();
        self.faults.push((line.to_owned(), fault.to_owned(), now));
    }

    /// The exchange's time of the last trade.
    pub(crate) fn last_trade(&self) -> u64 {
        let log = self.truth.0.lock().unwrap();
        let times = log.trades.values().flat_map(|trades| trades.last());
        times.map(|trade| trade.ts_event.0).max().unwrap_or_default()
    }

    /// Stops all.
    pub(crate) fn end(self) {}
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for (_, mut child) in self.publishers.drain() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn url(exchange: &ServerHandle) -> String {
    format!("ws://{}{}", exchange.local_addr(), Endpoint::V5Public.path())
}
