//! The slot of one subscription: its last data and its state.

use super::catch_up::{CatchUpFilter, FeedPosition};
use super::stats::Stats;
use crate::book::{Attribution, Book5, DEFAULT_DEPTH, DepthBook, FaultPolicy, Verify};
use crate::event::{BookUpdate, EventSink, StateChange};
use crate::model::{
    BookState, ChannelKind, DownReason, NO_SEQ, Record, Subscription, SubscriptionId, TradeRing,
    UnixNanos,
};
use crate::publish::{
    BookPublisher, DepthPublisher, RecordPublisher, RecordRingPublisher, TradeOptions,
    TradePublisher,
};

mod depth;
mod publication;
mod records;
mod trades;

/// The number of trades in a subscription's own ring.
pub(crate) const RING_LEN: usize = 256;

/// The slot of one subscription: its last book or trades and their [`BookState`].
#[derive(Debug)]
pub struct Slot {
    subscription: Subscription,
    id: SubscriptionId,
    state: BookState,
    /// The exchange's time of the last accepted event, to detect a backward clock.
    ts_event: UnixNanos,
    /// The sequence number of the last accepted book, [`NO_SEQ`] if it has none. For
    /// trades: the newest id.
    seq: i64,
    /// The receive time of the last accepted event, to detect a silent channel.
    ts_recv: UnixNanos,
    /// Rejects books of a new connection that are older than the last book.
    catch_up: CatchUpFilter,
    /// Whether the channel sends no snapshot, so that nothing shows that a new subscription's
    /// updates do not follow the old one's but their numbers.
    begins_unlinked: bool,
    data: SlotData,
}

/// Publishes [`BookState::Down`] when the slot is dropped, even by a panic in the sink, so that no
/// reader uses its data.
impl Drop for Slot {
    fn drop(&mut self) {
        if !matches!(self.state, BookState::Down(_)) {
            self.state = BookState::Down(DownReason::Stopped);
            self.publish_state();
        }
    }
}

#[derive(Debug)]
enum SlotData {
    /// The book is stored in the publisher only. With thousands of books, a second copy would
    /// double the cache lines.
    Book(BookPublisher),
    Trades {
        ring: Box<TradeRing<RING_LEN>>,
        publisher: Option<TradePublisher>,
        options: TradeOptions,
    },
    Depth {
        book: Box<DepthBook>,
        publisher: Option<BookPublisher>,
        levels: Option<DepthPublisher>,
    },
    /// A record is stored in the publisher only, as a five-level book is.
    Latest(RecordPublisher),
    Stream {
        publisher: Option<RecordRingPublisher>,
        options: TradeOptions,
    },
}

/// Options for order books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthOptions {
    /// The capacity of a side, in levels; [`DepthBook::DEFAULT_CAPACITY`] by default.
    pub capacity: usize,
    /// Which messages are verified by checksum; all by default.
    pub verify: Verify,
    /// Whether a broken book rejects updates, the default, or applies them.
    pub fault_policy: FaultPolicy,
    /// Whether books of channels that have a REST snapshot
    /// ([`Channel::has_rest_snapshot`](crate::Channel::has_rest_snapshot)) keep their updates while
    /// they are not live ([`DepthBook::keep_updates`]), so that
    /// [`FeedHandler::apply_depth`](super::FeedHandler::apply_depth) can join a
    /// [`DepthAction::RestSnapshot`](crate::book::DepthAction::RestSnapshot) with them. False by
    /// default. The books of SBE always keep them.
    pub keep_updates: bool,
}

impl Default for DepthOptions {
    fn default() -> Self {
        Self {
            capacity: DEFAULT_DEPTH,
            verify: Verify::Every,
            fault_policy: FaultPolicy::Reject,
            keep_updates: false,
        }
    }
}

impl Slot {
    /// The number of trades in a subscription's own ring.
    pub const TRADES: usize = RING_LEN;
}

/// Whether a state begins or ends the updates of a subscription.
const fn is_new_stream(state: BookState) -> bool {
    matches!(state, BookState::Connecting | BookState::AwaitingSnapshot | BookState::Down(_))
}

impl Slot {
    pub(super) fn new(
        subscription: Subscription,
        id: SubscriptionId,
        options: DepthOptions,
        trades: TradeOptions,
    ) -> Self {
        let data = match subscription.channel().kind() {
            ChannelKind::Book5 => SlotData::Book(BookPublisher::new()),
            ChannelKind::Trades => {
                let ring = Box::new(TradeRing::new());
                SlotData::Trades { ring, publisher: None, options: trades }
            }
            ChannelKind::Depth => {
                let mut book = Box::new(DepthBook::with_capacity(options.capacity));
                book.set_verify(options.verify);
                book.set_fault_policy(options.fault_policy);
                if subscription.channel().has_non_rpi() {
                    book.keep_non_rpi();
                }
                if options.keep_updates && subscription.channel().has_rest_snapshot() {
                    book.keep_updates();
                }
                SlotData::Depth { book, publisher: None, levels: None }
            }
            ChannelKind::Latest(_) => SlotData::Latest(RecordPublisher::new()),
            ChannelKind::Stream(_) => SlotData::Stream { publisher: None, options: trades },
            // Nothing is kept; the ring is for the state alone.
            ChannelKind::Raw => {
                SlotData::Stream { publisher: None, options: TradeOptions { ring_len: 1 } }
            }
        };
        Self {
            subscription,
            id,
            state: BookState::Connecting,
            ts_event: UnixNanos::UNKNOWN,
            seq: NO_SEQ,
            ts_recv: UnixNanos::UNKNOWN,
            catch_up: CatchUpFilter::default(),
            begins_unlinked: false,
            data,
        }
    }

    /// A shadow slot, which cache warm-up changes instead of the real one. It publishes trades, to
    /// run that code too, but to a ring of one entry, to evict no useful cache lines.
    pub(super) fn shadow(subscription: Subscription) -> Self {
        let mut slot = {
            let (depth, trades) = (DepthOptions::default(), TradeOptions::default());
            Self::new(subscription, SubscriptionId::NONE, depth, trades)
        };
        if let SlotData::Trades { publisher, .. } = &mut slot.data {
            *publisher = Some(TradePublisher::with_len(1));
        }
        slot
    }

    /// The number of the subscription.
    #[inline]
    #[must_use]
    pub const fn id(&self) -> SubscriptionId {
        self.id
    }

    /// The subscription.
    #[must_use]
    pub const fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// The state of the book or of the trades.
    #[must_use]
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// The exchange's time of the last accepted event, [`UnixNanos::UNKNOWN`] before the first. A
    /// book older than the last one is not accepted.
    #[must_use]
    pub const fn ts_event(&self) -> UnixNanos {
        self.ts_event
    }

    /// The receive time of the last accepted event, [`UnixNanos::UNKNOWN`] before the first.
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        self.ts_recv
    }

    /// The best five levels of each side, for any book channel; `None` if the channel has no book.
    #[must_use]
    pub fn book(&self) -> Option<Book5> {
        match &self.data {
            SlotData::Book(publisher) => Some(publisher.value()),
            SlotData::Depth { book, .. } => Some(book.view().top5()),
            SlotData::Trades { .. } | SlotData::Latest(_) | SlotData::Stream { .. } => None,
        }
    }

    /// The latest record; `None` before the first one, and if the channel has none.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        match &self.data {
            SlotData::Latest(publisher) => Some(publisher.value()).filter(Record::is_some),
            SlotData::Book(_)
            | SlotData::Trades { .. }
            | SlotData::Depth { .. }
            | SlotData::Stream { .. } => None,
        }
    }

    /// The order book; `None` if the channel has none.
    #[must_use]
    pub fn depth(&self) -> Option<&DepthBook> {
        match &self.data {
            SlotData::Depth { book, .. } => Some(book),
            _ => None,
        }
    }

    /// The last trades; `None` if the channel has none.
    #[must_use]
    pub fn trades(&self) -> Option<&TradeRing<RING_LEN>> {
        match &self.data {
            SlotData::Trades { ring, .. } => Some(ring),
            _ => None,
        }
    }

    /// Sets the state. A change is published and emitted.
    ///
    /// [`BookState::Connecting`] clears an order book, because only a new snapshot can restore it.
    /// One that begins with a REST snapshot is cleared by [`BookState::AwaitingSnapshot`] and
    /// [`BookState::Down`] too, even if it has that state.
    pub(crate) fn set_state(
        &mut self,
        to: BookState,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        let from = std::mem::replace(&mut self.state, to);
        let is_cleared = match self.begins_unlinked {
            true => is_new_stream(to),
            false => from != to && to == BookState::Connecting,
        };
        if let SlotData::Depth { book, .. } = &mut self.data
            && is_cleared
        {
            book.clear();
        }
        if from != to {
            self.catch_up.on_state(to);
            self.publish_state();
            self.emit_state_change(from, ts_recv, sink);
        }
    }

    /// Emits a state change to the sink, if the state differs from `from`.
    #[inline]
    pub(super) fn emit_state_change(
        &self,
        from: BookState,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        let Self { subscription, id, state: to, .. } = self;
        StateChange { subscription, subscription_id: *id, from, to: *to, ts_recv }.emit(sink);
    }

    /// Publishes a book and makes the slot live, or stale if the book was queued on its way.
    ///
    /// Returns false if a new connection starts with a book older than the last one. The book is
    /// rejected and the slot is stale until the connection has caught up.
    #[inline]
    pub(super) fn apply_book(&mut self, update: &BookUpdate<'_>, is_old: bool) -> bool {
        let book = update.book;
        if self.catch_up.is_new_connection && self.rejects(book) {
            return false;
        }
        self.state = match is_old && self.was_queued(book.ts_event) {
            true => BookState::Stale,
            false => BookState::Live,
        };
        (self.ts_event, self.seq, self.ts_recv) = (book.ts_event, book.seq, book.ts_recv);
        if let SlotData::Book(publisher) = &mut self.data {
            publisher.publish(book, self.state);
        }
        true
    }

    /// Whether a book over the age limit was queued on its way. A first push or a repeated book may
    /// be as old as the last change; a change is current when it is sent.
    #[cold]
    fn was_queued(&self, ts_event: UnixNanos) -> bool {
        matches!(self.state, BookState::Live | BookState::Stale) && ts_event > self.ts_event
    }

    /// Resets the history so that `seq` is the last sequence number. State and published data stay.
    #[inline]
    pub(super) fn reset_history(&mut self, seq: i64) {
        (self.ts_event, self.seq) = (UnixNanos::UNKNOWN, seq);
        if let SlotData::Trades { ring, .. } = &mut self.data {
            ring.clear();
        }
    }

    /// Resets the slot to its initial state; see
    /// [`FeedHandler::forget`](super::FeedHandler::forget).
    pub(crate) fn forget(&mut self, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        self.set_state(BookState::Connecting, ts_recv, sink);
        self.reset_history(NO_SEQ);
        self.catch_up = CatchUpFilter::default();
        if let SlotData::Depth { book, .. } = &mut self.data {
            book.forget();
        }
    }

    /// Whether the book of a new connection is older than the last one of the previous connection.
    /// The slot becomes stale then.
    #[cold]
    fn rejects(&mut self, book: &Book5) -> bool {
        let last = FeedPosition { ts: self.ts_event, seq: self.seq, ts_recv: self.ts_recv };
        let is_rejected = self.catch_up.rejects(FeedPosition::of(book), last);
        if is_rejected && self.state != BookState::Stale {
            self.state = BookState::Stale;
            self.publish_state();
        }
        is_rejected
    }

    /// Handles a lost message of this slot, or that may have been of it. One that only may have
    /// been is ignored where the next message shows the loss: by the number before its own, or by a
    /// dense trade id.
    pub(super) fn message_lost(
        &mut self,
        attribution: Attribution,
        ts_recv: UnixNanos,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let is_exact = attribution == Attribution::Exact;
        match &mut self.data {
            SlotData::Depth { book, .. } => {
                if book.message_lost(attribution) {
                    stats.broken += 1;
                    self.set_state(BookState::Resyncing, ts_recv, sink);
                }
            }
            SlotData::Book(_) | SlotData::Latest(_) => {
                if self.state.is_live() {
                    self.set_state(BookState::Stale, ts_recv, sink);
                }
            }
            SlotData::Trades { ring, publisher, .. } => {
                // Ids with gaps cannot show a loss.
                if is_exact || !self.subscription.channel().has_dense_trade_ids() {
                    stats.lost_trades += 1;
                    ring.lose();
                    if let Some(publisher) = publisher {
                        publisher.lose();
                    }
                }
            }
            SlotData::Stream { publisher, .. } => {
                if let Some(publisher) = publisher.as_mut().filter(|_| is_exact) {
                    publisher.lose();
                }
            }
        }
    }

    /// Counts an event whose time runs backwards, before it is applied. Returns the current state.
    #[inline]
    pub(super) fn note_arrival(&self, ts_event: UnixNanos, stats: &mut Stats) -> BookState {
        stats.backwards += u64::from(ts_event < self.ts_event);
        self.state
    }
}
