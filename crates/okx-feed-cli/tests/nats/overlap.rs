//! A reader whose subjects overlap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use okx_feed::Event;
use okx_feed_export::nats::{Delivery, NatsServer, NatsSource, SourceOptions};

use super::hand_feed::HandFeed;
use super::server::TestServer;

#[test]
fn subjects_that_overlap_in_part_give_each_message_once() {
    let Some(server) = TestServer::start(&[]) else { return };
    let subjects = ["md.okx.v5.books5.*", "md.okx.v5.*.COIN1-USDT"];
    for delivery in [Delivery::default(), Delivery::Core] {
        let shown = Arc::<Mutex<BTreeMap<String, Vec<i64>>>>::default();
        let log = Arc::clone(&shown);
        let sink = move |event: &Event<'_>| {
            if let Event::Book(update) = event {
                let topic = update.topic.to_string();
                log.lock().unwrap().entry(topic).or_default().push(update.book.seq);
            }
        };
        let mut options = SourceOptions::new(NatsServer::new(server.url()), subjects);
        options.delivery = delivery.clone();
        let mut feed = HandFeed::start_by(NatsServer::new(server.url()), &delivery, 2);
        // Neither subject has it.
        feed.topics.push("bbo-tbt:COIN2-USDT".parse().unwrap());
        let source = NatsSource::spawn(options, sink).unwrap();
        let began = Instant::now();
        let mut seq = 0;
        let has_all = || {
            let shown = shown.lock().unwrap();
            shown.len() == 2 && shown.values().all(|of| of.len() >= 10)
        };
        while !has_all() {
            let error = source.stats().last_error();
            assert!(began.elapsed() < Duration::from_secs(60), "{delivery:?}: {error:?}");
            seq += 1;
            feed.show(seq);
            std::thread::sleep(Duration::from_millis(5));
        }
        // A state and a book of each of two topics: of what is shown twice, one is a duplicate.
        let stats = source.stats();
        assert_eq!((stats.duplicates(), stats.malformed()), (0, 0), "{delivery:?}");
        assert_eq!(source.subscriptions().len(), 2, "{delivery:?}");
        let shown = shown.lock().unwrap();
        assert!(shown.values().all(|of| of.is_sorted_by(|a, b| a < b)), "{shown:?}");
    }
}
