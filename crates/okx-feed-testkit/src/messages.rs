//! Small messages of v5, as texts.

use std::fmt::Display;

/// A five-level book with one ask of size 1.
pub fn book(channel: &str, inst_id: &str, px: impl Display, seq: Option<u64>, ts: u64) -> String {
    let seq = seq.map_or(String::new(), |seq| format!(r#","seqId":{seq}"#));
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"{inst_id}"}},"data":[{{"asks":[["{px}","1","0","1"]],"bids":[],"ts":"{ts}"{seq}}}]}}"#
    )
}

/// A trade of size 1.
pub fn trade(inst_id: &str, id: u64, px: u64, ts: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"{inst_id}"}},"data":[{{"instId":"{inst_id}","tradeId":"{id}","px":"{px}","sz":"1","side":"buy","ts":"{ts}"}}]}}"#
    )
}

/// A message of an order book, a snapshot if nothing is before it: asks of a price and a size each.
pub fn order_book(
    inst_id: &str,
    asks: &[(u64, u64)],
    prev: Option<i64>,
    seq: u64,
    ts: u64,
) -> String {
    let asks: Vec<_> = asks.iter().map(|(px, sz)| format!(r#"["{px}","{sz}","0","1"]"#)).collect();
    let action = if prev.is_some() { "update" } else { "snapshot" };
    let prev = prev.unwrap_or(-1);
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{inst_id}"}},"action":"{action}","data":[{{"asks":[{}],"bids":[],"ts":"{ts}","checksum":0,"seqId":{seq},"prevSeqId":{prev}}}]}}"#,
        asks.join(",")
    )
}
