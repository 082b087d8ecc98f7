//! How soon a reader that joins has everything.

use std::time::{Duration, Instant};

use okx_feed::NoSink;
use okx_feed_export::nats::{NatsServer, NatsSource, SourceOptions};

use super::hand_feed::HandFeed;
use super::server::TestServer;

/// The topics, and the time in which a newcomer is to have the book of each.
const TOPICS: usize = 1_000;
const LIMIT: Duration = Duration::from_secs(2);

#[test]
fn a_newcomer_has_a_thousand_books_within_two_seconds() {
    let Some(server) = TestServer::start(&[]) else { return };
    let mut feed = HandFeed::start(NatsServer::new(server.url()), TOPICS);
    feed.show(1);
    feed.wait_for(2 * TOPICS as u64);
    // Of several, since other programs may have the machine for a while.
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let server = NatsServer::new(server.url());
        let source = NatsSource::spawn(SourceOptions::new(server, ["md.okx.>"]), NoSink).unwrap();
        let mut left = feed.topics.clone();
        while !left.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "without a live book: {left:?}");
            std::thread::sleep(Duration::from_millis(2));
            left.retain(|of| {
                let book = source.book_reader(of).and_then(|reader| reader.live());
                book.is_none_or(|book| book.seq != 1)
            });
        }
        fastest = fastest.min(began.elapsed());
        if fastest < LIMIT {
            break;
        }
    }
    eprintln!("{TOPICS} live books after {fastest:.0?}");
    assert!(fastest < LIMIT, "{TOPICS} live books only after {fastest:?}");
}
