//! Text frames on SBE's path are JSON replies, which name an instrument by its code.

use super::{decode_frame, decoder};
use okx_feed::{Decoder, Dialect, Frame};

fn reply(text: &str) -> String {
    decode_frame(&mut decoder(), Frame::Text(text.as_bytes())).unwrap().remove(0)
}

/// Source: the exchange's documentation of SBE, `connId` as printed there.
#[test]
fn a_reply_gets_the_id_of_its_code() {
    let text = r#"{"event":"subscribe","arg":{"channel":"trades","instIdCode":10459},"connId":"accb8e21"}"#;
    assert_eq!(reply(text), r#"subscribe Some("trades") Some("BTC-USDT-SWAP") Some(10459) None"#);
    let unknown = text.replace("10459", "211874");
    assert_eq!(reply(&unknown), r#"subscribe Some("trades") None Some(211874) None"#);
    // A decoder of JSON has no codes.
    let mut json = Decoder::new(Dialect::V5);
    let events = decode_frame(&mut json, Frame::Text(text.as_bytes())).unwrap();
    assert_eq!(events, [r#"subscribe Some("trades") None Some(10459) None"#]);
}

#[test]
fn errors_and_notices_are_those_of_v5() {
    let error = r#"{"event":"error","msg":"Invalid request","code":"60012","connId":"a4d3ae55"}"#;
    assert_eq!(reply(error), "error None None None Some(60012)");
    let login = r#"{"msg":"Invalid apiKey","code":"60005","connId":"24a2aea3"}"#;
    assert_eq!(reply(login), "error None None None Some(60005)");
}
