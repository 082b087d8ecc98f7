//! Faults of the transport on a loopback socket, seen by a WebSocket library.
#![cfg(feature = "sim")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, where a panic is the report"
)]

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use okx_feed::sim::{ExchangeConfig, FaultKind, FaultPlan, FaultRule, Server, ServerHandle};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    connect_async_with_config,
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const SUBSCRIBE: &str = r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#;
/// The time after which a test fails.
const TIMEOUT: Duration = Duration::from_secs(120);

fn config(faults: &str) -> ExchangeConfig {
    ExchangeConfig { faults: faults.parse().unwrap(), ..ExchangeConfig::default() }
}

async fn serve(faults: &str) -> ServerHandle {
    Server::bind("127.0.0.1:0", config(faults)).await.unwrap().spawn()
}

async fn try_connect(server: &ServerHandle) -> Result<Socket, Error> {
    let limit = WebSocketConfig::default().max_message_size(Some(1 << 20));
    let url = format!("ws://{}/ws/v5/public", server.local_addr());
    Ok(connect_async_with_config(url, Some(limit), false).await?.0)
}

/// A connection that has had the acknowledgement and the snapshot of a book.
async fn connect(server: &ServerHandle) -> Socket {
    let mut socket = try_connect(server).await.unwrap();
    socket.send(Message::text(SUBSCRIBE)).await.unwrap();
    for expected in [r#""event":"subscribe""#, r#""action":"snapshot""#] {
        assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains(expected));
    }
    socket
}

/// The next message, control frames included.
async fn next(socket: &mut Socket) -> Result<Message, Error> {
    timeout(TIMEOUT, socket.next()).await.unwrap().unwrap_or(Err(Error::ConnectionClosed))
}

/// Injects a fault into the only connection.
fn inject(server: &ServerHandle, rule: &str) {
    let rule: FaultRule = rule.parse().unwrap();
    server.intervene(|exchange, now| {
        let [id] = exchange.ids()[..] else { panic!("{:?}", exchange.ids()) };
        exchange.inject(id, &rule, now);
    });
}

/// The message or error that ends the connection.
async fn end(socket: &mut Socket) -> Result<Message, Error> {
    loop {
        match next(socket).await {
            Ok(Message::Text(_)) => {}
            other => return other,
        }
    }
}

async fn forgotten(server: &ServerHandle) {
    let wait = async {
        while server.inspect(|exchange| exchange.connections()) > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(TIMEOUT, wait).await.unwrap();
}

#[tokio::test]
async fn a_drop_ends_tcp_in_order_and_a_reset_does_not() {
    let server = serve("").await;
    let mut socket = connect(&server).await;
    inject(&server, "drop");
    match end(&mut socket).await {
        Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {}
        other => panic!("{other:?}"),
    }
    drop(socket);
    forgotten(&server).await;

    let mut socket = connect(&server).await;
    inject(&server, "rst");
    match end(&mut socket).await {
        Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    forgotten(&server).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_half_open_connection_is_silent_and_stays() {
    let server = serve("").await;
    let mut socket = connect(&server).await;
    inject(&server, "halfopen");
    // Messages in flight still arrive.
    while let Ok(message) = timeout(Duration::from_millis(300), socket.next()).await {
        assert!(matches!(message, Some(Ok(Message::Text(_)))), "{message:?}");
    }
    socket.send(Message::text("ping")).await.unwrap();
    socket.send(Message::Ping("x".into())).await.unwrap();
    assert!(timeout(Duration::from_millis(500), socket.next()).await.is_err());
    assert_eq!(server.inspect(|exchange| exchange.connections()), 1);
    drop(socket);
    forgotten(&server).await;
    server.shutdown().await;
}

#[tokio::test]
async fn close_codes_arrive() {
    let server = serve("").await;
    for code in [4004, 4005, 1009] {
        let mut socket = connect(&server).await;
        inject(&server, &format!("close:code={code}"));
        match end(&mut socket).await {
            Ok(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), code),
            other => panic!("{other:?}"),
        }
        drop(socket);
        forgotten(&server).await;
    }
    let mut socket = connect(&server).await;
    inject(&server, "notice:after=50ms");
    loop {
        let message = next(&mut socket).await.unwrap();
        if message.to_text().is_ok_and(|text| text.contains("64008")) {
            break;
        }
    }
    assert!(matches!(end(&mut socket).await, Ok(Message::Close(Some(_)))));
    server.shutdown().await;
}

#[tokio::test]
async fn fragments_and_pings_between_them_make_one_message() {
    let server = serve("fragment:p=1,parts=5").await;
    let mut socket = try_connect(&server).await.unwrap();
    socket.send(Message::text(SUBSCRIBE)).await.unwrap();
    let (mut texts, mut pings) = (0, 0);
    while texts < 10 {
        match next(&mut socket).await.unwrap() {
            Message::Text(text) => {
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
                texts += 1;
            }
            Message::Ping(_) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pings, 40);
    server.shutdown().await;
}

#[tokio::test]
async fn a_trickled_message_comes_whole_and_late_and_the_rest_follows() {
    let server = serve("trickle:nth=3,bytes=4,gap=2ms").await;
    let mut socket = connect(&server).await;
    let start = Instant::now();
    let third = next(&mut socket).await.unwrap().into_text().unwrap();
    assert!(start.elapsed() > Duration::from_millis(2) * u32::try_from(third.len() / 4).unwrap());
    let (mut seq, mut count) = (number(&third, "seqId"), 0);
    while count < 5 {
        let text = next(&mut socket).await.unwrap().into_text().unwrap();
        assert_eq!(number(&text, "prevSeqId"), seq);
        (seq, count) = (number(&text, "seqId"), count + 1);
    }
    socket.send(Message::text("ping")).await.unwrap();
    while next(&mut socket).await.unwrap() != Message::text("pong") {}
    server.shutdown().await;
}

fn number(text: &str, key: &str) -> i64 {
    let message: serde_json::Value = serde_json::from_str(text).unwrap();
    message["data"][0][key].as_i64().unwrap()
}

#[tokio::test]
async fn bad_and_giant_frames_reach_the_client() {
    let server = serve("").await;
    let mut socket = connect(&server).await;
    inject(&server, "badframe");
    match end(&mut socket).await {
        Err(Error::Protocol(ProtocolError::InvalidOpcode(3))) => {}
        other => panic!("{other:?}"),
    }
    drop(socket);
    forgotten(&server).await;

    let mut socket = connect(&server).await;
    inject(&server, "giant:bytes=1048576");
    match end(&mut socket).await {
        Err(Error::Capacity(CapacityError::MessageTooLong { size, .. })) => {
            assert!(size > 1 << 20);
        }
        other => panic!("{other:?}"),
    }
    server.shutdown().await;
}

#[tokio::test]
async fn connections_are_refused_before_and_in_the_handshake() {
    let server = serve("refuse:conn=1-2;refuse:conn=3,status=503").await;
    for _ in 0..2 {
        match try_connect(&server).await {
            Err(Error::Io(_) | Error::Protocol(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    match try_connect(&server).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{other:?}"),
    }
    connect(&server).await;
    assert_eq!(server.inspect(|exchange| exchange.faults().count(FaultKind::Refuse)), 3);
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_upgrade_has_a_retry_time() {
    for (spec, status, after) in [
        ("refuse:conn=1,status=429,retry=1500ms", 429, Some("2")),
        ("refuse:conn=1,status=503,retry=30s", 503, Some("30")),
        ("refuse:conn=1,status=403", 403, None),
    ] {
        let server = serve(spec).await;
        match try_connect(&server).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), status);
                let header = response.headers().get("retry-after");
                assert_eq!(header.map(|value| value.to_str().unwrap()), after);
            }
            other => panic!("{other:?}"),
        }
        connect(&server).await;
        server.shutdown().await;
    }
}

#[tokio::test]
async fn pings_of_a_proxy_come_while_nothing_else_does() {
    let server = serve("").await;
    let mut socket = connect(&server).await;
    inject(&server, "silence:on=any");
    inject(&server, "wsping:every=20ms");
    let mut pings = 0;
    while pings < 5 {
        socket.send(Message::text("ping")).await.unwrap();
        match next(&mut socket).await.unwrap() {
            Message::Ping(_) => pings += 1,
            // Messages in flight.
            Message::Text(text) if pings == 0 => assert_ne!(text, "pong"),
            other => panic!("{other:?}"),
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn the_server_outlives_faults_of_all_kinds() {
    let rules = "drop:each=200;silence:p=0.002,for=50ms;forget:p=0.01;unsub:p=0.01;nodata:p=0.1;\
                 stray:p=0.2;error:p=0.1;reject:p=0.1;wsping:p=0.01;ignore:p=0.1;\
                 rst:p=0.002;halfopen:p=0.002;close:p=0.002;stall:p=0.01,for=20ms;\
                 trickle:p=0.01,gap=1ms,bytes=64;fragment:p=0.1;badframe:p=0.002;corrupt:p=0.02;\
                 truncate:p=0.02;gap:p=0.02;repeat:p=0.02;reorder:p=0.02;snapshot:p=0.02;\
                 notice:p=0.002,after=20ms;refuse:p=0.1";
    let server = serve(rules).await;
    let deadline = Instant::now() + Duration::from_secs(4);
    let (mut lives, mut messages) = (0, 0);
    while Instant::now() < deadline {
        let Ok(mut socket) = try_connect(&server).await else { continue };
        lives += 1;
        let request = SUBSCRIBE.replace("books", "bbo-tbt");
        if socket.send(Message::text(request)).await.is_err() {
            continue;
        }
        while let Ok(Some(Ok(_))) = timeout(Duration::from_millis(200), socket.next()).await {
            messages += 1;
            if Instant::now() >= deadline {
                break;
            }
        }
    }
    assert!(lives >= 3 && messages > 50, "{lives} lives, {messages} messages");
    assert!(server.inspect(|exchange| exchange.faults().total()) > 10);
    timeout(TIMEOUT, server.shutdown()).await.unwrap();
}

/// A certificate that is good for these years, its key, and a store that trusts it.
fn certificate(name: &str, [from, to]: [i32; 2]) -> (RootCertStore, String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.der().to_vec())).unwrap();
    (roots, certificate.pem(), key.serialize_pem())
}

/// The result of a connection over TLS with a client that trusts these roots.
async fn over_tls(roots: RootCertStore, chain: &str, key: &str, rule: &str) -> Result<(), String> {
    let server = Server::bind("127.0.0.1:0", config(rule)).await.unwrap();
    let server = server.with_tls(chain.as_bytes(), key.as_bytes()).unwrap().spawn();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let url = format!("wss://localhost:{}/ws/v5/public", server.local_addr().port());
    let connector = Some(Connector::Rustls(Arc::new(tls)));
    let connected = connect_async_tls_with_config(url, None, false, connector).await;
    let outcome = match connected {
        Ok((mut socket, _)) => {
            socket.send(Message::text("ping")).await.unwrap();
            match next(&mut socket).await {
                Ok(message) if message == Message::text("pong") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        }
        Err(error) => Err(error.to_string()),
    };
    server.shutdown().await;
    outcome
}

#[tokio::test]
async fn tls_is_served_with_good_certificates_and_bad_ones() {
    let (roots, chain, key) = certificate("localhost", [2020, 2099]);
    assert_eq!(over_tls(roots.clone(), &chain, &key, "").await, Ok(()));
    // Faults of the transport work over TLS too.
    let message = over_tls(roots, &chain, &key, "rst:nth=1").await.unwrap_err();
    assert!(message.contains("reset") || message.contains("Reset"), "{message}");

    let (expired, chain, key) = certificate("localhost", [2019, 2020]);
    let message = over_tls(expired, &chain, &key, "").await.unwrap_err();
    assert!(message.contains("expired"), "{message}");

    let (other, chain, key) = certificate("example.com", [2020, 2099]);
    let message = over_tls(other, &chain, &key, "").await.unwrap_err();
    assert!(message.contains("not valid for name"), "{message}");

    let (_, chain, key) = certificate("localhost", [2020, 2099]);
    let (stranger, ..) = certificate("localhost", [2020, 2099]);
    let message = over_tls(stranger, &chain, &key, "").await.unwrap_err();
    assert!(message.contains("certificate"), "{message}");
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_is_refused() {
    let (_, chain, _) = certificate("localhost", [2020, 2099]);
    let (.., key) = certificate("localhost", [2020, 2099]);
    for (chain, key) in [(chain.as_str(), key.as_str()), (&chain, "no key"), ("", &key)] {
        let server = Server::bind("127.0.0.1:0", config("")).await.unwrap();
        let error = server.with_tls(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_plan_is_a_text() {
    let plan: FaultPlan = "drop:every=5s;corrupt:p=0.001;gap:p=0.01,channel=books".parse().unwrap();
    let kinds: Vec<_> = plan.rules().iter().map(FaultRule::kind).collect();
    assert_eq!(kinds, [FaultKind::Drop, FaultKind::Corrupt, FaultKind::Gap]);
}
