//! The state of every subscription, found in constant time from what a message says.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::publish::{BookPublisher, BookReader};
use super::stats::Stats;
use super::tape::{TradePublisher, TradeReader};
use crate::model::{
    Book5, BookState, BookUpdate, Channel, ChannelKind, Event, Market, Sink, StateChange,
    Subscription, TradeRing, TradeUpdate, UnixNanos,
};

/// How many trades a subscription's own ring holds.
pub const RING_LEN: usize = 256;

/// One subscription: what it brought last, and whether that can be believed.
#[derive(Debug)]
pub struct Slot {
    subscription: Subscription,
    state: BookState,
    /// The exchange's time of the last event, to see a clock that runs backwards.
    ts_event: UnixNanos,
    /// Our time of the last event, to see a channel go silent.
    ts_recv: UnixNanos,
    data: SlotData,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "books are the common case, one indirection away")]
enum SlotData {
    Book {
        book: Book5,
        publisher: Option<BookPublisher>,
    },
    Trades {
        ring: Box<TradeRing<RING_LEN>>,
        publisher: Option<TradePublisher>,
    },
    /// Deep books are not kept yet.
    Depth,
}

impl Slot {
    fn new(subscription: Subscription) -> Self {
        let data = match subscription.channel().kind() {
            ChannelKind::Book5 => SlotData::Book { book: Book5::EMPTY, publisher: None },
            ChannelKind::Trades => {
                SlotData::Trades { ring: Box::new(TradeRing::new()), publisher: None }
            }
            ChannelKind::Depth => SlotData::Depth,
        };
        Self {
            subscription,
            state: BookState::Connecting,
            ts_event: UnixNanos::UNKNOWN,
            ts_recv: UnixNanos::UNKNOWN,
            data,
        }
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

    /// When the last event came, [`UnixNanos::UNKNOWN`] before the first.
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        self.ts_recv
    }

    /// The five-level book; `None` where the channel brings none.
    #[must_use]
    pub const fn book(&self) -> Option<&Book5> {
        match &self.data {
            SlotData::Book { book, .. } => Some(book),
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
        let SlotData::Book { book, publisher } = &mut self.data else { return None };
        let publisher = publisher.get_or_insert_with(|| {
            let mut publisher = BookPublisher::new();
            publisher.publish(book, self.state);
            publisher
        });
        Some(publisher.reader())
    }

    /// A reader of the trades for another thread. From the first one on, each trade is published;
    /// those before it are not.
    pub fn trade_reader(&mut self) -> Option<TradeReader> {
        let SlotData::Trades { publisher, .. } = &mut self.data else { return None };
        let state = self.state;
        let publisher = publisher.get_or_insert_with(|| {
            let mut publisher = TradePublisher::new();
            publisher.publish_state(state);
            publisher
        });
        Some(publisher.reader())
    }

    /// Changes the state, publishes it and tells the sink; nothing where it is the same already.
    pub(crate) fn set_state(&mut self, to: BookState, ts_recv: UnixNanos, sink: &mut impl Sink) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            self.publish_state();
            self.tell(from, ts_recv, sink);
        }
    }

    /// Tells the sink of a state that is not the one before.
    #[inline]
    fn tell(&self, from: BookState, ts_recv: UnixNanos, sink: &mut impl Sink) {
        let Self { subscription, state: to, .. } = self;
        if from != *to {
            let change = StateChange { subscription, from, to: *to, ts_recv };
            sink.on_event(&Event::State(change));
        }
    }

    fn publish_state(&mut self) {
        match &mut self.data {
            SlotData::Book { publisher: Some(publisher), .. } => {
                publisher.publish_state(self.state);
            }
            SlotData::Trades { publisher: Some(publisher), .. } => {
                publisher.publish_state(self.state);
            }
            _ => {}
        }
    }

    #[inline]
    fn apply_book(&mut self, update: &BookUpdate<'_>) {
        if let SlotData::Book { book, publisher } = &mut self.data {
            *book = *update.book;
            if let Some(publisher) = publisher {
                publisher.publish(book, self.state);
            }
        }
    }

    #[inline]
    fn apply_trade(&mut self, update: &TradeUpdate<'_>, from: BookState) {
        if let SlotData::Trades { ring, publisher } = &mut self.data {
            ring.push(update.trade);
            if let Some(publisher) = publisher {
                publisher.push(&update.trade);
                if from != self.state {
                    publisher.publish_state(self.state);
                }
            }
        }
    }

    /// Notes an event: the slot is live with what it brings. Gives the state before.
    ///
    /// Nothing is published yet, so that no reader sees the old book called live.
    #[inline]
    fn arrive(&mut self, ts_event: UnixNanos, ts_recv: UnixNanos, stats: &mut Stats) -> BookState {
        stats.backwards += u64::from(ts_event < self.ts_event);
        (self.ts_event, self.ts_recv) = (ts_event, ts_recv);
        std::mem::replace(&mut self.state, BookState::Live)
    }
}

/// All subscriptions of a feed.
#[derive(Debug, Default)]
pub struct Slots {
    // Ids come from our own subscriptions, never from the wire, so a fixed seed is no weakness.
    index: HashTable<usize>,
    hasher: FixedState,
    slots: Vec<Slot>,
}

impl Slots {
    /// Makes a place for a subscription, or finds the one that is there.
    pub fn insert(&mut self, subscription: Subscription) -> &mut Slot {
        let (channel, market, inst_id) = parts(&subscription);
        let at = match self.find(channel, market, inst_id) {
            Some(at) => at,
            None => {
                self.slots.push(Slot::new(subscription));
                let Self { index, hasher, slots } = self;
                let at = slots.len() - 1;
                let rehash = |at: &usize| slots.get(*at).map_or(0, |slot| hash_slot(hasher, slot));
                index.insert_unique(hash(hasher, channel, market, inst_id), at, rehash);
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the index holds only places that are there")]
        &mut self.slots[at]
    }

    /// Forgets a subscription; false where there was none.
    pub fn remove(&mut self, subscription: &Subscription) -> bool {
        let (channel, market, inst_id) = parts(subscription);
        let Some(at) = self.find(channel, market, inst_id) else { return false };
        self.slots.swap_remove(at);
        // Places have moved; making the index anew is simple, and nobody waits for it.
        let Self { index, hasher, slots } = self;
        index.clear();
        for (at, slot) in slots.iter().enumerate() {
            let rehash = |at: &usize| slots.get(*at).map_or(0, |slot| hash_slot(hasher, slot));
            index.insert_unique(hash_slot(hasher, slot), at, rehash);
        }
        true
    }

    /// The slot of a subscription.
    #[must_use]
    pub fn get(&self, subscription: &Subscription) -> Option<&Slot> {
        let (channel, market, inst_id) = parts(subscription);
        self.slots.get(self.find(channel, market, inst_id)?)
    }

    /// The slot of a subscription, to be changed.
    pub fn get_mut(&mut self, subscription: &Subscription) -> Option<&mut Slot> {
        let (channel, market, inst_id) = parts(subscription);
        let at = self.find(channel, market, inst_id)?;
        self.slots.get_mut(at)
    }

    /// All slots, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// All slots, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut()
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no subscription.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Applies an event to the state that it belongs to, then tells the sink. Allocates nothing.
    ///
    /// An event that nobody subscribed is counted and goes to the sink all the same.
    #[inline]
    pub(crate) fn apply(&mut self, event: &Event<'_>, stats: &mut Stats, sink: &mut impl Sink) {
        stats.event(event);
        match event {
            Event::Book(update) => {
                let book = update.book;
                let key = (update.channel, update.market, update.inst_id);
                if let Some(slot) = self.slot_of(key, stats) {
                    let from = slot.arrive(book.ts_event, book.ts_recv, stats);
                    slot.apply_book(update);
                    slot.tell(from, book.ts_recv, sink);
                }
            }
            Event::Trade(update) => {
                let trade = &update.trade;
                let key = (update.channel, update.market, update.inst_id);
                if let Some(slot) = self.slot_of(key, stats) {
                    let from = slot.arrive(trade.ts_event, trade.ts_recv, stats);
                    slot.apply_trade(update, from);
                    slot.tell(from, trade.ts_recv, sink);
                }
            }
            _ => {}
        }
        sink.on_event(event);
    }

    /// The slot that an event belongs to; one that nobody subscribed is counted.
    #[inline]
    fn slot_of(
        &mut self,
        (channel, market, inst_id): (Channel, Option<Market>, &str),
        stats: &mut Stats,
    ) -> Option<&mut Slot> {
        let at = self.find(channel, market, inst_id.as_bytes());
        let slot = at.and_then(|at| self.slots.get_mut(at));
        stats.unsubscribed += u64::from(slot.is_none());
        slot
    }

    #[inline]
    fn find(&self, channel: Channel, market: Option<Market>, inst_id: &[u8]) -> Option<usize> {
        let hash = hash(&self.hasher, channel, market, inst_id);
        let same = |at: &usize| {
            self.slots
                .get(*at)
                .is_some_and(|slot| parts(&slot.subscription) == (channel, market, inst_id))
        };
        self.index.find(hash, same).copied()
    }
}

#[inline]
fn parts(subscription: &Subscription) -> (Channel, Option<Market>, &[u8]) {
    (subscription.channel(), subscription.market(), subscription.inst_id().as_bytes())
}

#[inline]
fn hash(hasher: &FixedState, channel: Channel, market: Option<Market>, inst_id: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    let market = market.map_or(u8::MAX, |market| market as u8);
    state.write_u16(u16::from_le_bytes([channel as u8, market]));
    inst_id.hash(&mut state);
    state.finish()
}

fn hash_slot(hasher: &FixedState, slot: &Slot) -> u64 {
    let (channel, market, inst_id) = parts(&slot.subscription);
    hash(hasher, channel, market, inst_id)
}
