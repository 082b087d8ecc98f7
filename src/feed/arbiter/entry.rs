//! One subscription that several lines deliver: its state, its readers, and what the sink is given
//! of it.

use std::time::Duration;

use super::filter::{Arbitration, CopyOf, Held, Line, Order, UpdateFilter};
use super::key::UpdateKey;
use crate::event::{BookUpdate, Event, EventSink, StateChange, TradeUpdate};
use crate::feed::slot::Slot;
use crate::model::{
    BookState, DownReason, NO_SEQ, Subscription, SubscriptionId, TradeRing, UnixNanos,
};
use crate::publish::{Publishers, RecordRingPublisher, TradeOptions, publish_order_book};

/// A book that is live and old, and that no live line has delivered last, is stale after this time.
const STUCK: Duration = Duration::from_secs(2);

/// An update that a line delivers.
#[derive(Clone, Copy)]
struct Update<'f> {
    line: usize,
    key: UpdateKey,
    event: &'f Event<'f>,
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
        // What is forgotten counts as one.
        let has_forgotten = slot.trades().is_some_and(|ring| ring.oldest() > 0);
        filter.accepted.end = u64::from(has_forgotten);
        let ring = publishers.records.as_ref().map(RecordRingPublisher::reader);
        let records = ring.iter().flat_map(|ring| ring.since(0)).map(|(_, record)| record);
        for record in records.chain(slot.record()) {
            filter.accept(line, UpdateKey::of_record(&record), record.ts_recv);
        }
        for trade in slot.trades().into_iter().flat_map(TradeRing::iter) {
            filter.accept(line, UpdateKey::of_trade(trade), trade.ts_recv);
        }
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
        let lines = &mut self.filter.lines;
        lines.resize(lines.len().max(line + 1), Line::default());
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
        use BookState::{AwaitingSnapshot, Connecting, Live, Resyncing, Stale};
        let best_first = [Live, Stale, Resyncing, AwaitingSnapshot, Connecting];
        let rank = |state: &BookState| best_first.iter().position(|best| best == state);
        let states = self.filter.lines.iter().filter_map(|line| line.state);
        let best = states.min_by_key(|state| rank(state).unwrap_or(usize::MAX));
        match best.unwrap_or(Connecting) {
            // Trades have no snapshot to wait for: from its acknowledgement on a line misses none.
            AwaitingSnapshot if self.is_stream() && self.state.is_live() => Live,
            best => best,
        }
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
        line: usize,
        event: &Event<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let update = Update { line, key: UpdateKey::of(event), event };
        let decided = self.filter.arbitrate(line, &update.key, event.ts_recv());
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
        let Update { line, key, event } = update;
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
        self.retry_held(event.ts_recv(), sink);
        self.check_stuck(event.ts_recv(), sink);
    }

    /// Does with an update what was decided.
    #[inline]
    fn apply(&mut self, update: Update<'_>, decided: Arbitration, sink: &mut impl EventSink) {
        let Update { line, key, event } = update;
        match decided {
            Arbitration::Accepted => self.accept(update, sink),
            Arbitration::Duplicate { of, .. } => self.on_duplicate(event, of, sink),
            Arbitration::Held => self.filter.hold(Held { line, key, book: None }),
            Arbitration::Outdated => {}
        }
    }

    #[inline]
    fn accept(&mut self, Update { line, key, event }: Update<'_>, sink: &mut impl EventSink) {
        let highest = self.filter.accepted.highest;
        self.filter.accept(line, key, event.ts_recv());
        let is_dense = || self.subscription.channel().has_dense_trade_ids();
        match event {
            // What is missing on the line that delivers it, another may have delivered.
            Event::Trade(update) if highest != NO_SEQ && is_dense() => {
                let missed = update.trade.missing_since(highest.cast_unsigned());
                self.emit(&Event::Trade(TradeUpdate { missed, ..*update }), sink);
            }
            _ => self.emit(event, sink),
        }
    }

    /// Emits and publishes an update. The order book of another line than before is published
    /// whole.
    #[inline]
    fn emit(&mut self, event: &Event<'_>, sink: &mut impl EventSink) {
        self.silent = false;
        let from = std::mem::replace(&mut self.state, BookState::Live);
        self.publish(event, from);
        self.emit_state(from, event.ts_recv(), sink);
        sink.on_event(event);
    }

    #[inline]
    fn publish(&mut self, event: &Event<'_>, from: BookState) {
        let Publishers { book, depth, trades, record, records } = &mut self.publishers;
        match event {
            Event::Book(update) => {
                return book.iter_mut().for_each(|book| book.publish(update.book, self.state));
            }
            Event::DepthBook(change) => {
                let is_whole = from != self.state || self.filter.accepted.is_other;
                let first_changed = if is_whole { Some(0) } else { change.outcome.first_changed };
                return publish_order_book(book, depth, change.book, first_changed, self.state);
            }
            Event::Trade(update) => trades.iter_mut().for_each(|ring| ring.push(update.trade)),
            Event::Record(update) => {
                record.iter_mut().for_each(|latest| latest.publish(update.record, self.state));
                records.iter_mut().for_each(|ring| ring.push(update.record));
            }
            _ => {}
        }
        // The others are published with it.
        if from != self.state && self.is_stream() {
            self.publishers.publish_state(self.state);
        }
    }

    /// What was shown last makes the subscription live again where its line sends it now, or where
    /// it is only a line that was lost. A book is emitted again by that: only now is it known to be
    /// whole.
    fn on_duplicate(&mut self, event: &Event<'_>, of: CopyOf, sink: &mut impl EventSink) {
        let is_current = of == CopyOf::Current;
        if !is_current && (of == CopyOf::Earlier || self.silent) {
            return;
        }
        match (event, self.state.is_live()) {
            // A quiet book that a line sends again is none for the sink, and of now for readers.
            (Event::Book(_), true) if is_current => self.publish(event, self.state),
            (_, true) => {}
            (Event::Book(_) | Event::DepthBook(_), false) => self.emit(event, sink),
            (_, false) => {
                self.silent = false;
                self.change(BookState::Live, event.ts_recv(), sink);
            }
        }
    }

    /// Decides again about what is held. An order book is not emitted from here: its line has gone
    /// on, and its next message has it whole.
    #[inline]
    fn retry_held(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        while let Some((Held { line, key, book }, decided)) = self.filter.take_decided(now) {
            let (subscription, subscription_id) = (self.subscription, self.id);
            let topic = subscription.topic();
            if let Some(book) = &book {
                let event = &Event::Book(BookUpdate { topic, subscription_id, book });
                self.apply(Update { line, key, event }, decided, sink);
            }
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
