//! The path of SBE through the real client: the login at the upgrade, books from snapshots.
#![expect(clippy::disallowed_methods, reason = "a test of real sockets waits by the clock")]

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use okx_feed::book::DepthAction;
use okx_feed::model::{InstrumentCodes, Instruments};
use okx_feed::rest::{Request, RestClient, RestConfig};
use okx_feed::sim::{Endpoint, ExchangeConfig, MarketConfig, ServerThread};
use okx_feed::transport::Proxy;
use okx_feed::{
    BookState, Client, ClientBuilder, ClientError, Credentials, Dialect, Event, Market,
};

const LIMIT: Duration = Duration::from_secs(120);

fn server(faults: &str, accept_logins: bool) -> ServerThread {
    let market = MarketConfig { depth: 30, events_per_sec: 3_000, ..MarketConfig::default() };
    let faults = faults.parse().unwrap();
    let config = ExchangeConfig { market, faults, accept_logins, ..ExchangeConfig::default() };
    ServerThread::start("127.0.0.1:0", config).unwrap()
}

/// The codes of the exchange's own catalogue.
fn codes(server: &ServerThread) -> InstrumentCodes {
    let config = RestConfig {
        url: Some(server.rest_url()),
        proxy: Proxy::Direct,
        ..RestConfig::new(Dialect::V5)
    };
    let mut client = RestClient::new(&config).unwrap();
    let request = Request::instruments(Market::Spot, None, None);
    client.instruments(Market::Spot, &request).unwrap().iter().collect::<Instruments>().codes()
}

fn client(server: &ServerThread) -> ClientBuilder {
    Client::builder(Dialect::V5)
        .sbe(codes(server))
        .url(server.url(Endpoint::V5Public))
        .rest_url(server.rest_url())
        .proxy(Proxy::Direct)
        .configure(|config| config.session.backoff.first = Duration::from_millis(20))
}

#[test]
fn books_and_trades_come_in_sbe_and_the_rest_as_json_in_one_client() {
    for lines in [1, 2] {
        let server = server("gap:each=40,channel=books-l2-tbt,times=3;drop:at=2s,conn=1-3", true);
        let (sender, seen) = channel();
        let client = client(&server)
            .login(Credentials::new("key", "secret", "pass"))
            .redundancy(lines)
            .subscribe("books-l2-tbt:BTC-USDT")
            .subscribe("bbo-tbt:BTC-USDT")
            .subscribe("trades:BTC-USDT")
            .subscribe("tickers:BTC-USDT")
            .subscribe("trades:BTC-USDT-SWAP")
            .on_event(move |event| {
                let is_start = match event {
                    Event::DepthBook(change) => {
                        change.update.action == DepthAction::RestSnapshot
                            && change.book.live().is_some()
                    }
                    Event::State(_) | Event::Control(_) => return,
                    _ => false,
                };
                // The test may have seen enough.
                let name = event.topic().unwrap().to_string();
                let _ = sender.send((if is_start { "start".to_owned() } else { name }, 1));
            })
            .spawn()
            .unwrap();
        let mut counts = BTreeMap::new();
        let (begin, book) = (Instant::now(), "books-l2-tbt:BTC-USDT".parse().unwrap());
        let has = |counts: &BTreeMap<String, u32>, what: &str, n| counts.get(what) >= Some(&n);
        // Its spot codes alone are known, so the swap's trades are JSON.
        while !(has(&counts, "books-l2-tbt:BTC-USDT", 200)
            && ["bbo-tbt:BTC-USDT", "trades:BTC-USDT", "tickers:BTC-USDT", "trades:BTC-USDT-SWAP"]
                .iter()
                .all(|name| has(&counts, name, 5))
            && begin.elapsed() > Duration::from_secs(3)
            && client.state(&book) == Some(BookState::Live))
        {
            assert!(begin.elapsed() < LIMIT, "{counts:?} {:?}", client.state(&book));
            let (name, n) = seen.recv_timeout(LIMIT).unwrap();
            *counts.entry(name).or_default() += n;
        }
        let stats = client.stats().unwrap();
        assert!(stats.feed.sbe > 200 && stats.feed.malformed() == 0, "{stats:?}");
        // A group of SBE and one of JSON.
        assert_eq!(stats.connections.len(), 2 * lines);
        let depth = client.depth_reader(&book).unwrap().snapshot();
        assert_eq!((depth.asks().len(), depth.bids().len()), (25, 25));
    }
}

#[test]
fn without_a_login_the_path_refuses_and_the_rest_goes_on() {
    for (server, credentials) in [
        (server("", true), None),
        (server("", false), Some(Credentials::new("key", "secret", "pass"))),
    ] {
        let mut builder =
            client(&server).subscribe("bbo-tbt:BTC-USDT").subscribe("tickers:BTC-USDT");
        let has_key = credentials.is_some();
        if let Some(credentials) = credentials {
            builder = builder.login(credentials);
        }
        let client = builder.spawn().unwrap();
        let ticker = client.record_reader(&"tickers:BTC-USDT".parse().unwrap()).unwrap();
        let begin = Instant::now();
        let stats = loop {
            let stats = client.stats().unwrap();
            if stats.logins_refused > u64::from(has_key) && ticker.snapshot().state.is_live() {
                break stats;
            }
            assert!(begin.elapsed() < LIMIT, "{stats:?}");
            std::thread::yield_now();
        };
        let refusal = stats.last_login_refusal.unwrap();
        // With a key the other path refuses it too.
        let is_of_upgrade = refusal.contains("401") && refusal.contains("60005");
        assert!(is_of_upgrade || has_key, "{refusal}");
        assert_eq!(stats.feed.sbe, 0);
    }
}

#[test]
fn what_can_not_use_sbe_is_refused_before_anything_is_connected() {
    let refused = |client: ClientBuilder| client.spawn().map(drop).unwrap_err();
    let with = |url: &str| {
        let codes = InstrumentCodes::from_iter([(3, "BTC-USDT".parse().unwrap())]);
        Client::builder(Dialect::V5).subscribe("trades:BTC-USDT").sbe(codes).url(url)
    };
    let url = "ws://127.0.0.1:9/ws/v5/public";
    assert!(matches!(refused(with(url)), ClientError::Sbe(_)));
    let other = with("ws://127.0.0.1:9/").rest_url("http://127.0.0.1:9");
    assert!(matches!(refused(other), ClientError::Sbe(_)));
    let injected = Credentials::new("key\r\nHost: x", "secret", "pass");
    let injected = with(url).rest_url("http://127.0.0.1:9").login(injected);
    assert!(matches!(refused(injected), ClientError::Credentials(_)));
}
