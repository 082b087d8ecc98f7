//! A feed whose events a test makes itself, before an exporter.

use std::time::{Duration, Instant};

use okx_feed::event::StateChange;
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, Event, EventSink, Level, NoSink, Subscription,
    SubscriptionId, UnixNanos,
};
use okx_feed_export::events::{RingOptions, RingSink};
use okx_feed_export::nats::{Exporter, ExporterOptions, NatsServer};

/// Topics with five-level books, all live.
pub(crate) struct HandFeed {
    sink: RingSink<NoSink>,
    pub(crate) exporter: Exporter,
    pub(crate) topics: Vec<Subscription>,
}

impl HandFeed {
    /// Starts an exporter of so many topics.
    pub(crate) fn start(server: NatsServer, topics: usize) -> Self {
        Self::with(ExporterOptions::new(server, "hand"), topics)
    }

    pub(crate) fn with(options: ExporterOptions, topics: usize) -> Self {
        let (sink, receiver) = RingSink::new(RingOptions::default(), NoSink);
        let exporter = Exporter::spawn(options, receiver).unwrap();
        let topic = |number| format!("books5:COIN{number}-USDT").parse().unwrap();
        Self { sink, exporter, topics: (0..topics).map(topic).collect() }
    }

    /// Shows a book of each topic.
    pub(crate) fn show(&mut self, seq: i64) {
        let book = book(seq);
        for (number, of) in self.topics.iter().enumerate() {
            let subscription_id = SubscriptionId::new(number);
            let (from, to, ts_recv) = (BookState::Connecting, BookState::Live, UnixNanos(1));
            let change = StateChange { subscription: of, subscription_id, from, to, ts_recv };
            self.sink.on_event(&Event::State(change));
            let update = BookUpdate { subscription_id, ..BookUpdate::new(of.topic(), &book) };
            self.sink.on_event(&Event::Book(update));
            self.sink.on_drained();
        }
    }

    /// Waits until the stream has so many messages of it.
    pub(crate) fn wait_for(&self, acknowledged: u64) {
        let began = Instant::now();
        while self.exporter.stats().acknowledged() < acknowledged {
            let error = self.exporter.stats().last_error();
            assert!(began.elapsed() < Duration::from_secs(60), "not acknowledged: {error:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn book(seq: i64) -> Book5 {
    let level = |px| Level::new(Decimal::new(px, 1).unwrap(), Decimal::new(12_345, 4).unwrap(), 7);
    let asks: Vec<_> = (1..=5).map(|place| level(840_900 + place)).collect();
    let bids: Vec<_> = (0..5).map(|place| level(840_900 - place)).collect();
    let mut book = Book5::new(&asks, &bids);
    (book.seq, book.ts_event) = (seq, UnixNanos(1_764_512_345_678_000_000));
    book
}
