//! One subscription that several lines deliver: its state, its readers, and what the sink is given
//! of it.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use super::filter::{Arbitration, UpdateFilter};
use super::hold::HeldUpdates;
use super::log::UpdateKey;
use super::records::RecordFilter;
use crate::book::{BOOK5_LEVELS, Book5, DepthAction};
use crate::event::{
    BookUpdate, DepthChange, Event, EventSink, RawMessage, RecordUpdate, StateChange, TradeUpdate,
};
use crate::feed::slot::Slot;
use crate::model::{
    BookState, ChannelKind, DownReason, NO_SEQ, Subscription, SubscriptionId, Trade, TradeRing,
    UnixNanos,
};
use crate::publish::{PUBLISHED_LEVELS, Publishers, RecordRingPublisher, TradeOptions};

/// How many books the log of a subscription holds.
const BOOKS: usize = 64;
/// How many trades the log of a subscription holds.
const TRADES: usize = 1024;
/// A book that is live and old, while lines deliver what is not accepted, is stale after this time.
const STUCK: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) subscription: Subscription,
    pub(super) id: SubscriptionId,
    pub(super) state: BookState,
    /// The states of the lines, `None` where there is no such line now.
    lines: Vec<Option<BookState>>,
    filter: UpdateFilter,
    held: HeldUpdates,
    /// `None` of books and trades.
    records: Option<RecordFilter>,
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
        let mut entry = Self {
            subscription,
            id,
            state: BookState::Connecting,
            lines: Vec::new(),
            filter: UpdateFilter::new(if kind == ChannelKind::Trades { TRADES } else { BOOKS }),
            held: HeldUpdates::new(kind),
            records: match kind {
                ChannelKind::Latest(_) => Some(RecordFilter::new(true)),
                ChannelKind::Stream(_) | ChannelKind::Raw => Some(RecordFilter::new(false)),
                ChannelKind::Book5 | ChannelKind::Depth | ChannelKind::Trades => None,
            },
            silent: false,
            published: usize::MAX,
            publishers: Publishers::new(kind, trades),
        };
        open.iter().enumerate().for_each(|(line, is_open)| entry.set_line(line, *is_open));
        entry
    }

    /// Takes a slot over from a line that was alone until now: what publishes it, its state, and
    /// what it has delivered last, so that no other line delivers it again.
    pub(super) fn adopt(slot: &mut Slot, line: usize, open: &[bool]) -> Self {
        // What it would publish by is the slot's.
        let mut entry =
            Self::new(*slot.subscription(), slot.id(), open, TradeOptions { tape_len: 1 });
        entry.publishers = slot.take_publishers();
        entry.state = slot.state();
        entry.silent = entry.state == BookState::Stale;
        entry.line_state(line, slot.state());
        let log = entry.filter.log_mut();
        for trade in slot.trades().into_iter().flat_map(TradeRing::iter) {
            let key = trade_key(trade);
            let is_late = log.last().is_some_and(|last| key.seq < last.seq);
            log.append(key, line, trade.ts_recv, is_late);
        }
        if let Some(ring) = slot.trades().filter(|ring| ring.oldest() > 0) {
            let first = ring.iter().map(|trade| trade_key(trade).seq).min();
            log.forget_before(first.unwrap_or(NO_SEQ));
        }
        let at = slot.ts_recv();
        if let Some(book) = slot.book().filter(|_| at != UnixNanos::UNKNOWN) {
            log.append(book_key(&book), line, at, false);
            entry.published = line;
        }
        if log.end() > 0 {
            entry.filter.move_to_end(line);
        }
        if let Some(filter) = &mut entry.records {
            let stream = entry.publishers.records.iter().map(RecordRingPublisher::reader);
            let stream = stream.flat_map(|reader| reader.since(0).collect::<Vec<_>>());
            let all = stream.map(|(_, record)| record).chain(slot.record());
            all.for_each(|record| filter.note(line, &record));
        }
        entry
    }

    /// Says that there is a line of that number, of which nothing has come yet, or none any more.
    pub(super) fn set_line(&mut self, line: usize, is_open: bool) {
        if self.lines.len() <= line {
            self.lines.resize(line + 1, None);
        }
        self.filter.add_line(line);
        if let Some(state) = self.lines.get_mut(line) {
            *state = is_open.then_some(BookState::Connecting);
        }
        self.filter.reset_line(line);
        self.held.clear(line);
    }

    /// Forgets all lines; then there are so many, of which nothing has come yet.
    pub(super) fn reset_lines(&mut self, lines: usize) {
        (0..self.lines.len()).for_each(|line| self.set_line(line, false));
        self.lines.clear();
        (0..lines).for_each(|line| self.set_line(line, true));
    }

    /// The best that any line has: one that is live is enough.
    pub(super) fn best(&self) -> BookState {
        let rank = |state: &BookState| match state {
            BookState::Live => 0,
            BookState::Stale => 1,
            BookState::Resyncing => 2,
            BookState::AwaitingSnapshot => 3,
            BookState::Connecting => 4,
            BookState::Down(_) => 5,
        };
        let states = self.lines.iter().filter_map(|state| *state);
        let best = states.min_by_key(rank).unwrap_or(BookState::Connecting);
        // Trades have no snapshot to wait for: from its acknowledgement on a line misses none.
        let is_stream = self.publishers.trades.is_some() || self.publishers.records.is_some();
        let flows = is_stream && best == BookState::AwaitingSnapshot;
        if flows && self.state.is_live() { BookState::Live } else { best }
    }

    /// Notes a line's state. What a line delivered before it was lost says nothing of its next
    /// connection.
    pub(super) fn line_state(&mut self, line: usize, state: BookState) {
        if state == BookState::Connecting {
            self.set_line(line, true);
        }
        if let Some(of_line) = self.lines.get_mut(line) {
            *of_line = Some(state);
            self.filter.set_live(line, state.is_live(), state == BookState::Stale);
        }
        if !state.is_live() {
            self.held.clear(line);
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
        if from != *to {
            sink.on_event(&Event::State(StateChange {
                subscription,
                subscription_id: *id,
                from,
                to: *to,
                ts_recv,
            }));
        }
    }

    /// Takes a book of a line, and emits and publishes what is new by it. One that the line's own
    /// feed has not live is not.
    pub(super) fn on_book(
        &mut self,
        line: usize,
        update: &BookUpdate<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let key = self.note_first(line, book_key(update.book));
        let at = update.book.ts_recv;
        let (arbitration, is_still_so) = self.arbitrate(line, key, at, sink);
        match arbitration {
            Arbitration::Accepted => self.emit_book(line, update, sink),
            Arbitration::Held => {
                self.held.push((line, update.subscription_id), key, Some(update.book))
            }
            // A quiet book that a line sends again is none for the sink, and of now for who reads
            // it.
            _ if is_still_so => self.publish_book(line, update.book),
            _ => {}
        }
        self.note_logged(&key, arbitration, sink);
        arbitration
    }

    fn publish_book(&mut self, line: usize, book: &Book5) {
        self.published = line;
        if let Some(publisher) = &mut self.publishers.book {
            publisher.publish(book, self.state);
        }
    }

    fn emit_book(&mut self, line: usize, update: &BookUpdate<'_>, sink: &mut impl EventSink) {
        let from = std::mem::replace(&mut self.state, BookState::Live);
        self.publish_book(line, update.book);
        self.emit_state(from, update.book.ts_recv, sink);
        sink.on_event(&Event::Book(*update));
    }

    /// As [`Entry::on_book`] for a change of an order book.
    pub(super) fn on_depth(
        &mut self,
        line: usize,
        change: &DepthChange<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let key = self.note_first(line, depth_key(change));
        let at = change.update.ts_recv;
        let (arbitration, _) = self.arbitrate(line, key, at, sink);
        match arbitration {
            Arbitration::Accepted => {
                let from = std::mem::replace(&mut self.state, BookState::Live);
                self.publish_depth(line, change, from);
                self.emit_state(from, at, sink);
                sink.on_event(&Event::DepthBook(*change));
            }
            Arbitration::Held => self.held.push((line, change.subscription_id), key, None),
            _ => {}
        }
        self.note_logged(&key, arbitration, sink);
        arbitration
    }

    fn publish_depth(&mut self, line: usize, change: &DepthChange<'_>, from: BookState) {
        // Levels that no reader can see need not be published, unless the book is another.
        let other = std::mem::replace(&mut self.published, line) != line || from != self.state;
        let changed = change.applied.first_changed.unwrap_or(usize::MAX);
        let view = change.book.view();
        if let Some(book) =
            self.publishers.book.as_mut().filter(|_| other || changed < BOOK5_LEVELS)
        {
            book.publish(&view.top5(), self.state);
        }
        if let Some(depth) =
            self.publishers.depth.as_mut().filter(|_| other || changed < PUBLISHED_LEVELS)
        {
            depth.publish_book(&view, self.state);
        }
    }

    /// Takes a trade of a line, and emits and publishes it if it is new. A line that is not live
    /// delivers those of a subscription that has ended for it.
    pub(super) fn on_trade(
        &mut self,
        line: usize,
        update: &TradeUpdate<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        if !self.filter.is_live(line) {
            return Arbitration::Outdated;
        }
        let (trade, from) = (update.trade, self.state);
        let last = self.filter.log().last().map(|last| last.seq.cast_unsigned());
        let arbitration = self.filter.trade(line, trade_key(trade), trade.ts_recv);
        let is_new = arbitration == Arbitration::Accepted;
        // What comes late says nothing where a user has set a limit of silence for trades.
        if is_new || !self.silent {
            (self.state, self.silent) = (BookState::Live, false);
        }
        if let Some(publisher) = &mut self.publishers.trades {
            if is_new {
                publisher.push(trade);
            }
            if self.state.is_live() != from.is_live() {
                publisher.publish_state(self.state);
            }
        }
        self.emit_state(from, trade.ts_recv, sink);
        if is_new {
            // What is missing on the line that delivers it, another may have delivered.
            let missed = match last {
                Some(last) if update.topic.channel.has_dense_trade_ids() => {
                    trade.missing_since(last)
                }
                _ => 0,
            };
            sink.on_event(&Event::Trade(TradeUpdate { missed, ..*update }));
        }
        arbitration
    }

    /// Notes in a key whether it is what a line's subscription begins with. Where a line holds an
    /// update of the same number, the number alone does not say which of two it is.
    #[inline]
    fn note_first(&mut self, line: usize, key: UpdateKey) -> UpdateKey {
        let is_first = self.filter.begins(line) && !self.held.has_number(key.seq);
        UpdateKey { is_first, ..key }
    }

    /// Takes a record of a line, and emits and publishes it if it is new.
    pub(super) fn on_record(
        &mut self,
        line: usize,
        update: &RecordUpdate<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let (record, from) = (update.record, self.state);
        let Some(filter) = self.records.as_mut().filter(|_| self.filter.is_live(line)) else {
            return Arbitration::Outdated;
        };
        let arbitration = filter.arbitrate(line, record);
        let is_new = arbitration == Arbitration::Accepted;
        if is_new || filter.is_newest(record) {
            (self.state, self.silent) = (BookState::Live, false);
        }
        let state = self.state;
        if let Some(publisher) = self.publishers.record.as_mut().filter(|_| is_new) {
            publisher.publish(record, state);
        } else if from != state {
            self.publishers.publish_state(state);
        }
        if let Some(publisher) = self.publishers.records.as_mut().filter(|_| is_new) {
            publisher.push(record);
        }
        self.emit_state(from, record.ts_recv, sink);
        if is_new {
            sink.on_event(&Event::Record(*update));
        }
        arbitration
    }

    /// As [`Entry::on_record`] for a message that is not decoded.
    #[cold]
    pub(super) fn on_raw(
        &mut self,
        line: usize,
        message: &RawMessage<'_>,
        sink: &mut impl EventSink,
    ) -> Arbitration {
        let Some(filter) = self.records.as_mut().filter(|_| self.filter.is_live(line)) else {
            return Arbitration::Outdated;
        };
        let arbitration = filter.arbitrate_text(line, message.text, message.ts_recv);
        self.change(BookState::Live, message.ts_recv, sink);
        if arbitration == Arbitration::Accepted {
            sink.on_event(&Event::Raw(*message));
        }
        arbitration
    }

    /// What becomes of a book that a line delivers, and whether it confirms what is shown. Where
    /// the subscription is not live, the book that was shown last is accepted again: only now is it
    /// known to be whole.
    #[inline]
    fn arbitrate(
        &mut self,
        line: usize,
        key: UpdateKey,
        at: UnixNanos,
        sink: &mut impl EventSink,
    ) -> (Arbitration, bool) {
        let end = self.filter.log().end();
        let (mut arbitration, mut is_still_so) = self.filter.book(line, &key, at);
        if arbitration == Arbitration::Accepted && !self.held.is_empty() {
            self.emit_held(line, sink);
            if self.filter.log().end() != end {
                // Another line may have held this update too.
                (arbitration, is_still_so) = self.filter.book(line, &key, at);
            }
        }
        if arbitration == Arbitration::Accepted {
            self.filter.accept(line, key, at);
            self.silent = false;
            return (arbitration, false);
        }
        if arbitration != Arbitration::Held && !self.held.is_empty() {
            // What it held is from before that.
            self.held.clear(line);
        }
        if !self.filter.is_live(line) || is_still_so && self.state.is_live() {
            return (arbitration, is_still_so);
        }
        let is_shown = is_still_so || self.filter.is_shown(&key);
        if !self.state.is_live() && is_shown && (is_still_so || !self.silent) {
            self.silent = false;
            return (Arbitration::Accepted, false);
        }
        let silence = at.since(self.filter.log().at()).unwrap_or_default();
        let is_stuck = silence >= STUCK && !self.filter.has_peer_at_end(line);
        if self.state.is_live() && !is_shown && is_stuck {
            self.change(BookState::Stale, at, sink);
        }
        (arbitration, is_still_so)
    }

    /// Emits all that a line has held, as far as it is not older than what is shown, so that the
    /// line has reached the end. The updates of an order book are part of its next one.
    #[cold]
    fn emit_held(&mut self, line: usize, sink: &mut impl EventSink) {
        while let Some((subscription_id, key, book)) = self.held.take(line) {
            let Some(book) = book.filter(|_| !self.filter.log().is_from_before(&key)) else {
                continue;
            };
            self.filter.accept(line, key, book.ts_recv);
            self.silent = false;
            let subscription = self.subscription;
            let topic = subscription.topic();
            let update = BookUpdate { topic, subscription_id, book: &book };
            self.emit_book(line, &update, sink);
            self.resolve_held(&key, sink);
        }
    }

    /// Resolves what lines hold by an update that is in the log now.
    #[inline]
    fn note_logged(&mut self, key: &UpdateKey, of: Arbitration, sink: &mut impl EventSink) {
        let is_logged = matches!(of, Arbitration::Accepted | Arbitration::Duplicate { .. });
        if is_logged && !self.held.is_empty() {
            self.resolve_held(key, sink);
        }
    }

    /// An update that is in the log now shows where the lines are that had held it. What they hold
    /// behind it is new.
    fn resolve_held(&mut self, key: &UpdateKey, sink: &mut impl EventSink) {
        while let Some(line) = self.held.match_line(self.filter.log(), key) {
            let is_book5 = self.subscription.channel().kind() == ChannelKind::Book5;
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
    pub(super) fn release_held(&mut self, now: UnixNanos, sink: &mut impl EventSink) {
        for line in 0..self.lines.len() {
            let Some(newest) = self.held.newest(line) else { continue };
            if self.filter.log().is_from_before(&newest) {
                self.held.clear(line);
            } else if !self.filter.may_lead(line, now) {
                continue;
            } else if self.subscription.channel().kind() == ChannelKind::Book5 {
                self.emit_held(line, sink);
            } else if self.state.is_live() {
                self.change(BookState::Stale, now, sink);
            }
        }
    }

    /// Whether it is live, and nothing has come for so long that is new, or that confirms that it
    /// is still so; in whatever state, that is remembered. Lines that stood still may have come
    /// only just now to where it was long before.
    pub(super) fn falls_silent(&mut self, limit: Duration, now: UnixNanos) -> bool {
        let of_log = || self.filter.log().at();
        let at = self.records.as_ref().map_or_else(of_log, RecordFilter::at);
        let silence = now.since(at);
        let is_silent = silence.is_some_and(|silence| silence >= limit);
        // Its lines may have said so before, each for itself, or may be lost.
        self.silent |= is_silent;
        is_silent && self.state.is_live()
    }

    /// The exchange's number of what was accepted last.
    pub(super) fn last_seq(&self) -> Option<i64> {
        self.filter.log().last().map(|key| key.seq).filter(|seq| *seq != NO_SEQ)
    }
}

fn trade_key(trade: &Trade) -> UpdateKey {
    // An id can come again behind a sequence reset; with its time it does not.
    let seq = i64::try_from(trade.trade_id).unwrap_or(i64::MAX);
    UpdateKey { seq, ts: trade.ts_event, hash: trade.ts_event.0, is_first: false }
}

fn book_key(book: &Book5) -> UpdateKey {
    let levels = book.asks().iter().chain(book.bids()).map(|level| level.to_words());
    let start = (book.ts_event.0, book.asks().len() as u64);
    let hash = content_hash(book.seq, start, levels);
    UpdateKey { seq: book.seq, ts: book.ts_event, hash, is_first: false }
}

fn depth_key(change: &DepthChange<'_>) -> UpdateKey {
    let update = change.update;
    if update.action == DepthAction::RestSnapshot {
        // The book has what follows the snapshot, whose own number is that of no update.
        let view = change.book.view();
        return UpdateKey {
            seq: view.seq().unwrap_or(NO_SEQ),
            ts: view.ts_event,
            ..UpdateKey::NONE
        };
    }
    let levels = update.asks.iter().chain(update.bids).map(|level| level.to_words());
    let checksum = u64::from(update.checksum.unwrap_or_default().cast_unsigned());
    let hash = content_hash(update.seq, (update.ts_event.0, checksum), levels);
    UpdateKey { seq: update.seq, ts: update.ts_event, hash, is_first: false }
}

/// What distinguishes updates that have no number; 0 where there is one.
fn content_hash<T: Hash>(seq: i64, start: (u64, u64), words: impl Iterator<Item = T>) -> u64 {
    if seq != NO_SEQ {
        return 0;
    }
    let mut hasher = FixedState::default().build_hasher();
    start.hash(&mut hasher);
    words.for_each(|words| words.hash(&mut hasher));
    hasher.finish()
}
