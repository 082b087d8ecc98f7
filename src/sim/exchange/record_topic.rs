//! Messages of tickers, marks, funding, limits, candles, instruments and liquidations.
//!
//! Prices follow the market's own trades and books. Source of the shapes: `docs/PROTOCOL.md` 11.

use std::fmt::Write;

use crate::model::{Bar, Channel, ChannelKey, Dialect, Level, Market, Side, UnixNanos};
use crate::sim::market::{InstIndex, Listing, SimMarket};

/// One print of so many is said to be of a liquidation.
const LIQUIDATION_EVERY: u64 = 8;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Whether the exchange serves a channel of records.
pub(crate) const fn is_served(channel: Channel) -> bool {
    matches!(
        channel,
        Channel::Tickers
            | Channel::MarkPrice
            | Channel::IndexTickers
            | Channel::FundingRate
            | Channel::OpenInterest
            | Channel::PriceLimit
            | Channel::LiquidationOrders
            | Channel::Instruments
            | Channel::Status
            | Channel::Candle(_)
            | Channel::MarkPriceCandle(_)
            | Channel::IndexCandle(_)
            | Channel::Ticker
            | Channel::MarkPriceV3
            | Channel::PriceRange
            | Channel::FundingRateV3
            | Channel::CandleSeconds(_)
    )
}

/// The first, highest, lowest and last price of a period, in ticks, and its volume in lots.
#[derive(Clone, Copy, Debug)]
struct Period {
    start_ms: u64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    lots: i64,
}

/// What the subscribers of a channel of records have.
#[derive(Debug)]
pub(crate) struct RecordTopic {
    channel: Channel,
    period: Option<Period>,
    /// The id of the last trade that the period holds.
    last_id: u64,
}

impl RecordTopic {
    pub(crate) const fn new(channel: Channel) -> Self {
        Self { channel, period: None, last_id: 0 }
    }

    /// The current message; `None` where the channel sends events alone.
    pub(crate) fn current(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<String> {
        match self.channel {
            Channel::LiquidationOrders => None,
            _ => self.text(market, inst, ts),
        }
    }

    /// The message after a step of the market; `None` where nothing is to be sent.
    pub(crate) fn change(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<String> {
        match self.channel {
            Channel::Instruments | Channel::Status => None,
            _ => self.text(market, inst, ts),
        }
    }

    fn text(&mut self, market: &SimMarket, inst: InstIndex, ts: UnixNanos) -> Option<String> {
        let listing = market.listing(inst)?;
        let period = self.follow(market, inst, ts)?;
        let top = market.top(inst, 1)?;
        let (ask, bid) = (top.asks().first(), top.bids().first());
        let now = ts.as_millis();
        let items = match self.channel {
            Channel::Tickers => ticker(listing, &period, (ask, bid), now),
            Channel::Ticker => ticker_v3(listing, &period, (ask, bid), ts),
            Channel::LiquidationOrders => self.liquidation(market, inst)?,
            Channel::Instruments => instruments(market, listing.market()),
            Channel::Status => status(now),
            Channel::Candle(_)
            | Channel::MarkPriceCandle(_)
            | Channel::IndexCandle(_)
            | Channel::CandleSeconds(_) => candle(self.channel, listing, &period),
            _ => price(self.channel, listing, period.close, ts)?,
        };
        Some(envelope(self.channel, listing, &items))
    }

    /// Takes the trades since the last call into the period, and starts a new one where it is due.
    fn follow(&mut self, market: &SimMarket, inst: InstIndex, ts: UnixNanos) -> Option<Period> {
        let listing = market.listing(inst)?;
        let length = length_ms(self.channel);
        let start_ms = ts.as_millis() / length * length;
        let print = market.last_print(inst);
        let last = print.map_or_else(|| listing.start_ticks(), |print| print.ticks);
        let before = self.period.map_or(last, |period| period.close);
        let fresh =
            Period { start_ms, open: before, high: before, low: before, close: before, lots: 0 };
        let mut period = self.period.filter(|period| period.start_ms == start_ms).unwrap_or(fresh);
        period.high = period.high.max(last);
        period.low = period.low.min(last);
        period.close = last;
        if let Some(print) = print.filter(|print| print.last_id != self.last_id) {
            self.last_id = print.last_id;
            period.lots = period.lots.saturating_add(print.lots);
        }
        self.period = Some(period);
        Some(period)
    }

    /// A liquidation order of the last trade, now and then.
    fn liquidation(&self, market: &SimMarket, inst: InstIndex) -> Option<String> {
        let (listing, print) = (market.listing(inst)?, market.last_print(inst)?);
        let is_one = market.prints().last().is_some_and(|last| last.last_id == print.last_id)
            && print.last_id % LIQUIDATION_EVERY == 0;
        let (inst_id, px, sz) =
            (listing.inst_id(), listing.px(print.ticks), listing.sz(print.lots));
        let (side, position) = match print.side {
            Side::Buy => ("buy", "short"),
            Side::Sell => ("sell", "long"),
        };
        let (ts, kind) = (print.ts.as_millis(), inst_type(listing.market()));
        is_one.then(|| {
            format!(
                concat!(
                    r#"{{"details":[{{"bkLoss":"0","bkPx":"{px}","ccy":"","posSide":"{position}","#,
                    r#""side":"{side}","sz":"{sz}","ts":"{ts}"}}],"instFamily":"{family}","#,
                    r#""instId":"{inst_id}","instType":"{kind}","uly":"{family}"}}"#
                ),
                px = px,
                position = position,
                side = side,
                sz = sz,
                ts = ts,
                family = family(listing),
                inst_id = inst_id,
                kind = kind,
            )
        })
    }
}

/// The period that a channel shows: the bar of a candle, else a day.
const fn length_ms(channel: Channel) -> u64 {
    match channel {
        Channel::Candle(bar)
        | Channel::MarkPriceCandle(bar)
        | Channel::IndexCandle(bar)
        | Channel::CandleSeconds(bar) => bar_ms(bar),
        _ => DAY_MS,
    }
}

const fn bar_ms(bar: Bar) -> u64 {
    match bar {
        Bar::S1 => 1_000,
        Bar::M1 => 60_000,
        Bar::M3 => 180_000,
        Bar::M5 => 300_000,
        Bar::M15 => 900_000,
        Bar::M30 => 1_800_000,
        Bar::H1 => HOUR_MS,
        Bar::H2 => 2 * HOUR_MS,
        Bar::H4 => 4 * HOUR_MS,
        Bar::H6 | Bar::H6Utc => 6 * HOUR_MS,
        Bar::H12 | Bar::H12Utc => 12 * HOUR_MS,
        Bar::D1 | Bar::D1Utc => DAY_MS,
        Bar::D2 | Bar::D2Utc => 2 * DAY_MS,
        Bar::D3 | Bar::D3Utc => 3 * DAY_MS,
        Bar::D5 | Bar::D5Utc => 5 * DAY_MS,
        Bar::W1 | Bar::W1Utc => 7 * DAY_MS,
        // Of 30 days each: nobody subscribes for that long.
        Bar::Month1 | Bar::Month1Utc => 30 * DAY_MS,
        Bar::Month3 | Bar::Month3Utc => 90 * DAY_MS,
    }
}

const fn inst_type(market: Market) -> &'static str {
    match market {
        Market::Spot | Market::Index => "SPOT",
        Market::Swap => "SWAP",
        Market::Futures => "FUTURES",
        Market::Option => "OPTION",
    }
}

/// The market of v5's name of a type.
pub(crate) fn market_of(inst_type: &str) -> Option<Market> {
    Market::ALL
        .into_iter()
        .find(|market| *market != Market::Index && self::inst_type(*market) == inst_type)
}

/// The name of a channel's key in v5, and the key of a topic that is kept with an instrument.
pub(crate) fn key_of(channel: Channel, listing: &Listing) -> (&'static str, String) {
    match channel.key() {
        ChannelKey::InstType => ("instType", inst_type(listing.market()).to_owned()),
        ChannelKey::Nothing => ("", String::new()),
        _ => ("instId", listing.inst_id().to_string()),
    }
}

/// The family of an instrument: of the form `BTC-USDT`.
fn family(listing: &Listing) -> String {
    let parts: Vec<_> = listing.inst_id().as_str().split('-').take(2).collect();
    parts.join("-")
}

fn envelope(channel: Channel, listing: &Listing, items: &str) -> String {
    let inst_id = listing.inst_id();
    match (channel, channel.dialect()) {
        (_, Dialect::V3) => {
            let market = listing.market();
            format!(r#"{{"table":"{market}/{channel}","data":[{items}]}}"#)
        }
        (Channel::Status, _) => format!(r#"{{"arg":{{"channel":"status"}},"data":[{items}]}}"#),
        (Channel::Instruments | Channel::LiquidationOrders, _) => {
            let kind = inst_type(listing.market());
            let arg = format!(r#"{{"channel":"{channel}","instType":"{kind}"}}"#);
            format!(r#"{{"arg":{arg},"data":[{items}]}}"#)
        }
        _ => {
            let arg = format!(r#"{{"channel":"{channel}","instId":"{inst_id}"}}"#);
            format!(r#"{{"arg":{arg},"data":[{items}]}}"#)
        }
    }
}

/// Price and size of a level; empty where the side is.
fn texts(level: Option<&Level>) -> (String, String) {
    level.map_or_else(Default::default, |level| (level.px().to_string(), level.sz().to_string()))
}

fn ticker(
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

fn ticker_v3(
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
fn price(channel: Channel, listing: &Listing, last: i64, ts: UnixNanos) -> Option<String> {
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

fn candle(channel: Channel, listing: &Listing, period: &Period) -> String {
    let px = |ticks| listing.px(ticks);
    let prices = [period.open, period.high, period.low, period.close];
    let prices = prices.map(|ticks| format!(r#""{}""#, px(ticks))).join(",");
    let (start, volume) = (period.start_ms, listing.sz(period.lots));
    match channel {
        Channel::MarkPriceCandle(_) | Channel::IndexCandle(_) => {
            format!(r#"["{start}",{prices},"0"]"#)
        }
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

/// All instruments of a type.
fn instruments(market: &SimMarket, of: Market) -> String {
    let listings = market.indices().filter_map(|inst| market.listing(inst));
    let rows = listings.filter(|listing| listing.market() == of).map(|listing| {
        let spot = of == Market::Spot;
        let pair = listing.inst_id().as_str().split_once('-').unwrap_or_default();
        let (base, quote) = if spot { pair } else { ("", "") };
        let (settle, value) = if spot { ("", "") } else { ("USDT", "0.01") };
        format!(
            concat!(
                r#"{{"baseCcy":"{}","ctVal":"{}","ctValCcy":"{}","expTime":"","#,
                r#""instFamily":"{}","instId":"{}","instType":"{}","listTime":"1600000000000","#,
                r#""lotSz":"{}","minSz":"{}","quoteCcy":"{}","settleCcy":"{}","state":"live","#,
                r#""tickSz":"{}","instIdCode":null}}"#
            ),
            base,
            value,
            if spot { "" } else { pair.0 },
            if spot { String::new() } else { family(listing) },
            listing.inst_id(),
            inst_type(of),
            listing.sz(1),
            listing.sz(1),
            quote,
            settle,
            listing.px(1),
        )
    });
    rows.collect::<Vec<_>>().join(",")
}

fn status(now: u64) -> String {
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
