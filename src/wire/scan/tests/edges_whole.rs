//! Messages that AVX-512 reads whole: every byte counts, and so does every length.

use super::scan_checked;
use crate::model::Dialect;

/// A message of an order book with so many levels a side, which all differ.
fn update(asks: usize, bids: usize, tail: &str) -> String {
    let level =
        |n: usize| format!(r#"["30{n}21.{n}","{}","0","{n}"]"#, "0.00439".repeat(n % 2) + "7");
    let side = |levels: std::ops::Range<usize>| levels.map(level).collect::<Vec<_>>().join(",");
    let (asks, bids) = (side(0..asks), side(asks..asks + bids));
    format!(
        r#"{{"arg":{{"channel":"books-l2-tbt","instId":"BTC-USDT"}},"action":"update","data":[{{"asks":[{asks}],"bids":[{bids}]{tail}}}]}}"#
    )
}

const TAIL: &str = r#","ts":"1626995753399","checksum":-1449106703,"seqId":11,"prevSeqId":-1"#;

fn reads(text: &str) -> bool {
    scan_checked(Dialect::V5, text.as_bytes()).is_some()
}

#[test]
fn both_sides_of_all_lengths() {
    for asks in 0..=9 {
        for bids in 0..=9 {
            assert!(reads(&update(asks, bids, TAIL)), "{asks} {bids}");
        }
    }
}

#[test]
fn what_follows_the_sides() {
    for tail in [
        r#","ts":"1626995753399""#,
        r#","ts":"1626995753399","checksum":0"#,
        r#","ts":"1626995753399","checksum":-2147483648"#,
        r#","ts":"1626995753399","seqId":1"#,
        r#","ts":"1626995753399","prevSeqId":1"#,
        r#","ts":"1626995753399","seqId":123456789012345,"prevSeqId":123456789012344"#,
        r#","ts":"1626995753399","seqId":1234567890123456,"prevSeqId":-1"#,
        r#","seqId":1,"ts":"1626995753399","checksum":1"#,
        r#","ts":"1626995753399","prevSeqId":1,"seqId":2"#,
    ] {
        assert!(reads(&update(1, 2, tail)), "{tail}");
    }
    for tail in [
        "",
        r#","ts":"162699575339""#,
        r#","ts":"16269957533990""#,
        r#","ts":"162699575339x""#,
        r#","ts":1626995753399"#,
        r#","ts":"1626995753399","checksum":-0"#,
        r#","ts":"1626995753399","checksum":01"#,
        r#","ts":"1626995753399","checksum":2147483648"#,
        r#","ts":"1626995753399","checksum":"#,
        r#","ts":"1626995753399","seqId":1,"seqId":1"#,
        r#","ts":"1626995753399","seqId":"#,
        r#","ts":"1626995753399","seqId":-"#,
        r#","ts":"1626995753399","#,
    ] {
        assert!(!reads(&update(1, 2, tail)), "{tail}");
    }
}

/// Each byte of a message in turn is another one, is missing, or is there twice; and what follows
/// it is missing.
#[test]
fn every_byte_counts() {
    let level = |n: usize| format!(r#"["302{n}1.8","0.0{n}","0","{n}"]"#);
    let asks = [5, 6, 7, 8, 9].map(level).join(",");
    let bids = [4, 3, 2, 1, 0].map(level).join(",");
    let book = |seq: &str| {
        format!(
            r#"{{"arg":{{"channel":"books5","instId":"BTC-USDT"}},"data":[{{"asks":[{asks}],"bids":[{bids}],"instId":"BTC-USDT","ts":"1652671418459"{seq}}}]}}"#
        )
    };
    let texts = [
        book(""),
        book(r#","seqId":123"#),
        update(1, 0, r#","ts":"1626995753399","checksum":1449106703"#),
        update(0, 1, TAIL),
        update(2, 1, r#","ts":"1626995753399","seqId":11,"prevSeqId":10"#),
        update(0, 0, TAIL),
    ];
    let step = if cfg!(miri) { 29 } else { 1 };
    for text in texts {
        assert!(reads(&text), "{text}");
        let bytes = text.as_bytes();
        for at in (0..bytes.len()).step_by(step) {
            for byte in *b"01\"[]{},:-.\\ bitx\0\xff" {
                let mut other = bytes.to_vec();
                other[at] = byte;
                scan_checked(Dialect::V5, &other);
            }
            scan_checked(Dialect::V5, &[&bytes[..at], &bytes[at + 1..]].concat());
            scan_checked(Dialect::V5, &[&bytes[..=at], &bytes[at..]].concat());
            assert_eq!(scan_checked(Dialect::V5, &bytes[..at]), None);
        }
    }
}
