//! What the ring is made of: an event takes one slot, an order-book message one and its levels.

use okx_feed::book::{Book5, DepthAction};
use okx_feed::model::Origin;
use okx_feed::{BookState, Decimal, InstrumentId, Level, Qty, Subscription, Trade, UnixNanos};

/// How many levels of an order-book message a slot holds.
pub(super) const LEVELS: usize = 12;

/// One entry of the ring.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Book(Subscription, Book5),
    Trade(Subscription, TradeSlot),
    /// The next record of the ring of records, which are twice as large as anything else.
    Record(Subscription),
    Depth(Subscription, DepthHead),
    /// Levels of the depth message before, asks first.
    Levels([Level; LEVELS]),
    /// The sizes without RPI orders of the levels in the slot before.
    NonRpi([Qty; LEVELS]),
    State(Subscription, BookState, UnixNanos),
    /// So many events of the subscription were dropped here; its state is this.
    Missed(Subscription, u64, BookState),
}

/// A trade, and what the feed says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeSlot {
    pub(super) trade: Trade,
    pub(super) replayed: bool,
    pub(super) missed: u64,
    pub(super) origin: Origin,
    /// The trade's own instrument, if it is another than the subscription's.
    pub(super) renamed_to: Option<InstrumentId>,
}

/// An order-book message without its levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthHead {
    pub(super) action: DepthAction,
    /// Whether it is the whole book, repeated for who joins; else a message of the exchange.
    pub(super) is_repeated: bool,
    pub(super) ts_event: UnixNanos,
    pub(super) ts_recv: UnixNanos,
    pub(super) seq: i64,
    pub(super) prev_seq: i64,
    pub(super) checksum: Option<i32>,
    pub(super) asks: usize,
    pub(super) bids: usize,
    pub(super) has_non_rpi: bool,
}

impl DepthHead {
    /// How many slots the whole message takes.
    pub(super) const fn slots(&self) -> usize {
        let levels = (self.asks + self.bids).div_ceil(LEVELS);
        1 + if self.has_non_rpi { 2 * levels } else { levels }
    }
}

/// The chunks of the levels of both sides, asks first, each filled with empty levels.
pub(super) fn chunks<'l>(
    asks: &'l [Level],
    bids: &'l [Level],
) -> impl Iterator<Item = [Level; LEVELS]> + use<'l> {
    let mut levels = asks.iter().chain(bids).copied();
    let count = (asks.len() + bids.len()).div_ceil(LEVELS);
    (0..count).map(move |_| std::array::from_fn(|_| levels.next().unwrap_or(Level::EMPTY)))
}

/// The chunks of sizes that belong to [`chunks`].
pub(super) fn size_chunks(
    sizes: impl Iterator<Item = Qty>,
    count: usize,
) -> impl Iterator<Item = [Qty; LEVELS]> {
    let mut sizes = sizes;
    (0..count.div_ceil(LEVELS))
        .map(move |_| std::array::from_fn(|_| sizes.next().unwrap_or(Decimal::ZERO)))
}
