//! The limits, by hand: the last text that is taken and the first that is not.

use super::scan_checked;
use crate::book::{Book5, BookFlags};
use crate::model::{Dialect, Trade};

fn v5_book(asks: &str, bids: &str) -> Option<Book5> {
    let text = format!(
        r#"{{"arg":{{"channel":"books5","instId":"A-B"}},"data":[{{"asks":{asks},"bids":{bids},"instId":"A-B","ts":"1652671418459"}}]}}"#
    );
    scan_checked(Dialect::V5, text.as_bytes())?.book
}

/// A book of one ask with this level.
fn level(level: &str) -> Option<String> {
    v5_book(&format!("[[{level}]]"), "[]").map(|book| format!("{:?}", book.asks()[0]))
}

fn number(text: &str) -> Option<String> {
    let quoted = level(&format!(r#""{text}","1","0","1""#));
    assert_eq!(level(&format!(r#""1","{text}","0","1""#)).is_some(), quoted.is_some(), "{text}");
    assert_eq!(level(&format!(r#""1","1","{text}","1""#)).is_some(), quoted.is_some(), "{text}");
    quoted
}

fn v3_book(id: &str, time: &str) -> Option<Book5> {
    let text = format!(
        r#"{{"table":"spot/depth5","data":[{{"asks":[["1","2","3"]],"bids":[],"instrument_id":"{id}","timestamp":"{time}"}}]}}"#
    );
    scan_checked(Dialect::V3, text.as_bytes())?.book
}

fn v5_trade(tail: &str) -> Option<Trade> {
    let text = format!(
        r#"{{"arg":{{"channel":"trades","instId":"A-B"}},"data":[{{"instId":"A-B",{tail}}}]}}"#
    );
    scan_checked(Dialect::V5, text.as_bytes())?.trade
}

#[test]
fn numbers_at_their_limits() {
    for text in [
        "0",
        "0.0",
        "9",
        "124.0",
        "0.10",
        "9999999999999999",
        "99999999999999999",
        "999999999999999999",
        "0.00000000000000001",
        "9.99999999999999999",
        "12345678",
        "1234567.8",
        "12345678.12345678",
        "123456789.123456789",
        "99999999.9999999",
    ] {
        assert_eq!(number(text), Some(format!("1 @ {text} (1)")), "{text}");
    }
    // Nineteen digits may fit and are left to the general parser.
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "00",
        "01",
        "01.5",
        "-1",
        "-0",
        "+1",
        "1e5",
        "1.2.3",
        "1..2",
        " 1",
        "1 ",
        "1,5",
        "9999999999999999999",
        "0.000000000000000001",
        "0.0000000000000000001",
        "1/2",
        "1:2",
        "\\u0031",
    ] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn orders_at_their_limits() {
    let orders = |text: &str| level(&format!(r#""1","2","0","{text}""#));
    for text in ["0", "1", "9", "10", "9999", "10000", "4294967295"] {
        assert_eq!(orders(text), Some(format!("2 @ 1 ({text})")));
    }
    for text in ["", "01", "00", "1.0", "-1", "4294967296", "99999999999", "1 ", "a"] {
        assert_eq!(orders(text), None, "{text}");
    }
}

#[test]
fn levels_in_all_forms() {
    for text in [
        r#""3690.06",1,0,7"#,
        r#"3690.06,1,0,7"#,
        r#"3690.06,"1","0",7"#,
        r#""3690.06","1",7"#,
        r#""3690.06","1","7""#,
        r#""3690.06","1","0","7""#,
        r#""3690.06","1","2.5","7""#,
        r#"3690.06,1,7"#,
    ] {
        assert_eq!(level(text).as_deref(), Some("1 @ 3690.06 (7)"), "{text}");
    }
    for text in [
        "",
        r#""1""#,
        r#""1","2""#,
        r#""1","2","0","1","1""#,
        r#""1","2","0",1.0"#,
        r#""1",2","0","1""#,
        r#""1","2,"0","1""#,
        r#""1","2","0","1"#,
        r#"["1","2","0","1"]"#,
        r#""1","2","0",null"#,
        r#""1","2","x","1""#,
        r#""1" ,"2","0","1""#,
        "1,2,3,4,",
        "1,2,03,4",
    ] {
        assert_eq!(level(text), None, "{text}");
    }
}

#[test]
fn sides_of_all_lengths() {
    let side = |from: u32, levels: u32| {
        let levels: Vec<_> =
            (0..levels).map(|n| format!(r#"["{}","1","0","1"]"#, from + n)).collect();
        format!("[{}]", levels.join(","))
    };
    for asks in 0..=5 {
        for bids in 0..=1 {
            let book = v5_book(&side(10, asks), &side(9, bids)).unwrap();
            assert_eq!(book.asks().len(), usize::try_from(asks).unwrap());
            assert_eq!(book.bids().len(), usize::try_from(bids).unwrap());
            assert!(book.flags().is_empty());
        }
    }
    assert_eq!(v5_book(&side(10, 6), "[]"), None);
    assert_eq!(v5_book("[]", &side(10, 6)), None);
    assert_eq!(v5_book("[[]]", "[]"), None);
    assert_eq!(v5_book("[,]", "[]"), None);
    assert_eq!(v5_book(r#"[["1","1","0","1"],]"#, "[]"), None);
    assert_eq!(v5_book(&side(10, 2), &side(10, 1)).unwrap().flags(), BookFlags::CROSSED);
    // What has to be sorted first is for the general parser.
    assert_eq!(v5_book(&side(10, 2), &side(10, 2)), None);
}

#[test]
fn flags_of_prices_that_have_no_common_scale_in_an_i64() {
    let asks = r#"[["0.12345678901234567","0","0","1"],["999999999999999999","1","0","1"]]"#;
    let bids = r#"[["0.5","1","0","1"]]"#;
    let flags = v5_book(asks, bids).unwrap().flags();
    assert!(flags.contains(BookFlags::CROSSED) && flags.contains(BookFlags::EMPTY_LEVEL));
    let asks = r#"[["124","1","0","1"],["124.0","1","0","1"],["124.00000000000000","1","0","1"]]"#;
    assert_eq!(v5_book(asks, "[]"), None);
}

#[test]
fn what_only_holds_the_place_of_a_level_is_for_the_general_parser() {
    for asks in [r#"[["0","0","0","0"]]"#, r#"[["0.00","0","0","1"]]"#, "[[]]", "null"] {
        assert_eq!(v5_book(asks, "[]"), None, "{asks}");
    }
    // Neither a price nor a size of zero alone.
    let zero_px = v5_book(r#"[["0","1","0","1"]]"#, "[]").unwrap();
    let zero_sz = v5_book(r#"[["1","0","0","0"]]"#, "[]").unwrap();
    assert_eq!((zero_px.flags(), zero_sz.flags()), (BookFlags::NONE, BookFlags::EMPTY_LEVEL));
}

#[test]
fn ids_at_their_limits() {
    let time = "2021-04-25T08:24:33.352Z";
    for id in ["A", "BTC-USDT", "EOS-USD-210625-8.00-C", "BTC-USD_UM-SWAP", "a b", "~!"] {
        assert!(v3_book(id, time).is_some(), "{id}");
    }
    for len in 1..=63 {
        let id = "X".repeat(len);
        assert!(v3_book(&id, time).is_some(), "{id}");
        let book = format!(
            r#"{{"arg":{{"channel":"books5","instId":"{id}"}},"data":[{{"asks":[],"bids":[],"instId":"{id}","ts":"1652671418459"}}]}}"#
        );
        assert!(scan_checked(Dialect::V5, book.as_bytes()).is_some(), "{id}");
        // Another id in any place is another id.
        for at in [0, len / 2, len - 1] {
            let mut other = id.clone();
            other.replace_range(at..=at, "Y");
            let text = book.replacen(&format!("{id}\",\"ts"), &format!("{other}\",\"ts"), 1);
            assert!(scan_checked(Dialect::V5, text.as_bytes()).is_none(), "{other}");
        }
        for unfit in ["\\u0042", "\u{7f}", "\u{e9}"] {
            assert!(v3_book(&format!("{}{unfit}", &id[1..]), time).is_none(), "{id}{unfit}");
        }
    }
    for id in [
        "",
        &"X".repeat(64),
        &"X".repeat(70),
        "A\\\"B",
        "A\\u0042",
        "\u{e9}",
        "A\u{7f}",
        "A\tB",
        "A\0",
    ] {
        assert!(v3_book(id, time).is_none(), "{id:?}");
    }
    let other_id = r#"{"arg":{"channel":"books5","instId":"A-B"},"data":[{"asks":[],"bids":[],"instId":"A-C","ts":"1652671418459"}]}"#;
    assert!(scan_checked(Dialect::V5, other_id.as_bytes()).is_none());
    for id in ["A-", "A-BC", ""] {
        let text = other_id.replace("A-C", id);
        assert!(scan_checked(Dialect::V5, text.as_bytes()).is_none(), "{id}");
    }
}

#[test]
fn times_at_their_limits() {
    let taken = |time: &str| v3_book("A", time).is_some();
    for time in [
        "2000-01-01T00:00:00.000Z",
        "2000-02-29T00:00:00.000Z",
        "2020-02-29T23:59:59.999Z",
        "2021-02-28T12:00:00.001Z",
        "2021-04-30T00:00:00.000Z",
        "2099-12-31T23:59:59.999Z",
    ] {
        assert!(taken(time), "{time}");
    }
    for time in [
        "2021-02-29T00:00:00.000Z",
        "2020-02-30T00:00:00.000Z",
        "2021-04-31T00:00:00.000Z",
        "2021-00-01T00:00:00.000Z",
        "2021-13-01T00:00:00.000Z",
        "2021-01-00T00:00:00.000Z",
        "2021-01-32T00:00:00.000Z",
        "2021-01-01T24:00:00.000Z",
        "2021-01-01T00:60:00.000Z",
        "2021-01-01T00:00:60.000Z",
        "2021-01-01 00:00:00.000Z",
        "2021-01-01T00:00:00.000z",
        "2021-01-01T00:00:00,000Z",
        "2021-01-01T00:00:00.00Z",
        "2021-01-01T00:00:00.0000Z",
        "2021-01-01T00:00:0/.000Z",
        "2021-01-01T00:00:0:.000Z",
        "2021-01-01T0a:00:00.000Z",
        "",
    ] {
        assert!(!taken(time), "{time}");
    }
    let book = v3_book("A", "2021-04-25T08:24:33.352Z").unwrap();
    assert_eq!(book.ts_event.0, 1_619_339_073_352_000_000);
}

#[test]
#[cfg_attr(miri, ignore = "slow, and adds nothing to the other times")]
fn every_day_of_the_century_is_read_or_refused_as_the_reference_does() {
    // The reference is asked in `scan_checked`; here only days that exist may be taken.
    let years = 2000..2100;
    let mut taken = 0;
    for year in years.clone() {
        for month in 0..=13 {
            for day in 0..=32 {
                let time = format!("{year}-{month:02}-{day:02}T01:02:03.004Z");
                taken += usize::from(v3_book("A", &time).is_some());
            }
        }
    }
    let leap_years = years.clone().filter(|year| year % 4 == 0).count();
    assert_eq!(taken, years.len() * 365 + leap_years);
}

#[test]
fn trades_in_all_forms() {
    let usual = r#""tradeId":"7","px":"0.5","sz":"2","side":"sell","ts":"1652671418459""#;
    let trade = v5_trade(usual).unwrap();
    assert_eq!((trade.count, trade.source, trade.seq()), (1, 0, None));
    let trade = v5_trade(&format!(r#"{usual},"count":"3""#)).unwrap();
    assert_eq!((trade.count, trade.source, trade.seq()), (3, 0, None));
    let trade =
        v5_trade(&format!(r#"{usual},"count":"3","source":"1","seqId":342177337151"#)).unwrap();
    assert_eq!((trade.count, trade.source, trade.seq()), (3, 1, Some(342_177_337_151)));
    let early = usual.replace(r#""ts""#, r#""source":"1","ts""#);
    assert_eq!(v5_trade(&early).unwrap().source, 1);
    assert_eq!(v5_trade(&format!(r#"{early},"source":"0""#)), None);
    for (from, to) in [
        ("sell", "both"),
        ("sell", "Sell"),
        ("sell", ""),
        (r#""7""#, r#""""#),
        (r#""7""#, r#""07""#),
        (r#""7""#, r#""-7""#),
        (r#""7""#, "7"),
        (r#""2""#, "2"),
        ("1652671418459", "165267141845"),
        ("1652671418459", "16526714184590"),
        ("1652671418459", "165267141845 "),
    ] {
        assert_eq!(v5_trade(&usual.replace(from, to)), None, "{from} {to}");
    }
    for tail in [
        r#""count":"0""#,
        r#""count":3"#,
        r#""count":"4294967296""#,
        r#""source":"10""#,
        r#""source":"""#,
        r#""seqId":"1""#,
        r#""seqId":01"#,
        r#""seqId":1.0"#,
        r#""seqId":-1"#,
        r#""seqId":"#,
        r#""extra":1"#,
    ] {
        assert_eq!(v5_trade(&format!("{usual},{tail}")), None, "{tail}");
    }
}

#[test]
fn both_key_orders_of_v3_trades() {
    for (text, id) in [
        (
            r#"{"table":"spot/trade","data":[{"side":"buy","trade_id":"5","price":"1.5","size":"2","instrument_id":"A-B","timestamp":"2021-04-25T08:24:33.352Z"}]}"#,
            5,
        ),
        (
            r#"{"table":"futures/trade","data":[{"side":"buy","trade_id":"6","price":"1.5","qty":"2","instrument_id":"A-B","timestamp":"2021-04-25T08:24:33.352Z"}]}"#,
            6,
        ),
        (
            r#"{"table":"spot/trade","data":[{"instrument_id":"A-B","price":"1.5","side":"buy","size":"2","timestamp":"2021-04-25T08:24:33.352Z","trade_id":"108223090144493569"}]}"#,
            108_223_090_144_493_569,
        ),
        (
            r#"{"table":"option/trade","data":[{"instrument_id":"A-B","price":"1.5","qty":"2","side":"buy","timestamp":"2021-04-25T08:24:33.352Z","trade_id":"8"}]}"#,
            8,
        ),
    ] {
        let trade = scan_checked(Dialect::V3, text.as_bytes()).unwrap().trade.unwrap();
        assert_eq!((trade.trade_id, trade.px().to_string().as_str()), (id, "1.5"));
    }
}

#[test]
fn every_prefix_and_every_extension_of_a_message_is_declined() {
    let text = br#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["31774.7","0.14368878","0","3"]],"bids":[["31774.6","0.3392211","0","3"]],"ts":"1654032991947","seqId":12}]}"#;
    assert!(scan_checked(Dialect::V5, text).is_some());
    assert!(scan_checked(Dialect::V3, text).is_none());
    let mut buf = text.to_vec();
    buf.resize(text.len() + 2 * super::PADDING, b' ');
    for len in (0..text.len()).chain(text.len() + 1..text.len() + super::PADDING) {
        // The text goes on behind its end, but that is not part of it.
        assert!(super::check_padded(Dialect::V5, &buf, len).is_none(), "{len}");
    }
}

#[test]
fn every_byte_of_a_message_counts() {
    let text = br#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["30221.8","0.00439","0","12"]],"bids":[["30221.7","6","0","1"],["30220","5.5","0","3"]],"instId":"BTC-USDT","ts":"1652671418459","seqId":37}]}"#;
    let step = if cfg!(miri) { 37 } else { 1 };
    for at in 0..text.len() {
        for byte in (0..=u8::MAX).step_by(step) {
            let mut text = *text;
            text[at] = byte;
            scan_checked(Dialect::V5, &text);
        }
    }
}
