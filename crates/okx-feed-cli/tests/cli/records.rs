//! `okx-feed watch` of channels that are neither books nor trades, each on its path.

use std::collections::BTreeMap;

use crate::program::text;
use crate::watch::{Exchange, watch};
use serde_json::Value;

fn events(url: &str, channels: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let args = [&["--json", "--count", "2000", "--duration", "30s"], channels].concat();
    let output = watch(url, &args).finish();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text(&output.stdout).lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        found.entry(event["event"].as_str().unwrap().to_owned()).or_default().push(event);
    }
    found
}

#[test]
fn one_command_watches_channels_of_both_paths() {
    let exchange = Exchange::start();
    let found = events(
        &exchange.v5,
        &[
            "tickers:BTC-USDT",
            "mark-price:BTC-USDT-SWAP",
            "funding-rate:BTC-USDT-SWAP",
            "candle1m:BTC-USDT",
            "trades-all:BTC-USDT",
            "liquidation-orders:SWAP",
            "status",
        ],
    );
    let first = |kind: &str| found.get(kind).and_then(|all| all.first()).expect(kind);
    for kind in ["ticker", "mark_price", "funding_rate", "candle", "trade", "status", "state"] {
        assert!(found.contains_key(kind), "{kind}: {:?}", found.keys());
    }
    let ticker = first("ticker");
    assert_eq!((&ticker["channel"], &ticker["inst_id"]), (&"tickers".into(), &"BTC-USDT".into()));
    assert!(ticker["last"].is_string() && ticker["open_interest"].is_null());
    let funding = first("funding_rate");
    assert!(funding["funding_time_ns"].is_u64() && funding["next_funding_rate"].is_null());
    assert_eq!(first("candle")["confirm"], false);
    assert_eq!((&first("status")["key"], &first("status")["inst_id"]), (&"".into(), &Value::Null));
    exchange.program.interrupt();
}

#[test]
fn v3_has_records_too() {
    let exchange = Exchange::start();
    let channels = [
        "--dialect",
        "v3",
        "spot/ticker:BTC-USDT",
        "swap/funding_rate:BTC-USDT-SWAP",
        "swap/candle60s:BTC-USDT-SWAP",
    ];
    let found = events(&exchange.v3, &channels);
    for kind in ["ticker", "funding_rate", "candle"] {
        let event = found.get(kind).and_then(|all| all.first()).expect(kind);
        assert!(event["market"].is_string(), "{event}");
    }
    exchange.program.interrupt();
}
