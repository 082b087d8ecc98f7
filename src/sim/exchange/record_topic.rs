//! Channels of tickers, marks, funding, limits, candles, instruments and liquidations.
//!
//! Prices follow the market's own trades and books.

use super::event_text::{
    adl_warning, auction, block_ticker, calendar, event_contract, undecoded_book,
};
use super::option_text::{block_trade, detail_v3, estimated, instruments_v3, summaries, trade};
use super::record_key::{family, inst_type};
use super::record_text::{
    HOUR_MS, Period, candle, envelope, instruments, price, status, ticker, ticker_v3,
};
use crate::model::{Bar, Channel, FirstPush, Side, UnixNanos};
use crate::sim::market::{InstIndex, Print, SimMarket};

/// One print of so many is said to be of a liquidation.
const LIQUIDATION_EVERY: u64 = 8;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Channels whose messages no step of the order flow changes.
const APART_FROM_TRADES: [Channel; 4] =
    [Channel::Instruments, Channel::InstrumentsV3, Channel::Status, Channel::RawBusiness];

/// One print of so many is said to be of a block trade.
const BLOCK_EVERY: u64 = 4;

/// What the subscribers of a channel of records have.
#[derive(Debug)]
pub(crate) struct RecordTopic {
    channel: Channel,
    period: Option<Period>,
    /// The id of the last trade that the period holds.
    last_id: u64,
    /// How many messages there were.
    messages: usize,
}

impl RecordTopic {
    pub(crate) const fn new(channel: Channel) -> Self {
        Self { channel, period: None, last_id: 0, messages: 0 }
    }

    /// The current message; `None` where the channel sends events alone.
    pub(crate) fn current(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<String> {
        let is_state = matches!(
            self.channel,
            Channel::Instruments
                | Channel::InstrumentsV3
                | Channel::Status
                | Channel::Raw
                | Channel::RawBusiness
        );
        match self.channel.first_push() {
            FirstPush::Nothing if !is_state => None,
            FirstPush::Nothing | FirstPush::Value | FirstPush::LastKnown => {
                self.text(market, inst, ts)
            }
        }
    }

    /// The message after a step of the market; `None` where nothing is to be sent.
    pub(crate) fn change(
        &mut self,
        market: &SimMarket,
        inst: InstIndex,
        ts: UnixNanos,
    ) -> Option<String> {
        if APART_FROM_TRADES.contains(&self.channel) {
            return None;
        }
        self.text(market, inst, ts)
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
            Channel::SprdTickers => ticker(listing, &period, (ask, bid), now),
            Channel::OptSummary => summaries(market, listing, now),
            Channel::OptionTrades => trade(market, inst, self.new_print(market, inst, 1)?)?,
            Channel::EstimatedPrice => estimated(listing, period.close, ts, false),
            Channel::EstimatedPriceV3 => estimated(listing, period.close, ts, true),
            Channel::InstrumentsV3 => instruments_v3(market, listing, ts),
            Channel::OptionSummaryV3 => detail_v3(market, listing, self.messages, ts)?,
            Channel::AdlWarning => adl_warning(listing, &period, now),
            Channel::CallAuctionDetails => auction(listing, &period, now),
            Channel::EventContractMarkets => event_contract(listing, &period),
            Channel::BlockTickers => block_ticker(listing, &period, now),
            Channel::PublicBlockTrades => {
                block_trade(listing, self.new_print(market, inst, BLOCK_EVERY)?, false)
            }
            Channel::PublicStrucBlockTrades => {
                block_trade(listing, self.new_print(market, inst, BLOCK_EVERY)?, true)
            }
            Channel::Raw => undecoded_book((ask, bid), now),
            Channel::RawBusiness => calendar(now),
            Channel::Candle(_)
            | Channel::MarkPriceCandle(_)
            | Channel::IndexCandle(_)
            | Channel::SprdCandle(_)
            | Channel::CandleSeconds(_) => candle(self.channel, listing, &period),
            Channel::MarkPrice
            | Channel::IndexTickers
            | Channel::FundingRate
            | Channel::OpenInterest
            | Channel::PriceLimit
            | Channel::MarkPriceV3
            | Channel::PriceRange
            | Channel::FundingRateV3 => price(self.channel, listing, period.close, ts)?,
            // Books and trades are topics of their own.
            Channel::Depth5
            | Channel::Trade
            | Channel::Depth
            | Channel::DepthL2Tbt
            | Channel::Books5
            | Channel::BboTbt
            | Channel::Trades
            | Channel::TradesAll
            | Channel::Books
            | Channel::BooksL2Tbt
            | Channel::Books50L2Tbt
            | Channel::BooksRpi
            | Channel::BooksElp
            | Channel::SprdBboTbt
            | Channel::SprdBooks5
            | Channel::SprdBooksL2Tbt
            | Channel::SprdPublicTrades => return None,
        };
        self.messages = self.messages.wrapping_add(1);
        Some(envelope(self.channel, listing, &items))
    }

    /// The print of the market's last step, if it is this instrument's and one of so many.
    fn new_print<'m>(
        &self,
        market: &'m SimMarket,
        inst: InstIndex,
        every: u64,
    ) -> Option<&'m Print> {
        let print = market.last_print(inst)?;
        let is_new = market.prints().last().is_some_and(|last| last.last_id == print.last_id);
        (is_new && print.last_id % every == 0).then_some(print)
    }

    /// Adds the trades since the last call to the period, and starts a new one where it is due.
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
        let (listing, print) =
            (market.listing(inst)?, self.new_print(market, inst, LIQUIDATION_EVERY)?);
        let (inst_id, px, sz) =
            (listing.inst_id(), listing.px(print.ticks), listing.sz(print.lots));
        let (side, position) = match print.side {
            Side::Buy => ("buy", "short"),
            Side::Sell => ("sell", "long"),
        };
        let (ts, kind) = (print.ts.as_millis(), inst_type(listing.market()));
        Some(format!(
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
        ))
    }
}

/// The period that a channel shows: the bar of a candle, else a day.
const fn length_ms(channel: Channel) -> u64 {
    match bar(channel) {
        Some(bar) => bar.millis(),
        None => DAY_MS,
    }
}

const fn bar(channel: Channel) -> Option<Bar> {
    match channel {
        Channel::Candle(bar)
        | Channel::MarkPriceCandle(bar)
        | Channel::IndexCandle(bar)
        | Channel::SprdCandle(bar)
        | Channel::CandleSeconds(bar) => Some(bar),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelKind, RecordKind};

    #[test]
    fn channels_of_candles_have_a_bar_and_no_others_do() {
        for channel in Channel::ALL {
            let is_candle = channel.kind() == ChannelKind::Latest(RecordKind::Candle);
            assert_eq!(bar(channel).is_some(), is_candle, "{channel}");
        }
    }
}
