//! Request texts. Part of the control plane: allocates.

use super::request_op::RequestOp;
use super::{arg, v3, v5};
use crate::model::{Dialect, InstrumentCodes, Subscription};

/// The ping text; the exchange answers `pong`.
pub const PING: &str = "ping";

/// The text of a request for subscriptions of the dialect. `subscriptions` must not be empty.
///
/// v5 echoes `id` in its reply. v3 has no id and ignores it.
#[must_use]
pub fn request_text(
    dialect: Dialect,
    op: RequestOp,
    id: u64,
    subscriptions: &[Subscription],
) -> String {
    let mut text = String::new();
    match dialect {
        Dialect::V3 => v3::write_request(&mut text, op, subscriptions),
        Dialect::V5 => v5::write_request(&mut text, op, id, subscriptions),
    }
    text
}

/// The text of a request on SBE's path, where instruments are named by their codes.
///
/// An instrument without a code is named by its id, which the exchange refuses with code 60018:
/// so it is reported as refused, and requested again until the catalogue has it.
#[must_use]
pub(crate) fn sbe_request_text(
    op: RequestOp,
    id: u64,
    subscriptions: &[Subscription],
    codes: &InstrumentCodes,
) -> String {
    let mut text = String::new();
    v5::write_sbe_request(&mut text, op, id, subscriptions, codes);
    text
}

/// The length of a subscription in a request's arguments, in bytes, separator included.
#[must_use]
pub(crate) fn argument_len(subscription: &Subscription) -> usize {
    match subscription.dialect() {
        Dialect::V3 => v3::argument(subscription).len() + 1,
        Dialect::V5 => arg::argument(subscription).len() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(op: RequestOp, texts: &[&str]) -> String {
        let subscriptions: Vec<Subscription> = texts.iter().map(|t| t.parse().unwrap()).collect();
        let text = request_text(subscriptions[0].dialect(), op, 7, &subscriptions);
        let arguments: usize = subscriptions.iter().map(argument_len).sum();
        assert!(text.len() >= arguments && text.len() < arguments + 64);
        text
    }

    #[test]
    fn requests_have_the_documented_form() {
        assert_eq!(
            request(
                RequestOp::Subscribe,
                &["futures/depth5:BTC-USD-190517", "spot/trade:BTC-USDT"]
            ),
            r#"{"op":"subscribe","args":["futures/depth5:BTC-USD-190517","spot/trade:BTC-USDT"]}"#
        );
        assert_eq!(
            request(RequestOp::Unsubscribe, &["books5:BTC-USDT"]),
            r#"{"id":"7","op":"unsubscribe","args":[{"channel":"books5","instId":"BTC-USDT"}]}"#
        );
    }

    #[test]
    fn each_channel_is_keyed_as_the_exchange_does() {
        for (text, argument) in [
            ("tickers:A", r#"{"channel":"tickers","instId":"A"}"#),
            ("candle1Dutc:A", r#"{"channel":"candle1Dutc","instId":"A"}"#),
            ("opt-summary:BTC-USD", r#"{"channel":"opt-summary","instFamily":"BTC-USD"}"#),
            ("liquidation-orders:SWAP", r#"{"channel":"liquidation-orders","instType":"SWAP"}"#),
            (
                "option-trades:BTC-USD",
                r#"{"channel":"option-trades","instType":"OPTION","instFamily":"BTC-USD"}"#,
            ),
            (
                "estimated-price:FUTURES/BTC-USD",
                r#"{"channel":"estimated-price","instType":"FUTURES","instFamily":"BTC-USD"}"#,
            ),
            (
                "estimated-price:EVENTS/X",
                r#"{"channel":"estimated-price","instType":"EVENTS","instId":"X"}"#,
            ),
            ("adl-warning:SWAP", r#"{"channel":"adl-warning","instType":"SWAP"}"#),
            ("sprd-tickers:A_B", r#"{"channel":"sprd-tickers","sprdId":"A_B"}"#),
            ("status", r#"{"channel":"status"}"#),
            ("raw:books-elp-all:A", r#"{"channel":"books-elp-all","instId":"A"}"#),
            ("raw:new", r#"{"channel":"new"}"#),
            ("raw-business:x:instType=SWAP", r#"{"channel":"x","instType":"SWAP"}"#),
        ] {
            let one = request(RequestOp::Subscribe, &[text]);
            assert_eq!(one, format!(r#"{{"id":"7","op":"subscribe","args":[{argument}]}}"#));
        }
    }

    /// The sum of the lengths is that of the request. A session that fills requests to the limit
    /// relies on it.
    #[test]
    fn lengths_of_arguments_are_those_of_the_request() {
        for one in ["spot/trade:BTC-USDT", "books5:BTC-USDT"] {
            let one: Subscription = one.parse().unwrap();
            let len = |n| request_text(one.dialect(), RequestOp::Subscribe, 7, &vec![one; n]).len();
            // Each further subscription adds one argument and one comma.
            assert_eq!(len(5) - len(4), argument_len(&one), "{one}");
        }
    }

    #[test]
    fn on_the_path_of_sbe_instruments_are_named_by_their_codes() {
        let codes = InstrumentCodes::from_iter([(211_874, "BTC-USDT".parse().unwrap())]);
        let subscriptions: Vec<Subscription> =
            ["trades:BTC-USDT", "bbo-tbt:NEW-USDT"].map(|text| text.parse().unwrap()).into();
        assert_eq!(
            sbe_request_text(RequestOp::Subscribe, 7, &subscriptions, &codes),
            concat!(
                r#"{"id":"7","op":"subscribe","args":[{"channel":"trades","instIdCode":211874},"#,
                r#"{"channel":"bbo-tbt","instId":"NEW-USDT"}]}"#
            )
        );
    }

    #[test]
    fn ids_are_quoted() {
        let text = request(RequestOp::Subscribe, &["books5:A\"B\\C\u{1} D\u{1f}"]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["args"][0]["instId"], "A\"B\\C\u{1} D\u{1f}");
        // Escapes only the required characters.
        assert!(text.contains("C\\u0001 D\\u001f"), "{text}");
    }
}
