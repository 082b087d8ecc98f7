//! Sides against the rule of a level: read at once, to the byte behind them, or declined. What this
//! way declines, a slower one reads: so a fault that only declines shows nowhere else.
#![expect(
    unsafe_code,
    reason = "to call what is compiled for AVX-512, once it is known to be there"
)]

use super::{long_side, short_side};
use crate::book::{BOOK5_LEVELS, Book5};
use crate::model::Level;
use crate::wire::scan::avx512::{Avx512, five};
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

/// The same, with AVX-512: as a long side and as a short one. Each in memory of its own, so that a
/// sanitizer sees what is read beyond it.
fn read(text: &[u8]) -> (Read, Read) {
    let text = text.to_vec().into_boxed_slice();
    let mut places = Box::new([Level::new(77.into(), 77.into(), 77); MAX_DEPTH_LEVELS]);
    // SAFETY: the tests have looked for the features.
    let long = unsafe { long_side(&text, &mut places) };
    let long = long.map(|(bytes, len)| (bytes, places[..len].to_vec()));
    // SAFETY: the same.
    let short = unsafe { short_side(&text, &mut places) };
    (long, short.map(|(bytes, len)| (bytes, places[..len].to_vec())))
}

/// Both sides of a book of five levels.
fn read_five(text: &[u8]) -> Option<(usize, bool, [[Level; BOOK5_LEVELS]; 2])> {
    let text = text.to_vec().into_boxed_slice();
    let mut sides = [[Level::new(77.into(), 77.into(), 77); BOOK5_LEVELS]; 2];
    let [asks, bids] = &mut sides;
    // SAFETY: the tests have looked for the features.
    let (bytes, is_sound) = unsafe { five::sides(&text, asks, bids) };
    (bytes != 0).then_some((bytes, is_sound, sides))
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
                    let (long, short) = read(text.as_bytes());
                    let want = portable(text.as_bytes());
                    let usual = want.filter(|_| is_usual([px, sz, orders]));
                    assert_eq!(long, usual, "{text}");
                    // A short side has two levels at most, within 128 bytes.
                    assert_eq!(short, usual.filter(|_| levels.len() <= 2), "{text}");
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
            assert_eq!(read(text.as_bytes()).0, portable(text.as_bytes()), "{text}");
        }
    }
    let (long, short) = read(b"[]");
    assert_eq!((long, short), (None, Some((2, Vec::new()))));
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
        assert!(read(text.as_bytes()).0.is_some());
        for at in 0..levels.len() {
            for byte in 0..=255 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = byte;
                let want = portable(&bytes);
                let (long, short) = read(&bytes);
                let shown = String::from_utf8_lossy(&bytes);
                assert!(long.is_none() || long == want, "{shown} {long:?} {want:?}");
                assert!(short.is_none() || short == want, "{shown} {short:?} {want:?}");
            }
            // One byte less, and one more.
            for other in [[&text[..at], &text[at + 1..]], [&text[..=at], &text[at..]]] {
                let bytes = other.concat().into_bytes();
                let want = portable(&bytes);
                let (long, short) = read(&bytes);
                let shown = String::from_utf8_lossy(&bytes);
                assert!(long.is_none() || long == want, "{shown}");
                assert!(short.is_none() || short == want, "{shown}");
            }
        }
        // Where the text ends too early.
        for len in 0..levels.len() {
            assert_eq!(read(&text.as_bytes()[..len]), (None, None), "{len}");
        }
    }
}

/// Both sides of a book as they are without SIMD, and its flags.
fn five_portable(text: &[u8]) -> Option<(usize, Book5)> {
    let (asks_len, asks) = portable(text)?;
    let rest = text.get(asks_len..)?.strip_prefix(b",\"bids\":")?;
    let (bids_len, bids) = portable(rest)?;
    Some((asks_len + 8 + bids_len, Book5::new(&asks, &bids)))
}

fn five_text(asks: &[[&str; 3]], bids: &[[&str; 3]]) -> String {
    format!("{},\"bids\":{}{BEHIND}", side(asks), side(bids))
}

const ASKS: [[&str; 3]; 5] = [
    ["30221.8", "0.00439", "2"],
    ["30223.5", "1.12", "1"],
    ["30224", "1.16000647", "13"],
    ["30224.65", "1.22", "1"],
    ["30225.6", "1.64553107", "200"],
];
const BIDS: [[&str; 3]; 5] = [
    ["30221.7", "0.30608367", "6"],
    ["30220.9", "0.01321829", "1"],
    ["30219.6", "1.06226719", "2"],
    ["30219.5", "0.0130546", "1"],
    ["9.4", "41", "0"],
];

#[test]
fn five_levels_a_side_are_read_at_once() {
    if Avx512::detect().is_none() {
        return;
    }
    let check = |text: &str, is_read: bool| {
        let want = five_portable(text.as_bytes()).unwrap();
        let seen = read_five(text.as_bytes());
        assert_eq!(seen.is_some(), is_read, "{text}");
        let Some((bytes, is_sound, [asks, bids])) = seen else { return };
        assert_eq!(
            (bytes, asks.as_slice(), bids.as_slice()),
            (want.0, want.1.asks(), want.1.bids())
        );
        // That nothing is odd may be left open only where prices are hard to tell apart.
        assert_eq!(is_sound, want.1.flags().is_empty(), "{text}");
    };
    check(&five_text(&ASKS, &BIDS), true);
    for n in 0..4 {
        check(&five_text(&ASKS[..=n], &BIDS), false);
        check(&five_text(&ASKS, &BIDS[..=n]), false);
    }
    // Each level in each place: unsorted, crossed, equal by value and without a size.
    let odd =
        [["30224.0", "1", "1"], ["1", "1", "1"], ["99999999", "1", "1"], ["30223.6", "0", "1"]];
    let odd = odd.into_iter().chain([["30220.90", "0.000", "1"], ["30221.80", "5", "1"]]);
    for level in
        odd.chain([["123456789012", "1234567890123456", "999"], ["0.00000000001", "1", "1"]])
    {
        for at in 0..BOOK5_LEVELS {
            let (mut asks, mut bids) = (ASKS, BIDS);
            (asks[at], bids[at]) = (level, level);
            check(&five_text(&asks, &BIDS), true);
            check(&five_text(&ASKS, &bids), true);
        }
    }
}

/// Prices that differ in the last of twelve digits are in order, and equal ones are not.
#[test]
fn the_finest_prices_are_distinguished() {
    if Avx512::detect().is_none() {
        return;
    }
    for scale in 0..=11 {
        let px = |n: u64| {
            let digits = format!("{n:012}");
            let (whole, decimals) = digits.split_at(12 - scale);
            let text = if scale == 0 { whole.to_owned() } else { format!("{whole}.{decimals}") };
            let text = text.trim_start_matches('0');
            if text.starts_with('.') { format!("0{text}") } else { text.to_owned() }
        };
        for top in [999_999_999_994, 100_000_000_006, 500_000_000_000] {
            let asks: Vec<_> = (0..5).map(|n| px(top + n)).collect();
            let bids: Vec<_> = (1..6).map(|n| px(top - n)).collect();
            let levels = |side: &[String]| -> Vec<_> {
                side.iter().map(|px| format!(r#"["{px}","1","0","1"]"#)).collect()
            };
            let text = |asks: &[String], bids: &[String]| {
                let (asks, bids) = (levels(asks).join(","), levels(bids).join(","));
                format!("[{asks}],\"bids\":[{bids}]{BEHIND}")
            };
            let (_, is_sound, _) = read_five(text(&asks, &bids).as_bytes()).unwrap();
            assert!(is_sound, "{asks:?} {bids:?}");
            for at in 0..4 {
                let mut same = asks.clone();
                same[at + 1].clone_from(&asks[at]);
                assert!(!read_five(text(&same, &bids).as_bytes()).unwrap().1, "{same:?}");
                let mut same = bids.clone();
                same[at + 1].clone_from(&bids[at]);
                assert!(!read_five(text(&asks, &same).as_bytes()).unwrap().1, "{same:?}");
            }
            let mut crossed = bids.clone();
            crossed[0].clone_from(&asks[0]);
            assert!(!read_five(text(&asks, &crossed).as_bytes()).unwrap().1, "{crossed:?}");
        }
    }
}

#[test]
fn other_books_are_declined_or_read_as_without_simd() {
    if Avx512::detect().is_none() {
        return;
    }
    let text = five_text(&ASKS, &BIDS);
    let check = |bytes: &[u8]| {
        let Some((len, is_sound, [asks, bids])) = read_five(bytes) else { return 0 };
        let shown = String::from_utf8_lossy(bytes);
        let (want_len, want) = five_portable(bytes).expect(&shown);
        assert_eq!((len, &asks[..], &bids[..]), (want_len, want.asks(), want.bids()), "{shown}");
        assert!(!is_sound || want.flags().is_empty(), "{shown}");
        1
    };
    let mut read = 0;
    for at in 0..text.len() - BEHIND.len() {
        for byte in 0..=255 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = byte;
            read += check(&bytes);
        }
        check([&text[..at], &text[at + 1..]].concat().as_bytes());
        check([&text[..=at], &text[at..]].concat().as_bytes());
        check(&text.as_bytes()[..at]);
    }
    // Digits in the place of digits.
    assert!(read > 900, "{read}");
}
