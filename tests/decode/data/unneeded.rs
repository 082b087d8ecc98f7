//! Optional values: unreadable ones are absent, and counted.

use okx_feed::Dialect;
use okx_feed::wire::OptionalField;

use crate::data::{Feed, v5, v5_deep, v5_message};

#[test]
fn a_trade_needs_no_count_no_source_and_no_number() {
    let trade = |rest: &str| {
        let item = format!(
            r#""instId":"A","tradeId":"7","px":"1","sz":"2","side":"buy","ts":"1795940000000"{rest}"#
        );
        v5(&v5_message("trades", "A", &item)).unwrap()
    };
    for (rest, read) in [
        (r#","count":"3","source":"1","seqId":9"#, "x3 from 1"),
        (r#","count":3,"source":1,"seqId":"9""#, "x3 from 1"),
        (r#","count":"","source":"","seqId":"""#, "x1 from 0"),
        (r#","count":null,"source":null,"seqId":null"#, "x1 from 0"),
        (r#","count":"0","source":"256","seqId":1.5"#, "x1 from 0"),
        (r#","count":"-1","source":"rpi","seqId":"x""#, "x1 from 0"),
        (r#","count":"4294967296","source":{},"seqId":-9223372036854775808"#, "x1 from 0"),
        (r#","count":[],"source":true,"seqId":[]"#, "x1 from 0"),
    ] {
        assert_eq!(trade(rest), [format!("trades:A 7 2@1 {read}")], "{rest}");
    }
}

#[test]
fn unreadable_values_are_counted_by_name() {
    let mut feed = Feed::new(Dialect::V5, &["trades:A", "books5:A", "books:A", "books-rpi:A"]);
    let two = v5_message(
        "trades",
        "A",
        r#""instId":"A","tradeId":"7","px":"1","sz":"2","side":"buy","ts":"1","count":"x","source":[]},{"instId":"A","tradeId":"8","px":"1","sz":"2","side":"buy","ts":"1","count":"y""#,
    );
    assert_eq!(feed.text(&two).len(), 3);
    let book = r#""asks":[["1","1","0","x"],["2","1","0",""]],"bids":[],"ts":"1","seqId":"x""#;
    assert_eq!(feed.text(&v5_message("books5", "A", book)).len(), 2);
    let checksum = v5_deep("snapshot", "[]", 1, 5, Some(-1));
    feed.text(&checksum.replace(r#""checksum":0"#, r#""checksum":"n/a""#));
    feed.text(&checksum.replace("books", "books-rpi").replace(r#""1","0","1""#, r#""1","?","1""#));
    // Absent or ignored members are not counted, nor are those of a refused message.
    feed.text(r#"{"event":"notice","code":"x","msg":7}"#);
    feed.text(&v5_message("books5", "A", &book.replace(r#"["1","1""#, r#"["1","?""#)));
    let counts: Vec<_> = feed.handler.stats().unread.iter().collect();
    assert_eq!(
        counts,
        [
            (OptionalField::Count, 2),
            (OptionalField::Source, 1),
            (OptionalField::Seq, 1),
            (OptionalField::Checksum, 1),
            (OptionalField::Orders, 2),
            (OptionalField::NonRpiSize, 1),
        ]
    );
    assert_eq!(feed.handler.stats().unread.total(), 8);
    let mut twice = *feed.handler.stats();
    twice.merge(feed.handler.stats());
    assert_eq!(twice.unread.total(), 16);
}

/// A change of ignored members does not affect an order book.
#[test]
fn an_order_book_with_odd_values_stays_live() {
    let mut feed = Feed::new(Dialect::V5, &["books:A"]);
    let one = |extra: &str| format!(r#"[["2","1",{extra}]]"#);
    feed.text(&v5_deep("snapshot", &one(r#""0","1","new""#), 10, 10, Some(-1)));
    for (n, extra) in (11..).zip([r#""","1""#, r#"null,"1""#, r#""0","n/a""#, r#""0",1,[],7"#]) {
        let text = v5_deep("update", &one(extra), 10, n, Some(n - 1));
        let text = text.replace(r#""checksum":0"#, r#""checksum":"","added":{"a":1}"#);
        assert_eq!(feed.text(&text), ["books live ok"], "{extra}");
    }
    assert!(feed.state("books:A").is_live());
}
