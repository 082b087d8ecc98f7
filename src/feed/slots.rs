//! The state of every subscription, found in constant time from what a message says.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::age::Ages;
use super::numbers::SubscriptionNumbers;
use super::slot::{DepthOptions, Slot};
use super::stats::Stats;
use super::warmup::ShadowState;
use crate::book::DepthUpdate;
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};
use crate::model::{Channel, Market, NO_SEQ, Subscription, Topic, UnixNanos};
use crate::publish::{BookReader, TradeOptions, prefetch_lines};
use crate::wire::MessageHead;

/// Where a subscription is: four bytes, so that thousands of them stay in a near cache while books
/// and texts pass through it.
#[derive(Debug)]
struct Place(u32);

impl Place {
    fn new(at: usize) -> Self {
        // Of a number that does not fit no memory could hold the slots.
        Self(u32::try_from(at).unwrap_or(u32::MAX))
    }

    #[inline(always)]
    const fn at(&self) -> usize {
        self.0 as usize
    }
}

/// All subscriptions of a feed.
#[derive(Debug)]
pub struct Slots {
    // Ids come from our own subscriptions, never from the wire, so a fixed seed is no weakness.
    index: HashTable<Place>,
    hasher: FixedState,
    slots: Vec<Slot>,
    /// Where each slot's book is published. That stands in the slot as well, but with thousands of
    /// slots each is a way to memory, and two ways at once take no longer than one.
    books: Vec<Option<BookReader>>,
    /// The numbers of the subscriptions.
    numbers: SubscriptionNumbers,
    /// The place that was found ahead, of the book that is being read.
    ahead: usize,
    /// How old books are when they come.
    pub(super) ages: Ages,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            hasher: FixedState::default(),
            slots: Vec::new(),
            books: Vec::new(),
            numbers: SubscriptionNumbers::default(),
            ahead: 0,
            ages: Ages::NONE,
        }
    }
}

impl Slots {
    /// Makes a place for a subscription, or finds the one that is there.
    pub fn insert(
        &mut self,
        subscription: Subscription,
        depth: DepthOptions,
        trades: TradeOptions,
    ) -> &mut Slot {
        let (channel, market, inst_id) = parts(&subscription);
        let at = match self.find(channel, market, inst_id) {
            Some(at) => at,
            None => {
                let at = self.slots.len();
                let id = self.numbers.number(subscription);
                self.slots.push(Slot::new(subscription, id, depth, trades));
                self.index_from(at);
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
        // Slots have moved; making the index again is simple, and nobody waits for it.
        self.reindex();
        true
    }

    pub(super) const fn numbers(&self) -> &SubscriptionNumbers {
        &self.numbers
    }

    pub(super) fn set_numbers(&mut self, numbers: SubscriptionNumbers) {
        self.numbers = numbers;
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
    /// An event that nobody subscribed is counted and goes to the sink all the same; a book that is
    /// older than the one before does not.
    #[doc(hidden)]
    #[inline]
    pub fn apply(&mut self, event: &Event<'_>, stats: &mut Stats, sink: &mut impl EventSink) {
        self.apply_to(None, event, stats, sink);
    }

    /// As [`Slots::apply`]. Where there is a stand-in, that is changed in the place of slots, which
    /// are only looked up; nothing is in that of deep books.
    #[inline]
    pub(super) fn apply_to(
        &mut self,
        shadow: Option<&mut ShadowState>,
        event: &Event<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        stats.event(event);
        match event {
            Event::Book(update) => {
                let book = update.book;
                let at = self.find_again(&update.topic);
                // What is played over was received before.
                let is_old = shadow.is_none() && self.ages.is_old(book.ts_event, book.ts_recv);
                let slot = slot_at(&mut self.slots, at, stats);
                if let Some(slot) =
                    slot.and_then(|slot| ShadowState::target_slot(shadow, slot, NO_SEQ))
                {
                    let from = slot.arrive(book.ts_event, stats);
                    let last = slot.ts_event();
                    let counts = slot.apply_book(update, is_old);
                    if book.ts_event < last && counts {
                        self.ages.ran_back(last, book.ts_event);
                    }
                    slot.tell(from, book.ts_recv, sink);
                    if !counts {
                        // Of equal times only the number tells.
                        stats.backwards += u64::from(book.ts_event == slot.ts_event());
                        return;
                    }
                    let subscription_id = slot.id();
                    return sink.on_event(&Event::Book(BookUpdate { subscription_id, ..*update }));
                }
            }
            Event::Trade(update) => {
                let trade = &update.trade;
                let slot = self.slot_of(&update.topic, stats);
                let before = trade.id_before();
                let slot = slot.and_then(|slot| ShadowState::target_slot(shadow, slot, before));
                if let Some(slot) = slot {
                    if !slot.apply_next_trade(trade, stats) {
                        return slot.apply_trade(update, stats, sink);
                    }
                    let subscription_id = slot.id();
                    return sink
                        .on_event(&Event::Trade(TradeUpdate { subscription_id, ..*update }));
                }
            }
            Event::Depth(_) if shadow.is_some() => {}
            Event::Depth(update) => return self.apply_depth(update, stats, sink),
            _ => {}
        }
        sink.on_event(event);
    }

    /// Applies a message of a deep book and tells the sink of the book after it.
    #[inline]
    fn apply_depth(
        &mut self,
        update: &DepthUpdate<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let is_old = self.ages.is_old(update.ts_event, update.ts_recv);
        let Topic { channel, market, inst_id } = update.topic;
        let at = self.find(channel, market, inst_id.as_bytes());
        let Some(slot) = slot_at(&mut self.slots, at, stats) else {
            return sink.on_event(&Event::Depth(*update));
        };
        let last = slot.ts_event();
        if let Some((from, applied)) = slot.apply_depth(update, is_old, stats) {
            if update.ts_event < last {
                self.ages.ran_back(last, update.ts_event);
            }
            slot.tell(from, update.ts_recv, sink);
            if let Some(book) = slot.depth() {
                let subscription_id = slot.id();
                sink.on_event(&Event::DepthBook(DepthChange {
                    update,
                    subscription_id,
                    applied,
                    book,
                }));
            }
        }
    }

    /// Has what may have lost a message with a frame that can't be read show it, and tells the sink.
    /// Without a head it may have been anybody's that is not numbered.
    #[cold]
    pub(super) fn message_lost(
        &mut self,
        head: Option<MessageHead<'_>>,
        ts_recv: UnixNanos,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        for slot in &mut self.slots {
            let (channel, market, inst_id) = parts(slot.subscription());
            let is_of = |head: MessageHead<'_>| {
                (head.channel, head.market) == (channel, market)
                    && head.inst_id.is_none_or(|id| id.as_bytes() == inst_id)
            };
            if head.is_none_or(is_of) {
                slot.message_lost(head.is_some(), ts_recv, stats, sink);
            }
        }
    }

    /// The slot that an event belongs to; one that nobody subscribed is counted.
    #[inline]
    fn slot_of(&mut self, topic: &Topic<'_>, stats: &mut Stats) -> Option<&mut Slot> {
        let at = self.find(topic.channel, topic.market, topic.inst_id.as_bytes());
        slot_at(&mut self.slots, at, stats)
    }

    /// Makes the index anew, as when slots have moved or publish elsewhere.
    pub(super) fn reindex(&mut self) {
        self.index.clear();
        self.books.clear();
        self.index_from(0);
    }

    fn index_from(&mut self, first: usize) {
        let Self { index, hasher, slots, books, .. } = self;
        let rehash =
            |place: &Place| slots.get(place.at()).map_or(0, |slot| hash_slot(hasher, slot));
        for (at, slot) in slots.iter().enumerate().skip(first) {
            let hash = hash_slot(hasher, slot);
            index.insert_unique(hash, Place::new(at), rehash);
            books.push(slot.replaced());
        }
    }

    /// Asks for what a v5 book will change while it is still being read.
    ///
    /// The slot is not looked at: it may be that of another subscription, with a hash that shares
    /// seven bits and the place. Then this was in vain.
    #[inline]
    pub(super) fn fetch(&mut self, channel: Channel, inst_id: &str) {
        let hash = hash(&self.hasher, channel, None, inst_id.as_bytes());
        if let Some(place) = self.index.find(hash, |_| true) {
            let at = place.at();
            if let Some(slot) = self.slots.get(at) {
                prefetch_lines(slot);
            }
            self.fetch_book(at);
            self.ahead = at;
        }
    }

    #[inline(always)]
    fn fetch_book(&self, at: usize) {
        if let Some(Some(book)) = self.books.get(at) {
            book.fetch();
        }
    }

    /// As [`Slots::find`], with a look at the place that was found ahead before any other.
    #[inline]
    fn find_again(&self, topic: &Topic<'_>) -> Option<usize> {
        let (channel, market, inst_id) = (topic.channel, topic.market, topic.inst_id.as_bytes());
        let ahead = self.slots.get(self.ahead).map(|slot| parts(slot.subscription()));
        if ahead == Some((channel, market, inst_id)) {
            return Some(self.ahead);
        }
        self.find(channel, market, inst_id)
    }

    #[inline]
    fn find(&self, channel: Channel, market: Option<Market>, inst_id: &[u8]) -> Option<usize> {
        let hash = hash(&self.hasher, channel, market, inst_id);
        let is_same = |place: &Place| {
            self.fetch_book(place.at());
            let slot = self.slots.get(place.at());
            slot.is_some_and(|slot| parts(slot.subscription()) == (channel, market, inst_id))
        };
        self.index.find(hash, is_same).map(Place::at)
    }
}

/// The slot at a place; an event without one was not subscribed, and is counted.
#[inline]
fn slot_at<'s>(
    slots: &'s mut [Slot],
    at: Option<usize>,
    stats: &mut Stats,
) -> Option<&'s mut Slot> {
    let slot = at.and_then(|at| slots.get_mut(at));
    stats.unsubscribed += u64::from(slot.is_none());
    slot
}

#[inline]
pub(super) fn parts(subscription: &Subscription) -> (Channel, Option<Market>, &[u8]) {
    (subscription.channel(), subscription.market(), subscription.inst_id().as_bytes())
}

#[inline]
pub(super) fn hash(
    hasher: &FixedState,
    channel: Channel,
    market: Option<Market>,
    inst_id: &[u8],
) -> u64 {
    let mut state = hasher.build_hasher();
    let market = market.map_or(u8::MAX, |market| market as u8);
    state.write_u16(u16::from_le_bytes([channel as u8, market]));
    inst_id.hash(&mut state);
    state.finish()
}

fn hash_slot(hasher: &FixedState, slot: &Slot) -> u64 {
    let (channel, market, inst_id) = parts(slot.subscription());
    hash(hasher, channel, market, inst_id)
}
