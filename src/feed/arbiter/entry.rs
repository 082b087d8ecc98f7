//! One subscription that several lines deliver: its state, its readers, and what the sink is given
//! of it.

use std::time::Duration;

use super::filter::{Arbitration, CopyOf, HeldBook, Order, UpdateFilter};
use super::key::UpdateKey;
use crate::event::{BookUpdate, Event, EventSink, StateChange, TradeUpdate};
use crate::feed::slot::Slot;
use crate::model::{
    BookState, DownReason, NO_SEQ, Subscription, SubscriptionId, TradeRing, UnixNanos,
};
use crate::publish::{Publishers, RecordRingPublisher, TradeOptions, publish_order_book};

/// A book that is live and old, and that no live line has delivered last, is stale after this time.
const STUCK: Duration = Duration::from_secs(2);

/// An update, and the line that delivers it.
#[derive(Clone, Copy)]
pub(super) struct Update<'f> {
    pub(super) line: usize,
    pub(super) event: &'f Event<'f>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) subscription: Subscription,
    pub(super) id: SubscriptionId,
    pub(super) state: BookState,
    filter: UpdateFilter,
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
        trades: TradeOptions,
    ) -> Self {
        let kind = subscription.channel().kind();
        let mut entry = Self {
            subscription,
            id,
            state: BookState::Connecting,
            filter: UpdateFilter::new(kind),
            silent: false,
            publishers: Publishers::new(kind, trades),
        };
        entry.set_lines(open);
        entry
    }

    /// Takes a slot over from a line that was alone until now: what publishes it, its state, and
    /// what it has delivered last, so that no other line delivers it again.
    pub(super) fn adopt(slot: &mut Slot, line: usize, open: &[bool]) -> Self {
        // What it would publish by is the slot's.
        let options = TradeOptions { tape_len: 1 };
        let mut entry = Self::new(*slot.subscription(), slot.id(), open, options);
        entry.publishers = slot.take_publishers();
        entry.state = slot.state();
        entry.silent = entry.state == BookState::Stale;
        let Self { filter, publishers, .. } = &mut entry;
        filter.set_state(line, Some(slot.state()));
        if let Some(reader) = publishers.records.as_ref().map(RecordRingPublisher::reader) {
            reader.since(0).for_each(|(_, record)| {
                filter.accept(line, UpdateKey::of_record(&record), record.ts_recv);
            });
        }
        if let Some(record) = slot.record() {
            filter.accept(line, UpdateKey::of_record(&record), record.ts_recv);
        }
        for trade in slot.trades().into_iter().flat_map(TradeRing::iter) {
            filter.accept(line, UpdateKey::of_trade(trade), trade.ts_recv);
        }
        filter.accepted.has_forgotten = slot.trades().is_some_and(|ring| ring.oldest() > 0);
        let at = slot.ts_recv();
        if let Some(book) = slot.book().filter(|_| at != UnixNanos::UNKNOWN) {
            filter.accept(line, UpdateKey::of_book(&book), at);
        }
        entry
    }

    /// Says which lines there are, of which nothing has come yet.
    pub(super) fn set_lines(&mut self, open: &[bool]) {
        for line in 0..self.filter.lines.len().max(open.len()) {
            self.open_line(line, open.get(line).is_some_and(|is_open| *is_open));
        }
    }

    /// Says that there is a line of that number, of which nothing has come yet, or none any more.
    pub(super) fn open_line(&mut self, line: usize, is_open: bool) {
        self.filter.add_line(line);
        self.filter.set_state(line, is_open.then_some(BookState::Connecting));
    }

    /// Takes the state of a line; `None` of one that has ended. The sink hears of it where it
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
        if best != BookState::Live || self.is_stream() && !self.silent {
            self.change(best, at, sink);
        }
        self.retry_held(at, sink);
    }

    /// The best that any line has: one that is live is enough.
    fn best(&self) -> BookState {
        const BEST_FIRST: [BookState; 5] = [
            BookState::Live,
            BookState::Stale,
            BookState::Resyncing,
            BookState::AwaitingSnapshot,
            BookState::Connecting,
        ];
        let states = || self.filter.lines.iter().filter_map(|line| line.state);
        let has = |best: &BookState| states().any(|state| state == *best);
        let best = BEST_FIRST.into_iter().find(has).or_else(|| states().next());
        let best = best.unwrap_or(BookState::Connecting);
        // Trades have no snapshot to wait for: from its acknowledgement on a line misses none.
        let flows = self.is_stream() && best == BookState::AwaitingSnapshot;
        if flows && self.state.is_live() { BookState::Live } else { best }
    }

    const fn is_stream(&self) -> bool {
        self.publishers.trades.is_some() || self.publishers.records.is_some()
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
        if from != *to {
            let change = StateChange { subscription, subscription_id: *id, from, to: *to, ts_recv };
            sink.on_event(&Event::State(change));
        }
    }

    /// Takes an update of a line, and emits and publishes what is new by it.
    #[inline]
    pub(super) fn on_update(
        &mut self,
        update: Update<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let Update { line, event } = update;
        let (key, at) = (UpdateKey::of(event), event.ts_recv());
        let arbitration = self.filter.arbitrate(line, &key, at);
        let is_held = match arbitration {
            // What the line holds comes first.
            Arbitration::Accepted => self.filter.holds(line),
            Arbitration::Held => true,
            Arbitration::Duplicate { .. } | Arbitration::Outdated => false,
        };
        match event {
            Event::Book(BookUpdate { book, .. }) if is_held => {
                self.filter.hold(HeldBook { line, key, book: **book });
            }
            _ => {
                self.filter.drop_held(line);
                self.apply(update, key, arbitration, sink);
            }
        }
        self.retry_held(at, sink);
        self.check_stuck(at, sink);
        arbitration
    }

    /// Does with an update what was decided.
    #[inline]
    fn apply(
        &mut self,
        update: Update<'_>,
        key: UpdateKey,
        arbitration: Arbitration,
        sink: &mut impl EventSink,
    ) {
        match arbitration {
            Arbitration::Accepted => self.accept(update, key, sink),
            Arbitration::Duplicate { of, .. } => self.on_duplicate(update, of, sink),
            Arbitration::Outdated | Arbitration::Held => {}
        }
    }

    #[inline]
    fn accept(&mut self, update: Update<'_>, key: UpdateKey, sink: &mut impl EventSink) {
        let Update { line, event } = update;
        let highest = self.filter.accepted.highest;
        let is_dense = highest != NO_SEQ && self.subscription.channel().has_dense_trade_ids();
        let is_other = self.filter.accepted.last().is_none_or(|last| last.line != line);
        self.filter.accept(line, key, event.ts_recv());
        match event {
            // What is missing on the line that delivers it, another may have delivered.
            Event::Trade(update) if is_dense => {
                let missed = update.trade.missing_since(highest.cast_unsigned());
                let event = &Event::Trade(TradeUpdate { missed, ..*update });
                self.emit(event, is_other, sink);
            }
            _ => self.emit(event, is_other, sink),
        }
    }

    /// Emits and publishes an update. The order book of another line than before is published
    /// whole.
    #[inline]
    fn emit(&mut self, event: &Event<'_>, is_other: bool, sink: &mut impl EventSink) {
        self.silent = false;
        let from = std::mem::replace(&mut self.state, BookState::Live);
        self.publish(event, from, is_other);
        self.emit_state(from, event.ts_recv(), sink);
        sink.on_event(event);
    }

    #[inline]
    fn publish(&mut self, event: &Event<'_>, from: BookState, is_other: bool) {
        let Publishers { book, depth, trades, record, records } = &mut self.publishers;
        match event {
            Event::Book(update) => {
                return book.iter_mut().for_each(|book| book.publish(update.book, self.state));
            }
            Event::Record(update) if record.is_some() => {
                return record.iter_mut().for_each(|of| of.publish(update.record, self.state));
            }
            Event::DepthBook(change) => {
                let is_whole = is_other || from != self.state;
                let first_changed = if is_whole { Some(0) } else { change.outcome.first_changed };
                return publish_order_book(book, depth, change.book, first_changed, self.state);
            }
            Event::Trade(update) => {
                trades.iter_mut().for_each(|trades| trades.push(update.trade));
            }
            Event::Record(update) => {
                records.iter_mut().for_each(|records| records.push(update.record));
            }
            _ => {}
        }
        if from != self.state {
            self.publishers.publish_state(self.state);
        }
    }

    /// What was shown last makes the subscription live again where its line sends it now, or where
    /// it is only a line that was lost. A book is emitted again by that: only now is it known to be
    /// whole.
    fn on_duplicate(&mut self, update: Update<'_>, of: CopyOf, sink: &mut impl EventSink) {
        let is_current = of == CopyOf::Current;
        if !is_current && (of == CopyOf::Earlier || self.silent) {
            return;
        }
        match (update.event, self.state.is_live()) {
            // A quiet book that a line sends again is none for the sink, and of now for readers.
            (Event::Book(_), true) if is_current => {
                self.publish(update.event, self.state, false);
            }
            (_, true) => {}
            (Event::Book(_) | Event::DepthBook(_), false) => self.emit(update.event, true, sink),
            (event, false) => {
                self.silent = false;
                self.change(BookState::Live, event.ts_recv(), sink);
            }
        }
    }

    /// Decides again about what is held.
    #[inline]
    fn retry_held(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        while let Some((held, arbitration)) = self.filter.take_decided(now) {
            let HeldBook { line, key, book } = &held;
            let (subscription, subscription_id) = (self.subscription, self.id);
            let topic = subscription.topic();
            let event = &Event::Book(BookUpdate { topic, subscription_id, book });
            self.apply(Update { line: *line, event }, *key, arbitration, sink);
        }
    }

    /// A book that is live and old, and that no live line has delivered last, is stale.
    #[inline]
    fn check_stuck(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        let is_live_book = self.state.is_live() && self.filter.order == Order::Books;
        if is_live_book && self.filter.is_stuck(now, STUCK) {
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
        let silence = now.since(self.filter.accepted.at);
        if silence.is_some_and(|silence| silence >= limit) {
            // Its lines may have said so before, each for itself, or may be lost.
            self.silent = true;
            if self.state.is_live() {
                self.change(BookState::Stale, now, sink);
            }
        }
        self.retry_held(now, sink);
        self.check_stuck(now, sink);
    }
}
