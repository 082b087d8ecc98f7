//! One subscription that several lines deliver: its state, its readers, and what the sink is given
//! of it.

use std::time::Duration;

use super::filter::{Arbitration, CopyOf, Order, UpdateFilter};
use super::held::{HeldUpdate, HeldUpdates};
use super::key::UpdateKey;
use crate::book::{BOOK5_LEVELS, Book5};
use crate::event::{BookUpdate, DepthChange, Event, EventSink, StateChange, TradeUpdate};
use crate::feed::slot::Slot;
use crate::model::{
    BookState, ChannelKind, DownReason, NO_SEQ, Subscription, SubscriptionId, TradeRing, UnixNanos,
};
use crate::publish::{PUBLISHED_LEVELS, Publishers, RecordRingPublisher, TradeOptions};

/// A book that is live and old, while lines deliver what is not accepted, is stale after this time.
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
    held: HeldUpdates,
    /// Whether it is stale because all lines were silent: then it takes more than a duplicate to be
    /// live.
    silent: bool,
    /// The line whose book was published last.
    published: usize,
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
        let is_book = matches!(kind, ChannelKind::Book5 | ChannelKind::Depth);
        let mut entry = Self {
            subscription,
            id,
            state: BookState::Connecting,
            filter: UpdateFilter::new(kind),
            held: HeldUpdates::new(is_book),
            silent: false,
            published: usize::MAX,
            publishers: Publishers::new(kind, trades),
        };
        open.iter().enumerate().for_each(|(line, is_open)| entry.open_line(line, *is_open));
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
        entry.filter.set_state(line, Some(slot.state()));
        let stream = entry.publishers.records.iter().map(RecordRingPublisher::reader);
        let stream = stream.flat_map(|reader| reader.since(0).collect::<Vec<_>>());
        for record in stream.map(|(_, record)| record).chain(slot.record()) {
            entry.filter.accept(line, UpdateKey::of_record(&record), record.ts_recv);
        }
        for trade in slot.trades().into_iter().flat_map(TradeRing::iter) {
            entry.filter.accept(line, UpdateKey::of_trade(trade), trade.ts_recv);
        }
        if slot.trades().is_some_and(|ring| ring.oldest() > 0) {
            entry.filter.accepted.has_forgotten = true;
        }
        let at = slot.ts_recv();
        if let Some(book) = slot.book().filter(|_| at != UnixNanos::UNKNOWN) {
            entry.filter.accept(line, UpdateKey::of_book(&book), at);
            entry.published = line;
        }
        entry
    }

    /// Says that there is a line of that number, of which nothing has come yet, or none any more.
    pub(super) fn open_line(&mut self, line: usize, is_open: bool) {
        self.filter.add_line(line);
        self.set_line(line, is_open.then_some(BookState::Connecting));
    }

    fn set_line(&mut self, line: usize, state: Option<BookState>) {
        self.filter.set_state(line, state);
        if !state.is_some_and(BookState::is_live) {
            self.held.clear(line);
        }
    }

    /// Forgets all lines; then there are so many, of which nothing has come yet.
    pub(super) fn reset_lines(&mut self, lines: usize) {
        let all = self.filter.lines.len().max(lines);
        (0..all).for_each(|line| self.open_line(line, line < lines));
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
        self.set_line(line, state);
        let best = self.best();
        // The book that makes a line live comes next; until then nobody may see the old one live.
        // Trades that a line has again are not delivered again, and there is no old book to be
        // shown.
        if best != BookState::Live || self.is_stream() && !self.silent {
            self.change(best, at, sink);
        }
        self.release_held(at, sink);
    }

    /// The best that any line has: one that is live is enough.
    fn best(&self) -> BookState {
        let rank = |state: &BookState| match state {
            BookState::Live => 0,
            BookState::Stale => 1,
            BookState::Resyncing => 2,
            BookState::AwaitingSnapshot => 3,
            BookState::Connecting => 4,
            BookState::Down(_) => 5,
        };
        let states = self.filter.lines.iter().filter_map(|line| line.state);
        let best = states.min_by_key(rank).unwrap_or(BookState::Connecting);
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
        let key = UpdateKey { is_first: self.filter.begins(line), ..UpdateKey::of(event) };
        let arbitration = self.filter.arbitrate(line, &key, event.ts_recv());
        match arbitration {
            Arbitration::Accepted => self.accept(update, key, sink),
            Arbitration::Held => self.hold(update, key),
            Arbitration::Outdated => self.held.clear(line),
            Arbitration::Duplicate { of, .. } => {
                self.held.clear(line);
                self.on_duplicate(update, of, sink);
                self.resolve_held(&key, sink);
            }
        }
        if arbitration != Arbitration::Accepted {
            self.check_stuck(event.ts_recv(), sink);
        }
        arbitration
    }

    #[inline]
    fn accept(&mut self, update: Update<'_>, key: UpdateKey, sink: &mut impl EventSink) {
        let Update { line, event } = update;
        if self.held.newest(line).is_some() {
            self.hold(update, key);
            self.emit_held(line, sink);
            if matches!(event, Event::Book(_)) {
                return;
            }
        }
        let highest = self.filter.accepted.highest;
        let is_dense = highest != NO_SEQ && self.subscription.channel().has_dense_trade_ids();
        self.filter.accept(line, key, event.ts_recv());
        match event {
            // What is missing on the line that delivers it, another may have delivered.
            Event::Trade(update) if is_dense => {
                let missed = update.trade.missing_since(highest.cast_unsigned());
                let event = &Event::Trade(TradeUpdate { missed, ..*update });
                self.emit(Update { line, event }, sink);
            }
            _ => self.emit(update, sink),
        }
        self.resolve_held(&key, sink);
    }

    /// Emits and publishes an update.
    #[inline]
    fn emit(&mut self, update: Update<'_>, sink: &mut impl EventSink) {
        self.silent = false;
        let from = std::mem::replace(&mut self.state, BookState::Live);
        self.publish(update, from);
        self.emit_state(from, update.event.ts_recv(), sink);
        sink.on_event(update.event);
    }

    #[inline]
    fn publish(&mut self, Update { line, event }: Update<'_>, from: BookState) {
        let Self { publishers, state, .. } = self;
        match event {
            Event::Book(update) => return self.publish_book(line, update.book),
            Event::DepthBook(change) => return self.publish_depth(line, change, from),
            Event::Trade(update) => {
                publishers.trades.iter_mut().for_each(|trades| trades.push(update.trade));
            }
            Event::Record(update) => {
                publishers.records.iter_mut().for_each(|records| records.push(update.record));
                if let Some(record) = &mut publishers.record {
                    return record.publish(update.record, *state);
                }
            }
            _ => {}
        }
        if from != *state {
            publishers.publish_state(*state);
        }
    }

    fn publish_book(&mut self, line: usize, book: &Book5) {
        self.published = line;
        if let Some(publisher) = &mut self.publishers.book {
            publisher.publish(book, self.state);
        }
    }

    fn publish_depth(&mut self, line: usize, change: &DepthChange<'_>, from: BookState) {
        // Levels that no reader can see need not be published, unless the book is another.
        let other = std::mem::replace(&mut self.published, line) != line || from != self.state;
        let changed = change.applied.first_changed.unwrap_or(usize::MAX);
        let Publishers { book, depth, .. } = &mut self.publishers;
        let view = change.book.view();
        if let Some(book) = book.as_mut().filter(|_| other || changed < BOOK5_LEVELS) {
            book.publish(&view.top5(), self.state);
        }
        if let Some(depth) = depth.as_mut().filter(|_| other || changed < PUBLISHED_LEVELS) {
            depth.publish_book(&view, self.state);
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
            (Event::Book(book), true) if is_current => self.publish_book(update.line, book.book),
            (_, true) => {}
            (Event::Book(_) | Event::DepthBook(_), false) => self.emit(update, sink),
            (event, false) => {
                self.silent = false;
                self.change(BookState::Live, event.ts_recv(), sink);
            }
        }
    }

    /// A book that is live and old, while lines deliver what is not accepted, is stale.
    #[inline]
    fn check_stuck(&mut self, at: UnixNanos, sink: &mut impl EventSink) {
        let is_live_book = self.state.is_live() && self.filter.order == Order::Books;
        if is_live_book && self.filter.is_stuck(at, STUCK) {
            self.change(BookState::Stale, at, sink);
        }
    }

    #[cold]
    fn hold(&mut self, Update { line, event }: Update<'_>, key: UpdateKey) {
        let (subscription_id, book) = match event {
            Event::Book(update) => (update.subscription_id, Some(*update.book)),
            _ => (SubscriptionId::NONE, None),
        };
        self.held.push(HeldUpdate { line, subscription_id, key, book });
    }

    /// Emits all that a line has held, as far as it is not older than what is shown, so that the
    /// line has reached the end. The updates of an order book are part of its next one.
    #[cold]
    fn emit_held(&mut self, line: usize, sink: &mut impl EventSink) {
        while let Some(HeldUpdate { subscription_id, key, book, .. }) = self.held.take(line) {
            let Some(book) = book.filter(|_| !self.filter.accepted.is_older(&key)) else {
                continue;
            };
            self.filter.accept(line, key, book.ts_recv);
            let subscription = self.subscription;
            let update = BookUpdate { topic: subscription.topic(), subscription_id, book: &book };
            self.emit(Update { line, event: &Event::Book(update) }, sink);
            self.resolve_held(&key, sink);
        }
    }

    /// An update that was accepted shows where the lines are that had held it. What they hold
    /// behind it is new.
    #[inline]
    fn resolve_held(&mut self, key: &UpdateKey, sink: &mut impl EventSink) {
        if self.held.is_empty() {
            return;
        }
        while let Some(line) = self.held.match_line(key) {
            let is_book5 = self.publishers.depth.is_none();
            if is_book5 || self.held.newest(line).is_none() {
                self.filter.move_to_end(line);
            }
            if is_book5 {
                self.emit_held(line, sink);
            }
        }
    }

    /// Emits what lines have held and need not wait any longer. An order book is stale until such a
    /// line delivers more: its next message has the whole book.
    fn release_held(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        for line in 0..self.filter.lines.len() {
            let Some(newest) = self.held.newest(line) else { continue };
            if self.filter.accepted.is_older(&newest) {
                self.held.clear(line);
            } else if !self.filter.may_lead(line, now) {
                continue;
            } else if self.publishers.depth.is_none() {
                self.emit_held(line, sink);
            } else if self.state.is_live() {
                self.change(BookState::Stale, now, sink);
            }
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
        self.release_held(now, sink);
    }

    /// The exchange's number of what was accepted last.
    pub(super) fn last_seq(&self) -> Option<i64> {
        self.filter.accepted.last().map(|key| key.seq).filter(|seq| *seq != NO_SEQ)
    }
}
