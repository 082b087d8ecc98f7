//! What a stream has that a reader can't read, or has no more.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use okx_feed::NoSink;
use okx_feed_export::nats::{NatsServer, NatsSource, SourceOptions};

use super::hand_feed::HandFeed;
use super::server::TestServer;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Publishes a message with headers as they are.
fn publish_raw(server: &TestServer, subject: &str, headers: &[u8]) {
    let address = server.url().replace("nats://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let size = headers.len();
    let mut text = b"CONNECT {\"verbose\":false,\"headers\":true}\r\n".to_vec();
    text.extend(format!("HPUB {subject} {size} {}\r\n", size + 2).as_bytes());
    text.extend([headers, b"{}\r\nPING\r\n"].concat());
    stream.write_all(&text).unwrap();
    let mut line = String::new();
    while !line.starts_with("PONG") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the server has closed the connection");
    }
}

fn wait(what: &str, source: &NatsSource, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        let error = source.stats().last_error();
        assert!(began.elapsed() < TIMEOUT, "timed out: {what}; {error:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_message_with_headers_that_nobody_can_read_stops_no_reader() {
    let Some(server) = TestServer::start(&[]) else { return };
    let mut feed = HandFeed::start(NatsServer::new(server.url()), 2);
    let of = feed.topics[0];
    let subject = "md.okx.v5.books5.COIN0-USDT";
    let spawn = || {
        let options = SourceOptions::new(NatsServer::new(server.url()), ["md.okx.v5.books5.*"]);
        NatsSource::spawn(options, NoSink).unwrap()
    };
    let has = |source: &NatsSource, seq: i64| {
        let book = source.book_reader(&of).and_then(|reader| reader.live());
        book.is_some_and(|book| book.seq == seq)
    };
    feed.show(1);
    let source = spawn();
    wait("the first book", &source, || has(&source, 1));
    let bad: [&[u8]; 3] = [
        b"NATS/1.0\r\nno colon\r\n\r\n",
        b"NATS/1.0\r\nOkx-Feed: \xff\xfe\r\n\r\n",
        b"NATS/1.0\r\nbad name(): x\r\n\r\n",
    ];
    bad.iter().for_each(|headers| publish_raw(&server, subject, headers));
    // It is the last of its subject, so a newcomer finds it among the last values.
    let newcomer = spawn();
    wait("the bad ones are stepped over", &source, || source.stats().malformed() == 3);
    wait("the last values are left out", &newcomer, || newcomer.stats().malformed() == 1);
    let began = Instant::now();
    let mut seq = 1;
    while !has(&source, seq) || !has(&newcomer, seq) {
        assert!(began.elapsed() < TIMEOUT, "{:?}", newcomer.stats().last_error());
        seq += 1;
        feed.show(seq);
        std::thread::sleep(Duration::from_millis(50));
    }
}
