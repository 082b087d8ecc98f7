//! Tests of the scanners against a slow reference.

mod captures;
mod differential;
mod edges;
mod edges_depth;
mod general;
mod generate;
mod generate_depth;
mod mutate;
mod reference;
mod rng;

use std::cell::RefCell;

use super::{PADDING, PaddedText, Scanned, Scanner};
use crate::model::{DepthUpdate, Dialect, UnixNanos};
use crate::wire::scratch::Scratch;
use reference::Outcome;

/// The receive time of all messages in these tests.
const TS_RECV: UnixNanos = UnixNanos(77);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// What a scanner makes of a text.
fn scan_padded(scanner: &Scanner, dialect: Dialect, buf: &[u8], len: usize) -> Option<Outcome> {
    let text = PaddedText::new(buf, len).unwrap();
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
        Scanned::Depth { channel, market, inst_id, action, ts_event, seq, prev_seq, checksum } => {
            Some(Outcome::depth(&DepthUpdate {
                channel,
                market,
                inst_id,
                action,
                ts_event,
                ts_recv: TS_RECV,
                seq,
                prev_seq,
                checksum,
                asks: scratch.asks.as_slice(),
                bids: scratch.bids.as_slice(),
            }))
        }
    }
}

/// What both scanners make of a text; panics where they differ, or where they take what the
/// reference declines or reads in another way.
fn scan_checked(dialect: Dialect, text: &[u8]) -> Option<Outcome> {
    let mut buf = text.to_vec();
    buf.resize(text.len() + PADDING, 0);
    check_padded(dialect, &buf, text.len())
}

fn check_padded(dialect: Dialect, buf: &[u8], len: usize) -> Option<Outcome> {
    let shown = || String::from_utf8_lossy(&buf[..len]).into_owned();
    let portable = scan_padded(&Scanner::portable(), dialect, buf, len);
    let best = scan_padded(&Scanner::new(), dialect, buf, len);
    assert_eq!(best, portable, "the scanners differ over {}", shown());
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

#[test]
fn too_little_padding_is_refused() {
    let buf = [0; 100];
    assert!(PaddedText::new(&buf, 100 - PADDING).is_some());
    assert!(PaddedText::new(&buf, 100 - PADDING + 1).is_none());
    assert!(PaddedText::new(&buf, 100).is_none());
    assert!(PaddedText::new(&buf, 101).is_none());
    assert!(PaddedText::new(&buf, usize::MAX).is_none());
}
