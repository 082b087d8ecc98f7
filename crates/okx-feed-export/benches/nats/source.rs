//! What a source takes, and what a newcomer waits for.

use std::time::{Duration, Instant};

use okx_feed::{NoSink, Subscription};
use okx_feed_export::nats::{Delivery, NatsServer, NatsSource, SourceOptions};

use crate::setup::{Feed, MANY, ServerProcess, book, cpu_time, cpu_time_of, topic, use_stream};

/// What the exporter's thread takes for a message where it does not wait for another thread's, and
/// what a source and the server take: books of 100 topics.
pub(crate) fn source(server: &ServerProcess, stream: bool) {
    let (url, name) = (server.url.as_str(), if stream { "JetStream" } else { "core" });
    use_stream(url, stream);
    let process = server.id();
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

pub(crate) fn newcomer(url: &str) {
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
