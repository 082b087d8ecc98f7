//! Texts of options and of what is settled: summaries, trades, estimated prices, v3's lists.
//!
//! The figures are plausible, not computed: delta falls with the strike, volatility smiles.

use super::record_key::{family, inst_type};
use crate::model::{Decimal, Market, Side, UnixNanos};
use crate::sim::market::{InstIndex, Listing, Print, SimMarket};

/// An option with what its figures follow from.
struct Quoted<'m> {
    listing: &'m Listing,
    family: String,
    /// `C` or `P`.
    kind: &'m str,
    strike: &'m str,
    /// The price of the underlying.
    forward: Decimal,
    mark: Decimal,
    best: [Option<(Decimal, Decimal)>; 2],
    /// How far the strike is below the forward price, in percent of the strike, within -45 to 45.
    moneyness: i64,
}

impl<'m> Quoted<'m> {
    fn new(market: &'m SimMarket, inst: InstIndex) -> Option<Self> {
        let listing = market.listing(inst)?;
        let family = family(listing);
        let mut parts = listing.inst_id().as_str().rsplit('-');
        let (kind, strike) = (parts.next()?, parts.next()?);
        let forward = forward(market, &family).or_else(|| strike.parse().ok())?;
        let (of_forward, of_strike) = (whole(forward), whole(strike.parse().ok()?).max(1));
        let moneyness = (of_forward - of_strike).saturating_mul(100) / of_strike;
        let top = market.top(inst, 1)?;
        let best = [top.asks().first(), top.bids().first()];
        let best = best.map(|level| level.map(|level| (level.px(), level.sz())));
        let print = market.last_print(inst);
        let mark = listing.px(print.map_or_else(|| listing.start_ticks(), |print| print.ticks));
        let moneyness = moneyness.clamp(-45, 45);
        Some(Self { listing, family, kind, strike, forward, mark, best, moneyness })
    }

    /// In hundredths.
    const fn delta(&self) -> i64 {
        let of_call = 50 + self.moneyness;
        match self.kind.as_bytes() {
            b"P" => of_call - 100,
            _ => of_call,
        }
    }

    /// The volatilities of mark, bid and ask, in hundredths.
    const fn volatility(&self) -> [i64; 3] {
        let mark = 60 + self.moneyness.abs() / 2;
        [mark, mark - 2, mark + 3]
    }
}

/// Hundredths as a number.
fn hundredths(number: i64) -> Decimal {
    Decimal::new(number, 2).unwrap_or_default()
}

fn whole(number: Decimal) -> i64 {
    number.mantissa() / 10_i64.pow(u32::from(number.scale()))
}

/// The last price of the first other instrument of a family.
fn forward(market: &SimMarket, of: &str) -> Option<Decimal> {
    let is_such = |inst: &InstIndex| {
        let listing = market.listing(*inst);
        listing.is_some_and(|l| l.market() != Market::Option && !l.is_spread() && family(l) == of)
    };
    let inst = market.indices().find(is_such)?;
    let (listing, print) = (market.listing(inst)?, market.last_print(inst)?);
    Some(listing.px(print.ticks))
}

/// The options of the family of an instrument.
fn options<'m>(market: &'m SimMarket, of: &Listing) -> impl Iterator<Item = Quoted<'m>> {
    let of = family(of);
    let insts = market.indices().filter_map(move |inst| Some((inst, market.listing(inst)?)));
    insts
        .filter(move |(_, listing)| listing.market() == Market::Option && family(listing) == of)
        .filter_map(move |(inst, _)| Quoted::new(market, inst))
}

/// The rows of `opt-summary`: all options of the family.
pub(super) fn summaries(market: &SimMarket, of: &Listing, now: u64) -> String {
    let row = |option: Quoted<'_>| {
        let [mark, bid, ask] = option.volatility().map(hundredths);
        let (delta, fwd) = (hundredths(option.delta()), option.forward);
        format!(
            concat!(
                r#"{{"instType":"OPTION","instId":"{id}","uly":"{family}","delta":"{delta}","#,
                r#""gamma":"1.92","vega":"0.00014","theta":"-0.0005","lever":"8.46","#,
                r#""markVol":"{mark}","bidVol":"{bid}","askVol":"{ask}","realVol":"","#,
                r#""deltaBS":"{delta}","gammaBS":"0.00002","thetaBS":"-28.26","vegaBS":"11.4","#,
                r#""ts":"{now}","fwdPx":"{fwd}","volLv":"0.6"}}"#
            ),
            id = option.listing.inst_id(),
            family = option.family,
            delta = delta,
            mark = mark,
            bid = bid,
            ask = ask,
            now = now,
            fwd = fwd,
        )
    };
    options(market, of).map(row).collect::<Vec<_>>().join(",")
}

/// A row of `option-trades`.
pub(super) fn trade(market: &SimMarket, inst: InstIndex, print: &Print) -> Option<String> {
    let option = Quoted::new(market, inst)?;
    let [vol, ..] = option.volatility().map(hundredths);
    Some(format!(
        concat!(
            r#"{{"fillVol":"{vol}","fwdPx":"{fwd}","idxPx":"{fwd}","instFamily":"{family}","#,
            r#""instId":"{id}","markPx":"{mark}","optType":"{kind}","px":"{px}","side":"{side}","#,
            r#""sz":"{sz}","tradeId":"{trade}","ts":"{ts}"}}"#
        ),
        vol = vol,
        fwd = option.forward,
        family = option.family,
        id = option.listing.inst_id(),
        mark = option.mark,
        kind = option.kind,
        px = option.listing.px(print.ticks),
        side = print.side,
        sz = option.listing.sz(print.lots),
        trade = print.last_id,
        ts = print.ts.as_millis(),
    ))
}

/// The row of v3's `option/summary`, of one option after another.
pub(super) fn detail_v3(
    market: &SimMarket,
    of: &Listing,
    turn: usize,
    ts: UnixNanos,
) -> Option<String> {
    let count = options(market, of).count().max(1);
    let option = options(market, of).nth(turn % count)?;
    let [mark_vol, bid_vol, ask_vol] = option.volatility().map(hundredths);
    let texts = option.best.map(|level| {
        level.map_or_else(
            || (String::new(), "0".to_owned()),
            |(px, sz)| (px.to_string(), sz.to_string()),
        )
    });
    let [(ask, ask_sz), (bid, bid_sz)] = texts;
    Some(format!(
        concat!(
            r#"{{"instrument_id":"{id}","underlying":"{family}","best_ask":"{ask}","#,
            r#""best_bid":"{bid}","best_ask_size":"{ask_sz}","best_bid_size":"{bid_sz}","#,
            r#""change_rate":"0","delta":"{delta}","gamma":"1.92","high_24h":"{px}","#,
            r#""highest_buy":"{high}","realized_vol":"0","bid_vol":"{bid_vol}","#,
            r#""ask_vol":"{ask_vol}","mark_vol":"{mark_vol}","last":"{px}","leverage":"4.0922","#,
            r#""low_24h":"{px}","lowest_sell":"{low}","mark_price":"{px}","theta":"-0.0005","#,
            r#""vega":"0.00014","volume_24h":"0","open_interest":"486","estimated_price":"0","#,
            r#""timestamp":"{ts}"}}"#
        ),
        id = option.listing.inst_id(),
        family = option.family,
        ask = ask,
        bid = bid,
        ask_sz = ask_sz,
        bid_sz = bid_sz,
        delta = hundredths(option.delta()),
        px = option.mark,
        high = option.listing.px(option.listing.start_ticks().saturating_mul(2)),
        low = option.listing.px(1),
        bid_vol = bid_vol,
        ask_vol = ask_vol,
        mark_vol = mark_vol,
        ts = ts.iso_ms(),
    ))
}

/// The item of v3's `futures/instruments`, a list of all futures; of `option/instruments`, the
/// rows of all options of the family.
pub(super) fn instruments_v3(market: &SimMarket, of: &Listing, ts: UnixNanos) -> String {
    if of.market() == Market::Option {
        let row = |option: Quoted<'_>| {
            let Quoted { listing, family, kind, strike, .. } = option;
            format!(
                concat!(
                    r#"{{"instrument_id":"{}","underlying":"{}","settlement_currency":"BTC","#,
                    r#""contract_val":"0.1","option_type":"{}","strike":"{}","tick_size":"{}","#,
                    r#""lot_size":"{}","listing":"2019-12-27T08:00:00.000Z","#,
                    r#""delivery":"2031-04-04T08:00:00.000Z","state":"2","timestamp":"{}"}}"#
                ),
                listing.inst_id(),
                family,
                kind,
                strike,
                listing.tick(),
                listing.lot(),
                ts.iso_ms()
            )
        };
        return options(market, of).map(row).collect::<Vec<_>>().join(",");
    }
    let futures = market.indices().filter_map(|inst| market.listing(inst));
    let futures = futures.filter(|l| l.market() == Market::Futures && !l.is_spread());
    let row = |listing: &Listing| {
        format!(
            concat!(
                r#"{{"instrument_id":"{}","underlying":"{}","quote_currency":"USD","#,
                r#""tick_size":"{}","contract_val":"100","contract_val_currency":"USD","#,
                r#""listing":"2018-12-04","delivery":"2031-04-04","trade_increment":"{}","#,
                r#""alias":"quarter","is_inverse":"true"}}"#
            ),
            listing.inst_id(),
            family(listing),
            listing.tick(),
            listing.lot()
        )
    };
    format!("[{}]", futures.map(row).collect::<Vec<_>>().join(","))
}

/// The row of `estimated-price`: the price as if it were settled now.
pub(super) fn estimated(listing: &Listing, last: i64, ts: UnixNanos, is_v3: bool) -> String {
    let (id, px) = (listing.inst_id(), listing.px(last));
    if is_v3 {
        let iso = ts.iso_ms();
        return format!(
            r#"{{"instrument_id":"{id}","settlement_price":"{px}","timestamp":"{iso}"}}"#
        );
    }
    let (kind, now) = (inst_type(listing.market()), ts.as_millis());
    let how = if listing.market() == Market::Option { "exercise" } else { "delivery" };
    format!(
        r#"{{"instId":"{id}","instType":"{kind}","settlePx":"{px}","settleType":"{how}","ts":"{now}"}}"#
    )
}

/// The rows of a block trade: of `public-block-trades`, or of all legs.
pub(super) fn block_trade(listing: &Listing, print: &Print, is_structure: bool) -> String {
    let (id, px, sz) = (listing.inst_id(), listing.px(print.ticks), listing.sz(print.lots));
    let (side, trade, ts) = (print.side, print.last_id, print.ts.as_millis());
    if !is_structure {
        return format!(
            concat!(
                r#"{{"fillVol":"","fwdPx":"","groupId":"","idxPx":"{}","instId":"{}","#,
                r#""markPx":"{}","px":"{}","side":"{}","sz":"{}","tradeId":"{}","ts":"{}"}}"#
            ),
            px, id, px, px, side, sz, trade, ts
        );
    }
    let other = if print.side == Side::Buy { Side::Sell } else { Side::Buy };
    let leg = |side: Side, n: u64| {
        let trade = trade.saturating_mul(2).saturating_add(n);
        format!(
            r#"{{"px":"{px}","sz":"{sz}","instId":"{id}","side":"{side}","tradeId":"{trade}"}}"#
        )
    };
    let legs = [leg(print.side, 0), leg(other, 1)].join(",");
    format!(r#"{{"cTime":"{ts}","blockTdId":"{trade}","groupId":"","legs":[{legs}]}}"#)
}
