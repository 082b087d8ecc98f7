//! Records of trades and liquidations.

use super::declare::{RecordBody, record};
use super::field::{FieldError, FieldValue, RawValue, RecordField};
use crate::model::decimal::Decimal;
use crate::model::dialect::Dialect;
use crate::model::instrument::InstrumentId;
use crate::model::text::Text;
use crate::model::trade::Side;

record! {
    /// A liquidation order. The exchange sends them in no order and not all of them.
    Liquidation {
        /// The instrument.
        inst_id: InstrumentId = "instId",
        /// Its family.
        inst_family: Text<23> = "instFamily",
        /// The side of the order: `buy` closes a short position.
        side: Side = "side",
        /// `long`, `short` or `net`.
        pos_side: Text<7> = "posSide",
        /// The bankruptcy price, at which no trade was made.
        bk_px: Decimal = "bkPx",
        /// The size, in contracts.
        sz: Decimal = "sz",
        /// The loss.
        bk_loss: Option<Decimal> = "bkLoss",
        /// The currency, of margin trading.
        ccy: Text<15> = "ccy",
    }
}

record! {
    /// A trade of an option, with the prices of its moment.
    OptionTrade {
        /// The option.
        inst_id: InstrumentId = "instId",
        /// The trade's id.
        trade_id: Text<23> = "tradeId",
        /// The price.
        px: Decimal = "px",
        /// The size, in contracts.
        sz: Decimal = "sz",
        /// The taker's side.
        side: Side = "side",
        /// `C` or `P`.
        opt_type: Text<7> = "optType",
        /// The implied volatility of the trade.
        fill_vol: Option<Decimal> = "fillVol",
        /// The forward price.
        fwd_px: Option<Decimal> = "fwdPx",
        /// The index's price.
        idx_px: Option<Decimal> = "idxPx",
        /// The mark price.
        mark_px: Option<Decimal> = "markPx",
    }
}

record! {
    /// A leg of a block trade, 15 minutes after its execution.
    BlockTrade {
        /// The instrument.
        inst_id: InstrumentId = "instId",
        /// The trade's id.
        trade_id: Text<23> = "tradeId",
        /// The group of fees.
        group_id: Text<7> = "groupId",
        /// The price.
        px: Decimal = "px",
        /// The size.
        sz: Decimal = "sz",
        /// The taker's side.
        side: Side = "side",
        /// The implied volatility, of options.
        fill_vol: Option<Decimal> = "fillVol",
        /// The forward price, of options.
        fwd_px: Option<Decimal> = "fwdPx",
        /// The index's price.
        idx_px: Option<Decimal> = "idxPx",
        /// The mark price.
        mark_px: Option<Decimal> = "markPx",
    }
}

record! {
    /// A leg of a block trade of several legs. Legs of one trade have one `block_td_id`.
    BlockLeg {
        /// The block trade's id.
        block_td_id: Text<23> = "blockTdId",
        /// The group of fees.
        group_id: Text<7> = "groupId",
        /// The instrument.
        inst_id: InstrumentId = "instId",
        /// The id of the leg's trade.
        trade_id: Text<23> = "tradeId",
        /// The price.
        px: Decimal = "px",
        /// The size.
        sz: Decimal = "sz",
        /// The taker's side.
        side: Side = "side",
    }
}
