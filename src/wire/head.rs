//! Whose a message was that can't be read: what its first bytes still say.

use crate::model::{Channel, Dialect, Market};

/// What the first bytes of a message say of its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageHead<'t> {
    /// The channel.
    pub(crate) channel: Channel,
    /// The market, in v3.
    pub(crate) market: Option<Market>,
    /// The instrument, in v5; v3 names it further in.
    pub(crate) inst_id: Option<&'t str>,
}

impl<'t> MessageHead<'t> {
    /// Reads the head in the exchange's usual form; `None` where it has another, or names no channel
    /// that is known: then it may be anybody's.
    pub(crate) fn of(dialect: Dialect, text: &'t [u8]) -> Option<Self> {
        match dialect {
            Dialect::V3 => {
                let (name, _) = quoted(text.strip_prefix(b"{\"table\":")?)?;
                let (market, channel) = name.split_once('/')?;
                let market = Some(Market::from_name(market.as_bytes())?);
                let channel = Channel::from_name(dialect, channel.as_bytes())?;
                Some(Self { channel, market, inst_id: None })
            }
            Dialect::V5 => {
                let (name, rest) = quoted(text.strip_prefix(b"{\"arg\":{\"channel\":")?)?;
                let channel = Channel::from_name(dialect, name.as_bytes())?;
                let (inst_id, _) = quoted(rest.strip_prefix(b",\"instId\":")?)?;
                Some(Self { channel, market: None, inst_id: Some(inst_id) })
            }
        }
    }
}

/// A short text between quotes, and what follows.
fn quoted(text: &[u8]) -> Option<(&str, &[u8])> {
    const LONGEST: usize = 64;
    let text = text.strip_prefix(b"\"")?;
    let len = text.iter().take(LONGEST).position(|byte| *byte == b'"')?;
    let (name, rest) = text.split_at_checked(len)?;
    Some((std::str::from_utf8(name).ok()?, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_or_nothing_is_claimed() {
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
