//! Records of prices and volumes.

use super::declare::{RecordBody, record};
use super::field::{FieldError, FieldValue, RawValue, RecordField};
use crate::model::decimal::Decimal;
use crate::model::dialect::Dialect;
use crate::model::instrument::InstrumentId;
use crate::model::text::Text;
use crate::model::time::UnixNanos;

record! {
    /// The last price, the best prices and the figures of 24 hours of an instrument or a spread.
    ///
    /// Sizes and volumes are in contracts or in base currency, `vol_ccy24h` in base currency of
    /// derivatives and in quote currency of spot. Prices may come from RPI orders, which books
    /// do not
    /// show.
    Ticker {
        /// The last price.
        last: Option<Decimal> = "last",
        /// The size of the last trade; 0 if there was none.
        last_sz: Option<Decimal> = "lastSz" | "last_qty",
        /// The best ask.
        ask_px: Option<Decimal> = "askPx" | "best_ask",
        /// The size of the best ask.
        ask_sz: Option<Decimal> = "askSz" | "best_ask_size",
        /// The best bid.
        bid_px: Option<Decimal> = "bidPx" | "best_bid",
        /// The size of the best bid.
        bid_sz: Option<Decimal> = "bidSz" | "best_bid_size",
        /// The price of 24 hours ago.
        open24h: Option<Decimal> = "open24h" | "open_24h",
        /// The highest price of 24 hours.
        high24h: Option<Decimal> = "high24h" | "high_24h",
        /// The lowest price of 24 hours.
        low24h: Option<Decimal> = "low24h" | "low_24h",
        /// The first price of the day, UTC.
        sod_utc0: Option<Decimal> = "sodUtc0" | "open_utc0",
        /// The first price of the day of Hong Kong.
        sod_utc8: Option<Decimal> = "sodUtc8" | "open_utc8",
        /// The volume of 24 hours, in contracts or base currency.
        vol24h: Option<Decimal> = "vol24h" | "volume_24h" | "base_volume_24h",
        /// The volume of 24 hours, in currency.
        vol_ccy24h: Option<Decimal> = "volCcy24h" | "volume_token_24h" | "quote_volume_24h",
        /// v3's open interest, in contracts.
        open_interest: Option<Decimal> = "open_interest",
    }
}

record! {
    /// The mark price of an instrument.
    MarkPrice {
        /// The mark price.
        mark_px: Decimal = "markPx" | "mark_price",
    }
}

record! {
    /// The price of an index.
    IndexTicker {
        /// The index's price.
        idx_px: Decimal = "idxPx" | "last",
        /// The price of 24 hours ago.
        open24h: Option<Decimal> = "open24h" | "open_24h",
        /// The highest price of 24 hours.
        high24h: Option<Decimal> = "high24h" | "high_24h",
        /// The lowest price of 24 hours.
        low24h: Option<Decimal> = "low24h" | "low_24h",
        /// The first price of the day, UTC.
        sod_utc0: Option<Decimal> = "sodUtc0" | "open_utc0",
        /// The first price of the day of Hong Kong.
        sod_utc8: Option<Decimal> = "sodUtc8" | "open_utc8",
    }
}

record! {
    /// The funding of a perpetual. Rates are fractions: 0.0001 is one basis point.
    FundingRate {
        /// The rate of the next payment.
        funding_rate: Option<Decimal> = "fundingRate" | "funding_rate",
        /// When the next payment is due.
        funding_time: Option<UnixNanos> = "fundingTime" | "funding_time",
        /// The forecast of the rate after that.
        next_funding_rate: Option<Decimal> = "nextFundingRate" | "estimated_rate",
        /// When the payment after that is due.
        next_funding_time: Option<UnixNanos> = "nextFundingTime",
        /// When the last payment was due.
        prev_funding_time: Option<UnixNanos> = "prevFundingTime",
        /// The lowest rate.
        min_funding_rate: Option<Decimal> = "minFundingRate",
        /// The highest rate.
        max_funding_rate: Option<Decimal> = "maxFundingRate",
        /// The interest rate.
        interest_rate: Option<Decimal> = "interestRate" | "interest_rate",
        /// The depth-weighted amount, in quote currency.
        impact_value: Option<Decimal> = "impactValue",
        /// The premium over the index.
        premium: Option<Decimal> = "premium",
        /// The rate that is or was settled.
        sett_funding_rate: Option<Decimal> = "settFundingRate",
        /// v3's time of settlement.
        settlement_time: Option<UnixNanos> = "settlement_time",
        /// `processing` or `settled`.
        sett_state: Text<15> = "settState",
        /// `current_period` or `next_period`.
        method: Text<15> = "method",
        /// `noRate` or `withRate`.
        formula_type: Text<15> = "formulaType",
    }
}

record! {
    /// The open interest of an instrument.
    OpenInterest {
        /// In contracts; absent if it has more digits than a [`Decimal`] holds.
        oi: Option<Decimal> = "oi",
        /// In base currency.
        oi_ccy: Option<Decimal> = "oiCcy",
        /// In USD.
        oi_usd: Option<Decimal> = "oiUsd",
    }
}

record! {
    /// The highest price to buy and the lowest to sell at.
    PriceLimit {
        /// The highest price to buy at; absent while there is no limit.
        buy_lmt: Option<Decimal> = "buyLmt" | "highest",
        /// The lowest price to sell at; absent while there is no limit.
        sell_lmt: Option<Decimal> = "sellLmt" | "lowest",
        /// Whether the limit is in force.
        enabled: Option<bool> = "enabled",
    }
}

record! {
    /// The first, highest, lowest and last price of a bar. It has no time of its own: while
    /// the bar is
    /// open, messages repeat it.
    Candle {
        /// When the bar started.
        start: UnixNanos = "start",
        /// The first price.
        open: Decimal = "o",
        /// The highest price.
        high: Decimal = "h",
        /// The lowest price.
        low: Decimal = "l",
        /// The last price so far.
        close: Decimal = "c",
        /// The volume, in contracts or base currency; prices of indices have none.
        vol: Option<Decimal> = "vol",
        /// The volume, in base currency of derivatives, in quote currency of spot.
        vol_ccy: Option<Decimal> = "volCcy",
        /// The volume, in quote currency.
        vol_ccy_quote: Option<Decimal> = "volCcyQuote",
        /// Whether the bar is closed; v3 does not say.
        confirm: Option<bool> = "confirm",
    }
}

record! {
    /// The estimated price of a delivery, an exercise or a settlement.
    EstimatedPrice {
        /// The instrument.
        inst_id: InstrumentId = "instId" | "instrument_id",
        /// The price.
        settle_px: Decimal = "settlePx" | "settlement_price",
        /// `settlement`, `delivery` or `exercise`.
        settle_type: Text<15> = "settleType",
    }
}

record! {
    /// The state of a call auction.
    CallAuction {
        /// `continuous_trading` ends it.
        state: Text<31> = "state",
        /// The equilibrium price.
        eq_px: Option<Decimal> = "eqPx",
        /// The size that would be matched.
        matched_sz: Option<Decimal> = "matchedSz",
        /// The size that would be left.
        unmatched_sz: Option<Decimal> = "unmatchedSz",
        /// When the auction ends.
        auction_end_time: Option<UnixNanos> = "auctionEndTime",
    }
}

record! {
    /// The volume of block trades of 24 hours.
    BlockTicker {
        /// In contracts or base currency.
        vol24h: Option<Decimal> = "vol24h",
        /// In currency.
        vol_ccy24h: Option<Decimal> = "volCcy24h",
    }
}
