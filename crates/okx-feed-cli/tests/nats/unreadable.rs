//! What a stream has that a reader can't read, or has no more.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use okx_feed::NoSink;
use okx_feed_export::nats::{NatsServer, NatsSource, SourceOptions, Start};

use super::hand_feed::HandFeed;
use super::server::TestServer;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Publishes a message with headers as they are.
fn publish_raw(server: &TestServer, subject: &str, headers: &[u8], payload: &[u8]) {
    let address = server.url().replace("nats://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let size = headers.len();
    let mut text = b"CONNECT {\"verbose\":false,\"headers\":true}\r\n".to_vec();
    text.extend(format!("HPUB {subject} {size} {}\r\n", size + payload.len()).as_bytes());
    text.extend([headers, payload, b"\r\nPING\r\n"].concat());
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
        let stats = source.stats();
        assert!(began.elapsed() < TIMEOUT, "timed out: {what}; {stats:?}, {error:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_message_with_headers_that_nobody_can_read_stops_no_reader() {
    let Some(server) = TestServer::start(&[]) else { return };
    let mut feed = HandFeed::start(NatsServer::new(server.url()), 2);
    let of = feed.topics[0];
    let subject = "md.okx.v5.books5.COIN0-USDT";
    let spawn = |start: Start| {
        let mut options = SourceOptions::new(NatsServer::new(server.url()), ["md.okx.v5.books5.*"]);
        options.start = start;
        NatsSource::spawn(options, NoSink).unwrap()
    };
    let has = |source: &NatsSource, seq: i64| {
        let book = source.book_reader(&of).and_then(|reader| reader.live());
        book.is_some_and(|book| book.seq == seq)
    };
    feed.show(1);
    let source = spawn(Start::Last);
    wait("the first book", &source, || has(&source, 1));
    let before = source.position();
    let bad: [&[u8]; 3] = [
        b"NATS/1.0\r\nno colon\r\n\r\n",
        b"NATS/1.0\r\nOkx-Feed: \xff\xfe\r\n\r\n",
        b"NATS/1.0\r\nbad name(): x\r\n\r\n",
    ];
    bad.iter().for_each(|headers| publish_raw(&server, subject, headers, b"{}"));
    // It is the last of its subject, so a newcomer finds it among the last values.
    let newcomer = spawn(Start::Last);
    // One that is started again goes on right before them.
    let resumed = spawn(Start::After(before));
    wait("the bad ones are stepped over", &source, || source.stats().malformed() == 3);
    wait("the last values are left out", &newcomer, || newcomer.stats().malformed() == 1);
    let began = Instant::now();
    let mut seq = 1;
    while ![&source, &newcomer, &resumed].into_iter().all(|source| has(source, seq)) {
        assert!(began.elapsed() < TIMEOUT, "{:?}", newcomer.stats().last_error());
        seq += 1;
        feed.show(seq);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn events_that_a_writer_missed_are_said_by_watch_and_its_exit_code() {
    let Some(server) = TestServer::start(&[]) else { return };
    let mut feed = HandFeed::start(NatsServer::new(server.url()), 1);
    feed.show(1);
    feed.wait_for(2);
    let head = b"NATS/1.0\r\nOkx-Feed: okx-feed/1 A 1 1 live\r\n\r\n";
    let missed =
        br#"{"ts_recv_ns":0,"event":"missed","channel":"books5","inst_id":"COIN0-USDT","count":3}"#;
    publish_raw(&server, "md.okx.v5.books5.COIN0-USDT", head, missed);
    let mut watch = Command::new(env!("CARGO_BIN_EXE_okx-feed"))
        .args(["watch", "--nats", &server.url(), "--duration", "60s", "md.okx.v5.books5.*"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "okx-feed: 1 gaps, 3 events missed by writers"));
    let pid = watch.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("1 gaps, 3 events missed")), "{rest:?}");
    assert_eq!(watch.wait().unwrap().code(), Some(1), "{rest:?}");
}
