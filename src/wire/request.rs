//! Requests to the exchange, as text. The control plane: this allocates.

use super::{v3, v5};
use crate::model::{Dialect, Subscription};

/// The text that asks whether the other side is there; it answers `pong`.
pub const PING: &str = "ping";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestOp {
    /// To be sent a channel.
    Subscribe,
    /// Not to be sent a channel any more.
    Unsubscribe,
}

impl RequestOp {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// Writes a request for some subscriptions of the dialect, which must not be empty.
///
/// `id` is echoed by v5 in its reply; v3 has no such thing and leaves it out.
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

/// How many bytes a subscription takes in a request's arguments, separator included.
#[must_use]
pub fn argument_len(subscription: &Subscription) -> usize {
    match subscription.dialect() {
        Dialect::V3 => v3::argument(subscription).len() + 1,
        Dialect::V5 => v5::argument(subscription).len() + 1,
    }
}

/// Quotes a text as JSON does.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
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
    fn requests_are_as_the_documents_write_them() {
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

    /// The lengths add up to the request: who fills a request to its limit relies on it.
    #[test]
    fn lengths_of_arguments_are_those_of_the_request() {
        for one in ["spot/trade:BTC-USDT", "books5:BTC-USDT"] {
            let one: Subscription = one.parse().unwrap();
            let len = |n| request_text(one.dialect(), RequestOp::Subscribe, 7, &vec![one; n]).len();
            // With each more, one argument and one comma.
            assert_eq!(len(5) - len(4), argument_len(&one), "{one}");
        }
    }

    #[test]
    fn ids_are_quoted() {
        let text = request(RequestOp::Subscribe, &["books5:A\"B\\C\u{1} D\u{1f}"]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["args"][0]["instId"], "A\"B\\C\u{1} D\u{1f}");
        // Only what has to be escaped is.
        assert!(text.contains("C\\u0001 D\\u001f"), "{text}");
    }
}
