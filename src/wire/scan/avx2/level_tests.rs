//! Usual levels against the rule of a level: read at once, to the byte behind them, or declined.
//! What this way declines, a slower one reads: so a fault that only declines shows nowhere else.
#![expect(unsafe_code, reason = "to call what is compiled for AVX2, once it is known to be there")]

use super::usual_level;
use crate::model::Level;
use crate::wire::scan::avx2::Avx2;
use crate::wire::scan::cursor::Cursor;

/// The level of a text and whether it was the last, if all of it was read.
fn read<const DELETES: bool>(text: &str) -> Option<(Level, bool)> {
    let padded = format!("{text}{}", "[\"3\"".repeat(20));
    let cursor = Cursor::new(padded.as_bytes());
    let mut place = Level::EMPTY;
    // SAFETY: the tests have looked for the features.
    let (cursor, last) = unsafe { usual_level::<DELETES>(cursor, &mut place) }?;
    assert_eq!(cursor.rest().len(), padded.len() - text.len(), "{text}");
    Some((place, last))
}

#[test]
fn usual_levels_are_read_at_once() {
    if Avx2::detect().is_none() {
        return;
    }
    let numbers = ["1", "0", "31841.2", "0.00000001", "1234567890123456", "99.5"];
    let orders = [1, 9, 10, 47, 99, 100, 305, 999, 1_000, 4_096, 9_999];
    // Miri takes minutes for all.
    let orders = if cfg!(miri) { &orders[3..5] } else { &orders[..] };
    for (px, sz) in numbers.into_iter().flat_map(|px| numbers.map(|sz| (px, sz))) {
        for &orders in orders {
            for (retired, last) in [("", false), ("", true), ("\"0\",", false), ("\"0\",", true)] {
                let end = if last { ']' } else { ',' };
                let text = format!(r#"["{px}","{sz}",{retired}"{orders}"]{end}"#);
                // Price and size have to lie within 32 bytes, quotes included.
                let is_short = px.len() + sz.len() + 3 < 32;
                let level = Level::new(px.parse().unwrap(), sz.parse().unwrap(), orders);
                let want = is_short.then_some((level, last));
                assert_eq!(read::<false>(&text), want, "{text}");
                assert_eq!(read::<true>(&text), want, "{text}");
            }
        }
    }
}

#[test]
fn levels_without_orders_are_usual_in_order_books_alone() {
    if Avx2::detect().is_none() {
        return;
    }
    let level = Level::new("5.25".parse().unwrap(), "0".parse().unwrap(), 0);
    for (text, last) in [(r#"["5.25","0","0","0"],"#, false), (r#"["5.25","0","0"]]"#, true)] {
        assert_eq!(read::<true>(text), Some((level, last)), "{text}");
        assert_eq!(read::<false>(text), None, "{text}");
    }
}

#[test]
fn other_levels_are_declined() {
    if Avx2::detect().is_none() {
        return;
    }
    let usual = r#"["5.25","7","0","12"],"#;
    assert!(read::<true>(usual).is_some());
    // Every byte counts, but for digits in the place of digits.
    for at in 0..usual.len() {
        for byte in (0..=127u8).step_by(if cfg!(miri) { 16 } else { 1 }) {
            let mut bytes = usual.as_bytes().to_vec();
            let was = std::mem::replace(&mut bytes[at], byte);
            let text = String::from_utf8(bytes).unwrap();
            // The first digit of what has several, which may be no zero.
            let is_first = text.get(at.saturating_sub(1)..at) == Some("\"");
            let several =
                text.get(at + 1..at + 2).is_some_and(|next| next.as_bytes()[0].is_ascii_digit());
            let is_retired = usual[at..].len() == usual[usual.find("\"0\"").unwrap() + 1..].len();
            // A point that becomes a digit leaves a longer price.
            let is_digit =
                (was.is_ascii_digit() || was == b'.') && byte.is_ascii_digit() && !is_retired;
            let same = byte == was
                || is_digit && !(byte == b'0' && is_first && several)
                || at == usual.len() - 1 && byte == b']';
            assert_eq!(read::<true>(&text).is_some(), same, "{text:?}");
        }
    }
    for orders in ["", "00", "01", "007", "0000", "12345", "1x", "1.0", "-1", "x", "1:3", "1/3"] {
        for retired in ["", "\"0\","] {
            let text = format!(r#"["5.25","7",{retired}"{orders}"],"#);
            assert_eq!(read::<true>(&text), None, "{text}");
        }
    }
}
