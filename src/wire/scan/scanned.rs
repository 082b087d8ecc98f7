//! What a scan gives, and where it goes.

use super::cursor::{Cursor, declined};
use crate::book::DepthAction;
use crate::model::{Channel, Market, Side, Trade, UnixNanos};
use crate::wire::scratch::Scratch;

/// A message that the scanner took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned<'t> {
    /// A five-level book, which was written to [`Scratch::book`].
    Book {
        /// The channel.
        channel: Channel,
        /// The market: always there in v3, never in v5.
        market: Option<Market>,
        /// The instrument's id: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
    },
    /// A trade.
    Trade {
        /// The channel.
        channel: Channel,
        /// The market: always there in v3, never in v5.
        market: Option<Market>,
        /// The instrument's id: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
        /// The trade.
        trade: Trade,
    },
    /// A record, which was written to [`Scratch::record`].
    Record {
        /// The channel, one of v5.
        channel: Channel,
        /// What the channel is keyed by: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
    },
    /// A message of an order book, whose levels were written to [`Scratch::asks`] and
    /// [`Scratch::bids`].
    Depth {
        /// The channel.
        channel: Channel,
        /// The market: always there in v3, never in v5.
        market: Option<Market>,
        /// The instrument's id: 1 to 63 bytes of ASCII.
        inst_id: &'t str,
        /// Snapshot or update.
        action: DepthAction,
        /// When the exchange says that the book was so.
        ts_event: UnixNanos,
        /// v5's `seqId`, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it was not sent.
        seq: i64,
        /// v5's `prevSeqId`, [`DepthUpdate::NO_SEQ`](crate::DepthUpdate::NO_SEQ) where it was not
        /// sent.
        prev_seq: i64,
        /// The checksum, where it was sent.
        checksum: Option<i32>,
    },
}

/// Where a scanner puts what it has read.
pub(crate) trait Target<'t> {
    /// Hears the subscription of a five-level v5 book before its levels are read; the message may
    /// still be declined.
    fn prefetch(&mut self, channel: Channel, inst_id: &str);

    /// Receives the message; books and levels are in the scratch. Called within the scan itself, so
    /// that what was read need not go through memory.
    fn take(&mut self, scanned: Scanned<'t>, scratch: &Scratch);
}

/// Reads a trade's side and the quote behind it. There is no branch on which side it is, since
/// nothing predicts that.
#[inline(always)]
pub(super) fn taker_side(cursor: &mut Cursor<'_>) -> Option<Side> {
    let word = cursor.word()?;
    let buy = word & 0xffff_ffff == u64::from(u32::from_le_bytes(*b"buy\""));
    let sell = word & 0xff_ffff_ffff == u64::from_le_bytes(*b"sell\"\0\0\0");
    if !(buy | sell) {
        return declined();
    }
    cursor.advance(4 + usize::from(sell))?;
    Some(if sell { Side::Sell } else { Side::Buy })
}
