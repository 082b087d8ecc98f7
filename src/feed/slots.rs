//! The slots of all subscriptions, with constant-time lookup by channel, market and instrument.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

mod apply;

use super::age::Ages;
use super::numbered::NumberedSlots;
use super::numbers::SubscriptionNumbers;
use super::slot::{DepthOptions, Slot};
use crate::model::{Channel, Market, Subscription, Topic};
use crate::publish::{BookReader, TradeOptions, prefetch_lines};

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
    /// Where the slots of numbered instruments are.
    numbered: NumberedSlots,
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
            numbered: NumberedSlots::default(),
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

    /// Rebuilds the index, after slots moved or their publishers changed.
    pub(super) fn reindex(&mut self) {
        self.numbered.clear();
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

    /// As [`Slots::prefetch`], by the number of an instrument, if its slot is noted.
    #[inline]
    pub(super) fn prefetch_numbered(&self, channel: Channel, code: i64) {
        if let Some(at) = self.numbered.get(channel, code) {
            if let Some(slot) = self.slots.get(at) {
                prefetch_lines(slot);
            }
            self.prefetch_book(at);
        }
    }

    /// The index of the slot of a numbered instrument.
    #[inline(always)]
    pub(super) fn find_numbered(&mut self, code: i64, topic: &Topic<'_>) -> Option<usize> {
        self.numbered.get(topic.channel, code).or_else(|| self.note_numbered(code, topic))
    }

    #[cold]
    #[inline(never)]
    fn note_numbered(&mut self, code: i64, topic: &Topic<'_>) -> Option<usize> {
        let at = self.find(topic.channel, topic.market, topic.inst_id.as_bytes())?;
        self.numbered.note(topic.channel, code, at);
        Some(at)
    }

    /// Prepares for instruments with numbers, which are other ones than those before.
    pub(super) fn begin_numbered(&mut self) {
        self.numbered.begin();
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
