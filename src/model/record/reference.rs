//! Records of instruments, options and the exchange.

use super::declare::{RecordBody, record};
use super::field::{FieldError, FieldValue, RawValue, RecordField};
use crate::model::decimal::Decimal;
use crate::model::dialect::Dialect;
use crate::model::instrument::InstrumentId;
use crate::model::text::Text;
use crate::model::time::UnixNanos;

record! {
    /// The implied volatilities and the greeks of an option.
    OptionSummary {
        /// The option.
        inst_id: InstrumentId = "instId",
        /// Delta, in coin.
        delta: Option<Decimal> = "delta",
        /// Gamma, in coin.
        gamma: Option<Decimal> = "gamma",
        /// Vega, in coin.
        vega: Option<Decimal> = "vega",
        /// Theta, in coin.
        theta: Option<Decimal> = "theta",
        /// Delta by Black and Scholes.
        delta_bs: Option<Decimal> = "deltaBS",
        /// Gamma by Black and Scholes.
        gamma_bs: Option<Decimal> = "gammaBS",
        /// Vega by Black and Scholes.
        vega_bs: Option<Decimal> = "vegaBS",
        /// Theta by Black and Scholes.
        theta_bs: Option<Decimal> = "thetaBS",
        /// Leverage.
        lever: Option<Decimal> = "lever",
        /// The implied volatility of the mark price.
        mark_vol: Option<Decimal> = "markVol",
        /// The implied volatility of the best bid.
        bid_vol: Option<Decimal> = "bidVol",
        /// The implied volatility of the best ask.
        ask_vol: Option<Decimal> = "askVol",
        /// The realised volatility.
        real_vol: Option<Decimal> = "realVol",
        /// The implied volatility at the money.
        vol_lv: Option<Decimal> = "volLv",
        /// The forward price.
        fwd_px: Option<Decimal> = "fwdPx",
    }
}

record! {
    /// v3's detailed pricing of an option: its quotes, volatilities and greeks. What `ticker` and
    /// `price_range` of the option have is not read.
    OptionDetail {
        /// The option.
        inst_id: InstrumentId = "instrument_id",
        /// The best ask price; absent if there is none.
        ask_px: Option<Decimal> = "best_ask",
        /// Its size.
        ask_sz: Option<Decimal> = "best_ask_size",
        /// The best bid price; absent if there is none.
        bid_px: Option<Decimal> = "best_bid",
        /// Its size.
        bid_sz: Option<Decimal> = "best_bid_size",
        /// The open interest, in contracts.
        oi: Option<Decimal> = "open_interest",
        /// The mark price.
        mark_px: Option<Decimal> = "mark_price",
        /// Delta.
        delta: Option<Decimal> = "delta",
        /// Gamma.
        gamma: Option<Decimal> = "gamma",
        /// Vega.
        vega: Option<Decimal> = "vega",
        /// Theta.
        theta: Option<Decimal> = "theta",
        /// Leverage.
        lever: Option<Decimal> = "leverage",
        /// The implied volatility of the mark price.
        mark_vol: Option<Decimal> = "mark_vol",
        /// The implied volatility of the best bid.
        bid_vol: Option<Decimal> = "bid_vol",
        /// The implied volatility of the best ask.
        ask_vol: Option<Decimal> = "ask_vol",
        /// The estimated delivery price; 0 but in the last hour.
        est_px: Option<Decimal> = "estimated_price",
    }
}

record! {
    /// A maintenance of the exchange.
    Status {
        /// `scheduled`, `ongoing`, `pre_open`, `completed` or `canceled`.
        state: Text<15> = "state",
        /// When it begins.
        begin: Option<UnixNanos> = "begin",
        /// When it ends.
        end: Option<UnixNanos> = "end",
        /// When orders may be cancelled and placed before trading.
        pre_open_begin: Option<UnixNanos> = "preOpenBegin",
        /// `0` WebSocket, `5` trading, `99` other, and more in the exchange's documents.
        service_type: Text<7> = "serviceType",
        /// `1` planned, `2` temporary, `3` outage.
        maint_type: Text<7> = "maintType",
        /// `1` production, `2` demo.
        env: Text<7> = "env",
        /// `unified`, or an older name.
        system: Text<15> = "system",
        /// What it is, cut to 127 bytes.
        title: Text<127> = "title",
    }
}

record! {
    /// An instrument. A message names those that changed, so what it does not name stays as it was.
    Instrument {
        /// The instrument.
        inst_id: InstrumentId = "instId" | "instrument_id",
        /// `SPOT`, `MARGIN`, `SWAP`, `FUTURES`, `OPTION` or `EVENTS`.
        inst_type: Text<7> = "instType",
        /// The family; empty of spot.
        inst_family: Text<23> = "instFamily" | "underlying",
        /// `live`, `suspend`, `preopen`, `expired` and others; of v3's options `1` before trading,
        /// `2` live, `3` suspended, `4` settling.
        state: Text<15> = "state",
        /// The base currency of spot.
        base_ccy: Text<15> = "baseCcy" | "base_currency",
        /// The quote currency of spot.
        quote_ccy: Text<15> = "quoteCcy" | "quote_currency",
        /// The settlement currency of contracts.
        settle_ccy: Text<15> = "settleCcy" | "settlement_currency",
        /// The currency of a contract's value.
        ct_val_ccy: Text<15> = "ctValCcy" | "contract_val_currency",
        /// `linear` or `inverse`.
        ct_type: Text<7> = "ctType",
        /// `C` or `P`.
        opt_type: Text<7> = "optType" | "option_type",
        /// The value of a contract.
        ct_val: Option<Decimal> = "ctVal" | "contract_val",
        /// Its multiplier.
        ct_mult: Option<Decimal> = "ctMult",
        /// `normal`, `pre_market`, `rebase_contract`, or `xperp` of a perpetual whose type is
        /// `FUTURES`.
        rule_type: Text<15> = "ruleType",
        /// The smallest step of prices.
        tick_sz: Option<Decimal> = "tickSz" | "tick_size",
        /// The smallest step of sizes.
        lot_sz: Option<Decimal> = "lotSz" | "size_increment" | "trade_increment" | "lot_size",
        /// The smallest size of an order.
        min_sz: Option<Decimal> = "minSz" | "min_size",
        /// The strike price.
        stk: Option<Decimal> = "stk" | "strike",
        /// When it is listed.
        list_time: Option<UnixNanos> = "listTime" | "listing",
        /// When it expires or is delisted.
        exp_time: Option<UnixNanos> = "expTime" | "delivery",
        /// The number in the binary feed.
        inst_id_code: Option<u64> = "instIdCode",
    }
}

record! {
    /// A contract on an event.
    EventContract {
        /// The contract.
        inst_id: InstrumentId = "instId",
        /// Its series.
        series_id: Text<31> = "seriesId",
        /// The event.
        event_id: Text<63> = "eventId",
        /// Its state.
        state: Text<15> = "state",
        /// The outcome, once it is known.
        outcome: Text<15> = "outcome",
        /// The lower bound.
        floor_strike: Option<Decimal> = "floorStrike",
        /// The upper bound.
        cap_strike: Option<Decimal> = "capStrike",
        /// The value at settlement.
        settle_value: Option<Decimal> = "settleValue",
        /// When it is listed.
        list_time: Option<UnixNanos> = "listTime",
        /// When the outcome is fixed.
        fix_time: Option<UnixNanos> = "fixTime",
        /// When it expires.
        exp_time: Option<UnixNanos> = "expTime",
        /// Whether the outcome is disputed.
        disputed: Option<bool> = "disputed",
    }
}

record! {
    /// The state of auto-deleveraging of a family. Most values are absent since 2026-06-09.
    AdlWarning {
        /// The family.
        inst_family: Text<23> = "instFamily",
        /// `normal`, `warning` or `adl`.
        state: Text<15> = "state",
        /// The insurance fund.
        bal: Option<Decimal> = "bal",
        /// Its currency.
        ccy: Text<15> = "ccy",
        /// Its largest value of the last eight hours.
        max_bal: Option<Decimal> = "maxBal",
        /// When that was.
        max_bal_ts: Option<UnixNanos> = "maxBalTs",
        /// How far it has fallen from that.
        dec_rate: Option<Decimal> = "decRate",
        /// What happened.
        adl_type: Text<31> = "adlType",
        /// The value at which it starts.
        adl_bal: Option<Decimal> = "adlBal",
        /// The value at which it ends.
        adl_rec_bal: Option<Decimal> = "adlRecBal",
        /// The fall at which it starts.
        adl_rate: Option<Decimal> = "adlRate",
        /// The fall at which it ends.
        adl_rec_rate: Option<Decimal> = "adlRecRate",
    }
}
