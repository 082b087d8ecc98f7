//! What the exchange's answers are about, and what its error codes mean.

use crate::event::Control;
use crate::model::{ChannelKey, RawKey, Subscription};

/// Whether a reply is about a subscription, by the names that it gives.
pub(super) fn answers(control: &Control<'_>, subscription: &Subscription) -> bool {
    if subscription.channel().key() == ChannelKey::Raw {
        let RawKey { channel, member } = RawKey::parse(subscription.inst_id().as_str());
        let value = member.map(|(_, value)| value);
        return control.channel == Some(channel) && control.inst_id == value;
    }
    control.channel == Some(subscription.channel().name())
        && control.inst_id.unwrap_or_default() == subscription.inst_id().as_str()
        && control.market == subscription.market().map(crate::model::Market::name)
}

/// Whether an error says that the exchange was too busy or failed of itself, so that the same
/// request may succeed later.
///
/// Source: `docs/PROTOCOL.md` 3.2. For 500xx the exchange's error
/// table: unavailable, timed out, too frequent, busy, system error.
pub(super) const fn is_transient(code: Option<i64>) -> bool {
    matches!(
        code,
        Some(
            30014
                | 30026
                | 50001
                | 50004
                | 50011
                | 50013
                | 50026
                | 50040
                | 50061
                | 60014
                | 60023
                | 63999
                | 64007
        )
    )
}

/// Whether an error says that key, passphrase or signature are wrong, which no other connection
/// changes.
///
/// Source: `docs/PROTOCOL.md` 3.2.
pub(super) const fn refuses_key(code: Option<i64>) -> bool {
    matches!(code, Some(30012 | 30013 | 30027 | 60005 | 60007 | 60009 | 60024 | 60032))
}

/// Whether an error says that the channel is for those who have logged in, or for some of them.
///
/// Source: `docs/PROTOCOL.md` 3.2.
pub(super) const fn needs_login(code: Option<i64>) -> bool {
    matches!(code, Some(30041 | 60011 | 64003))
}

/// Whether an error can be the answer to a login. One with an id is about the request of that id,
/// and one that asks for a login about a request that was sent before it.
pub(super) const fn answers_login(control: &Control<'_>) -> bool {
    control.id.is_none() && !needs_login(control.code)
}

/// Whether an error's text names a subscription, in the ways that the two dialects write it.
///
/// Source: v3 `Channel spot/tickerinvalid:NEO-USDT doesn't exist`; v5 `Wrong URL or
/// channel:books5,instId:X doesn't exist. …`.
pub(super) fn names(message: &str, subscription: &Subscription) -> bool {
    let inst_id = subscription.inst_id().as_str();
    if subscription.market().is_some() {
        return holds_word(message, &subscription.to_string());
    }
    if subscription.channel().key() == ChannelKey::Raw {
        let RawKey { channel, member } = RawKey::parse(inst_id);
        let is_held = |(_, value)| holds_word(message, value);
        return holds_word(message, channel) && member.is_none_or(is_held);
    }
    let mut parts = match subscription.channel().key() {
        ChannelKey::TypeAndFamily => inst_id.split('/'),
        // Of one part, which may hold anything.
        _ => inst_id.split('\0'),
    };
    let is_held = |part: &str| part.is_empty() || holds_word(message, part);
    holds_word(message, subscription.channel().name()) && parts.all(is_held)
}

/// Whether `text` holds `word` with neither end inside a longer name.
fn holds_word(text: &str, word: &str) -> bool {
    let in_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "-_.".contains(c));
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let mut after = text.get(at + word.len()..).unwrap_or_default().chars();
        // A point that ends the sentence is no part of the name.
        let next = after.next();
        let ends = next == Some('.') && !in_name(after.next());
        !in_name(before) && (ends || !in_name(next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_matched_by_what_the_channel_is_keyed_by() {
        let control = |channel, inst_id| Control {
            channel: Some(channel),
            inst_id,
            ..Control::new(crate::event::ControlKind::Subscribe)
        };
        for (text, channel, key) in [
            ("tickers:A", "tickers", Some("A")),
            ("status", "status", None),
            ("liquidation-orders:SWAP", "liquidation-orders", Some("SWAP")),
            ("estimated-price:FUTURES/A", "estimated-price", Some("FUTURES/A")),
            ("raw:new:A", "new", Some("A")),
            ("raw:new:instType=SWAP", "new", Some("SWAP")),
        ] {
            let subscription = text.parse().unwrap();
            assert!(answers(&control(channel, key), &subscription), "{text}");
            assert!(!answers(&control(channel, Some("B")), &subscription), "{text}");
            assert!(!answers(&control("other", key), &subscription), "{text}");
        }
        let names = |message, text: &str| names(message, &text.parse().unwrap());
        let error = "channel:estimated-price,instType:FUTURES,instFamily:A-B doesn't exist.";
        assert!(names(error, "estimated-price:FUTURES/A-B"));
        assert!(!names(error, "estimated-price:SWAP/A-B"));
        assert!(names("channel:new,instId:A doesn't exist", "raw:new:A"));
    }

    #[test]
    fn an_error_text_names_whole_ids_only() {
        let names = |message, text: &str| names(message, &text.parse().unwrap());
        let v3 = "Channel spot/trade:BTC-USDT doesn't exist";
        assert!(names(v3, "spot/trade:BTC-USDT"));
        assert!(!names(v3, "spot/trade:BTC-USD"));
        let v5 = "Wrong URL or channel:books5,instId:BTC-USDT-SWAP doesn't exist. Please use it.";
        assert!(names(v5, "books5:BTC-USDT-SWAP"));
        assert!(!names(v5, "books5:BTC-USDT"));
        assert!(!names(v5, "books:BTC-USDT-SWAP"));
        assert!(names("no instId:X.Y, channel:trades.", "trades:X.Y"));
    }
}
