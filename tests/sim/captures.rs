//! The captures of `tests/data` are output of the embedded exchange: generated here again, and
//! compared.
//!
//! `OKX_FEED_BLESS=1 cargo test --test sim captures` writes them again.
#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test does")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use okx_feed::MonoNanos;
use okx_feed::sim::{Endpoint, Exchange, ExchangeConfig, MarketConfig, Outbound, PushIntervals};

/// The levels a side of the books, so that the captures stay small.
const DEPTH: usize = 50;

const MAX_BYTES: usize = 200_000;

/// The subscriptions of each dialect's connection, one of them for an unlisted instrument.
const V3: &str = r#"{"op":"subscribe","args":["futures/depth5:BTC-USD-190517","futures/trade:BTC-USD-190517","spot/depth:BTC-USDT","spot/depth_l2_tbt:ETH-USDT","spot/trade:NONE-USDT"]}"#;
const V5: &str = r#"{"id":"1","op":"subscribe","args":[{"channel":"books5","instId":"BTC-USDT"},{"channel":"bbo-tbt","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"},{"channel":"books","instId":"ETH-USDT"},{"channel":"trades","instId":"NONE-USDT"}]}"#;
const V3_DEPTH: &str = r#"{"op":"subscribe","args":["spot/depth_l2_tbt:BTC-USDT"]}"#;
const V5_BOOKS: &str = r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#;

/// A connection of so many frames: the time of receipt in seconds, and each frame.
fn connection(endpoint: Endpoint, request: &str, frames: usize) -> Vec<(String, Outbound)> {
    let market = MarketConfig { depth: DEPTH, seed: 15, ..MarketConfig::default() };
    let config = ExchangeConfig {
        market,
        intervals: PushIntervals::EVERY_CHANGE,
        // Else the checksums of v5 are 0, as they are today.
        v5_checksums: true,
        ..ExchangeConfig::default()
    };
    let mut exchange = Exchange::new(&config);
    let id = exchange.connect(endpoint, MonoNanos::ZERO);
    exchange.receive(id, request.as_bytes(), MonoNanos::ZERO);
    let mut seen = Vec::new();
    while seen.len() < frames {
        if seen.len() > frames / 2 && !seen.iter().any(|(_, frame)| is_pong(frame)) {
            exchange.receive(id, b"ping", exchange.now());
        }
        while let Some(frame) = exchange.poll_transmit(id) {
            let at = exchange.market().wall(exchange.now()).0;
            let secs = format!("{}.{:06}", at / 1_000_000_000, at / 1_000 % 1_000_000);
            seen.push((secs, frame));
        }
        exchange.step(MonoNanos(u64::MAX)).unwrap();
    }
    seen
}

fn text(frame: &Outbound) -> String {
    match frame {
        Outbound::Text(text) => text.to_string(),
        Outbound::Binary(body) => {
            let mut text = String::new();
            flate2::read::DeflateDecoder::new(body.as_ref()).read_to_string(&mut text).unwrap();
            text
        }
        other => unreachable!("{other:?}"),
    }
}

fn is_pong(frame: &Outbound) -> bool {
    text(frame) == "pong"
}

/// A connection as a session file: time, TAB, the text or the base64 of a binary frame.
fn session(endpoint: Endpoint, request: &str, frames: usize) -> String {
    let line = |(at, frame): &(String, Outbound)| match frame {
        Outbound::Binary(body) => format!("{at}\t{}\n", BASE64.encode(body)),
        other => format!("{at}\t{}\n", text(other)),
    };
    connection(endpoint, request, frames).iter().map(line).collect()
}

/// The messages of an order book as text, one a line.
fn messages(endpoint: Endpoint, request: &str, frames: usize) -> String {
    let frames = connection(endpoint, request, frames);
    let texts = frames.iter().map(|(_, frame)| text(frame));
    texts.filter(|text| text.contains(r#""action""#)).map(|text| text + "\n").collect()
}

/// The text of each line of a capture, for every compression.
fn said(capture: &str) -> Vec<String> {
    let line = |line: &str| {
        let (at, payload) = line.split_once('\t').unwrap_or(("", line));
        match BASE64.decode(payload) {
            Ok(body) if payload != "pong" => {
                format!("{at} {}", text(&Outbound::Binary(body.into())))
            }
            _ => line.replace('\t', " "),
        }
    };
    capture.lines().map(line).collect()
}

#[test]
fn captures_match_the_embedded_exchange() {
    let made = [
        ("conn-sim-v3.tsv", session(Endpoint::V3, V3, 160)),
        ("conn-sim-v5.tsv", session(Endpoint::V5Public, V5, 160)),
        ("sim-v3-depth_l2_tbt.jsonl", messages(Endpoint::V3, V3_DEPTH, 60)),
        ("sim-v5-books.jsonl", messages(Endpoint::V5Public, V5_BOOKS, 60)),
    ];
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut bytes = 0;
    for (name, capture) in &made {
        let path = folder.join(name);
        if std::env::var_os("OKX_FEED_BLESS").is_some() {
            fs::write(&path, capture).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap();
        assert!(said(&kept) == said(capture), "{name} is not what the exchange sends now");
        bytes += kept.len();
    }
    assert!(bytes < MAX_BYTES, "{bytes} bytes");
}
