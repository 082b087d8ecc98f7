//! Whole frames: any bytes as they are, and messages made and changed by choices.

use std::cell::RefCell;

use okx_feed::{Dialect, Frame};

use crate::check::{Checker, deflated};
use crate::choices::Choices;
use crate::generate;
use crate::mutate;

thread_local! {
    static V3: RefCell<Checker> = RefCell::new(Checker::new(Dialect::V3));
    static V5: RefCell<Checker> = RefCell::new(Checker::new(Dialect::V5));
}

fn check(dialect: Dialect, frame: Frame<'_>) {
    let checker = match dialect {
        Dialect::V3 => &V3,
        Dialect::V5 => &V5,
    };
    checker.with_borrow_mut(|checker| checker.check(frame));
}

/// A v3 binary frame.
pub fn decode_v3(bytes: &[u8]) {
    check(Dialect::V3, Frame::Binary(bytes));
}

/// A v3 text, plain in a frame of either kind, and deflated.
pub fn decode_v3_text(bytes: &[u8]) {
    check(Dialect::V3, Frame::Text(bytes));
    check(Dialect::V3, Frame::Binary(bytes));
    check(Dialect::V3, Frame::Binary(&deflated(bytes, 6)));
}

/// A v5 text.
pub fn decode_v5(bytes: &[u8]) {
    check(Dialect::V5, Frame::Text(bytes));
    check(Dialect::V5, Frame::Binary(bytes));
}

/// A message made by choices, whole and damaged: the scanners, the parser and serde_json agree.
pub fn scanner_vs_json(bytes: &[u8]) {
    let mut choices = Choices::bytes(bytes);
    let dialect = choices.pick(&[Dialect::V3, Dialect::V5]);
    let text = generate::message(&mut choices, dialect);
    check(dialect, Frame::Text(text.as_bytes()));
    let mut damaged = text.clone().into_bytes();
    for _ in 0..8 {
        if choices.is_spent() {
            break;
        }
        mutate::corrupt(&mut choices, &mut damaged, text.as_bytes());
        check(dialect, Frame::Text(&damaged));
    }
}
