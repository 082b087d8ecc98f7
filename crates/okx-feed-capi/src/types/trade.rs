//! Trades.

use okx_feed::Trade as FeedTrade;

/// A trade. 56 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Trade {
    /// The exchange's time.
    pub ts_event: u64,
    /// The time of receipt.
    pub ts_recv: u64,
    /// The exchange's id: in a merged trade the last of `count` ids.
    pub trade_id: u64,
    /// The exchange's sequence number; OKX_NO_SEQ if it sends none.
    pub seq: i64,
    /// The price's mantissa.
    pub px: i64,
    /// The size's mantissa.
    pub sz: i64,
    /// The number of fills that are merged into this trade, at least 1.
    pub count: u32,
    /// The price's scale, 0 to 18.
    pub px_scale: u8,
    /// The size's scale, 0 to 18.
    pub sz_scale: u8,
    /// The taker's side: an okx_side, in one byte.
    pub side: u8,
    /// 0 for a normal order, 1 for an ELP or RPI order.
    pub source: u8,
}

const _: () = assert!(size_of::<Trade>() == 56 && size_of::<Trade>() == size_of::<FeedTrade>());

/// A trade with its number in the reader's ring. Numbers that are missing are trades that were
/// overwritten or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TradeEntry {
    /// The number, from 0.
    pub number: u64,
    /// The trade.
    pub trade: Trade,
}

impl From<&FeedTrade> for Trade {
    #[inline]
    fn from(trade: &FeedTrade) -> Self {
        let (px, sz) = (trade.px(), trade.sz());
        Self {
            ts_event: trade.ts_event.0,
            ts_recv: trade.ts_recv.0,
            trade_id: trade.trade_id,
            seq: trade.seq,
            px: px.mantissa(),
            sz: sz.mantissa(),
            count: trade.count,
            px_scale: px.scale(),
            sz_scale: sz.scale(),
            side: trade.side() as u8,
            source: trade.source,
        }
    }
}
