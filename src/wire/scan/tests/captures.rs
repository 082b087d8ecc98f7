//! Real messages, where they are at hand: what share the scanners take, and that they take it
//! right.
//!
//! Recorded ones are in `../shared/captures` or `OKX_FEED_CAPTURES`, those of the embedded exchange
//! in `tests/data`: one message a line in `*.jsonl`.

use std::path::{Path, PathBuf};

use super::{reference, scan_checked};
use crate::model::Dialect;

const FILES: [&str; 29] = [
    "okex-v3-futures-depth5.jsonl",
    "okex-v3-spot-depth5.jsonl",
    "okex-v3-swap-depth5.jsonl",
    "okex-v3-futures-trade.jsonl",
    "okex-v3-option-trade.jsonl",
    "okex-v3-spot-trade.jsonl",
    "okex-v3-swap-trade.jsonl",
    "okcoin-v3-spot-trade.jsonl",
    "okcoin-v3-spot-depth_l2_tbt-20210405.jsonl",
    "okcoin-v3-spot-depth_l2_tbt-20210417.jsonl",
    "okcoin-v3-spot-depth_l2_tbt-20210722.jsonl",
    "okex-v3-depth-dash-usdt-sdk.jsonl",
    "okex-v3-futures-depth.jsonl",
    "okex-v3-futures-depth_l2_tbt.jsonl",
    "okex-v3-option-depth_l2_tbt.jsonl",
    "okex-v3-spot-depth.jsonl",
    "okex-v3-spot-depth_l2_tbt.jsonl",
    "okex-v3-swap-depth_l2_tbt.jsonl",
    "okx-v5-books5.jsonl",
    "okx-v5-bbo-tbt.jsonl",
    "okx-v5-trades.jsonl",
    "okx-v5-trades-all.jsonl",
    "okcoin-v5-books-20230527.jsonl",
    "okcoin-v5-books-20230710.jsonl",
    "okx-v5-books-20220513.jsonl",
    "okx-v5-books-20260926-nosnapshot.jsonl",
    "okx-v5-books-l2-tbt-20210722.jsonl",
    "okx-v5-books-l2-tbt-20220227.jsonl",
    "okx-v5-books-singles.jsonl",
];

fn folder() -> PathBuf {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    std::env::var_os("OKX_FEED_CAPTURES").map_or_else(|| near.into(), PathBuf::from)
}

/// Checks each message of a file, and gives how many there are and how many are taken.
fn check(path: &Path) -> [usize; 2] {
    let is_v3 = path.to_string_lossy().contains("-v3-");
    let dialect = if is_v3 { Dialect::V3 } else { Dialect::V5 };
    let (mut total, mut taken) = (0, 0);
    for line in std::fs::read_to_string(path).unwrap().lines() {
        assert!(reference::read(dialect, line.as_bytes()).is_some(), "{line}");
        total += 1;
        match scan_checked(dialect, line.as_bytes()) {
            Some(_) => taken += 1,
            None => println!("declined: {line}"),
        }
    }
    [total, taken]
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn captured_messages_are_taken() {
    let (mut total, mut taken) = (0, 0);
    for name in FILES {
        let path = folder().join(name);
        if !path.is_file() {
            println!("skipped: no {name}");
            continue;
        }
        let [of_file, taken_of_file] = check(&path);
        (total, taken) = (total + of_file, taken + taken_of_file);
    }
    println!("{taken} of {total} captured messages taken");
    assert!(total > 0 && taken * 100 >= total * 99);
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn messages_of_the_embedded_exchange_are_taken() {
    for name in ["sim-v3-depth_l2_tbt.jsonl", "sim-v5-books.jsonl"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let [total, taken] = check(&path);
        assert!(total > 50 && taken == total, "{taken} of {total} in {name}");
    }
}
