//! What channels of records are keyed by, and their names on the wire.

use super::connection::Endpoint;
use crate::model::{Channel, ChannelKey, Market};
use crate::sim::market::Listing;

pub(super) const fn inst_type(market: Market) -> &'static str {
    match market {
        Market::Spot | Market::Index => "SPOT",
        Market::Swap => "SWAP",
        Market::Futures => "FUTURES",
        Market::Option => "OPTION",
    }
}

/// The channel of a name that this crate does not decode: it can be had as text.
pub(crate) fn undecoded(endpoint: Endpoint, name: &str) -> Option<Channel> {
    let raw = match endpoint {
        Endpoint::V5Public => Channel::Raw,
        Endpoint::V5Business => Channel::RawBusiness,
        Endpoint::V3 | Endpoint::V5Sbe => return None,
    };
    (wire_name(raw) == name).then_some(raw)
}

/// The member that keys a channel that this crate does not decode; `None` if nothing does.
pub(crate) fn undecoded_key(channel: Channel) -> Option<&'static str> {
    (channel == Channel::Raw).then_some("instId")
}

/// The name of a channel on the wire.
pub(crate) const fn wire_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Raw => "books-elp-all",
        Channel::RawBusiness => "economic-calendar",
        _ => channel.name(),
    }
}

/// The market of v5's name of a type.
pub(crate) fn market_of(name: &str) -> Option<Market> {
    Market::ALL.into_iter().find(|market| *market != Market::Index && inst_type(*market) == name)
}

/// The family of an instrument: of the form `BTC-USDT`.
pub(crate) fn family(listing: &Listing) -> String {
    let parts: Vec<_> = listing.inst_id().as_str().split('-').take(2).collect();
    parts.join("-")
}

/// The key of a topic that is kept with an instrument, and its members in v5.
pub(crate) fn key_of(channel: Channel, listing: &Listing) -> (String, Vec<(&'static str, String)>) {
    let (id, kind) = (listing.inst_id().to_string(), inst_type(listing.market()).to_owned());
    let members = match channel.key_in(Some(listing.market())) {
        ChannelKey::InstType if channel == Channel::EventContractMarkets => {
            vec![("instType", "EVENTS".to_owned())]
        }
        ChannelKey::InstType => vec![("instType", kind)],
        ChannelKey::InstFamily => vec![("instFamily", family(listing))],
        ChannelKey::OptionFamily | ChannelKey::TypeAndFamily => {
            vec![("instType", kind), ("instFamily", family(listing))]
        }
        ChannelKey::SprdId => vec![("sprdId", id)],
        ChannelKey::Nothing => Vec::new(),
        ChannelKey::Underlying => return (family(listing), Vec::new()),
        ChannelKey::Raw if undecoded_key(channel).is_none() => Vec::new(),
        ChannelKey::Raw | ChannelKey::InstId => vec![("instId", id)],
    };
    let key = members.last().map(|(_, value)| value.clone()).unwrap_or_default();
    (key, members)
}
