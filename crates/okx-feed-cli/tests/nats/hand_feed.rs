//! A feed whose events a test makes itself, before an exporter.

use std::time::{Duration, Instant};

use okx_feed::event::StateChange;
use okx_feed::{
    Book5, BookState, BookUpdate, Decimal, Event, EventSink, Level, NoSink, Side, Subscription,
    SubscriptionId, Trade, TradeUpdate, UnixNanos,
};
use okx_feed_export::events::{RingOptions, RingSink};
use okx_feed_export::nats::{Delivery, Exporter, ExporterOptions, NatsServer};

/// Topics with five-level books, all live.
pub(crate) struct HandFeed {
    sink: RingSink<NoSink>,
    pub(crate) exporter: Exporter,
    pub(crate) topics: Vec<Subscription>,
}

impl HandFeed {
    /// Starts an exporter of so many topics.
    pub(crate) fn start(server: NatsServer, topics: usize) -> Self {
        Self::start_by(server, &Delivery::default(), topics)
    }

    /// Starts an exporter to a stream, or without one.
    pub(crate) fn start_by(server: NatsServer, delivery: &Delivery, topics: usize) -> Self {
        let mut options = ExporterOptions::new(server, "hand");
        if *delivery == Delivery::Core {
            options.stream = None;
        }
        Self::with(options, topics)
    }

    pub(crate) fn with(options: ExporterOptions, topics: usize) -> Self {
        let (sink, receiver) = RingSink::new(RingOptions::default(), NoSink);
        let exporter = Exporter::spawn(options, receiver).unwrap();
        let topic = |number| format!("books5:COIN{number}-USDT").parse().unwrap();
        Self { sink, exporter, topics: (0..topics).map(topic).collect() }
    }

    /// Shows a book of each topic.
    pub(crate) fn show(&mut self, seq: i64) {
        self.show_levels(seq, 5);
    }

    /// Shows a book of each topic with so many levels a side.
    pub(crate) fn show_levels(&mut self, seq: i64, levels: i64) {
        let book = book(seq, levels);
        for number in 0..self.topics.len() {
            self.go_live(number);
            let subscription_id = SubscriptionId::new(number);
            let topic = self.topics[number].topic();
            let update = BookUpdate { subscription_id, ..BookUpdate::new(topic, &book) };
            self.sink.on_event(&Event::Book(update));
            self.sink.on_drained();
        }
    }

    /// Gives all books their events again and again, as fast as it can.
    pub(crate) fn flood(&mut self, span: Duration) {
        let began = Instant::now();
        let mut book = book(1, 5);
        while began.elapsed() < span {
            for (number, of) in self.topics.iter().enumerate() {
                book.seq += 1;
                let subscription_id = SubscriptionId::new(number);
                let update = BookUpdate { subscription_id, ..BookUpdate::new(of.topic(), &book) };
                self.sink.on_event(&Event::Book(update));
            }
            self.sink.on_drained();
        }
    }

    /// Shows a trade of the first topic.
    pub(crate) fn trade(&mut self, id: u64) {
        let (px, sz) = (Decimal::new(840_900, 1).unwrap(), Decimal::new(1, 0).unwrap());
        let mut trade = Trade::new(Side::Buy, px, sz);
        (trade.trade_id, trade.ts_event) = (id, UnixNanos(1_764_512_345_678_000_000 + id));
        self.go_live(0);
        let (topic, subscription_id) = (self.topics[0].topic(), SubscriptionId::new(0));
        let update = TradeUpdate { subscription_id, ..TradeUpdate::new(topic, &trade) };
        self.sink.on_event(&Event::Trade(update));
        self.sink.on_drained();
    }

    fn go_live(&mut self, number: usize) {
        let (subscription, subscription_id) = (&self.topics[number], SubscriptionId::new(number));
        let (from, to, ts_recv) = (BookState::Connecting, BookState::Live, UnixNanos(1));
        let change = StateChange { subscription, subscription_id, from, to, ts_recv };
        self.sink.on_event(&Event::State(change));
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

fn book(seq: i64, levels: i64) -> Book5 {
    let level = |px| Level::new(Decimal::new(px, 1).unwrap(), Decimal::new(12_345, 4).unwrap(), 7);
    let asks: Vec<_> = (1..=levels).map(|place| level(840_900 + place)).collect();
    let bids: Vec<_> = (0..levels).map(|place| level(840_900 - place)).collect();
    let mut book = Book5::new(&asks, &bids);
    (book.seq, book.ts_event) = (seq, UnixNanos(1_764_512_345_678_000_000));
    book
}
