//! Applies events to slots, and emits them.

use super::{Slots, parts};
use crate::book::{Attribution, DepthAction, DepthUpdate};
use crate::event::{BookUpdate, DepthChange, Event, EventSink, TradeUpdate};
use crate::feed::slot::Slot;
use crate::feed::stats::Stats;
use crate::feed::warmup::ShadowState;
use crate::model::{Channel, NO_SEQ, Origin, Topic, UnixNanos};
use crate::wire::MessageHead;

impl Slots {
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
    pub(in crate::feed) fn apply_to(
        &mut self,
        shadow: Option<&mut ShadowState>,
        event: &Event<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        stats.event(event);
        match event {
            Event::Book(update) => {
                let at = self.find_hinted(&update.topic);
                return self.apply_book(at, shadow, update, stats, sink);
            }
            Event::Trade(update) => {
                let Topic { channel, market, inst_id } = update.topic;
                let find = |id: &str| self.find(channel, market, id.as_bytes());
                let at = find(inst_id).or_else(|| find(update.renamed_from?));
                return self.apply_trade(at, shadow, update, stats, sink);
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

    /// Applies a book to the slot at an index and emits it.
    #[inline(always)]
    pub(in crate::feed) fn apply_book(
        &mut self,
        at: Option<usize>,
        shadow: Option<&mut ShadowState>,
        update: &BookUpdate<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let book = update.book;
        // A frame that cache warm-up re-runs has no receive time.
        let is_old = shadow.is_none() && self.ages.is_old(book.ts_event, book.ts_recv);
        let slot = slot_at(&mut self.slots, at, stats);
        let slot = slot.and_then(|slot| ShadowState::target_slot(shadow, slot, NO_SEQ));
        let Some(slot) = slot else { return sink.on_event(&Event::Book(*update)) };
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
        sink.on_event(&Event::Book(BookUpdate { subscription_id, ..*update }));
    }

    /// Applies a trade to the slot at an index and emits it.
    #[inline(always)]
    pub(in crate::feed) fn apply_trade(
        &mut self,
        at: Option<usize>,
        shadow: Option<&mut ShadowState>,
        update: &TradeUpdate<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let slot = slot_at(&mut self.slots, at, stats);
        let before = update.trade.id_before();
        let slot = slot.and_then(|slot| ShadowState::target_slot(shadow, slot, before));
        let Some(slot) = slot else { return sink.on_event(&Event::Trade(*update)) };
        if !slot.apply_next_trade(update.trade, stats) {
            return slot.apply_trade(update, stats, sink);
        }
        let subscription_id = slot.id();
        sink.on_event(&Event::Trade(TradeUpdate { subscription_id, ..*update }));
    }

    /// Applies an order-book message and emits the book after it.
    #[inline]
    pub(in crate::feed) fn apply_depth(
        &mut self,
        update: &DepthUpdate<'_>,
        origin: Origin,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let Topic { channel, market, inst_id } = update.topic;
        let at = self.find(channel, market, inst_id.as_bytes());
        self.apply_depth_to(at, update, origin, stats, sink);
    }

    /// As [`Slots::apply_depth`], to the slot at an index.
    #[inline(always)]
    pub(in crate::feed) fn apply_depth_to(
        &mut self,
        at: Option<usize>,
        update: &DepthUpdate<'_>,
        origin: Origin,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        // A REST snapshot is as old as the exchange's cache.
        let is_requested = update.action == DepthAction::RestSnapshot;
        let is_old = !is_requested && self.ages.is_old(update.ts_event, update.ts_recv);
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
    pub(in crate::feed) fn message_lost(
        &mut self,
        head: Option<MessageHead<'_>>,
        ts_recv: UnixNanos,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let attribution = head.map_or(Attribution::Possible, |_| Attribution::Exact);
        for slot in &mut self.slots {
            let (channel, market, inst_id) = parts(slot.subscription());
            let is_of = |head: MessageHead<'_>| {
                (head.channel, head.market) == (channel, market)
                    && head.inst_id.is_none_or(|id| id.as_bytes() == inst_id)
            };
            if head.is_none_or(is_of) {
                slot.message_lost(attribution, ts_recv, stats, sink);
            }
        }
    }

    /// The slot of an event. An event without a subscription is counted.
    #[inline]
    fn slot_of(&mut self, topic: &Topic<'_>, stats: &mut Stats) -> Option<&mut Slot> {
        let at = self.find(topic.channel, topic.market, topic.inst_id.as_bytes());
        slot_at(&mut self.slots, at, stats)
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
