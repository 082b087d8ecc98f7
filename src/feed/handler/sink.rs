//! What the decoder's events go through: slots, then the caller's sink.

use crate::book::DepthUpdate;
use crate::event::{BookUpdate, Event, EventSink, TradeUpdate};
use crate::feed::slots::Slots;
use crate::feed::stats::Stats;
use crate::feed::warmup::ShadowState;
use crate::model::{Channel, Origin};
use crate::wire::PrefetchHint;

/// The decoder's sink: applies events to the slots, then emits them to the caller's sink.
pub(super) struct SlotSink<'h, S> {
    pub(super) slots: &'h mut Slots,
    pub(super) stats: &'h mut Stats,
    pub(super) sink: &'h mut S,
    /// The state that cache warm-up changes instead of slots and sink.
    pub(super) shadow: Option<&'h mut ShadowState>,
}

impl<S: EventSink> EventSink for SlotSink<'_, S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        let Self { slots, stats, sink, shadow } = self;
        let sink = &mut SuppressibleSink { sink: *sink, is_suppressed: shadow.is_some() };
        slots.apply_to(shadow.as_deref_mut(), event, stats, sink);
    }
}

/// A sink that can be suppressed. Frames and warm-up frames use this one type, so that cache
/// warm-up runs the same monomorphised code.
struct SuppressibleSink<'s, S> {
    sink: &'s mut S,
    is_suppressed: bool,
}

impl<S: EventSink> EventSink for SuppressibleSink<'_, S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if !self.is_suppressed {
            self.sink.on_event(event);
        }
    }
}

impl<S: EventSink> PrefetchHint for SlotSink<'_, S> {
    #[inline]
    fn prefetch(&mut self, channel: Channel, inst_id: &str) {
        self.slots.prefetch(channel, inst_id);
    }

    #[inline(always)]
    fn prefetch_numbered(&mut self, channel: Channel, code: i64) {
        self.slots.prefetch_numbered(channel, code);
    }

    #[inline(always)]
    fn on_numbered_book(&mut self, code: i64, update: &BookUpdate<'_>) {
        let Self { slots, stats, sink, shadow } = self;
        let sink = &mut SuppressibleSink { sink: *sink, is_suppressed: shadow.is_some() };
        stats.book(update);
        let at = slots.find_numbered(code, &update.topic);
        slots.apply_book(at, shadow.as_deref_mut(), update, stats, sink);
    }

    #[inline(always)]
    fn on_numbered_trade(&mut self, code: i64, update: &TradeUpdate<'_>) {
        let Self { slots, stats, sink, shadow } = self;
        let sink = &mut SuppressibleSink { sink: *sink, is_suppressed: shadow.is_some() };
        stats.trades += 1;
        let at = slots.find_numbered(code, &update.topic);
        slots.apply_trade(at, shadow.as_deref_mut(), update, stats, sink);
    }

    #[inline(always)]
    fn on_numbered_depth(&mut self, code: i64, update: &DepthUpdate<'_>) {
        let Self { slots, stats, sink, shadow } = self;
        stats.depths += 1;
        // Order books have no shadow.
        if shadow.is_none() {
            let at = slots.find_numbered(code, &update.topic);
            slots.apply_depth_to(at, update, Origin::Live, stats, &mut **sink);
        }
    }
}
