//! Texts of the messages of records. Source of the shapes: `docs/PROTOCOL.md` 11.

use std::fmt::Write;

use super::record_key::{family, inst_type, key_of, wire_name};
use super::sbe::code_of;
use super::v5::members_text;
use crate::model::{Channel, Dialect, Level, Market, UnixNanos};
use crate::sim::market::{InstIndex, Listing, ListingState, SimMarket};

pub(super) const HOUR_MS: u64 = 3_600_000;

/// The first, highest, lowest and last price of a period, in ticks, and its volume in lots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) start_ms: u64,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    pub(super) lots: i64,
}

pub(super) fn envelope(channel: Channel, listing: &Listing, items: &str) -> String {
    if channel.dialect() == Dialect::V3 {
        let market = listing.market();
        return format!(r#"{{"table":"{market}/{channel}","data":[{items}]}}"#);
    }
    // What is pushed of block trades names no instrument outside of the data.
    let members = match channel {
        Channel::BlockTickers => String::new(),
        _ => members_text(&key_of(channel, listing).1),
    };
    let name = wire_name(channel);
    format!(r#"{{"arg":{{"channel":"{name}"{members}}},"data":[{items}]}}"#)
}

/// Price and size of a level; empty where the side is.
fn texts(level: Option<&Level>) -> (String, String) {
    level.map_or_else(Default::default, |level| (level.px().to_string(), level.sz().to_string()))
}

pub(super) fn ticker(
    listing: &Listing,
    period: &Period,
    (ask, bid): (Option<&Level>, Option<&Level>),
    now: u64,
) -> String {
    let ((ask_px, ask_sz), (bid_px, bid_sz)) = (texts(ask), texts(bid));
    let px = |ticks| listing.px(ticks);
    let (last, open, high, low) =
        (px(period.close), px(period.open), px(period.high), px(period.low));
    let volume = listing.sz(period.lots);
    if listing.is_spread() {
        let id = listing.inst_id();
        return format!(
            concat!(
                r#"{{"sprdId":"{}","last":"{}","lastSz":"{}","askPx":"{}","askSz":"{}","#,
                r#""bidPx":"{}","bidSz":"{}","open24h":"{}","high24h":"{}","low24h":"{}","#,
                r#""vol24h":"{}","ts":"{}"}}"#
            ),
            id, last, volume, ask_px, ask_sz, bid_px, bid_sz, open, high, low, volume, now
        );
    }
    format!(
        concat!(
            r#"{{"instType":"{kind}","instId":"{id}","last":"{last}","lastSz":"{volume}","#,
            r#""askPx":"{ask_px}","askSz":"{ask_sz}","bidPx":"{bid_px}","bidSz":"{bid_sz}","#,
            r#""open24h":"{open}","high24h":"{high}","low24h":"{low}","sodUtc0":"{open}","#,
            r#""sodUtc8":"{open}","volCcy24h":"{volume}","vol24h":"{volume}","ts":"{now}"}}"#
        ),
        kind = inst_type(listing.market()),
        id = listing.inst_id(),
        last = last,
        volume = volume,
        ask_px = ask_px,
        ask_sz = ask_sz,
        bid_px = bid_px,
        bid_sz = bid_sz,
        open = open,
        high = high,
        low = low,
        now = now,
    )
}

pub(super) fn ticker_v3(
    listing: &Listing,
    period: &Period,
    (ask, bid): (Option<&Level>, Option<&Level>),
    ts: UnixNanos,
) -> String {
    let ((ask_px, ask_sz), (bid_px, bid_sz)) = (texts(ask), texts(bid));
    let px = |ticks| listing.px(ticks);
    let volume = match listing.market() {
        Market::Spot => ["base_volume_24h", "quote_volume_24h"],
        _ => ["volume_24h", "volume_token_24h"],
    };
    let sz = listing.sz(period.lots);
    let volumes = volume.map(|name| format!(r#""{name}":"{sz}""#)).join(",");
    format!(
        concat!(
            r#"{{"last":"{last}","open_24h":"{open}","best_bid":"{bid_px}","high_24h":"{high}","#,
            r#""low_24h":"{low}",{volumes},"best_ask":"{ask_px}","instrument_id":"{id}","#,
            r#""timestamp":"{ts}","best_bid_size":"{bid_sz}","best_ask_size":"{ask_sz}","#,
            r#""last_qty":"{sz}"}}"#
        ),
        last = px(period.close),
        open = px(period.open),
        bid_px = bid_px,
        high = px(period.high),
        low = px(period.low),
        volumes = volumes,
        ask_px = ask_px,
        id = listing.inst_id(),
        ts = ts.iso_ms(),
        bid_sz = bid_sz,
        ask_sz = ask_sz,
        sz = sz,
    )
}

/// A channel of one price, or of what follows from one.
pub(super) fn price(
    channel: Channel,
    listing: &Listing,
    last: i64,
    ts: UnixNanos,
) -> Option<String> {
    let (id, kind, now) = (listing.inst_id(), inst_type(listing.market()), ts.as_millis());
    let (iso, px) = (ts.iso_ms(), listing.px(last));
    let (high, low) = (listing.px(last + last / 50), listing.px(last - last / 50));
    let funding = (now / (8 * HOUR_MS) + 1) * 8 * HOUR_MS;
    let funding_iso = UnixNanos::from_millis(funding)?.iso_ms();
    let next = funding + 8 * HOUR_MS;
    let oi = listing.sz(listing.typical_lots().saturating_mul(1_000).saturating_add(last % 1_000));
    Some(match channel {
        Channel::MarkPrice => {
            format!(r#"{{"instType":"{kind}","instId":"{id}","markPx":"{px}","ts":"{now}"}}"#)
        }
        Channel::IndexTickers => format!(
            concat!(
                r#"{{"instId":"{}","idxPx":"{}","open24h":"{}","high24h":"{}","low24h":"{}","#,
                r#""sodUtc0":"{}","sodUtc8":"{}","ts":"{}"}}"#
            ),
            id, px, px, high, low, px, px, now
        ),
        Channel::OpenInterest => format!(
            r#"{{"instId":"{id}","instType":"{kind}","oi":"{oi}","oiCcy":"{oi}","oiUsd":"","ts":"{now}"}}"#
        ),
        Channel::PriceLimit => format!(
            r#"{{"instId":"{id}","instType":"{kind}","buyLmt":"{high}","sellLmt":"{low}","ts":"{now}","enabled":true}}"#
        ),
        Channel::FundingRate => format!(
            concat!(
                r#"{{"formulaType":"withRate","fundingRate":"0.0001","fundingTime":"{}","#,
                r#""impactValue":"10000","instId":"{}","instType":"{}","interestRate":"0.0001","#,
                r#""maxFundingRate":"0.015","method":"current_period","#,
                r#""minFundingRate":"-0.015","nextFundingRate":"","nextFundingTime":"{}","#,
                r#""premium":"-0.0004","settFundingRate":"0.00007","settState":"settled","#,
                r#""ts":"{}"}}"#
            ),
            funding, id, kind, next, now
        ),
        Channel::MarkPriceV3 => {
            format!(r#"{{"instrument_id":"{id}","mark_price":"{px}","timestamp":"{iso}"}}"#)
        }
        Channel::PriceRange => format!(
            r#"{{"highest":"{high}","instrument_id":"{id}","lowest":"{low}","timestamp":"{iso}"}}"#
        ),
        Channel::FundingRateV3 => format!(
            concat!(
                r#"{{"estimated_rate":"0.0001","funding_rate":"0.00012","#,
                r#""funding_time":"{}","instrument_id":"{}","interest_rate":"0.0002","#,
                r#""settlement_time":"{}"}}"#
            ),
            funding_iso, id, funding_iso
        ),
        _ => return None,
    })
}

pub(super) fn candle(channel: Channel, listing: &Listing, period: &Period) -> String {
    let px = |ticks| listing.px(ticks);
    let prices = [period.open, period.high, period.low, period.close];
    let prices = prices.map(|ticks| format!(r#""{}""#, px(ticks))).join(",");
    let (start, volume) = (period.start_ms, listing.sz(period.lots));
    match channel {
        Channel::MarkPriceCandle(_) | Channel::IndexCandle(_) => {
            format!(r#"["{start}",{prices},"0"]"#)
        }
        Channel::SprdCandle(_) => format!(r#"["{start}",{prices},"{volume}","0"]"#),
        Channel::CandleSeconds(_) => {
            let iso = UnixNanos::from_millis(start).unwrap_or_default().iso_ms();
            let mut bar = format!(r#""{iso}",{prices},"{volume}""#);
            if listing.market() != Market::Spot {
                let _ = write!(bar, r#","{volume}""#);
            }
            format!(r#"{{"candle":[{bar}],"instrument_id":"{}"}}"#, listing.inst_id())
        }
        _ => format!(r#"["{start}",{prices},"{volume}","{volume}","{volume}","0"]"#),
    }
}

/// All instruments of a type that are listed or announced.
pub(super) fn instruments(market: &SimMarket, of: Market) -> String {
    let all = market.indices().filter_map(|inst| Some((inst, market.listing(inst)?)));
    let rows = all
        .filter(|(_, listing)| listing.market() == of && listing.state() != ListingState::Delisted)
        .filter(|(_, listing)| !listing.is_spread());
    rows.map(|(inst, listing)| instrument(inst, listing)).collect::<Vec<_>>().join(",")
}

/// The row of an instrument; of one that is announced, little more than its name.
pub(super) fn instrument(inst: InstIndex, listing: &Listing) -> String {
    let (id, kind) = (listing.inst_id(), inst_type(listing.market()));
    let is_spot = listing.market() == Market::Spot;
    let family = if is_spot { String::new() } else { family(listing) };
    let state = match listing.state() {
        ListingState::Announced => {
            return format!(
                concat!(
                    r#"{{"instFamily":"{}","instId":"{}","instIdCode":null,"instType":"{}","#,
                    r#""listTime":"","lotSz":"","state":"preopen","tickSz":""}}"#
                ),
                family, id, kind
            );
        }
        ListingState::Live => "live",
        ListingState::Delisted => "expired",
    };
    let pair = id.as_str().split_once('-').unwrap_or_default();
    let (base, quote) = if is_spot { pair } else { ("", "") };
    let (settle, value, ccy) = if is_spot { ("", "", "") } else { ("USDT", "0.01", pair.0) };
    format!(
        concat!(
            r#"{{"baseCcy":"{base}","ctMult":"{mult}","ctType":"{ct_type}","ctVal":"{value}","#,
            r#""ctValCcy":"{ccy}","expTime":"","futureSettlement":false,"instFamily":"{family}","#,
            r#""instId":"{id}","instIdCode":{code},"instType":"{kind}","#,
            r#""listTime":"1600000000000","lotSz":"{lot}","minSz":"{lot}","optType":"","#,
            r#""quoteCcy":"{quote}","ruleType":"normal","settleCcy":"{settle}","#,
            r#""state":"{state}","stk":"","tickSz":"{tick}"}}"#
        ),
        base = base,
        mult = if is_spot { "" } else { "1" },
        ct_type = if is_spot { "" } else { "linear" },
        value = value,
        ccy = ccy,
        family = family,
        id = id,
        code = code_of(inst),
        kind = kind,
        lot = listing.lot(),
        quote = quote,
        settle = settle,
        state = state,
        tick = listing.tick(),
    )
}

pub(super) fn status(now: u64) -> String {
    let (begin, end) = (now.saturating_sub(2 * HOUR_MS), now.saturating_sub(HOUR_MS));
    format!(
        concat!(
            r#"{{"begin":"{}","end":"{}","env":"1","href":"","maintType":"1","#,
            r#""preOpenBegin":"","scheDesc":"","serviceType":"0","state":"completed","#,
            r#""system":"unified","title":"WebSocket maintenance","ts":"{}"}}"#
        ),
        begin, end, now
    )
}
