//! A book of five levels against the same without SIMD. Its time and sequence number are tested
//! with whole messages.
#![expect(
    unsafe_code,
    reason = "to call what is compiled for AVX-512, once it is known to be there"
)]

use crate::book::{BOOK5_LEVELS, Book5};
use crate::model::{Level, UnixNanos};
use crate::wire::scan::avx512::Avx512;
use crate::wire::scan::cursor::Cursor;
use crate::wire::scan::{inst_id, level};

/// What follows the sides of a book.
const BEHIND: &str = r#","instId":"BTC-USDT","ts":"1652671418459","seqId":123}]}"#;

/// A side of such levels, price, size and orders.
fn side(levels: &[[&str; 3]]) -> String {
    let level = |[px, sz, orders]: &[&str; 3]| format!(r#"["{px}","{sz}","0","{orders}"]"#);
    format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(","))
}

/// The levels of a side and the bytes it takes, without SIMD.
fn portable(text: &[u8]) -> Option<(usize, Vec<Level>)> {
    let mut places = vec![Level::EMPTY; 8];
    // Its loads of eight bytes need something behind the text.
    let padded = [text, &[0; 64]].concat();
    let mut cursor = Cursor::new(&padded);
    let len = level::side(&mut cursor, &mut places)?;
    places.truncate(len);
    Some((padded.len() - cursor.rest().len(), places))
}

/// A book of five levels a side, in memory of its own, so that a sanitizer sees what is read beyond
/// it: whether nothing is odd about it, and its levels.
fn read_five(text: &[u8]) -> Option<(bool, Book5)> {
    let text = text.strip_prefix(b"[")?.to_vec().into_boxed_slice();
    let window = [b"BTC-USDT\"".as_slice(), &[0; 64]].concat();
    let id = inst_id::id(&mut Cursor::new(&window)).unwrap();
    let old = [Level::new(77.into(), 77.into(), 77); BOOK5_LEVELS];
    let mut book = Book5::new(&old, &old);
    // SAFETY: the tests have looked for the features.
    let is_sound = unsafe { super::book(&text, &id, &mut book) }?;
    assert_eq!((book.ts_event, book.seq), (UnixNanos(1_652_671_418_459_000_000), 123));
    book.finish(5, 5);
    Some((is_sound, book))
}

/// Both sides of a book as they are without SIMD, and its flags.
fn five_portable(text: &[u8]) -> Option<Book5> {
    let (asks_len, asks) = portable(text)?;
    let rest = text.get(asks_len..)?.strip_prefix(b",\"bids\":")?;
    let (bids_len, bids) = portable(rest)?;
    rest.get(bids_len..)?.strip_prefix(BEHIND.as_bytes())?.is_empty().then_some(())?;
    Some(Book5::new(&asks, &bids))
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
        let Some((is_sound, book)) = seen else { return };
        assert_eq!((book.asks(), book.bids()), (want.asks(), want.bids()));
        // That nothing is odd may be left open only where prices are hard to distinguish.
        assert_eq!(is_sound, want.flags().is_empty(), "{text}");
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
            let (is_sound, _) = read_five(text(&asks, &bids).as_bytes()).unwrap();
            assert!(is_sound, "{asks:?} {bids:?}");
            for at in 0..4 {
                let mut same = asks.clone();
                same[at + 1].clone_from(&asks[at]);
                assert!(!read_five(text(&same, &bids).as_bytes()).unwrap().0, "{same:?}");
                let mut same = bids.clone();
                same[at + 1].clone_from(&bids[at]);
                assert!(!read_five(text(&asks, &same).as_bytes()).unwrap().0, "{same:?}");
            }
            let mut crossed = bids.clone();
            crossed[0].clone_from(&asks[0]);
            assert!(!read_five(text(&asks, &crossed).as_bytes()).unwrap().0, "{crossed:?}");
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
        let Some((is_sound, book)) = read_five(bytes) else { return 0 };
        let shown = String::from_utf8_lossy(bytes);
        let want = five_portable(bytes).expect(&shown);
        assert_eq!((book.asks(), book.bids()), (want.asks(), want.bids()), "{shown}");
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
        assert_eq!(check(&text.as_bytes()[..at]), 0);
    }
    // Digits in the place of digits.
    assert!(read > 900, "{read}");
}
