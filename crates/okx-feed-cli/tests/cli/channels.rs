//! Every row of the table of channels in README.md, watched in one command a dialect.

use std::collections::BTreeSet;
use std::fs;

use crate::watch::{Exchange, watch};
use serde_json::Value;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const SPREAD: &str = "BTC-USDT_BTC-USDT-SWAP";

/// The names of the rows of a dialect.
fn rows(dialect: &str) -> Vec<String> {
    let page = fs::read_to_string(README).unwrap();
    let (_, table) = page.split_once("<!-- channels: start -->").unwrap();
    let (table, _) = table.split_once("<!-- channels: end -->").unwrap();
    let rows = table.lines().filter(|row| row.contains(&format!("| {dialect} |")));
    rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

/// The subscription of a row, and the channel of its events.
fn wanted(dialect: &str, row: &str) -> (String, String) {
    let channel = row.replace("<bar>", "1m").replace("<seconds>", "60");
    let of = |key: &str| (format!("{channel}:{key}"), channel.clone());
    match (dialect, channel.as_str()) {
        ("v3", "instruments") => ("futures/instruments".to_owned(), channel),
        ("v3", "summary") => ("option/summary:BTC-USD".to_owned(), channel),
        ("v3", "estimated_price") => (format!("futures/{channel}:BTC-USD-210924"), channel),
        ("v3", _) => (format!("swap/{channel}:BTC-USDT-SWAP"), channel),
        (_, "raw") => of("books-elp-all:BTC-USDT"),
        (_, "raw-business") => of("economic-calendar"),
        (_, "status" | "public-struc-block-trades") => (channel.clone(), channel),
        (_, "opt-summary" | "option-trades") => of("BTC-USD"),
        (_, "estimated-price") => of("FUTURES/BTC-USD"),
        (_, "adl-warning") => of("SWAP/BTC-USDT"),
        (_, "liquidation-orders" | "instruments") => of("SWAP"),
        (_, "event-contract-markets") => of("EVENTS"),
        // Not beside the other order books of one instrument.
        (_, "books-l2-tbt") => of("ETH-USDT"),
        (_, name) if name.starts_with("sprd-") => of(SPREAD),
        _ => of("BTC-USDT-SWAP"),
    }
}

/// Watches all rows of a dialect until each has had an event.
fn watch_all(dialect: &str) {
    let exchange = Exchange::start();
    let url = if dialect == "v3" { &exchange.v3 } else { &exchange.v5 };
    let wanted: Vec<_> = rows(dialect).iter().map(|row| wanted(dialect, row)).collect();
    assert!(wanted.len() >= 12, "{wanted:?}");
    let subscriptions: Vec<&str> = wanted.iter().map(|(text, _)| text.as_str()).collect();
    let args =
        [&["--json", "--duration", "50s", "--dialect", dialect], &subscriptions[..]].concat();
    let mut program = watch(url, &args);
    let mut missing: BTreeSet<&str> = wanted.iter().map(|(_, channel)| channel.as_str()).collect();
    while !missing.is_empty() {
        let line = program.line();
        let event: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event of {missing:?}"));
        if !["state", "control"].contains(&event["event"].as_str().unwrap()) {
            missing.remove(event["channel"].as_str().unwrap_or_default());
        }
    }
    program.interrupt();
    exchange.program.interrupt();
}

#[test]
fn every_v5_row_of_the_table_can_be_watched_in_one_command() {
    watch_all("v5");
}

#[test]
fn every_v3_row_of_the_table_can_be_watched_in_one_command() {
    watch_all("v3");
}
