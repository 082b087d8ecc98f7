//! One subscription that several lines deliver: its state, its readers, and what the sink is given
//! of it.

use std::time::Duration;

use super::filter::{Arbitration, Held, UpdateFilter};
use super::key::UpdateKey;
use crate::event::{BookUpdate, Event, EventSink, StateChange, TradeUpdate};
use crate::feed::slot::Slot;
use crate::model::{
    BookState, DownReason, NO_SEQ, Subscription, SubscriptionId, TradeRing, UnixNanos,
};
use crate::publish::Publishers;

/// A book that is live and old, and that no live line has delivered last, is stale after this time.
const STUCK: Duration = Duration::from_secs(2);

/// An update that a line delivers.
#[derive(Clone, Copy)]
struct Update<'f> {
    line: usize,
    key: UpdateKey,
    at: UnixNanos,
    event: &'f Event<'f>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) subscription: Subscription,
    pub(super) id: SubscriptionId,
    pub(super) state: BookState,
    pub(super) filter: UpdateFilter,
    /// Whether it is stale because all lines were silent: then it takes more than a duplicate to be
    /// live.
    silent: bool,
    pub(super) publishers: Publishers,
}

/// An entry that goes, be it by a panic in the sink, leaves no reader with a live book.
impl Drop for Entry {
    fn drop(&mut self) {
        if !matches!(self.state, BookState::Down(_)) {
            self.publishers.publish_state(BookState::Down(DownReason::Stopped));
        }
    }
}

impl Entry {
    /// Makes the entry of a subscription; `open` says which lines there are.
    pub(super) fn new(
        subscription: Subscription,
        id: SubscriptionId,
        open: &[bool],
        publishers: Publishers,
    ) -> Self {
        let filter = UpdateFilter::new(subscription.channel().kind(), open);
        let state = BookState::Connecting;
        Self { subscription, id, state, filter, silent: false, publishers }
    }

    /// Adopts a slot from a line that was alone until now: what publishes it, its state, and
    /// what it has delivered last, so that no other line delivers it again.
    pub(super) fn adopt(slot: &mut Slot, line: usize, open: &[bool]) -> Self {
        let publishers = slot.take_publishers();
        let mut entry = Self::new(*slot.subscription(), slot.id(), open, publishers);
        entry.state = slot.state();
        entry.silent = entry.state == BookState::Stale;
        entry.filter.set_state(line, Some(entry.state));
        let trades = slot.trades();
        // What is forgotten counts as one.
        entry.filter.accepted.end = u64::from(trades.is_some_and(|ring| ring.oldest() > 0));
        let trades = trades.into_iter().flat_map(TradeRing::iter);
        let trades = trades.map(|trade| (UpdateKey::of_trade(trade), trade.ts_recv));
        let ring = entry.publishers.readers().records;
        let records = ring.iter().flat_map(|ring| ring.since(0)).map(|(_, record)| record);
        let records = records.chain(slot.record());
        let records = records.map(|record| (UpdateKey::of_record(&record), record.ts_recv));
        let book = slot.book().filter(|_| slot.ts_recv() != UnixNanos::UNKNOWN);
        let book = book.map(|book| (UpdateKey::of_book(&book), slot.ts_recv()));
        for (key, at) in trades.chain(records).chain(book) {
            entry.filter.accept(line, key, at);
        }
        entry
    }

    /// Applies the state of a line; `None` of one that has ended. The sink hears of it where it
    /// changes the best of all.
    pub(super) fn on_state(
        &mut self,
        line: usize,
        state: Option<BookState>,
        at: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        self.filter.set_state(line, state);
        let best = self.best();
        // The book that makes a line live comes next; until then nobody may see the old one live.
        // Trades that a line has again are not delivered again, and there is no old book to be
        // shown.
        if best != BookState::Live || self.filter.is_stream && !self.silent {
            self.change(best, at, sink);
        }
        self.retry_held(at, sink);
    }

    /// The best that any line has: one that is live is enough.
    fn best(&self) -> BookState {
        use BookState::{AwaitingSnapshot, Connecting, Live, Resyncing, Stale};
        let mut states = self.filter.lines.iter().filter_map(|line| line.state);
        let has = |best: &BookState| states.clone().any(|state| state == *best);
        let best = [Live, Stale, Resyncing, AwaitingSnapshot, Connecting].into_iter().find(has);
        match best.or_else(|| states.next()).unwrap_or(Connecting) {
            // Trades have no snapshot to wait for: from its acknowledgement on a line misses none.
            AwaitingSnapshot if self.filter.is_stream && self.state.is_live() => Live,
            best => best,
        }
    }

    /// Changes the state, publishes it and notifies the sink.
    pub(super) fn change(&mut self, to: BookState, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            self.publishers.publish_state(to);
            self.emit_state(from, ts_recv, sink);
        }
    }

    #[inline]
    fn emit_state(&self, from: BookState, ts_recv: UnixNanos, sink: &mut impl EventSink) {
        let Self { subscription, id, state: to, .. } = self;
        StateChange { subscription, subscription_id: *id, from, to: *to, ts_recv }.emit(sink);
    }

    /// Processes an update of a line, and emits and publishes what is new by it.
    #[inline]
    pub(super) fn on_update(
        &mut self,
        line: usize,
        event: &Event<'_>,
        at: UnixNanos,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let update = Update { line, key: UpdateKey::of(event), at, event };
        let decided = self.filter.arbitrate(line, &update.key, at);
        if matches!(decided, Arbitration::Accepted) && self.filter.held.is_empty() {
            self.accept(update, sink);
        } else {
            self.settle(update, decided, sink);
        }
        decided
    }

    /// Does with an update what was decided, and decides again about what is held.
    #[inline(never)]
    fn settle(&mut self, update: Update<'_>, decided: Arbitration, sink: &mut impl EventSink) {
        let Update { line, key, at, event } = update;
        match (event, decided) {
            // What its line holds comes first.
            (Event::Book(BookUpdate { book, .. }), Arbitration::Accepted | Arbitration::Held) => {
                self.filter.hold(Held { line, key, book: Some(**book) });
            }
            _ => {
                self.filter.drop_held(line);
                self.apply(update, decided, sink);
            }
        }
        self.retry_held(at, sink);
        self.check_age(at, sink);
    }

    /// Does with an update what was decided.
    #[inline]
    fn apply(&mut self, update: Update<'_>, decided: Arbitration, sink: &mut impl EventSink) {
        match decided {
            Arbitration::Accepted => self.accept(update, sink),
            Arbitration::Duplicate { is_current, .. } => {
                if is_current || !self.silent && self.filter.is_at_end(update.line) {
                    self.on_duplicate(update, is_current, sink);
                }
            }
            Arbitration::Held => {
                let Update { line, key, .. } = update;
                self.filter.hold(Held { line, key, book: None });
            }
            Arbitration::Outdated => {}
        }
    }

    #[inline]
    fn accept(&mut self, update: Update<'_>, sink: &mut impl EventSink) {
        let Update { line, key, at, event } = update;
        let highest = self.filter.accepted.highest;
        self.filter.accept(line, key, at);
        let is_dense = || self.subscription.channel().has_dense_trade_ids();
        match event {
            // What is missing on the line that delivers it, another may have delivered.
            Event::Trade(update) if highest != NO_SEQ && is_dense() => {
                let missed = update.trade.missing_since(highest.cast_unsigned());
                self.emit(&Event::Trade(TradeUpdate { missed, ..*update }), at, sink);
            }
            _ => self.emit(event, at, sink),
        }
    }

    /// Emits and publishes an update. The order book of another line than before is published
    /// whole.
    #[inline]
    fn emit(&mut self, event: &Event<'_>, at: UnixNanos, sink: &mut impl EventSink) {
        self.silent = false;
        let from = std::mem::replace(&mut self.state, BookState::Live);
        self.publish(event, !from.is_live());
        if !from.is_live() {
            self.emit_state(from, at, sink);
        }
        sink.on_event(event);
    }

    #[inline]
    fn publish(&mut self, event: &Event<'_>, is_new_state: bool) {
        let is_whole = || is_new_state || self.filter.accepted.is_other();
        self.publishers.publish(event, self.state, is_whole);
        // The others are published with it.
        if is_new_state && self.filter.is_stream {
            self.publishers.publish_state(self.state);
        }
    }

    /// What was shown last makes the subscription live again where its line sends it now, or where
    /// it is only a line that was lost. A book is emitted again by that: only now is it known to be
    /// whole.
    fn on_duplicate(&mut self, update: Update<'_>, is_current: bool, sink: &mut impl EventSink) {
        let Update { at, event, .. } = update;
        match (event, self.state.is_live()) {
            // A quiet book that a line sends again is none for the sink, and of now for readers.
            (Event::Book(_), true) if is_current => self.publish(event, false),
            (_, true) => {}
            (Event::Book(_) | Event::DepthBook(_), false) => self.emit(event, at, sink),
            (_, false) => {
                self.silent = false;
                self.change(BookState::Live, at, sink);
            }
        }
    }

    /// Decides again about what is held. Only five-level books are emitted from here.
    #[inline]
    fn retry_held(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        while let Some((Held { line, key, book }, decided)) = self.filter.take_decided(now) {
            let (subscription, subscription_id) = (self.subscription, self.id);
            let topic = subscription.topic();
            if let Some(book) = &book {
                let event = &Event::Book(BookUpdate { topic, subscription_id, book });
                self.apply(Update { line, key, at: book.ts_recv, event }, decided, sink);
            }
        }
    }

    /// What is live and silent is stale; so is a book that is old and that no live line has
    /// delivered last.
    #[inline]
    fn check_age(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        let is_stuck = || self.publishers.book.is_some() && self.filter.is_stuck(now, STUCK);
        if self.state.is_live() && (self.silent || is_stuck()) {
            self.change(BookState::Stale, now, sink);
        }
    }

    /// Whether nothing has come for so long that is new, or that confirms that it is still so. In
    /// whatever state, that is remembered: lines that stood still may have come only just now to
    /// where it was long before.
    pub(super) fn mark_stale(
        &mut self,
        limit: Duration,
        now: UnixNanos,
        sink: &mut impl EventSink,
    ) {
        // Its lines may have said so before, each for itself, or may be lost.
        let silence = now.since(self.filter.accepted.at);
        self.silent |= silence.is_some_and(|silence| silence >= limit);
        self.retry_held(now, sink);
        self.check_age(now, sink);
    }
}
