//! Channels of tickers, marks, funding, limits, candles, instruments and liquidations.
//!
//! Prices follow the market's own trades and books.

use super::record_text::{
    HOUR_MS, Period, candle, envelope, family, inst_type, instruments, price, status, ticker,
    ticker_v3,
};
use crate::model::{Bar, Channel, ChannelKey, Market, Side, UnixNanos};
use crate::sim::market::{InstIndex, Listing, SimMarket};

/// One print of so many is said to be of a liquidation.
const LIQUIDATION_EVERY: u64 = 8;
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

/// The market of v5's name of a type.
pub(crate) fn market_of(inst_type: &str) -> Option<Market> {
    Market::ALL.into_iter().find(|market| {
        *market != Market::Index && super::record_text::inst_type(*market) == inst_type
    })
}

/// The name of a channel's key in v5, and the key of a topic that is kept with an instrument.
pub(crate) fn key_of(channel: Channel, listing: &Listing) -> (&'static str, String) {
    match channel.key() {
        ChannelKey::InstType => ("instType", inst_type(listing.market()).to_owned()),
        ChannelKey::Nothing => ("", String::new()),
        _ => ("instId", listing.inst_id().to_string()),
    }
}
