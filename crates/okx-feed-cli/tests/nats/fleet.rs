//! An exchange, publishers of it as programs, and their states.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use okx_feed::sim::{ConnectionId, Endpoint, ExchangeConfig, Listing, Server, ServerHandle};
use okx_feed::transport::Proxy;
use okx_feed::{Client, Dialect, Subscription};
use okx_feed_export::nats::subject::TopicSubjects;

use super::log::Logger;

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
    /// The publisher of each connection.
    lines: HashMap<ConnectionId, String>,
    publishers: HashMap<String, Child>,
    nats: String,
    jetstream: async_nats::jetstream::Context,
    /// The end of the stream when a publisher was killed.
    killed_at: HashMap<String, u64>,
}

impl Fleet {
    pub(crate) async fn start(nats: &str, instruments: usize, rate: u32) -> Self {
        let mut config = ExchangeConfig::default();
        config.market.listings = Listing::generate(instruments);
        config.market.events_per_sec = rate;
        config.market.seed = 21;
        let ids: Vec<_> = config.market.listings.iter().map(|of| *of.inst_id()).collect();
        let exchange = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
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
            lines: HashMap::new(),
            publishers: HashMap::new(),
            nats: nats.to_owned(),
            jetstream: async_nats::jetstream::new(client),
            killed_at: HashMap::new(),
        };
        fleet
            .wait("the direct client", |fleet| {
                fleet.exchange.inspect(|exchange| exchange.ids().len()) == 1
            })
            .await;
        fleet.note_connections("direct");
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

    /// Notes that the connections without a line are of this one.
    fn note_connections(&mut self, line: &str) {
        for id in self.exchange.inspect(okx_feed::sim::Exchange::ids) {
            self.lines.entry(id).or_insert_with(|| line.to_owned());
        }
    }

    /// Starts a publisher and waits until all its topics are live.
    pub(crate) async fn publish(&mut self, writer: &str) {
        let child = Command::new(env!("CARGO_BIN_EXE_okx-feed"))
            .args(["publish", "--nats", &self.nats, "--writer", writer, "--no-proxy"])
            .args(["--snapshot-every", "2s", "--url", &url(&self.exchange)])
            .args(self.subscriptions.iter().map(ToString::to_string))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.publishers.insert(writer.to_owned(), child);
        self.is_live(writer).await;
    }

    /// Waits until all topics of a publisher are live, by their last states in the stream.
    pub(crate) async fn is_live(&mut self, writer: &str) {
        let began = Instant::now();
        let mut left = self.subscriptions.clone();
        while !left.is_empty() {
            assert!(began.elapsed() < TIMEOUT, "timed out: {writer} has not live: {left:?}");
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
                    is_own && text.contains("\"to\":\"live\"")
                });
                if !is_live {
                    others.push(of);
                }
            }
            left = others;
        }
        self.note_connections(writer);
    }

    /// Kills a publisher with SIGKILL.
    pub(crate) async fn kill(&mut self, writer: &str) {
        let mut child = self.publishers.remove(writer).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let stream = self.jetstream.get_stream("MD_OKX").await.unwrap();
        self.killed_at.insert(writer.to_owned(), stream.cached_info().state.last_sequence);
    }

    /// A fault for a connection of a publisher.
    pub(crate) fn inject(&mut self, writer: &str, fault: &str) {
        self.note_connections(writer);
        let rule = fault.parse().unwrap();
        let lines = &self.lines;
        self.exchange.intervene(|exchange, now| {
            let ids = exchange.ids();
            let of = ids.into_iter().find(|id| lines.get(id).is_some_and(|line| line == writer));
            exchange.inject(of.unwrap(), &rule, now);
        });
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
    }
}

fn url(exchange: &ServerHandle) -> String {
    format!("ws://{}{}", exchange.local_addr(), Endpoint::V5Public.path())
}
