//! What a server refuses: for want of a permission, or as too large.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use okx_feed::NoSink;
use okx_feed_export::nats::{Delivery, NatsServer, NatsSource, SourceOptions};

use super::hand_feed::HandFeed;
use super::server::{TestServer, scratch_dir};

/// How long anything may take: other programs may have the machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Shows books until something holds. Gives the number of the last.
fn show_until(feed: &mut HandFeed, seq: &mut i64, what: &str, is_so: impl Fn(&HandFeed) -> bool) {
    let began = Instant::now();
    while !is_so(feed) {
        let error = feed.exporter.stats().last_error();
        assert!(began.elapsed() < TIMEOUT, "timed out: {what}; {error:?}");
        *seq += 1;
        feed.show(*seq);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The server's options: a user who may publish all but on one subject.
fn write_options(path: &Path, denied: &str) {
    let publish = format!("publish: {{ allow: [\">\"], deny: [\"{denied}\"] }}");
    let user = format!("{{ user: u, password: p, permissions: {{ {publish} }} }}");
    fs::write(path, format!("authorization {{ users = [ {user} ] }}\n")).unwrap();
}

#[test]
fn a_topic_that_a_writer_may_no_longer_publish_is_live_no_more_and_marked_once_it_may() {
    let dir = scratch_dir();
    let path = dir.join("server.conf");
    write_options(&path, "none");
    let Some(mut server) = TestServer::start(&["-c", path.to_str().unwrap()]) else { return };
    let url = server.url().replace("nats://", "nats://u:p@");
    for delivery in [Delivery::default(), Delivery::Core] {
        let mut feed = HandFeed::start_by(NatsServer::new(&url), &delivery, 2);
        let mut options = SourceOptions::new(NatsServer::new(&url), ["md.okx.>"]);
        options.delivery = delivery.clone();
        let source = NatsSource::spawn(options, NoSink).unwrap();
        let [of, other] = [feed.topics[0], feed.topics[1]];
        let is_live = |of| source.state(&of).is_some_and(|state| state.is_live());
        let mut seq = 0;
        show_until(&mut feed, &mut seq, "both are live", |_| is_live(of) && is_live(other));
        let stats = std::sync::Arc::clone(feed.exporter.stats());
        assert_eq!(stats.refused(), 0, "{:?}", stats.last_error());

        write_options(&path, "md.okx.v5.books5.COIN0-USDT");
        server.reload();
        show_until(&mut feed, &mut seq, "one is live no more", |_| !is_live(of));
        assert!(stats.refused() > 0);
        let error = stats.last_error().unwrap();
        assert!(error.contains("COIN0") && error.contains("ermission"), "{error}");
        // The connection and all else stay.
        let before = source.stats().messages();
        let all_else = |_: &HandFeed| source.stats().messages() > before + 40 && is_live(other);
        show_until(&mut feed, &mut seq, "the other goes on", all_else);
        assert!(!is_live(of) && stats.connects() == 1, "{delivery:?}: {error}");

        write_options(&path, "none");
        server.kill();
        server.run();
        let gaps = source.stats().gaps();
        show_until(&mut feed, &mut seq, "both are live again", |_| is_live(of) && is_live(other));
        // Without a stream, the mark may be sent before the reader is back.
        let is_marked = source.stats().gaps() > gaps || delivery == Delivery::Core;
        assert!(is_marked, "{delivery:?}: no mark of what is missing");
    }
    let _ = fs::remove_dir_all(dir);
}

#[test]
fn a_message_that_is_too_large_for_the_stream_is_marked() {
    let Some(server) = TestServer::start(&[]) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = async_nats::connect(server.url()).await.unwrap();
        let config = Config {
            name: "MD_OKX".to_owned(),
            subjects: vec!["md.okx.>".to_owned()],
            max_message_size: 450,
            ..Config::default()
        };
        async_nats::jetstream::new(client).create_stream(config).await.unwrap();
    });
    let mut feed = HandFeed::start(NatsServer::new(server.url()), 1);
    let options = SourceOptions::new(NatsServer::new(server.url()), ["md.okx.>"]);
    let source = NatsSource::spawn(options, NoSink).unwrap();
    let of = feed.topics[0];
    let wait = |what: &str, is_so: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !is_so() {
            let state = source.state(&of);
            assert!(began.elapsed() < TIMEOUT, "timed out: {what}; {state:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let is_live = || source.state(&of).is_some_and(|state| state.is_live());
    feed.show_levels(1, 1);
    wait("a small book is live", &is_live);
    feed.show_levels(2, 5);
    wait("the large one is refused", &|| feed.exporter.stats().refused() == 1);
    wait("nothing is live", &|| !is_live());
    let error = feed.exporter.stats().last_error().unwrap();
    assert!(error.contains("COIN0") && error.contains("size"), "{error}");
    let gaps = source.stats().gaps();
    feed.show_levels(3, 1);
    wait("the next is live", &is_live);
    let book = source.book_reader(&of).unwrap().live().unwrap();
    assert_eq!((book.seq, source.stats().gaps()), (3, gaps + 1));
    assert_eq!(feed.exporter.stats().connects(), 1);
}
