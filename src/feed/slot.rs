//! The state of one subscription: what it brought last, and whether that can be believed.

use super::reorder::{BookVersion, ReorderFilter};
use super::stats::Stats;
use crate::book::{
    ApplyOutcome, BOOK5_LEVELS, Book5, BookSync, DEFAULT_DEPTH, DepthAction, DepthBook,
    DepthUpdate, FaultPolicy, Verify,
};
use crate::event::{BookUpdate, Event, EventSink, StateChange};
use crate::model::{
    BookState, ChannelKind, Dialect, DownReason, NO_SEQ, Subscription, SubscriptionId, TradeRing,
    UnixNanos,
};
use crate::publish::{
    BookPublisher, BookReader, DepthPublisher, DepthReader, PUBLISHED_LEVELS, Publishers,
    TradeOptions, TradePublisher, TradeReader, prefetch_lines,
};

mod trades;

/// How many trades a subscription's own ring holds.
pub(crate) const RING_LEN: usize = 256;

/// One subscription: what it brought last, and whether that can be believed.
#[derive(Debug)]
pub struct Slot {
    subscription: Subscription,
    id: SubscriptionId,
    state: BookState,
    /// The exchange's time of the last event that counts, to see a clock that runs backwards.
    ts_event: UnixNanos,
    /// The number of the last book that counts, [`DepthUpdate::NO_SEQ`] where it had none; of trades the newest id.
    seq: i64,
    /// Our time of the last event that counts, to see a channel go silent.
    ts_recv: UnixNanos,
    /// Whether a new connection may still be behind the last book.
    reorder: ReorderFilter,
    data: SlotData,
}

/// A slot that goes, be it by a panic in the sink, takes its readers' belief with it.
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
    /// The book is in the publisher alone: with thousands of books, a second copy is as many more
    /// cache lines.
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
}

/// How deep books are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthOptions {
    /// The levels that a side has room for; [`DepthBook::DEFAULT_CAPACITY`] by default.
    pub capacity: usize,
    /// Which messages have their checksum compared; every one by default.
    pub verify: Verify,
    /// What a broken book does with updates; by default it refuses them.
    pub fault_policy: FaultPolicy,
}

impl Default for DepthOptions {
    fn default() -> Self {
        Self { capacity: DEFAULT_DEPTH, verify: Verify::Every, fault_policy: FaultPolicy::Reject }
    }
}

impl Slot {
    /// How many trades a subscription's own ring holds.
    pub const TRADES: usize = RING_LEN;
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
                SlotData::Depth { book, publisher: None, levels: None }
            }
        };
        Self {
            subscription,
            id,
            state: BookState::Connecting,
            ts_event: UnixNanos::UNKNOWN,
            seq: NO_SEQ,
            ts_recv: UnixNanos::UNKNOWN,
            reorder: ReorderFilter::default(),
            data,
        }
    }

    /// A slot in whose place the real one is not changed. It publishes trades as if they were read,
    /// but to few places: its own memory should drive out none that is wanted.
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

    /// What was subscribed.
    #[must_use]
    pub const fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Whether what is here can be believed.
    #[must_use]
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// The exchange's time of the last event, [`UnixNanos::UNKNOWN`] before the first. A book that
    /// was older than the one before is none.
    #[must_use]
    pub const fn ts_event(&self) -> UnixNanos {
        self.ts_event
    }

    /// When the last event came, [`UnixNanos::UNKNOWN`] before the first.
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        self.ts_recv
    }

    /// The five best levels of each side, whichever channel feeds them; `None` where the channel
    /// brings no book.
    #[must_use]
    pub fn book(&self) -> Option<Book5> {
        match &self.data {
            SlotData::Book(publisher) => Some(publisher.book()),
            SlotData::Depth { book, .. } => Some(book.view().top5()),
            SlotData::Trades { .. } => None,
        }
    }

    /// The deep book; `None` where the channel brings none.
    #[must_use]
    pub fn depth(&self) -> Option<&DepthBook> {
        match &self.data {
            SlotData::Depth { book, .. } => Some(book),
            _ => None,
        }
    }

    /// The last trades; `None` where the channel brings none.
    #[must_use]
    pub fn trades(&self) -> Option<&TradeRing<RING_LEN>> {
        match &self.data {
            SlotData::Trades { ring, .. } => Some(ring),
            _ => None,
        }
    }

    /// A reader of the book for another thread. From the first one on, each update is published.
    pub fn book_reader(&mut self) -> Option<BookReader> {
        match &mut self.data {
            SlotData::Book(publisher) => Some(publisher.reader()),
            SlotData::Trades { .. } => None,
            SlotData::Depth { book, publisher, .. } => {
                let publisher = publisher.get_or_insert_with(|| {
                    let mut publisher = BookPublisher::new();
                    publisher.publish(&book.view().top5(), self.state);
                    publisher
                });
                Some(publisher.reader())
            }
        }
    }

    /// A reader of the best levels of a deep book for another thread.
    pub fn depth_reader(&mut self) -> Option<DepthReader> {
        let SlotData::Depth { book, levels, .. } = &mut self.data else { return None };
        let publisher = levels.get_or_insert_with(|| {
            let mut publisher = DepthPublisher::new();
            publisher.publish(&book.view(), self.state);
            publisher
        });
        Some(publisher.reader())
    }

    /// A reader of the trades for another thread. From the first one on, each trade is published;
    /// those before it are not.
    pub fn trade_reader(&mut self) -> Option<TradeReader> {
        let SlotData::Trades { publisher, options, .. } = &mut self.data else { return None };
        let state = self.state;
        let publisher = publisher.get_or_insert_with(|| {
            let mut publisher = TradePublisher::with_len(options.tape_len);
            publisher.publish_state(state);
            publisher
        });
        Some(publisher.reader())
    }

    /// Gives away what publishes it: from now on somebody else does. Its readers notice nothing.
    pub(super) fn take_publishers(&mut self) -> Publishers {
        // Those that nobody has asked for yet are made, so that they hold what is here.
        let _ = (self.book_reader(), self.depth_reader(), self.trade_reader());
        let (mut book, mut depth, mut trades) = (None, None, None);
        match &mut self.data {
            SlotData::Book(publisher) => {
                let mut own = BookPublisher::new();
                own.publish(&publisher.book(), self.state);
                book = Some(std::mem::replace(publisher, own));
            }
            SlotData::Trades { publisher, .. } => trades = publisher.take(),
            SlotData::Depth { publisher, levels, .. } => {
                (book, depth) = (publisher.take(), levels.take());
            }
        }
        Publishers { book, depth, trades }
    }

    /// Changes the state, publishes it and tells the sink; nothing where it is the same already.
    ///
    /// A deep book that has lost its connection is emptied: only a new snapshot can bring it back.
    pub(crate) fn set_state(
        &mut self,
        to: BookState,
        ts_recv: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            self.reorder.on_state(to);
            if let (BookState::Connecting, SlotData::Depth { book, .. }) = (to, &mut self.data) {
                book.clear();
            }
            self.publish_state();
            self.tell(from, ts_recv, sink);
        }
    }

    /// Tells the sink of a state that is not the one before.
    #[inline]
    pub(super) fn tell(&self, from: BookState, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        let Self { subscription, id, state: to, .. } = self;
        if from != *to {
            let change = StateChange { subscription, subscription_id: *id, from, to: *to, ts_recv };
            sink.on_event(&Event::State(change));
        }
    }

    fn publish_state(&mut self) {
        match &mut self.data {
            SlotData::Book(publisher) => publisher.publish_state(self.state),
            SlotData::Trades { publisher: Some(publisher), .. } => {
                publisher.publish_state(self.state);
            }
            SlotData::Depth { publisher, levels, .. } => {
                if let Some(publisher) = publisher {
                    publisher.publish_state(self.state);
                }
                if let Some(levels) = levels {
                    levels.publish_state(self.state);
                }
            }
            _ => {}
        }
    }

    /// Where a book goes that each message replaces, for whoever wants it near before it is written.
    pub(super) fn replaced(&self) -> Option<BookReader> {
        match &self.data {
            SlotData::Book(publisher) => Some(publisher.reader()),
            _ => None,
        }
    }

    /// Publishes a book, which makes the slot live, unless the book has waited on its way. Where a
    /// new connection begins with one that is older than the last, the slot is stale instead until
    /// the connection has caught up. False where it is so.
    #[inline]
    pub(super) fn apply_book(&mut self, update: &BookUpdate<'_>, is_old: bool) -> bool {
        let book = update.book;
        if self.reorder.is_new_connection && self.rejects(book) {
            return false;
        }
        self.state = match is_old && self.has_waited(book.ts_event) {
            true => BookState::Stale,
            false => BookState::Live,
        };
        (self.ts_event, self.seq, self.ts_recv) = (book.ts_event, book.seq, book.ts_recv);
        if let SlotData::Book(publisher) = &mut self.data {
            publisher.publish(book, self.state);
        }
        true
    }

    /// Whether a book that is too old when it comes has waited. A first push may be as old as the last
    /// change, and so may be a book that is sent again; a change is of now.
    #[cold]
    fn has_waited(&self, ts_event: UnixNanos) -> bool {
        matches!(self.state, BookState::Live | BookState::Stale) && ts_event > self.ts_event
    }

    /// Asks for where the next trade goes: each goes to another place, and comes to none that was
    /// near.
    #[inline]
    pub(super) fn fetch_next(&self) {
        if let SlotData::Trades { ring, publisher, .. } = &self.data {
            if let Some(place) = ring.next_place() {
                prefetch_lines(place);
            }
            if let Some(publisher) = publisher {
                publisher.fetch_next();
            }
        }
    }

    /// Has it as if nothing had come but something of that number, save for the state and for what is
    /// published.
    #[inline]
    pub(super) fn begin_anew(&mut self, seq: i64) {
        (self.ts_event, self.seq) = (UnixNanos::UNKNOWN, seq);
        if let SlotData::Trades { ring, .. } = &mut self.data {
            ring.clear();
        }
    }

    /// Has it as if nothing had ever come: see [`FeedHandler::forget`](super::FeedHandler::forget).
    pub(crate) fn forget(&mut self, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        self.set_state(BookState::Connecting, ts_recv, sink);
        self.begin_anew(NO_SEQ);
        self.reorder = ReorderFilter::default();
        if let SlotData::Depth { book, .. } = &mut self.data {
            book.forget();
        }
    }

    /// Whether the book of a new connection is older than the last one of the connection before:
    /// then the slot is stale with that.
    #[cold]
    fn rejects(&mut self, book: &Book5) -> bool {
        let last = BookVersion { ts: self.ts_event, seq: self.seq };
        let this = (BookVersion::of(book), book.ts_recv);
        let is_rejected = self.reorder.rejects(this, (last, self.ts_recv));
        if is_rejected && self.state != BookState::Stale {
            self.state = BookState::Stale;
            self.publish_state();
        }
        is_rejected
    }

    /// Applies a message to the deep book, and follows it with the state. Gives the state before.
    #[inline]
    pub(super) fn apply_depth(
        &mut self,
        update: &DepthUpdate<'_>,
        is_old: bool,
        stats: &mut Stats,
    ) -> Option<(BookState, ApplyOutcome)> {
        let has_waited = is_old && self.has_waited(update.ts_event);
        let SlotData::Depth { book, publisher, levels } = &mut self.data else { return None };
        if update.ts_event < self.ts_event {
            stats.backwards += 1;
            // Nothing but its time tells a change of v3 that comes too late: where another has undone
            // it, the checksum would take it.
            if update.seq == NO_SEQ && update.action == DepthAction::Update {
                stats.broken += u64::from(book.message_lost(true));
            }
        }
        (self.ts_event, self.ts_recv) = (update.ts_event, update.ts_recv);
        let before = book.sync();
        let applied = book.apply(update);
        stats.applied(before, &applied);
        let to = match applied.sync {
            BookSync::Live if has_waited => BookState::Stale,
            BookSync::Live => BookState::Live,
            BookSync::Broken(_) => BookState::Resyncing,
            BookSync::NoSnapshot => self.state,
        };
        let from = std::mem::replace(&mut self.state, to);
        // Levels and state go out in one write, and only what a reader could see the change of.
        let changed = applied.first_changed.unwrap_or(usize::MAX);
        let told = from != to;
        if let Some(publisher) = publisher
            && (told || changed < BOOK5_LEVELS)
        {
            publisher.publish(&book.view().top5(), to);
        }
        if let Some(levels) = levels
            && (told || changed < PUBLISHED_LEVELS)
        {
            levels.publish(&book.view(), to);
        }
        Some((from, applied))
    }

    /// Notes that a message was lost which may have been this slot's, or was where `is_known`. What has
    /// numbers shows by itself what it may have lost.
    pub(super) fn message_lost(
        &mut self,
        is_known: bool,
        ts_recv: UnixNanos,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let is_numbered = self.seq != NO_SEQ;
        match &mut self.data {
            SlotData::Depth { book, .. } => {
                if book.message_lost(is_known) {
                    stats.broken += 1;
                    self.set_state(BookState::Resyncing, ts_recv, sink);
                }
            }
            SlotData::Book(_) => {
                if self.state.is_live() && (is_known || !is_numbered) {
                    self.set_state(BookState::Stale, ts_recv, sink);
                }
            }
            SlotData::Trades { ring, publisher, .. } => {
                // The ids of v3 have gaps and show nothing.
                if is_known || self.subscription.dialect() == Dialect::V3 {
                    stats.lost_trades += 1;
                    ring.lose();
                    if let Some(publisher) = publisher {
                        publisher.lose();
                    }
                }
            }
        }
    }

    /// Notes an event that is about to be applied. Gives the state before.
    #[inline]
    pub(super) fn arrive(&self, ts_event: UnixNanos, stats: &mut Stats) -> BookState {
        stats.backwards += u64::from(ts_event < self.ts_event);
        self.state
    }
}
