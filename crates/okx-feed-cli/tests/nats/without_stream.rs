//! Core NATS, where no server drops what it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use okx_feed::Event;
use okx_feed_export::nats::{
    Delivery, ExporterOptions, HEADER, Head, NatsServer, NatsSource, SourceOptions,
};

use super::hand_feed::HandFeed;
use super::server::TestServer;

/// The books that each of two writers sends.
const BOOKS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_without_a_stream_give_each_update_once() {
    let Some(server) = TestServer::start(&[]) else { return };
    let (url, subject) = (server.url(), "md.okx.v5.books5.*");
    let client = async_nats::connect(&url).await.unwrap();
    let mut messages = client.subscribe(subject).await.unwrap();
    client.flush().await.unwrap();
    let shown = Arc::<Mutex<Vec<i64>>>::default();
    let log = Arc::clone(&shown);
    let sink = move |event: &Event<'_>| {
        if let Event::Book(update) = event {
            log.lock().unwrap().push(update.book.seq);
        }
    };
    let mut options = SourceOptions::new(NatsServer::new(&url), [subject]);
    options.delivery = Delivery::Core;
    let source = NatsSource::spawn(options, sink).unwrap();
    wait("the source reads", || source.stats().is_current()).await;

    let mut feeds = ["A", "B"].map(|writer| {
        let mut options = ExporterOptions::new(NatsServer::new(&url), writer);
        options.stream = None;
        HandFeed::with(options, 1)
    });
    for seq in 1..=i64::try_from(BOOKS).unwrap() {
        feeds.iter_mut().for_each(|feed| feed.show(seq));
    }
    let mut writers = BTreeMap::<String, Vec<String>>::new();
    for _ in 0..2 * BOOKS {
        let message = tokio::time::timeout(Duration::from_secs(60), messages.next()).await;
        let headers = message.unwrap().unwrap().headers.unwrap();
        assert_eq!(headers.len(), 1, "{headers:?}");
        let head = Head::parse(headers.get(HEADER).unwrap().as_str()).unwrap();
        let key = head.key.unwrap().to_owned();
        writers.entry(key).or_default().push(head.writer.to_owned());
    }
    // A key names one update of the subject, and each writer has sent it.
    writers.values_mut().for_each(|of| of.sort_unstable());
    assert_eq!(writers.len(), BOOKS);
    assert!(writers.values().all(|of| of == &["A", "B"]), "{writers:?}");
    // A state comes with each book.
    let all = 4 * u64::try_from(BOOKS).unwrap();
    wait("the source has read all", || source.stats().messages() >= all).await;
    let shown = shown.lock().unwrap();
    assert!(shown.iter().copied().eq(1..=i64::try_from(BOOKS).unwrap()), "{shown:?}");
}

async fn wait(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
