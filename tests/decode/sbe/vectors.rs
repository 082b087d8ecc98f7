//! Each vector against the values that it was made of, and the captured one against its
//! description.

use super::{decode, decode_frame, decoder};
use okx_feed::model::InstrumentCodes;
use okx_feed::{Decoder, Dialect, Frame};
use okx_feed_testkit::sbe_vectors::{
    BBO, CAPTURED, EXPONENT, HEARTBEAT, RESET, SNAPSHOT, TRADE, UPDATE, bytes,
};

fn one(hex: &str) -> String {
    let events = decode(&bytes(hex)).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    events.into_iter().next().unwrap()
}

#[test]
fn the_captured_frame_is_an_update_of_three_asks() {
    assert_eq!(bytes(CAPTURED).len(), 128, "ten zeros follow the message");
    assert_eq!(
        one(CAPTURED),
        "books-l2-tbt:BTC-USDT update ts 1763700642688000000 seq 65078091895 prev 65078091889 \
         asks [0.53041081 @ 85816.4 (2), 0.25379778 @ 85818.8 (1), 0.00000000 @ 85866.1 (0)] \
         bids []"
    );
}

#[test]
fn best_levels() {
    assert_eq!(
        one(BBO),
        "bbo-tbt:BTC-USDT-SWAP ts 1767225600123000000 seq 1000 asks [123.45 @ 91500.50 (3)] \
         bids [6.78 @ 91500.40 (2)] []"
    );
}

#[test]
fn updates_of_a_book() {
    assert_eq!(
        one(UPDATE),
        "books-l2-tbt:BTC-USDT-SWAP update ts 1767225600123000000 seq 1010 prev 1000 \
         asks [0.00 @ 91500.50 (0), 0.55 @ 91500.60 (1)] bids [7.00 @ 91500.40 (3)]"
    );
    assert_eq!(
        one(HEARTBEAT),
        "books-l2-tbt:BTC-USDT-SWAP update ts 1767225660123000000 seq 1010 prev 1010 asks [] bids []"
    );
    assert_eq!(
        one(RESET),
        "books-l2-tbt:BTC-USDT-SWAP update ts 1767225600123000000 seq 3 prev 1020 asks [] \
         bids [0.01 @ 91500.30 (1)]"
    );
}

#[test]
fn a_change_of_exponents_is_a_link_without_levels() {
    assert_eq!(
        one(EXPONENT),
        "books-l2-tbt:BTC-USDT-SWAP update ts 1767225600123000000 seq 1020 prev 1010 asks [] bids []"
    );
}

#[test]
fn a_trade() {
    assert_eq!(
        one(TRADE),
        "trades:BTC-USDT-SWAP ts 1767225600123000000 seq 1011 id 2005639579 buy 91500.50 x 2.50 \
         count 3 source 0"
    );
}

#[test]
fn a_snapshot_by_request() {
    assert_eq!(
        one(SNAPSHOT),
        "books-l2-tbt:BTC-USDT-SWAP rest_snapshot ts 1767225600123000000 seq 1005 prev none \
         asks [123.45 @ 91500.50 (3), 0.50 @ 91500.60 (1)] bids [6.78 @ 91500.40 (2)]"
    );
}

#[test]
fn a_code_without_an_id_is_its_digits() {
    let mut decoder = Decoder::new(Dialect::V5);
    decoder.set_sbe(InstrumentCodes::new().into());
    let events = decode_frame(&mut decoder, Frame::Binary(&bytes(BBO))).unwrap();
    assert!(events[0].starts_with("bbo-tbt:10459 "), "{events:?}");
    let mut longest = bytes(TRADE);
    longest[8..16].copy_from_slice(&i64::MIN.to_le_bytes());
    let events = decode_frame(&mut decoder, Frame::Binary(&longest)).unwrap();
    assert!(events[0].starts_with("trades:-9223372036854775808 "), "{events:?}");
}

#[test]
fn a_newer_catalogue_replaces_the_older() {
    let mut decoder = decoder();
    decoder.set_sbe(InstrumentCodes::from_iter([(10_459, "X".parse().unwrap())]).into());
    let events = decode_frame(&mut decoder, Frame::Binary(&bytes(BBO))).unwrap();
    assert!(events[0].starts_with("bbo-tbt:X "), "{events:?}");
}
