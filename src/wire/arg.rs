//! What a v5 message or request is keyed by: the members of `arg` besides the channel.

use arrayvec::ArrayString;

use super::error::DecodeError;
use super::json::Value;
use super::request_op::quoted;
use crate::model::{Channel, ChannelKey, ChannelKind, Dialect, MAX_ID_LEN, RawKey, Subscription};

/// The members of `arg`.
#[derive(Clone, Copy, Default)]
pub(super) struct Arg<'t> {
    pub(super) channel: Option<&'t str>,
    inst_id: Option<&'t str>,
    inst_type: Option<&'t str>,
    inst_family: Option<&'t str>,
    sprd_id: Option<&'t str>,
    /// SBE's replies name the instrument by its number.
    pub(super) inst_id_code: Option<i64>,
}

/// Room for a key of two parts.
pub(super) type KeyText = ArrayString<MAX_ID_LEN>;

impl<'t> Arg<'t> {
    /// Reads `{"channel":"books","instId":"BTC-USDT"}` and ignores other members.
    pub(super) fn read(arg: Option<Value<'_, '_, 't>>) -> Result<Self, DecodeError> {
        let mut read = Self::default();
        let Some(arg) = arg else { return Ok(read) };
        for (key, value) in arg.object()? {
            let value = Some(value).filter(|value| !value.is_null());
            let member = match key {
                "channel" => &mut read.channel,
                "instId" => &mut read.inst_id,
                "instType" => &mut read.inst_type,
                "instFamily" => &mut read.inst_family,
                "sprdId" => &mut read.sprd_id,
                "instIdCode" => {
                    read.inst_id_code = value.and_then(|value| value.integer().ok());
                    continue;
                }
                _ => continue,
            };
            *member = value.map(|value| value.str()).transpose()?;
        }
        Ok(read)
    }

    /// The key of a subscription to the raw channel that asks for this message; `None` if it has no
    /// channel or is too long.
    pub(super) fn raw_key<'r>(&self, room: &'r mut KeyText) -> Option<&'r str> {
        room.clear();
        room.try_push_str(self.channel.filter(|channel| !channel.is_empty())?).ok()?;
        let members = [
            ("", self.inst_id),
            ("instFamily=", self.inst_family),
            ("sprdId=", self.sprd_id),
            ("instType=", self.inst_type),
        ];
        let member = members.into_iter().find_map(|(name, value)| Some((name, value?)));
        if let Some((name, value)) = member {
            for part in [":", name, value] {
                room.try_push_str(part).ok()?;
            }
        }
        Some(room.as_str())
    }

    /// The channel, if this crate decodes it.
    pub(super) fn known(&self) -> Option<Channel> {
        let channel = Channel::from_name(Dialect::V5, self.channel?.as_bytes());
        channel.filter(|channel| channel.kind() != ChannelKind::Raw)
    }

    /// The instrument or the spread.
    pub(super) const fn instrument(&self) -> Option<&'t str> {
        match (self.inst_id, self.sprd_id) {
            (Some(id), _) | (None, Some(id)) => Some(id),
            (None, None) => None,
        }
    }

    /// The key as a subscription writes it, in `room` if it has two parts; of an unknown channel,
    /// the first part that it has.
    pub(super) fn key<'r>(&self, channel: Option<Channel>, room: &'r mut KeyText) -> Option<&'r str>
    where
        't: 'r,
    {
        let Some(channel) = channel else {
            return self.inst_id.or(self.inst_family).or(self.sprd_id).or(self.inst_type);
        };
        match channel.key() {
            ChannelKey::InstId => self.inst_id,
            ChannelKey::InstFamily | ChannelKey::OptionFamily => self.inst_family,
            ChannelKey::InstType => self.inst_type,
            ChannelKey::SprdId => self.sprd_id,
            ChannelKey::Nothing | ChannelKey::Underlying | ChannelKey::Raw => None,
            ChannelKey::TypeAndFamily => {
                let Some(second) = self.inst_family.or(self.inst_id) else {
                    return self.inst_type;
                };
                room.clear();
                for part in [self.inst_type?, "/", second] {
                    room.try_push_str(part).ok()?;
                }
                Some(room.as_str())
            }
        }
    }
}

/// One argument of a request: `{"channel":"books5","instId":"BTC-USDT"}`.
pub(super) fn argument(subscription: &Subscription) -> String {
    let channel = subscription.channel();
    let key = subscription.inst_id().as_str();
    let member = |name: &str, value: &str| format!(r#","{name}":{}"#, quoted(value));
    let members = match channel.key() {
        ChannelKey::InstId => member("instId", key),
        ChannelKey::InstFamily => member("instFamily", key),
        ChannelKey::InstType => member("instType", key),
        ChannelKey::SprdId => member("sprdId", key),
        ChannelKey::OptionFamily => member("instType", "OPTION") + &member("instFamily", key),
        ChannelKey::TypeAndFamily => match key.split_once('/') {
            None => member("instType", key),
            Some(("EVENTS", inst_id)) => member("instType", "EVENTS") + &member("instId", inst_id),
            Some((kind, family)) => member("instType", kind) + &member("instFamily", family),
        },
        ChannelKey::Nothing | ChannelKey::Underlying => String::new(),
        ChannelKey::Raw => {
            let RawKey { channel, member: of } = RawKey::parse(key);
            let member = of.map_or_else(String::new, |(name, value)| {
                format!(",{}:{}", quoted(name), quoted(value))
            });
            return format!(r#"{{"channel":{}{member}}}"#, quoted(channel));
        }
    };
    format!(r#"{{"channel":"{channel}"{members}}}"#)
}
