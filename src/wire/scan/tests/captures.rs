//! Real messages, where they are at hand: what share the scanners take, and that they take it right.
//!
//! The folder is `../shared/captures` or `OKX_FEED_CAPTURES`: one message a line in `*.jsonl`.

use std::path::PathBuf;

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

fn folder() -> Option<PathBuf> {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    let folder = std::env::var_os("OKX_FEED_CAPTURES").map_or_else(|| near.into(), PathBuf::from);
    folder.is_dir().then_some(folder)
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn captured_messages_are_taken() {
    let Some(folder) = folder() else {
        println!("skipped: no captures");
        return;
    };
    let (mut total, mut taken) = (0, 0);
    for name in FILES {
        let dialect = if name.contains("-v3-") { Dialect::V3 } else { Dialect::V5 };
        let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
            println!("skipped: no {name}");
            continue;
        };
        for line in text.lines() {
            assert!(reference::read(dialect, line.as_bytes()).is_some(), "{line}");
            total += 1;
            if scan_checked(dialect, line.as_bytes()).is_some() {
                taken += 1;
            } else {
                println!("declined: {line}");
            }
        }
    }
    println!("{taken} of {total} captured messages taken");
    assert!(taken * 100 >= total * 99);
}
