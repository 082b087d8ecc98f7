//! The limits of order books' messages, by hand.

use super::reference::Depth;
use super::scan_checked;
use crate::book::DepthAction;
use crate::model::{Dialect, Level, NO_SEQ};
use crate::wire::scratch::MAX_DEPTH_LEVELS;

fn v5(asks: &str, bids: &str, tail: &str) -> Option<Depth> {
    let text = format!(
        r#"{{"arg":{{"channel":"books","instId":"A-B"}},"action":"update","data":[{{"asks":{asks},"bids":{bids}{tail}}}]}}"#
    );
    scan_checked(Dialect::V5, text.as_bytes())?.depth
}

fn v3(head: &str, tail: &str) -> Option<Depth> {
    let text = format!(
        r#"{{"table":"spot/depth","action":"partial","data":[{{{head}"asks":[["1","2","3"]],"bids":[]{tail}}}]}}"#
    );
    scan_checked(Dialect::V3, text.as_bytes())?.depth
}

fn v5_tail(tail: &[&str]) -> Option<Depth> {
    let tail: String = tail.iter().map(|field| format!(",{field}")).collect();
    v5(r#"[["1","2","0","3"]]"#, "[]", &tail)
}

/// All orders of some things.
fn orders<'a>(things: &[&'a str]) -> Vec<Vec<&'a str>> {
    if things.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for at in 0..things.len() {
        let mut others = things.to_vec();
        let first = others.remove(at);
        for mut rest in orders(&others) {
            rest.insert(0, first);
            all.push(rest);
        }
    }
    all
}

/// A side of so many levels, each third of which is a deletion.
fn side(levels: usize) -> String {
    let level = |n: usize| match n % 3 {
        0 => format!(r#"["{n}.5","0","0","0"]"#),
        1 => format!(r#"["{n}.25","12.000{n}","0","{n}"]"#),
        // Longer than what is read at once.
        _ => format!(r#"["{n}.00000000001","12345678901234.{n}","0","{n}"]"#),
    };
    format!("[{}]", (0..levels).map(level).collect::<Vec<_>>().join(","))
}

#[test]
fn the_fields_behind_the_sides_in_all_orders() {
    let (ts, checksum) = (r#""ts":"1652671418459""#, r#""checksum":-12"#);
    let (seq, prev) = (r#""seqId":7"#, r#""prevSeqId":-1"#);
    for tail in orders(&[ts, checksum, seq, prev]) {
        let depth = v5_tail(&tail).unwrap();
        assert_eq!((depth.checksum, depth.seq, depth.prev_seq), (Some(-12), 7, -1), "{tail:?}");
    }
    for tail in orders(&[ts, checksum]) {
        let depth = v5_tail(&tail).unwrap();
        assert_eq!((depth.checksum, depth.seq, depth.prev_seq), (Some(-12), NO_SEQ, NO_SEQ));
    }
    let depth = v5_tail(&[ts, seq, prev]).unwrap();
    assert_eq!((depth.checksum, depth.seq, depth.prev_seq), (None, 7, -1));
    assert!(v5_tail(&[ts]).is_some());
    // What is missing, unknown or there twice the general parser decides.
    for field in [ts, checksum, seq, prev] {
        assert_eq!(v5_tail(&[ts, checksum, seq, prev, field]), None);
    }
    assert_eq!(v5_tail(&[checksum, seq, prev]), None);
    assert_eq!(v5_tail(&[ts, r#""extra":1"#]), None);
    assert_eq!(v5_tail(&[]), None);
}

#[test]
fn the_instrument_of_v3_before_or_behind_the_sides() {
    let (id, time) = (r#""instrument_id":"A-B""#, r#""timestamp":"2021-04-25T08:24:33.352Z""#);
    let checksum = r#""checksum":2147483647"#;
    let usual = v3(&format!("{id},"), &format!(",{time},{checksum}")).unwrap();
    assert_eq!((usual.action, usual.checksum), (DepthAction::Snapshot, Some(i32::MAX)));
    assert_eq!(v3(&format!("{id},"), &format!(",{checksum},{time}")).as_ref(), Some(&usual));
    assert_eq!(v3(&format!("{id},"), &format!(",{time}")).unwrap().checksum, None);
    for tail in orders(&[id, time, checksum]) {
        assert_eq!(v3("", &format!(",{}", tail.join(","))).as_ref(), Some(&usual));
    }
    assert_eq!(v3(&format!("{id},"), &format!(",{id},{time},{checksum}")), None);
    assert_eq!(v3("", &format!(",{time},{checksum}")), None);
    assert_eq!(v3(&format!("{id},"), &format!(",{checksum}")), None);
    assert_eq!(v3(id, &format!(",{time},{checksum}")), None);
}

#[test]
fn numbers_behind_the_sides_at_their_limits() {
    let ts = r#""ts":"1652671418459""#;
    let checksum = |text: &str| v5_tail(&[ts, &format!(r#""checksum":{text}"#)])?.checksum;
    for number in [0, 1, -1, 10, i32::MAX, i32::MIN] {
        assert_eq!(checksum(&number.to_string()), Some(number));
    }
    for text in
        ["2147483648", "-2147483649", "-0", "01", "-01", "", "-", "1.0", "1e1", "\"1\"", "null"]
    {
        assert_eq!(checksum(text), None, "{text}");
    }
    let seq = |text: &str| Some(v5_tail(&[ts, &format!(r#""seqId":{text}"#)])?.seq);
    let most = 999_999_999_999_999_999;
    for number in [0, 5, -5, most, -most] {
        assert_eq!(seq(&number.to_string()), Some(number));
    }
    // Nineteen digits may fit and are left to the general parser.
    for text in ["1000000000000000000", "-9223372036854775808", "--1", "+1", "-0"] {
        assert_eq!(seq(text), None, "{text}");
    }
}

#[test]
fn sides_of_all_lengths() {
    let tail = r#","ts":"1652671418459","checksum":5"#;
    let lengths: Vec<usize> = if cfg!(miri) {
        vec![0, 1, 7]
    } else {
        (0..=60).chain([399, 400, 401, 1023, 1024]).collect()
    };
    for levels in lengths {
        let taken = v5(&side(levels), &side(levels / 2), tail).unwrap();
        assert_eq!((taken.asks.len(), taken.bids.len()), (levels, levels / 2));
        let deleted = |levels: &[Level]| levels.iter().filter(|level| level.orders() == 0).count();
        assert_eq!(deleted(&taken.asks), levels.div_ceil(3));
    }
    if !cfg!(miri) {
        let over = side(MAX_DEPTH_LEVELS + 1);
        assert_eq!(v5(&over, "[]", tail), None);
        assert_eq!(v5("[]", &over, tail), None);
    }
    for odd in
        ["[[]]", "[,]", "[", "", "null", r#"[["1","1","0","1"],]"#, r#"[["1","1","0","00"]]"#]
    {
        assert_eq!(v5(odd, "[]", tail), None, "{odd}");
        assert_eq!(v5("[]", odd, tail), None, "{odd}");
    }
}

#[test]
fn channels_and_actions() {
    let text = |channel: &str, action: &str| {
        format!(
            r#"{{"arg":{{"channel":"{channel}","instId":"A-B"}},"action":"{action}","data":[{{"asks":[],"bids":[],"ts":"1652671418459"}}]}}"#
        )
    };
    let taken = |channel: &str, action: &str| {
        scan_checked(Dialect::V5, text(channel, action).as_bytes()).is_some()
    };
    for channel in ["books", "books-l2-tbt", "books50-l2-tbt", "books-rpi", "books-elp"] {
        assert!(taken(channel, "snapshot") && taken(channel, "update"), "{channel}");
        assert!(!taken(channel, "partial") && !taken(channel, "") && !taken(channel, "updates"));
    }
    for channel in ["books5", "bbo-tbt", "books-", "books-l2", "booksx", "book", "books50"] {
        assert!(!taken(channel, "update"), "{channel}");
    }
    let text = |table: &str, action: &str| {
        format!(
            r#"{{"table":"{table}","action":"{action}","data":[{{"instrument_id":"A-B","asks":[],"bids":[],"timestamp":"2021-04-25T08:24:33.352Z","checksum":0}}]}}"#
        )
    };
    let taken = |table: &str, action: &str| {
        scan_checked(Dialect::V3, text(table, action).as_bytes()).is_some()
    };
    for market in ["spot", "swap", "futures", "option"] {
        for channel in ["depth", "depth_l2_tbt"] {
            let table = format!("{market}/{channel}");
            assert!(taken(&table, "partial") && taken(&table, "update"), "{table}");
            assert!(!taken(&table, "snapshot"), "{table}");
        }
        assert!(!taken(&format!("{market}/depth5"), "update"));
        assert!(!taken(&format!("{market}/depth_l2"), "update"));
    }
}

#[test]
fn every_byte_of_a_message_counts() {
    let texts = [
        (
            Dialect::V5,
            r#"{"arg":{"channel":"books","instId":"A-B"},"action":"update","data":[{"asks":[["84112.8","0","0","0"],["84113","1.5","0","12"]],"bids":[["84080","237.94","0","4"]],"ts":"1790439595100","checksum":-12,"seqId":37,"prevSeqId":35}]}"#,
        ),
        (
            Dialect::V3,
            r#"{"table":"spot/depth_l2_tbt","action":"update","data":[{"instrument_id":"A-B","asks":[["84112.8","0","0","0"]],"bids":[["84080","237.94","0","4"],["2","3",7]],"timestamp":"2021-04-05T18:10:56.183Z","checksum":-1448480413}]}"#,
        ),
    ];
    let step = if cfg!(miri) { 37 } else { 1 };
    for (dialect, text) in texts {
        assert!(scan_checked(dialect, text.as_bytes()).is_some());
        for at in 0..text.len() {
            for byte in (0..=u8::MAX).step_by(step) {
                let mut text = text.as_bytes().to_vec();
                text[at] = byte;
                scan_checked(dialect, &text);
            }
        }
        // The text goes on behind its end, but that is not part of it.
        let mut buf = text.as_bytes().to_vec();
        buf.resize(text.len() + 2 * super::PADDING, b' ');
        for len in (0..text.len()).chain(text.len() + 1..text.len() + super::PADDING) {
            assert!(super::check_padded(dialect, &buf, len).is_none(), "{len}");
        }
    }
}
