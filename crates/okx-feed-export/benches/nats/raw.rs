//! Bytes that were made before, over a socket: the most that the server and a receiver take.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use okx_feed::Book5;
use okx_feed_export::nats::HEADER;

use crate::setup::{payload, topic};

/// The value of the header of a book.
pub(crate) fn head(book: &Book5, has_key: bool) -> String {
    let (seq, time) = (book.seq, book.ts_event.0);
    let key = if has_key { format!(" b{seq}.{time}") } else { String::new() };
    format!("okx-feed/1 many 1764512345678 {seq} live{key}")
}

/// The messages of books as a client writes them, with our header or without.
pub(crate) fn messages(books: &[Book5], with_header: bool) -> Vec<u8> {
    let (of, subject) = (topic(3), "md.okx.v5.books5.COIN3-USDT");
    let mut bytes = Vec::new();
    for book in books {
        let payload = payload(&of, book);
        if with_header {
            let headers = format!("NATS/1.0\r\n{HEADER}: {}\r\n\r\n", head(book, true));
            let (len, total) = (headers.len(), headers.len() + payload.len());
            write!(bytes, "HPUB {subject} {len} {total}\r\n{headers}").unwrap();
        } else {
            write!(bytes, "PUB {subject} {}\r\n", payload.len()).unwrap();
        }
        bytes.extend_from_slice(&payload);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Sends messages over a connection of their own, and gives it.
pub(crate) fn send(url: &str, messages: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(url.strip_prefix("nats://").unwrap()).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("INFO "), "{line}");
    let options = r#"{"verbose":false,"pedantic":false,"headers":true,"protocol":1}"#;
    write!(socket, "CONNECT {options}\r\nPING\r\n").unwrap();
    line.clear();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "PONG\r\n");
    for chunk in messages.chunks(64 << 10) {
        socket.write_all(chunk).unwrap();
    }
    socket
}
