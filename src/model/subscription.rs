//! A subscription: one channel of one instrument.

use std::fmt;
use std::str::FromStr;

use super::channel::Channel;
use super::channel_kind::ChannelKey;
use super::dialect::{Dialect, Market};
use super::instrument::{InstrumentId, InstrumentIdError};
use super::raw_key::RawKey;
use super::topic::Topic;

/// One channel of one instrument: the unit of a subscribe request and the key of its state.
///
/// Its text has the form of the dialect's documents: `futures/depth5:BTC-USD-190517` in v3,
/// `books5:BTC-USDT` in v5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subscription {
    channel: Channel,
    market: Option<Market>,
    inst_id: InstrumentId,
}

/// The error of a text that is not a [`Subscription`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// There is no colon between the channel and the instrument.
    #[error(
        "{0:?} has no ':'; write CHANNEL:INSTRUMENT, such as books5:BTC-USDT (v5) or \
         futures/depth5:BTC-USD-190517 (v3)"
    )]
    NoInstrument(String),
    /// A v3 channel lacks its market.
    #[error("{0:?} has no market; v3 writes MARKET/CHANNEL, such as futures/depth5")]
    NoMarket(String),
    /// There is no such market.
    #[error("unknown market {0:?}; v3 has spot, swap, futures, option and index")]
    Market(String),
    /// This crate does not decode that channel in that dialect.
    #[error("unknown {1} channel {0:?}; {1} has {names}", names = channel_names(*.1))]
    Channel(String, Dialect),
    /// The channel is of the other dialect than the connection.
    #[error("{0} is not a channel of {1}")]
    OtherDialect(String, Dialect),
    /// The channel has no instrument.
    #[error("{0} has no instrument; write {0} alone")]
    NoKey(Channel),
    /// A channel that this crate decodes was asked for as text.
    #[error("{0} is decoded: subscribe it by its own name")]
    Decoded(Channel),
    /// The instrument's id is empty or too long.
    #[error(transparent)]
    Instrument(#[from] InstrumentIdError),
}

fn channel_names(dialect: Dialect) -> String {
    let names = Channel::ALL.iter().filter(|c| c.dialect() == dialect).map(|c| c.name());
    let candles = match dialect {
        Dialect::V3 => "candle60s to candle604800s",
        Dialect::V5 => "candle1m and other bars, and the same of mark-price-, index- and sprd-",
    };
    let plain = names.filter(|name| !name.contains("candle"));
    plain.chain([candles]).collect::<Vec<_>>().join(", ")
}

impl Subscription {
    /// A v3 subscription, such as `futures/depth5:BTC-USD-190517`.
    ///
    /// # Errors
    /// [`SubscriptionError::Channel`] if the channel is not one of v3;
    /// [`SubscriptionError::Instrument`] if `inst_id` is empty.
    pub fn v3(
        market: Market,
        channel: Channel,
        inst_id: InstrumentId,
    ) -> Result<Self, SubscriptionError> {
        match channel.dialect() {
            Dialect::V3 => Self::checked(channel, Some(market), inst_id),
            Dialect::V5 => Err(SubscriptionError::Channel(channel.to_string(), Dialect::V3)),
        }
    }

    /// A v5 subscription, such as `books5:BTC-USDT`.
    ///
    /// # Errors
    /// [`SubscriptionError::Channel`] if the channel is not one of v5;
    /// [`SubscriptionError::NoKey`] or [`SubscriptionError::Instrument`] if `inst_id` is given
    /// for a
    /// channel that has no key, or not for one that has.
    pub fn v5(channel: Channel, inst_id: InstrumentId) -> Result<Self, SubscriptionError> {
        match channel.dialect() {
            Dialect::V5 => Self::checked(channel, None, inst_id),
            Dialect::V3 => Err(SubscriptionError::Channel(channel.to_string(), Dialect::V5)),
        }
    }

    fn checked(
        channel: Channel,
        market: Option<Market>,
        inst_id: InstrumentId,
    ) -> Result<Self, SubscriptionError> {
        if channel.key() == ChannelKey::Raw {
            let name = RawKey::parse(inst_id.as_str()).channel;
            if let Some(decoded) = Channel::from_name(Dialect::V5, name.as_bytes()) {
                return Err(SubscriptionError::Decoded(decoded));
            }
        }
        match (channel.key_in(market), inst_id.as_bytes().is_empty()) {
            (ChannelKey::Nothing, false) => Err(SubscriptionError::NoKey(channel)),
            (ChannelKey::Nothing, true) | (_, false) => Ok(Self { channel, market, inst_id }),
            (_, true) => Err(InstrumentIdError::Empty.into()),
        }
    }

    /// Parses a subscription in the form of the dialect's documents.
    ///
    /// # Errors
    /// [`SubscriptionError`] names the fault of the text and the valid forms.
    pub fn parse(dialect: Dialect, text: &str) -> Result<Self, SubscriptionError> {
        let (head, inst_id) = match text.split_once(':') {
            Some((head, inst_id)) => (head, Some(inst_id)),
            None => (text, None),
        };
        let (market, name) = match dialect {
            Dialect::V5 => (None, head),
            Dialect::V3 => {
                let (market, name) = head
                    .split_once('/')
                    .ok_or_else(|| SubscriptionError::NoMarket(head.to_owned()))?;
                let market = Market::from_name(market.as_bytes())
                    .ok_or_else(|| SubscriptionError::Market(market.to_owned()))?;
                (Some(market), name)
            }
        };
        let channel = Channel::from_name(dialect, name.as_bytes())
            .ok_or_else(|| SubscriptionError::Channel(name.to_owned(), dialect))?;
        let inst_id = match (channel.key_in(market), inst_id) {
            (ChannelKey::Nothing, None) => InstrumentId::NONE,
            (ChannelKey::Nothing, Some(_)) => {
                return Err(SubscriptionError::NoKey(channel));
            }
            (_, Some(inst_id)) => InstrumentId::new(inst_id)?,
            (_, None) => return Err(SubscriptionError::NoInstrument(text.to_owned())),
        };
        Self::checked(channel, market, inst_id)
    }

    /// The subscription of an event's topic.
    ///
    /// # Errors
    /// [`SubscriptionError`] if the topic's dialect, market or key are not those of its channel.
    pub fn of(topic: &Topic<'_>) -> Result<Self, SubscriptionError> {
        let inst_id = match topic.channel.key_in(topic.market) {
            ChannelKey::Nothing => InstrumentId::NONE,
            _ => InstrumentId::new(topic.inst_id)?,
        };
        match topic.market {
            Some(market) => Self::v3(market, topic.channel, inst_id),
            None => Self::v5(topic.channel, inst_id),
        }
    }

    /// The channel.
    #[inline]
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The market: always present in v3, never in v5.
    #[inline]
    #[must_use]
    pub const fn market(&self) -> Option<Market> {
        self.market
    }

    /// The instrument, or what else the channel is keyed by: see [`Channel::key`].
    #[inline]
    #[must_use]
    pub const fn inst_id(&self) -> &InstrumentId {
        &self.inst_id
    }

    /// The borrowed form, as in events.
    #[inline]
    #[must_use]
    pub fn topic(&self) -> Topic<'_> {
        Topic { channel: self.channel, market: self.market, inst_id: self.inst_id.as_str() }
    }

    /// The dialect, which follows from the channel.
    #[inline]
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.channel.dialect()
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.topic().fmt(f)
    }
}

impl FromStr for Subscription {
    type Err = SubscriptionError;

    /// Parses either dialect: a slash before the colon means v3.
    fn from_str(text: &str) -> Result<Self, SubscriptionError> {
        let head = text.split(':').next().unwrap_or(text);
        let dialect = if head.contains('/') { Dialect::V3 } else { Dialect::V5 };
        Self::parse(dialect, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_read_and_print_as_the_documents_write_them() {
        for text in [
            "futures/depth5:BTC-USD-190517",
            "spot/trade:BTC-USDT",
            "option/depth_l2_tbt:EOS-USD-210625-8.00-C",
            "books5:BTC-USDT",
            "bbo-tbt:BTC-USD_UM_XPERP-310404",
            "futures/instruments",
            "option/instruments:BTC-USD",
            "option/summary:BTC-USD",
        ] {
            assert_eq!(text.parse::<Subscription>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn errors_name_the_valid_forms() {
        let message = |text: &str| text.parse::<Subscription>().unwrap_err().to_string();
        assert!(message("books5").contains("books5:BTC-USDT"));
        assert!(message("depth5:BTC-USDT").contains("books5, bbo-tbt"));
        assert!(message("margin/depth5:X").contains("futures"));
        assert!(message("spot/books5:X").contains("depth5"));
        assert!(message("books5:").contains("empty"));
        let no_market = Subscription::parse(Dialect::V3, "depth5:X").unwrap_err();
        assert!(no_market.to_string().contains("MARKET/CHANNEL"));
    }
}
