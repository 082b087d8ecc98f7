//! The slots of all subscriptions, with constant-time lookup by channel, market and instrument.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::age::Ages;
use super::numbers::SubscriptionNumbers;
use super::slot::{DepthOptions, Slot};
use super::stats::Stats;
use super::warmup::ShadowState;
use crate::book::{DepthAction, DepthUpdate};
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};
use crate::model::{Channel, Market, NO_SEQ, Origin, Subscription, Topic, UnixNanos};
use crate::publish::{BookReader, TradeOptions, prefetch_lines};
use crate::wire::MessageHead;

/// The index of a subscription's slot. Four bytes, so that thousands of indices stay in the L1 and
/// L2 caches beside books and texts.
#[derive(Debug)]
struct SlotIndex(u32);

impl SlotIndex {
    fn new(at: usize) -> Self {
        // A number of slots that does not fit in 32 bits does not fit in memory either.
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
    // Keys come from the caller's subscriptions, never from the wire, so a fixed seed is safe.
    index: HashTable<SlotIndex>,
    hasher: FixedState,
    slots: Vec<Slot>,
    /// The published book of each slot. The slot refers to it too, but with thousands of slots each
    /// access is a cache miss, and two misses in parallel cost no more than one.
    books: Vec<Option<BookReader>>,
    /// The numbers of the subscriptions.
    numbers: SubscriptionNumbers,
    /// The slot index that the last prefetch found, for the book that is being decoded.
    hinted: usize,
    /// The ages of books at receipt.
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
            hinted: 0,
            ages: Ages::NONE,
        }
    }
}

impl Slots {
    /// Inserts a slot for a subscription, or returns the existing one.
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
        #[expect(clippy::indexing_slicing, reason = "the index holds only existing slots")]
        &mut self.slots[at]
    }

    /// Removes a subscription. Returns false if there was none.
    pub fn remove(&mut self, subscription: &Subscription) -> bool {
        let (channel, market, inst_id) = parts(subscription);
        let Some(at) = self.find(channel, market, inst_id) else { return false };
        self.slots.swap_remove(at);
        // `swap_remove` moved a slot. Rebuilding the index is simple and off the hot path.
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

    /// The slot of a subscription, mutable.
    pub fn get_mut(&mut self, subscription: &Subscription) -> Option<&mut Slot> {
        let (channel, market, inst_id) = parts(subscription);
        let at = self.find(channel, market, inst_id)?;
        self.slots.get_mut(at)
    }

    /// All slots, in unspecified order.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// All slots, mutable, in unspecified order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut()
    }

    /// The number of subscriptions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no subscription.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Applies an event to its slot, then emits it to the sink. Allocates nothing.
    ///
    /// An event without a subscription is counted and emitted. A book older than the last one is
    /// not emitted.
    #[doc(hidden)]
    #[inline]
    pub fn apply(&mut self, event: &Event<'_>, stats: &mut Stats, sink: &mut impl EventSink) {
        self.apply_to(None, event, stats, sink);
    }

    /// As [`Slots::apply`]. With a shadow state, that is changed instead of the slots, which are
    /// only looked up. Order books have no shadow.
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
                let at = self.find_hinted(&update.topic);
                // A frame that cache warm-up re-runs has no receive time.
                let is_old = shadow.is_none() && self.ages.is_old(book.ts_event, book.ts_recv);
                let slot = slot_at(&mut self.slots, at, stats);
                if let Some(slot) =
                    slot.and_then(|slot| ShadowState::target_slot(shadow, slot, NO_SEQ))
                {
                    let from = slot.note_arrival(book.ts_event, stats);
                    let last = slot.ts_event();
                    let accepted = slot.apply_book(update, is_old);
                    if book.ts_event < last && accepted {
                        self.ages.on_clock_step_back(last, book.ts_event);
                    }
                    slot.emit_state_change(from, book.ts_recv, sink);
                    if !accepted {
                        // At equal times the sequence number shows the order.
                        stats.backwards += u64::from(book.ts_event == slot.ts_event());
                        return;
                    }
                    let subscription_id = slot.id();
                    return sink.on_event(&Event::Book(BookUpdate { subscription_id, ..*update }));
                }
            }
            Event::Trade(update) => {
                let Topic { channel, market, inst_id } = update.topic;
                let find = |id: &str| self.find(channel, market, id.as_bytes());
                let at = find(inst_id).or_else(|| find(update.renamed_from?));
                let slot = slot_at(&mut self.slots, at, stats);
                let before = update.trade.id_before();
                let slot = slot.and_then(|slot| ShadowState::target_slot(shadow, slot, before));
                if let Some(slot) = slot {
                    if !slot.apply_next_trade(update.trade, stats) {
                        return slot.apply_trade(update, stats, sink);
                    }
                    let subscription_id = slot.id();
                    return sink
                        .on_event(&Event::Trade(TradeUpdate { subscription_id, ..*update }));
                }
            }
            Event::Record(_) | Event::Depth(_) if shadow.is_some() => {}
            Event::Record(update) => {
                if let Some(slot) = self.slot_of(&update.topic, stats) {
                    return slot.apply_record(update, stats, sink);
                }
            }
            Event::Depth(update) => {
                return self.apply_depth(update, Origin::Live, stats, sink);
            }
            Event::Skipped(skipped) if !skipped.key.is_empty() && shadow.is_none() => {
                let raw = [Channel::Raw, Channel::RawBusiness].into_iter();
                let mut found = raw.filter_map(|of| self.find(of, None, skipped.key.as_bytes()));
                if let Some(slot) = found.next().and_then(|at| self.slots.get_mut(at)) {
                    return slot.apply_raw(skipped, sink);
                }
            }
            Event::DepthBook(_)
            | Event::Control(_)
            | Event::Raw(_)
            | Event::Skipped(_)
            | Event::State(_)
            | Event::Malformed(_)
            | Event::Gap(_) => {}
        }
        sink.on_event(event);
    }

    /// Applies an order-book message and emits the book after it.
    #[inline]
    pub(super) fn apply_depth(
        &mut self,
        update: &DepthUpdate<'_>,
        origin: Origin,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        // A snapshot by request is as old as the exchange's cache.
        let is_requested = update.action == DepthAction::RestSnapshot;
        let is_old = !is_requested && self.ages.is_old(update.ts_event, update.ts_recv);
        let Topic { channel, market, inst_id } = update.topic;
        let at = self.find(channel, market, inst_id.as_bytes());
        let Some(slot) = slot_at(&mut self.slots, at, stats) else {
            return sink.on_event(&Event::Depth(*update));
        };
        let last = slot.ts_event();
        if let Some((from, outcome)) = slot.apply_depth(update, is_old, stats) {
            if update.ts_event < last && !is_requested {
                self.ages.on_clock_step_back(last, update.ts_event);
            }
            slot.emit_state_change(from, update.ts_recv, sink);
            if let Some(book) = slot.depth() {
                let subscription_id = slot.id();
                sink.on_event(&Event::DepthBook(DepthChange {
                    update,
                    subscription_id,
                    outcome,
                    book,
                    origin,
                }));
            }
        }
    }

    /// Invalidates the slots that may have lost a message with a malformed frame, and emits their
    /// state changes. Without a head, the message may belong to any slot whose next message would
    /// not show the loss.
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

    /// The slot of an event. An event without a subscription is counted.
    #[inline]
    fn slot_of(&mut self, topic: &Topic<'_>, stats: &mut Stats) -> Option<&mut Slot> {
        let at = self.find(topic.channel, topic.market, topic.inst_id.as_bytes());
        slot_at(&mut self.slots, at, stats)
    }

    /// Rebuilds the index, after slots moved or their publishers changed.
    pub(super) fn reindex(&mut self) {
        self.index.clear();
        self.books.clear();
        self.index_from(0);
    }

    fn index_from(&mut self, first: usize) {
        let Self { index, hasher, slots, books, .. } = self;
        let rehash =
            |index: &SlotIndex| slots.get(index.at()).map_or(0, |slot| hash_slot(hasher, slot));
        for (at, slot) in slots.iter().enumerate().skip(first) {
            let hash = hash_slot(hasher, slot);
            index.insert_unique(hash, SlotIndex::new(at), rehash);
            books.push(slot.prefetch_target());
        }
    }

    /// Prefetches the slot and the published book of a v5 book while its message is being decoded.
    ///
    /// Takes the first slot whose hash matches in the table's tag, without comparing keys. The slot
    /// may be another subscription's; then the prefetch is wasted.
    #[inline]
    pub(super) fn prefetch(&mut self, channel: Channel, inst_id: &str) {
        let hash = hash(&self.hasher, channel, None, inst_id.as_bytes());
        if let Some(index) = self.index.find(hash, |_| true) {
            let at = index.at();
            if let Some(slot) = self.slots.get(at) {
                prefetch_lines(slot);
            }
            self.prefetch_book(at);
            self.hinted = at;
        }
    }

    #[inline(always)]
    fn prefetch_book(&self, at: usize) {
        if let Some(Some(book)) = self.books.get(at) {
            book.prefetch();
        }
    }

    /// As [`Slots::find`], but checks the slot that the last prefetch found first.
    #[inline]
    fn find_hinted(&self, topic: &Topic<'_>) -> Option<usize> {
        let (channel, market, inst_id) = (topic.channel, topic.market, topic.inst_id.as_bytes());
        let hinted = self.slots.get(self.hinted).map(|slot| parts(slot.subscription()));
        if hinted == Some((channel, market, inst_id)) {
            return Some(self.hinted);
        }
        self.find(channel, market, inst_id)
    }

    #[inline]
    fn find(&self, channel: Channel, market: Option<Market>, inst_id: &[u8]) -> Option<usize> {
        let hash = hash(&self.hasher, channel, market, inst_id);
        let is_same = |index: &SlotIndex| {
            self.prefetch_book(index.at());
            let slot = self.slots.get(index.at());
            slot.is_some_and(|slot| parts(slot.subscription()) == (channel, market, inst_id))
        };
        self.index.find(hash, is_same).map(SlotIndex::at)
    }
}

/// The slot at an index. An event without a slot is counted as unsubscribed.
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
    state.write_u16(u16::from_le_bytes([channel.index(), market]));
    inst_id.hash(&mut state);
    state.finish()
}

fn hash_slot(hasher: &FixedState, slot: &Slot) -> u64 {
    let (channel, market, inst_id) = parts(slot.subscription());
    hash(hasher, channel, market, inst_id)
}
