//! A client of the embedded exchange, with all that is exported of one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use okx_feed::sim::{Endpoint, ExchangeConfig, PushIntervals, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{Client, ClientBuilder, Dialect, EventSink, NoSink};
use okx_feed_export::events::{RingOptions, RingSink};
use okx_feed_export::nats::{Exporter, ExporterOptions, NatsServer};
use okx_feed_export::{Feeds, NamedFeed};

/// A directory of its own for a test; it ends with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("okx-feed-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Running {
    pub(crate) client: Client,
    feed: NamedFeed,
    /// In this order: the client ends before its exchange.
    _exporter: Option<Exporter>,
    _exchange: ServerThread,
}

/// Polls until `probe` gives something.
pub(crate) fn wait<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    for _ in 0..6_000 {
        if let Some(found) = probe() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not in time: {what}");
}

impl Running {
    /// A client of these channels, all of which are live.
    pub(crate) fn start(channels: &[&str]) -> Self {
        let (exchange, builder) = Self::builder(1_000, channels);
        let client = builder.spawn().unwrap();
        let feed = NamedFeed::new("main", client.reader());
        Self { client, feed, _exporter: None, _exchange: exchange }.live()
    }

    /// A client that is recorded to a directory and published to a server, with a sink that gets
    /// each event first.
    pub(crate) fn with_everything(
        rate: u32,
        channels: &[&str],
        folder: &Folder,
        server: &str,
        sink: impl EventSink + Send + 'static,
    ) -> Self {
        let (exchange, builder) = Self::builder(rate, channels);
        let (sink, receiver) = RingSink::new(RingOptions::default(), sink);
        let ring = sink.stats();
        let options = ExporterOptions::new(NatsServer::new(server), "A");
        let exporter = Exporter::spawn(options, receiver).unwrap();
        let client = builder.record(folder.0.clone()).redundancy(2).sink(sink).spawn().unwrap();
        let feed = NamedFeed::new("main", client.reader());
        let feed = feed.with_nats(ring, Arc::clone(exporter.stats()));
        Self { client, feed, _exporter: Some(exporter), _exchange: exchange }.live()
    }

    fn builder(rate: u32, channels: &[&str]) -> (ServerThread, ClientBuilder<NoSink>) {
        let mut config =
            ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..ExchangeConfig::default() };
        config.market.events_per_sec = rate;
        let exchange = ServerThread::start("127.0.0.1:0", config).unwrap();
        let subscriptions = channels.iter().map(|text| text.parse().unwrap());
        let builder = Client::builder(Dialect::V5)
            .url(exchange.url(Endpoint::V5Public))
            .proxy(Proxy::Direct)
            .subscriptions(subscriptions);
        (exchange, builder)
    }

    fn live(self) -> Self {
        let reader = self.client.reader();
        wait("all channels are live", || {
            reader.statuses().iter().all(|one| one.state.is_live()).then_some(())
        });
        self
    }

    pub(crate) fn feeds(&self) -> Feeds {
        Feeds::new(vec![self.feed.clone()])
    }
}
