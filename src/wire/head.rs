//! Finds the subscription of a malformed message from its first bytes.

use crate::event::ControlKind;
use crate::model::{Channel, ChannelKey, Dialect, InstrumentId, Market, Subscription};

/// The number of first bytes that are read of a text over the limit.
pub(super) const HEAD_LEN: usize = 256;

/// The longest accepted name, in bytes, closing quote included.
const LONGEST_NAME: usize = 64;

/// The subscription of a message, as far as its first bytes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageHead<'t> {
    /// The channel.
    pub(crate) channel: Channel,
    /// The market, in v3.
    pub(crate) market: Option<Market>,
    /// The instrument. In v5 from the first bytes; in v3 from the items, if all name the same one.
    pub(crate) inst_id: Option<&'t str>,
}

/// The names at the start of a message, known or unknown.
struct Names<'t> {
    /// The market, in v3.
    market: Option<&'t str>,
    channel: &'t str,
    /// The rest of the text, which starts with the instrument in v5.
    rest: &'t [u8],
}

impl<'t> Names<'t> {
    /// Reads the names in the exchange's usual form; `None` for any other form.
    fn of(dialect: Dialect, text: &'t [u8]) -> Option<Self> {
        match dialect {
            Dialect::V3 => {
                let (name, rest) = quoted(text.strip_prefix(b"{\"table\":")?)?;
                let (market, channel) = name.split_once('/')?;
                Some(Self { market: Some(market), channel, rest })
            }
            Dialect::V5 => {
                let (channel, rest) = quoted(text.strip_prefix(b"{\"arg\":{\"channel\":")?)?;
                Some(Self { market: None, channel, rest })
            }
        }
    }
}

impl<'t> MessageHead<'t> {
    /// Reads the head in the exchange's usual form; `None` for any other form or an unknown
    /// channel. Then the message may belong to any subscription.
    pub(crate) fn of(dialect: Dialect, text: &'t [u8]) -> Option<Self> {
        let Names { market, channel, rest } = Names::of(dialect, text)?;
        let channel = Channel::from_name(dialect, channel.as_bytes())?;
        let (market, inst_id) = match market {
            Some(market) => (Some(Market::from_name(market.as_bytes())?), None),
            None => (None, v5_key(channel, rest)?),
        };
        Some(Self { channel, market, inst_id })
    }

    /// Adds the instrument of a v3 text that is valid JSON, if the text names exactly one.
    pub(crate) fn with_instrument(self, text: &'t [u8]) -> Self {
        const KEY: &[u8] = b"\"instrument_id\":";
        if self.inst_id.is_some() {
            return self;
        }
        let keys = text.windows(KEY.len()).enumerate().filter(|(_, window)| *window == KEY);
        let mut ids = keys.map(|(at, _)| quoted(text.get(at + KEY.len()..)?).map(|(id, _)| id));
        let first = ids.next().flatten();
        Self { inst_id: first.filter(|_| ids.all(|id| id == first)), ..self }
    }

    /// The subscription of the message; `None` if the instrument is not known.
    pub(crate) fn subscription(&self) -> Option<Subscription> {
        let inst_id = InstrumentId::new(self.inst_id?).ok()?;
        match self.market {
            Some(market) => Subscription::v3(market, self.channel, inst_id).ok(),
            None => Subscription::v5(self.channel, inst_id).ok(),
        }
    }
}

/// What a v5 message is keyed by, if that is one text; `Some(None)` if it may be any of the
/// channel's.
fn v5_key(channel: Channel, rest: &[u8]) -> Option<Option<&str>> {
    let name: &[u8] = match channel.key() {
        ChannelKey::InstId => b",\"instId\":",
        ChannelKey::SprdId => b",\"sprdId\":",
        _ => return Some(None),
    };
    Some(Some(quoted(rest.strip_prefix(name)?)?.0))
}

/// The channel name of a message whose channel is not decoded; `None` if it is decoded, or if the
/// text does not start as messages do.
pub(super) fn unread_channel(dialect: Dialect, text: &[u8]) -> Option<&str> {
    let Names { market, channel, .. } = Names::of(dialect, text)?;
    let is_market = market.is_none_or(|market| Market::from_name(market.as_bytes()).is_some());
    let is_read = is_market && Channel::from_name(dialect, channel.as_bytes()).is_some();
    (!is_read).then_some(channel)
}

/// The control kind of a text that is a single word: `pong`, or a `ping` of the exchange. Ignores
/// case and surrounding blanks.
pub(super) fn bare_word(text: &[u8]) -> Option<ControlKind<'static>> {
    // No JSON text of the exchange starts with these bytes.
    if !matches!(text.first()?, b'p' | b'P' | b' ' | b'\t' | b'\r' | b'\n') {
        return None;
    }
    let word = text.trim_ascii();
    if word.eq_ignore_ascii_case(b"pong") {
        Some(ControlKind::Pong)
    } else if word.eq_ignore_ascii_case(b"ping") {
        Some(ControlKind::Other("ping"))
    } else {
        None
    }
}

/// Whether a body looks like an uncompressed message.
pub(super) fn is_plain(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    bare_word(text).is_some() || text.starts_with(b"{\"") && text.ends_with(b"}")
}

/// A short quoted text, and the rest after it.
fn quoted(text: &[u8]) -> Option<(&str, &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let len = text.iter().take(LONGEST_NAME).position(|byte| *byte == b'"')?;
    let (name, rest) = text.split_at_checked(len)?;
    Some((std::str::from_utf8(name).ok()?, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_exactly_or_not_at_all() {
        let v5 = |text: &'static str| MessageHead::of(Dialect::V5, text.as_bytes());
        let head = v5(r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"data":x"#).unwrap();
        assert_eq!((head.channel, head.inst_id), (Channel::Books, Some("BTC-USDT")));
        for text in
            ["", "{", r#"{"arg":{"channel":"bookz","instId":"X"}"#, r#"{"arg":{"channel":"books""#]
        {
            assert_eq!(v5(text), None);
        }
        let v3 = |text: &'static str| MessageHead::of(Dialect::V3, text.as_bytes());
        let head = v3(r#"{"table":"swap/depth_l2_tbt","action":"#).unwrap();
        assert_eq!((head.channel, head.market), (Channel::DepthL2Tbt, Some(Market::Swap)));
        for text in [r#"{"table":"swap/nope","#, r#"{"table":"moon/depth","#, r#"{"event":"x"}"#] {
            assert_eq!(v3(text), None);
        }
    }
}
