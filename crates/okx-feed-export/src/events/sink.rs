//! The feed's side of the ring.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::read::RingReceiver;
use super::ring_stats::RingStats;
use super::slot::{DepthHead, Slot, TradeSlot, chunks, size_chunks};
use super::wake::Wake;
use super::write::SlotWriter;
use okx_feed::book::{BookSync, DepthAction};
use okx_feed::event::StateChange;
use okx_feed::{
    BookState, Decimal, DepthChange, DepthUpdate, Event, EventSink, InstrumentId, Level, Record,
    Subscription, SubscriptionId, Topic, TradeUpdate, UnixNanos,
};

/// The options of a ring.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RingOptions {
    /// How many slots it has. An event takes one, an order-book message one more for each 12
    /// levels; a slot has about 350 bytes, and there are a quarter as many records of 600. All of
    /// it is taken at once. 2 to 2^20.
    pub slots: usize,
    /// How often each order book is repeated as a whole, by receive times; zero for never.
    pub snapshot_interval: Duration,
    /// How often the receiver looks for events, at least 1 ms apart; `None` by default: the feed's
    /// thread wakes it once no frame is ready, by a system call where it sleeps.
    pub poll: Option<Duration>,
}

impl Default for RingOptions {
    fn default() -> Self {
        Self { slots: 8_192, snapshot_interval: Duration::from_secs(5), poll: None }
    }
}

/// A sink that copies books, trades, records, order-book messages and states into a ring, and
/// passes every event on to the next sink first.
///
/// Never waits. Allocates at the first event of a subscription only. Order books are repeated as a
/// whole at an interval, and after a drop, so that who reads the ring needs none of its own. Of
/// other events that were dropped, the last of each subscription follows the mark of the drop.
#[derive(Debug)]
pub struct RingSink<S> {
    ring: Ring,
    next: S,
}

impl<S> RingSink<S> {
    /// Makes a ring. The sink is of the feed's thread, the receiver of another one.
    pub fn new(options: RingOptions, next: S) -> (Self, RingReceiver) {
        let slots = options.slots.clamp(2, 1 << 20);
        let (slots_out, slots_in) = SlotWriter::new(slots);
        let (stats, wake) = (Arc::<RingStats>::default(), Wake::new(options.poll));
        let receiver = RingReceiver::new(slots_in, Arc::clone(&stats), wake.clone());
        let ring = Ring {
            slots: slots_out,
            stats,
            pushed: 0,
            dropped: 0,
            wake,
            has_news: false,
            interval: options.snapshot_interval,
            room_again: slots.div_ceil(8),
            topics: Vec::new(),
            short: Vec::new(),
            held: Vec::new(),
        };
        (Self { ring, next }, receiver)
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Arc<RingStats> {
        Arc::clone(&self.ring.stats)
    }
}

impl<S: EventSink> EventSink for RingSink<S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        self.next.on_event(event);
        self.ring.push(event);
    }

    fn on_drained(&mut self) {
        self.next.on_drained();
        if !self.ring.short.is_empty() {
            self.ring.mark_drops();
        }
        if std::mem::take(&mut self.ring.has_news) {
            self.ring.wake.wake();
            self.ring.slots.warm_ahead();
        }
    }
}

impl<S> Drop for RingSink<S> {
    fn drop(&mut self) {
        self.ring.wake.wake();
    }
}

/// What is known of a subscription.
#[derive(Clone, Copy, Debug)]
struct KnownTopic {
    subscription: Subscription,
    state: BookState,
    /// Events that were dropped since the last one that entered the ring.
    dropped: u64,
    /// When its order book was repeated last; [`UnixNanos::UNKNOWN`] if it is due.
    repeated: UnixNanos,
    /// The number of its last order-book message.
    seq: i64,
}

#[derive(Debug)]
struct Ring {
    slots: SlotWriter,
    stats: Arc<RingStats>,
    /// The counters as they were stored last, so that nothing has to be read.
    pushed: u64,
    dropped: u64,
    wake: Wake,
    /// Whether something was pushed since the receiver was woken.
    has_news: bool,
    interval: Duration,
    /// How many slots must be free before events enter a ring again that was full.
    room_again: usize,
    /// By the number of the subscription.
    topics: Vec<Option<KnownTopic>>,
    /// The subscriptions with dropped events.
    short: Vec<usize>,
    /// By the number of the subscription: the last of these events, which is the value now.
    held: Vec<Option<Held>>,
}

/// An event that was dropped.
#[derive(Clone, Copy, Debug)]
enum Held {
    Event(Slot),
    Record(Subscription, Record),
}

impl Ring {
    fn push(&mut self, event: &Event<'_>) {
        if !self.short.is_empty() {
            self.mark_drops();
        }
        match event {
            Event::Book(update) => {
                if let Some((at, known)) = self.known(update.subscription_id, update.topic) {
                    self.put(at, Slot::Book(known.subscription, *update.book));
                }
            }
            Event::Trade(update) => self.trade(update),
            Event::Record(update) => {
                if let Some((at, known)) = self.known(update.subscription_id, update.topic) {
                    let slot = Slot::Record(known.subscription);
                    if !self.put_by(at, |slots| slots.push_record(slot, update.record)) {
                        self.hold(at, Held::Record(known.subscription, *update.record));
                    }
                }
            }
            Event::DepthBook(change) => self.depth(change),
            Event::State(change) => self.state(change),
            // A reply has no subscription, a raw text no bound that fits; the others are counted
            // by the feed itself.
            _ => {}
        }
    }

    fn trade(&mut self, update: &TradeUpdate<'_>) {
        let own = update.topic.inst_id;
        let topic = Topic { inst_id: update.renamed_from.unwrap_or(own), ..update.topic };
        let Some((at, known)) = self.known(update.subscription_id, topic) else { return };
        let slot = TradeSlot {
            trade: *update.trade,
            replayed: update.replayed,
            missed: update.missed,
            origin: update.origin,
            renamed_to: update.renamed_from.and_then(|_| InstrumentId::new(own).ok()),
        };
        self.put(at, Slot::Trade(known.subscription, slot));
    }

    fn state(&mut self, change: &StateChange<'_>) {
        let topic = change.subscription.topic();
        let Some((at, known)) = self.known(change.subscription_id, topic) else { return };
        if let Some(Some(entry)) = self.topics.get_mut(at) {
            entry.state = change.to;
        }
        self.put(at, Slot::State(known.subscription, change.to, change.ts_recv));
    }

    fn depth(&mut self, change: &DepthChange<'_>) {
        let DepthChange { update, outcome: applied, book, .. } = change;
        let Some((at, known)) = self.known(change.subscription_id, update.topic) else { return };
        if !applied.applied {
            return;
        }
        if update.action != DepthAction::RestSnapshot {
            self.depth_message(at, &known.subscription, update);
        }
        let mut dropped = false;
        if let Some(Some(entry)) = self.topics.get_mut(at) {
            let seq = book.view().seq().unwrap_or(DepthUpdate::NO_SEQ);
            (entry.seq, dropped) = (seq, entry.dropped > 0);
        }
        // A message that does not follow the last one, such as of another line after a loss.
        let is_apart = update.prev_seq != DepthUpdate::NO_SEQ && update.prev_seq != known.seq;
        let is_due = match update.ts_recv.since(known.repeated) {
            _ if dropped || is_apart || update.action != DepthAction::Update => true,
            Some(age) => age >= self.interval,
            None => true,
        };
        if is_due && !self.interval.is_zero() && applied.sync == BookSync::Live {
            self.repeat(at, &known.subscription, change, book.live());
        }
    }

    fn depth_message(&mut self, at: usize, subscription: &Subscription, update: &DepthUpdate<'_>) {
        let head = DepthHead {
            action: update.action,
            is_repeated: false,
            ts_event: update.ts_event,
            ts_recv: update.ts_recv,
            seq: update.seq,
            prev_seq: update.prev_seq,
            checksum: update.checksum,
            asks: update.asks.len(),
            bids: update.bids.len(),
            has_non_rpi: update.non_rpi.is_some(),
        };
        let sizes = update.non_rpi.map(|sizes| sizes.asks.iter().chain(sizes.bids).copied());
        self.put_depth(at, subscription, head, (update.asks, update.bids), sizes);
    }

    /// Pushes the whole book.
    #[cold]
    fn repeat(
        &mut self,
        at: usize,
        subscription: &Subscription,
        change: &DepthChange<'_>,
        live: Option<okx_feed::book::BookRef<'_>>,
    ) {
        let Some(view) = live else { return };
        let (asks, bids) = (view.asks(), view.bids());
        let non_rpi = change.book.non_rpi_view().filter(|_| change.update.non_rpi.is_some());
        let head = DepthHead {
            action: DepthAction::Snapshot,
            is_repeated: true,
            ts_event: view.ts_event,
            ts_recv: view.ts_recv,
            seq: view.seq().unwrap_or(DepthUpdate::NO_SEQ),
            prev_seq: DepthUpdate::NO_SEQ,
            checksum: None,
            asks: asks.len(),
            bids: bids.len(),
            has_non_rpi: non_rpi.is_some(),
        };
        // The other book has no level where the size is 0, and else the same prices in order.
        let sizes = non_rpi.map(|of| sizes_of(asks, of.asks()).chain(sizes_of(bids, of.bids())));
        if self.put_depth(at, subscription, head, (asks, bids), sizes)
            && let Some(Some(entry)) = self.topics.get_mut(at)
        {
            entry.repeated = change.update.ts_recv;
        }
    }

    /// Pushes a message and its levels, or counts it as dropped.
    fn put_depth(
        &mut self,
        at: usize,
        subscription: &Subscription,
        head: DepthHead,
        (asks, bids): (&[Level], &[Level]),
        sizes: Option<impl Iterator<Item = okx_feed::Qty>>,
    ) -> bool {
        let mut sizes = sizes.map(|sizes| size_chunks(sizes, asks.len() + bids.len()));
        let levels = chunks(asks, bids).flat_map(|chunk| {
            let sizes = sizes.as_mut().and_then(Iterator::next).map(Slot::NonRpi);
            std::iter::once(Slot::Levels(chunk)).chain(sizes)
        });
        let is_short = self.is_short(at);
        // Committed at once: the receiver never finds a part of a message.
        let slots = std::iter::once(Slot::Depth(*subscription, head)).chain(levels);
        if is_short || !self.slots.push_all(head.slots(), slots) {
            // A repeated book is no event: it is due still.
            if !head.is_repeated {
                self.drop_one(at);
            }
            return false;
        }
        self.count_pushed();
        true
    }

    fn put(&mut self, at: usize, slot: Slot) {
        if !self.put_by(at, |slots| slots.push(slot)) && !matches!(slot, Slot::State(..)) {
            self.hold(at, Held::Event(slot));
        }
    }

    /// Keeps an event that was dropped, in the place of the one before it.
    #[cold]
    fn hold(&mut self, at: usize, event: Held) {
        if let Some(held) = self.held.get_mut(at) {
            *held = Some(event);
        }
    }

    /// Pushes an event, or counts it as dropped. Whether it was pushed.
    #[inline]
    fn put_by(&mut self, at: usize, push: impl FnOnce(&mut SlotWriter) -> bool) -> bool {
        // Nothing may enter before the mark of what is missing.
        let is_pushed = !self.is_short(at) && push(&mut self.slots);
        match is_pushed {
            true => self.count_pushed(),
            false => self.drop_one(at),
        }
        is_pushed
    }

    fn is_short(&self, at: usize) -> bool {
        !self.short.is_empty()
            && self.topics.get(at).is_some_and(|of| of.is_some_and(|known| known.dropped > 0))
    }

    fn count_pushed(&mut self) {
        self.has_news = true;
        self.pushed += 1;
        self.stats.pushed.store(self.pushed, Ordering::Relaxed);
    }

    #[cold]
    fn drop_one(&mut self, at: usize) {
        self.dropped += 1;
        self.stats.dropped.store(self.dropped, Ordering::Relaxed);
        let Some(Some(entry)) = self.topics.get_mut(at) else { return };
        if entry.dropped == 0 {
            // Within the capacity that was made with the entry.
            self.short.push(at);
        }
        entry.dropped += 1;
        entry.repeated = UnixNanos::UNKNOWN;
    }

    /// Marks drops once there is room again, not for each slot that becomes free. The last value
    /// that was dropped follows the mark: without it, one that changes seldom would be missing for
    /// long.
    #[cold]
    fn mark_drops(&mut self) {
        if self.slots.free() < self.room_again {
            return;
        }
        while let Some(&at) = self.short.last() {
            if !self.slots.has_room_for_two() {
                return;
            }
            if let Some(Some(entry)) = self.topics.get_mut(at) {
                // There is room for both.
                let slot = Slot::Missed(entry.subscription, entry.dropped, entry.state);
                self.slots.push(slot);
                entry.dropped = 0;
                self.has_news = true;
                if let Some(value) = self.held.get_mut(at).and_then(Option::take) {
                    match value {
                        Held::Event(slot) => self.slots.push(slot),
                        Held::Record(of, record) => {
                            self.slots.push_record(Slot::Record(of), &record)
                        }
                    };
                    self.count_pushed();
                }
            }
            self.short.pop();
        }
    }

    /// The entry of a subscription, made at its first event.
    fn known(&mut self, id: SubscriptionId, topic: Topic<'_>) -> Option<(usize, KnownTopic)> {
        let at = id.index()?;
        match self.topics.get(at) {
            Some(Some(known)) => Some((at, *known)),
            _ => self.make(at, topic),
        }
    }

    #[cold]
    fn make(&mut self, at: usize, topic: Topic<'_>) -> Option<(usize, KnownTopic)> {
        if self.topics.len() <= at {
            self.topics.resize(at + 1, None);
            self.held.resize(at + 1, None);
            self.short.reserve(self.topics.len() - self.short.len());
        }
        let subscription = Subscription::of(&topic).ok()?;
        let (state, repeated) = (BookState::Connecting, UnixNanos::UNKNOWN);
        let seq = DepthUpdate::NO_SEQ;
        let known = KnownTopic { subscription, state, dropped: 0, repeated, seq };
        *self.topics.get_mut(at)? = Some(known);
        Some((at, known))
    }
}

/// The size of each of `levels` in the book `other`, which lacks those of size 0.
fn sizes_of<'l>(
    levels: &'l [Level],
    other: &'l [Level],
) -> impl Iterator<Item = okx_feed::Qty> + 'l {
    let mut rest = other.iter().peekable();
    levels.iter().map(move |level| {
        rest.next_if(|other| other.px() == level.px()).map_or(Decimal::ZERO, Level::sz)
    })
}
