//! A small HTTP client, and what both servers answer to requests of any kind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use okx_feed_export::metrics::{self, Metrics, MetricsOptions};
use okx_feed_export::web::{self, Token};
use okx_feed_export::{Feeds, http::HttpServer};

use crate::running::Running;

/// The status and the whole answer to a request, with these further lines of its head.
pub(crate) fn ask(addr: SocketAddr, request: &str, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("{request} HTTP/1.1\r\nConnection: close\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

pub(crate) fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    ask(addr, &format!("GET {path}"), "Host: localhost\r\n")
}

/// A stream of server-sent events: each with its name and its data.
pub(crate) fn events(
    addr: SocketAddr,
    query: &str,
) -> Option<impl Iterator<Item = (String, serde_json::Value)> + use<>> {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("GET /events?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    if !lines.next().unwrap().contains(" 200 ") {
        return None;
    }
    let mut name = String::new();
    Some(lines.filter_map(move |line| {
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        }
        Some((name.clone(), serde_json::from_str(line.strip_prefix("data: ")?).unwrap()))
    }))
}

fn page(running: &Running, token: Option<&str>) -> HttpServer {
    let token = token.map(|text| Token::new(text).unwrap());
    web::serve("127.0.0.1:0".parse().unwrap(), running.feeds(), token).unwrap()
}

#[test]
fn every_answer_of_the_page_says_what_a_browser_may_do_with_it() {
    let running = Running::start(&["books5:BTC-USDT"]);
    let page = page(&running, None);
    let local = "Host: 127.0.0.1:9465\r\n";
    for (request, head, status) in [
        ("GET /", local, 200),
        ("HEAD /", local, 200),
        ("GET /page.js", local, 200),
        ("HEAD /events", local, 200),
        ("GET /nowhere", local, 404),
        ("GET /../Cargo.toml", local, 404),
        ("GET //", local, 404),
        ("POST /", local, 405),
        ("OPTIONS /events", local, 405),
        ("DELETE /login", local, 405),
        ("GET /login", local, 405),
        ("POST /login", local, 401),
        ("GET /", "", 403),
        ("GET /", "Host: evil.example\r\n", 403),
        ("GET /", "Host: localhost.evil.example\r\n", 403),
        ("GET /events", "Host: 10.0.0.1:9465\r\n", 403),
        // Another site may link to the page and load nothing.
        ("GET /", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 200),
        ("GET /events", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("GET /page.js", "Host: localhost\r\nSec-Fetch-Site: same-site\r\n", 403),
        ("GET /page.js", "Host: localhost\r\nSec-Fetch-Site: same-origin\r\n", 200),
    ] {
        let (found, answer) = ask(page.addr(), request, head);
        assert_eq!(found, status, "{request} {head}");
        let lower = answer.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "x-frame-options: deny",
        ] {
            assert!(lower.contains(header), "{request} {head}: {header}: {answer}");
        }
        let policy = lower.lines().find(|line| line.starts_with("content-security-policy"));
        assert!(!policy.unwrap().contains("unsafe"), "{policy:?}");
    }
}

#[test]
fn a_token_opens_the_page_and_nothing_else_does() {
    let running = Running::start(&["books5:BTC-USDT"]);
    let page = page(&running, Some("0123456789abcdef"));
    let ask = |request: &str, head: &str| {
        ask(page.addr(), request, &format!("Host: feed.example\r\n{head}"))
    };
    for path in ["/", "/events", "/page.js", "/icon.svg"] {
        let (status, answer) = ask(&format!("GET {path}"), "");
        assert_eq!(status, 401, "{path}");
        assert!(answer.to_lowercase().contains("www-authenticate: bearer"), "{answer}");
        assert_eq!(ask(&format!("GET {path}?token=0123456789abcdef"), "").0, 401, "{path}");
        let bearer = "Authorization: Bearer 0123456789abcdef\r\n";
        assert_eq!(ask(&format!("HEAD {path}"), bearer).0, 200, "{path}");
    }
    let log_in = |form: &str| {
        let length = format!("Content-Length: {}\r\n", form.len());
        let head = format!("{length}Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}");
        ask("POST /login", &head)
    };
    assert_eq!(log_in("token=0123456789abcdeg").0, 401);
    let (status, answer) = log_in("token=0123456789abcdef");
    assert_eq!(status, 303);
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let (pair, _) = cookie.split_once(';').unwrap();
    assert_eq!(ask("GET /", &format!("Cookie: {pair}\r\n")).0, 200);
    // A form that is longer than any token is not read.
    assert_eq!(log_in(&format!("token={}", "a".repeat(5_000))).0, 413);
}

#[test]
fn the_metrics_are_served_to_whoever_asks_in_whatever_way() {
    let running = Running::start(&["books5:BTC-USDT"]);
    let metrics = Metrics::new(Feeds::one(running.client.reader()), MetricsOptions::default());
    let server = metrics::serve("127.0.0.1:0".parse().unwrap(), metrics).unwrap();
    for (request, status) in [
        ("GET /metrics", 200),
        ("GET /metrics?x=y", 200),
        ("HEAD /metrics", 200),
        ("GET /readyz", 200),
        ("GET /healthz", 200),
        ("POST /metrics", 405),
        ("GET /metrics/", 404),
    ] {
        assert_eq!(ask(server.addr(), request, "Host: any\r\n").0, status, "{request}");
    }
    let text = get(server.addr(), "/metrics").1;
    assert!(text.contains("content-type: text/plain; version=0.0.4"), "{text}");
}

#[test]
fn connections_that_send_nothing_do_not_keep_others_out_for_good() {
    let running = Running::start(&["books5:BTC-USDT"]);
    let metrics = Metrics::new(running.feeds(), MetricsOptions::default());
    let server = metrics::serve("127.0.0.1:0".parse().unwrap(), metrics).unwrap();
    // As many as it takes at a time; each is ended after ten seconds.
    let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(server.addr()).unwrap()).collect();
    assert_eq!(get(server.addr(), "/healthz").0, 200);
    drop(silent);
}
