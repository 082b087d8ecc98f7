//! What an argument of a request means, and whether its client may have it.

use super::connection::{Connection, Endpoint};
use super::request::{Arg, ErrorReply, Op};
use super::sbe::code_of;
use super::{record_key, v3, v5};
use crate::model::{Channel, ChannelKey, ChannelPath, Dialect, Market};
use crate::sim::market::{InstIndex, Listing, SimMarket};

/// Who may subscribe v5's tick-by-tick books, `books-l2-tbt` and `books50-l2-tbt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TbtAccess {
    /// Everybody, as until 2022-05.
    #[default]
    Open,
    /// Whoever has logged in; others get code 60011.
    LoggedIn,
    /// Nobody's fee tier is high enough: code 64003, or 60011 without a login.
    TierTooLow,
}

/// A channel of v5 needs a login.
const LOGIN_REQUIRED: u32 = 60011;
/// The fee tier is too low for a channel of v5.
const TIER_TOO_LOW: u32 = 64003;
/// The connection has a channel of v5 that excludes the other.
const CLASH: u32 = 64004;

/// The instrument and the channel of an argument, if they exist on the connection's endpoint and
/// the client may have them.
///
/// # Errors
/// The error reply to this argument.
pub(crate) fn check(
    market: &SimMarket,
    access: TbtAccess,
    connection: &Connection,
    op: Op,
    arg: &Arg,
) -> Result<(InstIndex, Channel), ErrorReply> {
    let (inst, channel) = resolve(market, connection.endpoint, arg)?;
    if op == Op::Subscribe {
        admit(access, connection.logged_in, channel)?;
        exclude(connection, inst, arg, channel)?;
    }
    Ok((inst, channel))
}

fn resolve(
    market: &SimMarket,
    endpoint: Endpoint,
    arg: &Arg,
) -> Result<(InstIndex, Channel), ErrorReply> {
    let dialect = endpoint.dialect();
    let missing = || match dialect {
        Dialect::V3 => v3::no_channel(arg),
        Dialect::V5 => v5::no_channel(arg),
    };
    if endpoint == Endpoint::V5Sbe {
        return resolve_code(market, arg).ok_or_else(missing);
    }
    let channel = Channel::from_name(dialect, arg.channel.as_bytes())
        .or_else(|| record_key::undecoded(endpoint, &arg.channel))
        .ok_or_else(missing)?;
    match (endpoint, channel.path()) {
        (Endpoint::V5Public, ChannelPath::Business) => return Err(v5::moved()),
        (Endpoint::V5Business, ChannelPath::Public) => return Err(v5::not_business()),
        _ => {}
    }
    let inst = instrument(market, channel, arg);
    let inst = inst.ok_or_else(missing)?;
    let named = Market::from_name(arg.market.as_bytes());
    let listed = market.listing(inst).map(|listing| listing.market());
    if dialect == Dialect::V3 && named != listed {
        return Err(missing());
    }
    Ok((inst, channel))
}

/// The instrument with which the state of a channel is kept.
fn instrument(market: &SimMarket, channel: Channel, arg: &Arg) -> Option<InstIndex> {
    let listed = |id: &str, is_spread: bool| {
        let is_such = |inst: &InstIndex| {
            market.listing(*inst).is_some_and(|listing| listing.is_spread() == is_spread)
        };
        market.find(id).filter(is_such)
    };
    let of_type = |name: Option<&str>| record_key::market_of(name?);
    let family = arg.member("instFamily");
    match channel.key_in(Market::from_name(arg.market.as_bytes())) {
        ChannelKey::InstId => listed(&arg.inst_id, false),
        ChannelKey::SprdId => listed(arg.member("sprdId")?, true),
        // The first instrument of the type or family has what is keyed by that.
        ChannelKey::InstType if channel == Channel::EventContractMarkets => {
            (arg.member("instType")? == "EVENTS").then(|| market.indices().next())?
        }
        ChannelKey::InstType => first_of(market, of_type(arg.member("instType"))),
        ChannelKey::InstFamily => first_of_family(market, Market::Option, family?),
        ChannelKey::OptionFamily => {
            (arg.member("instType")? == "OPTION").then_some(())?;
            first_of_family(market, Market::Option, family?)
        }
        ChannelKey::TypeAndFamily => {
            first_of_family(market, of_type(arg.member("instType"))?, family?)
        }
        ChannelKey::Underlying => first_of_family(market, Market::Option, &arg.inst_id),
        ChannelKey::Nothing if channel == Channel::InstrumentsV3 => {
            first_of(market, Some(Market::Futures)).filter(|_| arg.inst_id.is_empty())
        }
        ChannelKey::Nothing => market.indices().next(),
        ChannelKey::Raw => match record_key::undecoded_key(channel) {
            Some(name) => listed(arg.member(name)?, false),
            None => market.indices().next(),
        },
    }
}

/// SBE's path takes three channels, of instruments by their numbers alone.
fn resolve_code(market: &SimMarket, arg: &Arg) -> Option<(InstIndex, Channel)> {
    let channel = match arg.channel.as_str() {
        "trades" => Channel::Trades,
        "bbo-tbt" => Channel::BboTbt,
        "books-l2-tbt" => Channel::BooksL2Tbt,
        _ => return None,
    };
    let inst = market.indices().find(|inst| Some(code_of(*inst)) == arg.code)?;
    Some((inst, channel))
}

/// The first instrument of a market, with which what is keyed by its type is kept.
pub(crate) fn first_of(market: &SimMarket, of: Option<Market>) -> Option<InstIndex> {
    first(market, of?, |_| true)
}

/// The first instrument of a market and a family.
fn first_of_family(market: &SimMarket, of: Market, family: &str) -> Option<InstIndex> {
    first(market, of, |listing| record_key::family(listing) == family)
}

fn first(market: &SimMarket, of: Market, is_such: impl Fn(&Listing) -> bool) -> Option<InstIndex> {
    let is_of = |listing: &Listing| listing.market() == of && !listing.is_spread();
    let is_found = |listing: &Listing| is_of(listing) && is_such(listing);
    market.indices().find(|inst| market.listing(*inst).is_some_and(is_found))
}

/// Asks for the login and the fee tier that a channel needs.
fn admit(access: TbtAccess, logged_in: bool, channel: Channel) -> Result<(), ErrorReply> {
    let gated = matches!(channel, Channel::BooksL2Tbt | Channel::Books50L2Tbt);
    match access {
        TbtAccess::LoggedIn | TbtAccess::TierTooLow if gated && !logged_in => {
            Err(ErrorReply::new(LOGIN_REQUIRED, "Please log in"))
        }
        TbtAccess::TierTooLow if gated => {
            let text = "Your trading fee tier doesn't meet the requirement to access this channel";
            Err(ErrorReply::new(TIER_TOO_LOW, text))
        }
        _ => Ok(()),
    }
}

/// Refuses `books-l2-tbt` next to `books` or `books50-l2-tbt` of the same instrument.
fn exclude(
    connection: &Connection,
    inst: InstIndex,
    arg: &Arg,
    channel: Channel,
) -> Result<(), ErrorReply> {
    let others: &[_] = match channel {
        Channel::BooksL2Tbt => &[Channel::Books, Channel::Books50L2Tbt],
        Channel::Books | Channel::Books50L2Tbt => &[Channel::BooksL2Tbt],
        _ => &[],
    };
    let held = others.iter().find(|other| connection.subscriptions.contains(&(inst, **other)));
    let Some(held) = held else { return Ok(()) };
    let id = &arg.inst_id;
    let text = format!("Subscribe to both {channel} and {held} for {id} is not allowed.");
    Err(ErrorReply::new(CLASH, format!("{text} Unsubscribe {held} first.")))
}
