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
}

impl<'t> Names<'t> {
    /// Reads the names in the exchange's usual form; `None` for any other form.
    fn of(dialect: Dialect, text: &'t [u8]) -> Option<Self> {
        match dialect {
            Dialect::V3 => {
                let (name, _) = quoted(text.strip_prefix(b"{\"table\":")?)?;
                let (market, channel) = name.split_once('/')?;
                Some(Self { market: Some(market), channel })
            }
            Dialect::V5 => {
                let (channel, _) = quoted(text.strip_prefix(b"{\"arg\":{\"channel\":")?)?;
                Some(Self { market: None, channel })
            }
        }
    }
}

impl<'t> MessageHead<'t> {
    /// Searches the head in a text of any form: members in any order, with blanks, cut anywhere.
    /// `None` if the text does not name a channel that is known. Slow; for malformed messages.
    #[cold]
    pub(crate) fn find(dialect: Dialect, text: &'t [u8]) -> Option<Self> {
        match dialect {
            Dialect::V3 => {
                let (market, channel) =
                    quoted(values(text, b"\"table\"").next()?)?.0.split_once('/')?;
                let market = Some(Market::from_name(market.as_bytes())?);
                let channel = Channel::from_name(dialect, channel.as_bytes())?;
                Some(Self { channel, market, inst_id: None })
            }
            Dialect::V5 => {
                let arg = values(text, b"\"arg\"").find_map(|value| value.strip_prefix(b"{"))?;
                let end = arg.iter().position(|byte| *byte == b'}').unwrap_or(arg.len());
                let arg = arg.get(..end)?;
                let name = |key| values(arg, key).find_map(quoted).map(|(name, _)| name);
                let channel = Channel::from_name(dialect, name(b"\"channel\"")?.as_bytes())?;
                let key: &[u8] = match channel.key() {
                    ChannelKey::InstId => b"\"instId\"",
                    ChannelKey::SprdId => b"\"sprdId\"",
                    _ => return Some(Self { channel, market: None, inst_id: None }),
                };
                Some(Self { channel, market: None, inst_id: name(key) })
            }
        }
    }

    /// Adds the instrument of a v3 text that is valid JSON, if the text names exactly one.
    pub(crate) fn with_instrument(self, text: &'t [u8]) -> Self {
        if self.inst_id.is_some() {
            return self;
        }
        let mut ids = values(text, b"\"instrument_id\"").map(|id| quoted(id).map(|(id, _)| id));
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

/// The texts that follow each occurrence of a key, its quotes included, and a colon.
fn values<'t>(text: &'t [u8], key: &'static [u8]) -> impl Iterator<Item = &'t [u8]> {
    let found = text.windows(key.len()).enumerate().filter(move |(_, window)| *window == key);
    found.filter_map(move |(at, _)| {
        let rest = text.get(at + key.len()..)?.trim_ascii_start();
        Some(rest.strip_prefix(b":")?.trim_ascii_start())
    })
}

/// The channel name of a message whose channel is not decoded; `None` if it is decoded, or if the
/// text does not start as messages do.
pub(super) fn unread_channel(dialect: Dialect, text: &[u8]) -> Option<&str> {
    let Names { market, channel } = Names::of(dialect, text)?;
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
    let is_object =
        text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""));
    bare_word(text).is_some() || is_object && text.ends_with(b"}")
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
    fn a_head_is_found_in_any_form() {
        let v5 = |text: &'static str| {
            let head = MessageHead::find(Dialect::V5, text.as_bytes())?;
            Some((head.channel, head.inst_id))
        };
        let known = Some((Channel::Books5, Some("BTC-USDT")));
        for text in [
            r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["x"#,
            r#"{"data":[{"instId":"ETH-USDT"}],"arg":{"channel":"books5","instId":"BTC-USDT"}}"#,
            r#"{"arg":{"instId":"BTC-USDT","channel":"books5"},"data":1}"#,
            r#"{ "arg" : { "channel" : "books5" , "instId" : "BTC-USDT" } , "data""#,
            r#"{"action":"arg","id":"7","arg":{"channel":"books5","x":1,"instId":"BTC-USDT"#,
        ] {
            let known = if text.ends_with("USDT") { Some((Channel::Books5, None)) } else { known };
            assert_eq!(v5(text), known, "{text}");
        }
        assert_eq!(v5(r#"{"arg":{"channel":"books5","inst"#), Some((Channel::Books5, None)));
        for text in [r#"{"arg":{"channel":"boo"#, r#"{"data":[]}"#, r#"{"arg":"channel"}"#, ""] {
            assert_eq!(v5(text), None, "{text}");
        }
        let text = br#"{"data":[{"instrument_id" : "A"}],"table" : "swap/depth"}"#;
        let head = MessageHead::find(Dialect::V3, text).unwrap().with_instrument(text);
        let found = (head.channel, head.market, head.inst_id);
        assert_eq!(found, (Channel::Depth, Some(Market::Swap), Some("A")));
        assert_eq!(MessageHead::find(Dialect::V3, br#"{"table":"swap"}"#), None);
    }

    #[test]
    fn plain_json_in_a_binary_frame_may_have_blanks() {
        for body in [&b"{\"table\":1}"[..], b"{ \"table\":1 }", b" {\n\"event\":2}\n", b" PONG"] {
            assert!(is_plain(body), "{}", body.escape_ascii());
        }
        for body in [&b"{"[..], b"{}", b"{ \"table\":1", b"[1]", b"\x4b\x4c"] {
            assert!(!is_plain(body), "{}", body.escape_ascii());
        }
    }
}
