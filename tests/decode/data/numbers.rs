//! Numbers in other notations.

use okx_feed::{DecodeErrorKind as Kind, Dialect};

use crate::data::{Feed, decode, v3_message, v5, v5_message};

fn trade(px: &str, sz: &str) -> Result<Vec<String>, Kind> {
    let item = format!(
        r#""instId":"A","tradeId":"1","px":{px},"sz":{sz},"side":"buy","ts":"1795940000000""#
    );
    v5(&v5_message("trades", "A", &item))
}

#[test]
fn exact_values_are_accepted_in_every_notation() {
    for (px, sz, expected) in [
        (r#""0.0000000001""#, r#""9999999999999999""#, "9999999999999999@0.0000000001"),
        (r#""1""#, r#""9999999999999999.0000000000000000""#, "9999999999999999@1"),
        (r#""1""#, r#""12345.0000000000000000""#, "12345@1"),
        (r#""1""#, r#""10000000000.12345678""#, "10000000000.12345678@1"),
        (r#""1E-10""#, r#""5""#, "5@0.0000000001"),
        (r#""1.2e-7""#, r#""1E+3""#, "1000@0.00000012"),
        (r#""0E-8""#, r#""-0""#, "0@0"),
        ("1E-10", "12345.0000000000000000", "12345@0.0000000001"),
        (r#""-5""#, r#""0""#, "0@-5"),
        // The text is kept if possible.
        (r#""124.0""#, r#""1.000""#, "1.000@124.0"),
    ] {
        assert_eq!(
            trade(px, sz),
            Ok(vec![format!("trades:A 1 {expected} x1 from 0")]),
            "{px} {sz}"
        );
    }
    for (px, kind) in [
        (r#""0.1000000000000000055""#, Kind::NumberScale),
        (r#""1E-19""#, Kind::NumberScale),
        (r#""9223372036854775808""#, Kind::NumberOverflow),
        (r#""1E19""#, Kind::NumberOverflow),
        (r#""100000000000.12345678""#, Kind::NumberOverflow),
        (r#""+5""#, Kind::Number),
        (r#""05""#, Kind::Number),
        (r#"".5""#, Kind::Number),
        (r#""5.""#, Kind::Number),
        (r#""1,5""#, Kind::Number),
        (r#"" 5""#, Kind::Number),
        (r#""NaN""#, Kind::Number),
        (r#""""#, Kind::Number),
        ("true", Kind::WrongType),
    ] {
        assert_eq!(trade(px, r#""1""#), Err(kind), "{px}");
    }
}

/// A checksum covers the digits of the text, so that the value alone is not enough.
#[test]
fn numbers_under_a_checksum_keep_their_text() {
    let deep = |checksum: &str| {
        let item =
            format!(r#""asks":[["12345.0000000000000000","1","0","1"]],"bids":[]{checksum}"#);
        decode(Dialect::V3, &v3_message("spot/depth", "A", &item))
    };
    assert_eq!(deep(r#","checksum":-5"#), Err(Kind::NumberOverflow));
    assert_eq!(deep(r#","checksum":0"#), Err(Kind::NumberOverflow));
    assert_eq!(deep("").unwrap(), ["depth:A asks 12345x1(1) bids "]);
    // v5 sends 0 for none.
    let v5_deep = |checksum: &str| {
        let item = format!(
            r#""asks":[["1E-2","1","0","1"]],"bids":[],"ts":"1795940000000"{checksum},"seqId":5,"prevSeqId":-1"#
        );
        let text = v5_message("books", "A", &item);
        v5(&text.replace(r#""data""#, r#""action":"snapshot","data""#))
    };
    for unchecked in ["", r#","checksum":0"#, r#","checksum":null"#, r#","checksum":"x""#] {
        assert_eq!(v5_deep(unchecked).unwrap(), ["books:A asks 0.01x1(1) bids "], "{unchecked}");
    }
    assert_eq!(v5_deep(r#","checksum":7"#), Err(Kind::Number));
}

/// Levels as JSON numbers, as of 2018 and 2019: the checksum is over the digits as they are
/// written.
#[test]
fn the_checksum_of_a_book_in_json_numbers_is_over_its_digits() {
    let item = r#""asks":[[3880.5,9,0,1],[3881.0,5,0,2]],"bids":[[3880.15,5,0,2],[3880.0,4,0,1]]"#;
    for (checksum, expected) in [
        (-2_138_032_745, "depth live none"),
        // With zeros left out, or with additional ones.
        (1_896_734_825, "depth broken none"),
        (410_961_116, "depth broken none"),
    ] {
        let mut feed = Feed::new(Dialect::V3, &["futures/depth:A"]);
        let item = format!(r#"{item},"checksum":{checksum}"#);
        assert_eq!(feed.text(&v3_message("futures/depth", "A", &item)).last().unwrap(), expected);
    }
}
