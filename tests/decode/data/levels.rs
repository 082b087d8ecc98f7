//! Levels in any order and of any length, and placeholders.

use okx_feed::book::BookFlags;
use okx_feed::{DecodeErrorKind as Kind, Decoder, Dialect, Event, Frame, UnixNanos};

use crate::data::{decode, v3_message, v5, v5_deep, v5_message};

fn asks(asks: &str) -> Result<Vec<String>, Kind> {
    let item =
        format!(r#""asks":{asks},"bids":[["0.5","1","0","1"]],"ts":"1795940000000","seqId":5"#);
    v5(&v5_message("books5", "A", &item))
}

fn book(asks: &str) -> Result<Vec<String>, Kind> {
    Ok(vec![format!("books5:A asks {asks} bids 0.5x1(1)")])
}

#[test]
fn levels_may_have_more_or_fewer_elements_than_now() {
    for (level, read) in [
        (r#"["101","1","0","1"]"#, "101x1(1)"),
        (r#"["101","1","1"]"#, "101x1(1)"),
        (r#"["101","1","0","1","0"]"#, "101x1(1)"),
        (r#"["101","1","0","1",null,{"a":[1]},"x"]"#, "101x1(1)"),
        (r#"["101","1"]"#, "101x1(0)"),
        // The third is not used, and the fourth is optional.
        (r#"["101","1","","1"]"#, "101x1(1)"),
        (r#"["101","1",null,"1"]"#, "101x1(1)"),
        (r#"["101","1","n/a","1"]"#, "101x1(1)"),
        (r#"["101","1",[],"1"]"#, "101x1(1)"),
        (r#"["101","1","0",""]"#, "101x1(0)"),
        (r#"["101","1","0",null]"#, "101x1(0)"),
        (r#"["101","1","0","-1"]"#, "101x1(0)"),
        (r#"["101","1","0","3.0"]"#, "101x1(0)"),
        (r#"["101","1","0","4294967296"]"#, "101x1(0)"),
        (r#"["101","1","n/a"]"#, "101x1(0)"),
    ] {
        assert_eq!(asks(&format!("[{level}]")), book(read), "{level}");
        let deep = v5_deep("update", &format!("[{level}]"), 1_795_940_000_000, 5, Some(4));
        assert_eq!(v5(&deep).unwrap(), [format!("books:A asks {read} bids 1x1(1)")], "{level}");
    }
    for (level, kind) in [
        (r#"["101"]"#, Kind::LevelShape),
        (r#"["101",null,"0","1"]"#, Kind::WrongType),
        (r#"["101","","0","1"]"#, Kind::Number),
        (r#"["","1","0","1"]"#, Kind::Number),
        (r#"[null,"1","0","1"]"#, Kind::WrongType),
        (r#"["x","1","0","1"]"#, Kind::Number),
    ] {
        assert_eq!(asks(&format!("[{level}]")), Err(kind), "{level}");
    }
}

#[test]
fn an_entry_without_price_and_size_is_no_level() {
    for none in [
        "null",
        "[]",
        "[[]]",
        r#"[["","","",""]]"#,
        r#"[[null,null,null,null]]"#,
        r#"[["0","0","0","0"]]"#,
        r#"[["0.00","0","0","0"]]"#,
        r#"[["","0","0","0"]]"#,
        r#"[[""]]"#,
        "[[0,0,0,0]]",
    ] {
        assert_eq!(asks(none), book(""), "{none}");
    }
    // Among others. A price or a size alone is no placeholder.
    assert_eq!(
        asks(r#"[["1","2","0","3"],["","","",""],["2","0","0","0"],["0","0","0","0"]]"#),
        book("1x2(3),2x0(0)")
    );
    assert_eq!(asks(r#"[["0","1","0","1"]]"#), book("0x1(1)"));
    // An absent side is not an empty one.
    let one_sided = v5_message("bbo-tbt", "A", r#""bids":[],"ts":"1795940000000""#);
    assert_eq!(v5(&one_sided), Err(Kind::MissingField));
    // In a change of an order book a level of zero deletes.
    let deep = v5_deep("update", r#"[["","","",""],[],["0","0","0","0"]]"#, 5, 5, Some(4));
    assert_eq!(v5(&deep).unwrap(), ["books:A asks 0x0(0) bids 1x1(1)"]);
}

#[test]
fn of_more_than_five_levels_the_five_best_are_kept() {
    let level = |px: u32| format!(r#"["{px}","1","0","1"]"#);
    let side = |prices: &[u32]| {
        format!("[{}]", prices.iter().map(|px| level(*px)).collect::<Vec<_>>().join(","))
    };
    let best = book("1x1(1),2x1(1),3x1(1),4x1(1),5x1(1)");
    for prices in [
        &[1, 2, 3, 4, 5][..],
        &[1, 2, 3, 4, 5, 6],
        &[5, 4, 3, 2, 1],
        &[9, 8, 7, 6, 5, 4, 3, 2, 1],
        &[6, 1, 2, 3, 4, 5],
        &[3, 1, 5, 2, 4],
    ] {
        assert_eq!(asks(&side(prices)), best, "{prices:?}");
    }
}

/// Source: v3 `depth5` of 2018 had its asks worst first.
#[test]
fn sides_that_come_worst_first_are_sorted_and_flagged() {
    let item = r#""asks":[["377.6","10.8","1"],["377.3","15","1"],["377.1","3","1"],["377.05","8","1"],["377.01","75","1"]],"bids":[["375.5","15","1"],["375.4","1","1"]]"#;
    let text = v3_message("spot/depth5", "ETH-USDT", item);
    let sorted = "377.01x75(1),377.05x8(1),377.1x3(1),377.3x15(1),377.6x10.8(1)";
    let expected = format!("depth5:ETH-USDT asks {sorted} bids 375.5x15(1),375.4x1(1)");
    assert_eq!(decode(Dialect::V3, &text).unwrap(), [expected]);
    let mut decoder = Decoder::new(Dialect::V3);
    let mut sink = |event: &Event<'_>| {
        let Event::Book(update) = event else { unreachable!() };
        assert_eq!(update.book.flags(), BookFlags::UNSORTED);
        assert_eq!(update.book.spread().unwrap().to_string(), "1.51");
    };
    decoder.decode(Frame::Text(text.as_bytes()), UnixNanos(1), &mut sink).unwrap();
}
