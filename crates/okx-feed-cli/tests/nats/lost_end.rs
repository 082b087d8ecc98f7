//! A server that has lost what it had acknowledged, as after a crash of its machine.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use okx_feed::Event;
use okx_feed_export::nats::{NatsServer, NatsSource, SourceOptions, Start};

use super::hand_feed::HandFeed;
use super::server::{TestServer, free_port, scratch_dir};

#[test]
fn a_reader_misses_nothing_that_takes_the_place_of_what_the_stream_has_lost() {
    let Some(mut server) = TestServer::start(&[]) else { return };
    let url = server.url();
    let mut feed = HandFeed::start(NatsServer::new(&url), 1);
    let shown = Arc::<Mutex<BTreeSet<i64>>>::default();
    let (log, backup) = (Arc::clone(&shown), scratch_dir());
    (1..=5).for_each(|seq| feed.show(seq));
    feed.wait_for(10);
    server.kill();
    copy(server.dir(), &backup);
    server.run();
    let sink = move |event: &Event<'_>| {
        if let Event::Book(update) = event {
            log.lock().unwrap().insert(update.book.seq);
        }
    };
    let options = SourceOptions::new(NatsServer::new(&url), ["md.okx.>"]);
    let source = NatsSource::spawn(options, sink).unwrap();
    // A newcomer begins with the last value: what is older it never gets.
    wait_for(&shown, 5);
    (6..=10).for_each(|seq| feed.show(seq));
    feed.wait_for(20);
    wait_for(&shown, 10);
    assert!(source.position().sequence >= 19, "{}", source.position());
    server.kill();
    drop(feed);

    // The stream ends where it was copied, and grows beyond where the reader was.
    fs::remove_dir_all(server.dir()).unwrap();
    copy(&backup, server.dir());
    let port = server.use_port(free_port());
    server.run();
    let mut feed = HandFeed::start(NatsServer::new(server.url()), 1);
    (11..=30).for_each(|seq| feed.show(seq));
    feed.wait_for(40);
    server.kill();
    server.use_port(port);
    server.run();
    wait_for(&shown, 30);
    let all: Vec<_> = shown.lock().unwrap().range(6..).copied().collect();
    assert_eq!(all, (6..=30).collect::<Vec<_>>());
    let _ = fs::remove_dir_all(backup);
}

#[test]
fn a_reader_that_starts_again_misses_no_trade_that_takes_the_place_of_what_the_stream_has_lost() {
    let Some(mut server) = TestServer::start(&[]) else { return };
    let shown = Arc::<Mutex<BTreeSet<u64>>>::default();
    let start = |server: &TestServer, at: Start| {
        let log = Arc::clone(&shown);
        let sink = move |event: &Event<'_>| {
            if let Event::Trade(update) = event {
                log.lock().unwrap().insert(update.trade.trade_id);
            }
        };
        let mut options = SourceOptions::new(NatsServer::new(server.url()), ["md.okx.>"]);
        options.start = at;
        NatsSource::spawn(options, sink).unwrap()
    };
    let feed = |server: &TestServer| {
        let mut feed = HandFeed::start(NatsServer::new(server.url()), 0);
        feed.topics.push("trades:A-B".parse().unwrap());
        feed
    };
    let mut before = feed(&server);
    (1..=5).for_each(|id| before.trade(id));
    before.wait_for(10);
    server.kill();
    let backup = scratch_dir();
    copy(server.dir(), &backup);
    server.run();
    let source = start(&server, Start::Last);
    wait_for(&shown, 5);
    (6..=10).for_each(|id| before.trade(id));
    before.wait_for(20);
    wait_for(&shown, 10);
    let kept = source.stop().to_string();
    server.kill();
    drop(before);

    // The stream ends where it was copied, and grows beyond where the reader was.
    fs::remove_dir_all(server.dir()).unwrap();
    copy(&backup, server.dir());
    server.run();
    let mut after = feed(&server);
    (11..=30).for_each(|id| after.trade(id));
    after.wait_for(40);
    let source = start(&server, Start::After(kept.parse().unwrap()));
    wait_for(&shown, 30);
    let all: Vec<_> = shown.lock().unwrap().range(6..).copied().collect();
    assert_eq!(all, (6..=30).collect::<Vec<_>>());

    // Where the stream has everything, nothing comes again.
    let kept = source.stop();
    shown.lock().unwrap().clear();
    (31..=33).for_each(|id| after.trade(id));
    after.wait_for(46);
    let _source = start(&server, Start::After(kept));
    wait_for(&shown, 33);
    assert_eq!(shown.lock().unwrap().iter().copied().collect::<Vec<_>>(), [31, 32, 33]);
    let _ = fs::remove_dir_all(backup);
}

fn wait_for<T: Ord + Debug>(shown: &Mutex<BTreeSet<T>>, one: T) {
    let began = Instant::now();
    while !shown.lock().unwrap().contains(&one) {
        assert!(began.elapsed() < Duration::from_secs(60), "{one:?} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.unwrap(), to.to_owned());
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => fs::copy(entry.path(), to).map(drop).unwrap(),
        }
    }
}
