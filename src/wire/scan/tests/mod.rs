//! Tests of the scanners against a slow reference.

mod captures;
mod differential;
mod edges;
mod edges_depth;
mod edges_whole;
mod general;
mod generate;
mod generate_depth;
mod mutate;
mod reference;
mod rng;

use std::cell::RefCell;

use super::{PADDING, PaddedText, Scanned, Scanner, TextEnd};
use crate::book::DepthUpdate;
use crate::model::{Dialect, Topic, UnixNanos};
use crate::wire::scratch::{Scratch, non_rpi};
use reference::Outcome;

/// From this length on the decoder scans in place.
const IN_PLACE_LEN: usize = 320;

/// The receive time of all messages in these tests.
const TS_RECV: UnixNanos = UnixNanos(77);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// What a scanner makes of a text.
fn scan_padded(scanner: &Scanner, dialect: Dialect, buf: &[u8], len: usize) -> Option<Outcome> {
    scan_text(scanner, dialect, PaddedText::new(buf, len).unwrap())
}

/// What a scanner makes of a text that lies elsewhere and has no padding; the outer `None` where
/// that is not tried.
fn scan_in_place(scanner: &Scanner, dialect: Dialect, text: &[u8]) -> Option<Option<Outcome>> {
    let mut end = TextEnd::default();
    // Memory of its own, so that Miri and sanitizers see each byte read beyond it.
    let text = text.to_vec().into_boxed_slice();
    let text = PaddedText::in_place(&text, &mut end)?;
    Some(scan_text(scanner, dialect, text))
}

fn scan_text(scanner: &Scanner, dialect: Dialect, text: PaddedText<'_>) -> Option<Outcome> {
    SCRATCH.with_borrow_mut(|scratch| {
        // What is left of an older book must not show; levels of older messages lie about anyway.
        scratch.book = reference::full_book();
        read(scanner, dialect, text, scratch)
    })
}

fn read(
    scanner: &Scanner,
    dialect: Dialect,
    text: PaddedText<'_>,
    scratch: &mut Scratch,
) -> Option<Outcome> {
    match scanner.scan(dialect, text, TS_RECV, scratch)? {
        Scanned::Book { channel, market, inst_id } => {
            Some(Outcome::book(channel, market, inst_id, &scratch.book))
        }
        Scanned::Trade { channel, market, inst_id, trade } => {
            Some(Outcome::trade(channel, market, inst_id, &trade))
        }
        // Read without SIMD, by all scanners alike: `tests/decode/records.rs` compares them.
        Scanned::Record { .. } => None,
        Scanned::Depth { channel, market, inst_id, action, ts_event, seq, prev_seq, checksum } => {
            Some(Outcome::depth(&DepthUpdate {
                topic: Topic { channel, market, inst_id },
                action,
                ts_event,
                ts_recv: TS_RECV,
                seq,
                prev_seq,
                checksum,
                asks: scratch.asks.as_slice(),
                bids: scratch.bids.as_slice(),
                non_rpi: non_rpi(&scratch.asks, &scratch.bids),
            }))
        }
    }
}

/// Each way that this processor has, the most general one first.
fn scanners() -> [Scanner; 3] {
    [Scanner::portable(), Scanner::without_avx512(), Scanner::new()]
}

/// What all scanners make of a text; panics where they differ, or where they take what the
/// reference declines or reads in another way.
fn scan_checked(dialect: Dialect, text: &[u8]) -> Option<Outcome> {
    let mut buf = text.to_vec();
    buf.resize(text.len() + PADDING, 0);
    check_padded(dialect, &buf, text.len())
}

fn check_padded(dialect: Dialect, buf: &[u8], len: usize) -> Option<Outcome> {
    let shown = || String::from_utf8_lossy(&buf[..len]).into_owned();
    let [portable, avx2, best] = scanners().map(|scanner| scan_padded(&scanner, dialect, buf, len));
    assert_eq!(avx2, portable, "AVX2 and portable differ over {}", shown());
    assert_eq!(best, portable, "AVX-512 and portable differ over {}", shown());
    if dialect == Dialect::V5 {
        check_in_place(&buf[..len], best.as_ref());
    }
    if best.is_some() {
        assert_eq!(best, reference::read(dialect, &buf[..len]), "wrong over {}", shown());
        // Miri runs no C, and the decoder holds libdeflate.
        if !cfg!(miri) {
            let general = general::read(dialect, &buf[..len]);
            assert_eq!(best, general, "not the general result: {}", shown());
        }
    }
    best
}

/// Where the text lies makes no difference to books that are long enough. Other texts may be
/// declined in place, but not read in another way.
fn check_in_place(text: &[u8], padded: Option<&Outcome>) {
    for scanner in scanners() {
        let Some(in_place) = scan_in_place(&scanner, Dialect::V5, text) else { continue };
        let is_book = padded.is_some_and(|outcome| outcome.trade.is_none());
        if in_place.is_some() || (is_book && text.len() >= IN_PLACE_LEN) {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(in_place.as_ref(), padded, "read otherwise in place: {shown}");
        }
    }
}

/// What follows a message in its buffer, be it as long as a padding, is never taken for one.
#[test]
fn a_text_with_something_behind_it_is_declined_in_place() {
    let asks = r#"[["5","2","0","3"],["6","2","0","3"],["7","2","0","3"],["8","2","0","3"]]"#;
    let bids = r#"[["4","2","0","3"],["3","2","0","3"],["2","2","0","3"],["1","2","0","3"]]"#;
    let books = format!(
        r#"{{"arg":{{"channel":"books5","instId":"X"}},"data":[{{"asks":{asks},"bids":{bids},"instId":"X","ts":"1654032991947","seqId":1}}]}}"#
    );
    let trade = r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"instId":"X","tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1654032991947"}]}"#;
    for text in [books.as_str(), trade] {
        for behind in 0..=2 * PADDING {
            let long = format!("{text}{}", " ".repeat(behind));
            let read = scan_in_place(&Scanner::new(), Dialect::V5, long.as_bytes()).unwrap();
            assert_eq!(read.is_some(), behind == 0, "{behind} bytes behind {text}");
        }
    }
}

#[test]
fn too_little_padding_is_refused() {
    let buf = [0; 100];
    assert!(PaddedText::new(&buf, 100 - PADDING).is_some());
    assert!(PaddedText::new(&buf, 100 - PADDING + 1).is_none());
    assert!(PaddedText::new(&buf, 100).is_none());
    assert!(PaddedText::new(&buf, 101).is_none());
    assert!(PaddedText::new(&buf, usize::MAX).is_none());
}
