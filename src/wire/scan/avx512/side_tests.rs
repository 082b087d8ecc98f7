//! Sides against the rule of a level: read at once, to the byte behind them, or declined. What this
//! way declines, a slower one reads: so a fault that only declines shows nowhere else.
#![expect(
    unsafe_code,
    reason = "to call what is compiled for AVX-512, once it is known to be there"
)]

use super::long_side;
use crate::model::Level;
use crate::wire::scan::avx512::Avx512;
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::level;
use crate::wire::scratch::MAX_DEPTH_LEVELS;

/// What follows a side in a message.
const BEHIND: &str = r#","ts":"1652671418459","seqId":123}]}"#;

/// A side of such levels, price, size and orders.
fn side(levels: &[[&str; 3]]) -> String {
    let level = |[px, sz, orders]: &[&str; 3]| format!(r#"["{px}","{sz}","0","{orders}"]"#);
    format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(","))
}

/// The levels of a side and the bytes it takes, without SIMD.
fn portable(text: &[u8]) -> Option<(usize, Vec<Level>)> {
    let mut places = vec![Level::EMPTY; MAX_DEPTH_LEVELS];
    // Its loads of eight bytes need something behind the text.
    let padded = [text, &[0; 64]].concat();
    let mut cursor = Cursor::new(&padded);
    let len = level::side(&mut cursor, &mut places)?;
    places.truncate(len);
    Some((padded.len() - cursor.rest().len(), places))
}

type Read = Option<(usize, Vec<Level>)>;

/// The same, with AVX-512, in memory of its own, so that a sanitizer sees what is read beyond it.
fn read(text: &[u8]) -> Read {
    let text = text.to_vec().into_boxed_slice();
    let mut places = Box::new([Level::new(77.into(), 77.into(), 77); MAX_DEPTH_LEVELS]);
    // SAFETY: the tests have looked for the features.
    let long = unsafe { long_side(&text, &mut places) };
    long.map(|(bytes, len)| (bytes, places[..len].to_vec()))
}

/// Whether a price, a size and orders are usual: what [`long_side`] promises to read.
fn is_usual([px, sz, orders]: [&str; 3]) -> bool {
    let most = if px.contains('.') { 13 } else { 12 };
    px.len() <= most && sz.len() <= 16 && orders.len() <= 3
}

const PRICES: [&str; 10] = [
    "1",
    "0",
    "0.1",
    "31841.2",
    "0.00000000001",
    "12345678.1234",
    "123456789012",
    "1234567890123",
    "12345678.12345",
    "999999999999",
];
const SIZES: [&str; 7] =
    ["0", "7", "0.00022104", "1234567890123456", "123456789.123456", "12345678901234567", "3.5"];
const ORDERS: [&str; 6] = ["0", "1", "47", "305", "999", "1000"];

#[test]
fn usual_levels_are_read_at_once() {
    if Avx512::detect().is_none() {
        return;
    }
    for px in PRICES {
        for sz in SIZES {
            for orders in ORDERS {
                for others in 0..=8 {
                    // Where in its chunk a level stands makes no difference.
                    let mut levels = vec![["5.25", "7", "12"]; others];
                    levels.insert(others / 2, [px, sz, orders]);
                    let text = format!("{}{BEHIND}", side(&levels));
                    let want = portable(text.as_bytes());
                    let usual = want.filter(|_| is_usual([px, sz, orders]));
                    assert_eq!(read(text.as_bytes()), usual, "{text}");
                }
            }
        }
    }
}

#[test]
fn sides_of_all_lengths_are_read_at_once() {
    if Avx512::detect().is_none() {
        return;
    }
    let shapes = [["1", "2", "1"], ["30268.1", "0", "0"], ["31841.25", "1.16000647", "14"]];
    let widest = ["0.00000000001", "123456789.123456", "999"];
    for shape in shapes.into_iter().chain([widest]) {
        for len in (1..60).chain([200, 1000]) {
            let text = format!("{}{BEHIND}", side(&vec![shape; len]));
            assert_eq!(read(text.as_bytes()), portable(text.as_bytes()), "{text}");
        }
    }
    assert_eq!(read(b"[]"), None);
}

/// Every byte counts: what differs is read as it is without SIMD, or declined.
#[test]
fn other_sides_are_declined_or_read_as_without_simd() {
    if Avx512::detect().is_none() {
        return;
    }
    let long = side(&[["30221.8", "0.00439", "2"], ["30223.5", "1", "123"], ["0.5", "10", "9"]]);
    let short = side(&[["1", "20.5", "3"], ["99", "0", "0"]]);
    // Levels of 22 bytes, of which a chunk has eight.
    let many = [["30221", "0", "0"]; 19];
    for levels in [long, short, side(&many)] {
        let text = format!("{levels}{BEHIND}");
        assert!(read(text.as_bytes()).is_some());
        for at in 0..levels.len() {
            for byte in 0..=255 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = byte;
                let want = portable(&bytes);
                let long = read(&bytes);
                let shown = String::from_utf8_lossy(&bytes);
                assert!(long.is_none() || long == want, "{shown} {long:?} {want:?}");
            }
            // One byte less, and one more.
            for other in [[&text[..at], &text[at + 1..]], [&text[..=at], &text[at..]]] {
                let bytes = other.concat().into_bytes();
                let want = portable(&bytes);
                let long = read(&bytes);
                let shown = String::from_utf8_lossy(&bytes);
                assert!(long.is_none() || long == want, "{shown}");
            }
        }
        // Where the text ends too early.
        for len in 0..levels.len() {
            assert_eq!(read(&text.as_bytes()[..len]), None, "{len}");
        }
    }
}
