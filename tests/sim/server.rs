//! The embedded exchange on a loopback socket, seen by a WebSocket library.
#![cfg(feature = "sim")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, where a panic is the report"
)]

use std::io::Read;

use flate2::read::DeflateDecoder;
use futures_util::{SinkExt, StreamExt};
use okx_feed::sim::{ExchangeConfig, MarketConfig, PushIntervals, Server, ServerHandle};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn serve() -> ServerHandle {
    let config = ExchangeConfig {
        market: MarketConfig { depth: 20, events_per_sec: 5_000, ..MarketConfig::default() },
        intervals: PushIntervals::EVERY_CHANGE,
        ..ExchangeConfig::default()
    };
    Server::bind("127.0.0.1:0", config).await.unwrap().spawn()
}

async fn connect(server: &ServerHandle, path: &str) -> Socket {
    connect_async(format!("ws://{}{path}", server.local_addr())).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Message {
    socket.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn v5_streams_text_and_answers_both_kinds_of_ping() {
    let server = serve().await;
    let mut socket = connect(&server, "/ws/v5/public").await;
    socket.send(Message::text("ping")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("pong"));
    socket.send(Message::Ping("abc".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("abc".into()));
    let request = r#"{"op":"subscribe","args":[{"channel":"books5","instId":"BTC-USDT"},
        {"channel":"trades","instId":"BTC-USDT"}]}"#;
    socket.send(Message::text(request)).await.unwrap();
    let (mut events, mut seq) = (0, 0);
    for _ in 0..500 {
        let text = next(&mut socket).await.into_text().unwrap();
        let message: Value = serde_json::from_str(&text).unwrap();
        if message.get("event").is_some() {
            events += 1;
        } else if message["arg"]["channel"] == "books5" {
            let this = message["data"][0]["seqId"].as_i64().unwrap();
            assert!(this > seq);
            seq = this;
        }
    }
    assert_eq!(events, 2);
    assert!(server.inspect(|exchange| exchange.connections()) == 1);
    server.shutdown().await;
}

#[tokio::test]
async fn v3_streams_binary_frames_of_raw_deflate() {
    let server = serve().await;
    let mut socket = connect(&server, "/ws/v3?compress=true").await;
    let request = r#"{"op": "subscribe", "args": ["futures/depth5:BTC-USD-190517"]}"#;
    socket.send(Message::text(request)).await.unwrap();
    socket.send(Message::text("ping")).await.unwrap();
    let mut pongs = 0;
    for n in 0..200 {
        let Message::Binary(frame) = next(&mut socket).await else { panic!("not binary") };
        let mut text = String::new();
        DeflateDecoder::new(&frame[..]).read_to_string(&mut text).unwrap();
        pongs += u32::from(text == "pong");
        if n == 0 {
            let ack = r#"{"event":"subscribe","channel":"futures/depth5:BTC-USD-190517"}"#;
            assert_eq!(text, ack);
        } else if text != "pong" {
            assert!(text.starts_with(r#"{"table":"futures/depth5","data":[{"asks":[[""#), "{text}");
        }
    }
    assert_eq!(pongs, 1);
    server.shutdown().await;
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let server = serve().await;
    for path in ["/", "/ws/v5/private", "/ws/v3/", "/ws/v5/public/x"] {
        let url = format!("ws://{}{path}", server.local_addr());
        match connect_async(url).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 404),
            other => panic!("{path}: {other:?}"),
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn the_end_of_the_server_closes_its_clients_and_its_port() {
    let server = serve().await;
    let address = server.local_addr();
    let mut socket = connect(&server, "/ws/v5/public").await;
    let client = tokio::spawn(async move {
        match next(&mut socket).await {
            Message::Close(frame) => frame.map(|frame| u16::from(frame.code)),
            other => panic!("{other:?}"),
        }
    });
    // The client's connection is registered by its own task.
    while server.inspect(|exchange| exchange.connections()) == 0 {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
    assert_eq!(client.await.unwrap(), Some(1001));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_leaves_is_forgotten() {
    let server = serve().await;
    let mut socket = connect(&server, "/ws/v5/public").await;
    socket.send(Message::text("ping")).await.unwrap();
    next(&mut socket).await;
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    while server.inspect(|exchange| exchange.connections()) > 0 {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
}
