//! Messages of all writers as one feed. Reads no clock and does no I/O.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use okx_feed::event::StateChange;
use okx_feed::model::Origin;
use okx_feed::{
    BookState, BookUpdate, DepthChange, DownReason, Event, EventSink, MonoNanos, Record,
    RecordUpdate, Subscription, Trade, TradeUpdate, UnixNanos,
};

use super::options::SourceOptions;
use super::readers::{Shared, SourceStats};
use super::topic::Topic;
use super::values::{DepthOutcome, Value, apply, is_newer, is_newer_record, time_of, update};
use super::writers::{Beat, Heartbeat, WriterId, Writers};
use crate::nats::decode::{DepthPayload, Payload, read};
use crate::nats::encode::content_hash;
use crate::nats::head::Head;
use crate::nats::subject::{
    SubjectKind, TopicSubjects, is_watermark, is_writer_name, parse, without_prefix,
};

/// A message of a market, as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'m> {
    pub(super) subject: &'m str,
    /// The value of the header.
    pub(super) head: &'m str,
    pub(super) payload: &'m [u8],
    /// The position in the stream; 0 without one.
    pub(super) position: u64,
}

/// Merges the messages of writers.
///
/// Dropped, it has ended: no reader uses its values, even after a panic in the sink.
#[derive(Debug)]
pub(super) struct Merge<S> {
    options: SourceOptions,
    shared: Arc<Shared>,
    topics: Vec<Topic>,
    /// The place of a topic, by the subject of its events or of its snapshots.
    places: HashMap<String, (usize, SubjectKind)>,
    by_subscription: HashMap<Subscription, usize>,
    writers: Writers,
    is_current: bool,
    /// The position after which trades are read.
    trades_after: u64,
    sink: S,
}

const STOPPED: BookState = BookState::Down(DownReason::Stopped);

impl<S> Drop for Merge<S> {
    fn drop(&mut self) {
        self.shared.stats.is_current.store(false, Ordering::Relaxed);
        self.topics.iter_mut().for_each(|topic| topic.value.publish_state(STOPPED));
        self.shared.with(|all| all.values_mut().for_each(|readers| readers.state = STOPPED));
    }
}

impl<S: EventSink> Merge<S> {
    pub(super) fn new(options: SourceOptions, shared: Arc<Shared>, sink: S) -> Self {
        Self {
            options,
            shared,
            topics: Vec::new(),
            places: HashMap::new(),
            by_subscription: HashMap::new(),
            writers: Writers::default(),
            is_current: false,
            trades_after: 0,
            sink,
        }
    }

    /// Handles a message of a market.
    pub(super) fn on_message(&mut self, message: Received<'_>, now: MonoNanos) {
        let stats = &self.shared.stats;
        SourceStats::count(&stats.messages);
        if is_watermark(message.subject) {
            return self.on_watermark(&message, now);
        }
        let head = Head::parse(message.head);
        let Some((at, kind)) = self.place(message.subject) else { return };
        let Some(topic) = self.topics.get_mut(at) else { return };
        // A state is of its writer: it says nothing of what was read of the topic's values.
        let has_value = !matches!(kind, SubjectKind::State(_));
        if has_value && message.position > 0 && message.position <= topic.position {
            return;
        }
        let payload = read(topic.subscription.channel(), message.payload);
        let (Some(head), Some(payload)) = (head, payload) else {
            return SourceStats::count(&self.shared.stats.malformed);
        };
        if has_value {
            topic.position = topic.position.max(message.position);
        }
        let writer = self.writers.id(head.writer);
        // Of a stream, all of the session before is there, or another writer's copy.
        let is_core = message.position == 0;
        let is_new_session = is_core && topic.is_new_session(writer, head.session);
        topic.note_state(&self.writers, (writer, head.session), head.state);
        let is_event = kind == SubjectKind::Event;
        let is_gap = is_event && topic.note_sequence(writer, head.session, head.sequence);
        if is_gap && is_core {
            SourceStats::count(&self.shared.stats.gaps);
        }
        if is_core && (is_gap || is_new_session) {
            // Until the next value.
            topic.note_missing(writer);
        }
        match payload {
            Payload::State(..) => self.update_state(at, now),
            // A newcomer has read a later value already.
            Payload::Missed(_) if message.position > 0 && message.position < topic.position => {}
            Payload::Missed(count) => {
                SourceStats::count(&self.shared.stats.gaps);
                SourceStats::add(&self.shared.stats.missed, count);
                topic.note_missing(writer);
                self.update_state(at, now);
            }
            Payload::Book(book) => {
                let Value::Book { last, .. } = &mut topic.value else { return };
                if !is_newer(&book, last.as_ref()) {
                    return self.on_duplicate(at, writer, now);
                }
                *last = Some(book);
                self.publish(at, now);
                let Some(topic) = self.topics.get(at) else { return };
                let subscription_id = topic.id;
                let topic = topic.subscription.topic();
                let update = BookUpdate { subscription_id, ..BookUpdate::new(topic, &book) };
                self.sink.on_event(&Event::Book(update));
            }
            Payload::Trade { trade, replayed, origin, renamed_to } => {
                let own = renamed_to.as_ref().map(|id| id.as_str());
                self.on_trade((at, writer), &trade, (replayed, origin, own), now);
            }
            Payload::Record(record) => self.on_record((at, writer), &record, message, now),
            Payload::Depth(depth) => self.on_depth((at, writer), &depth, now),
        }
    }

    fn on_record(
        &mut self,
        (at, writer): (usize, WriterId),
        record: &Record,
        of: Received<'_>,
        now: MonoNanos,
    ) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let is_new = match &mut topic.value {
            Value::Latest { last, .. } => {
                let is_new = is_newer_record(record, last.as_ref());
                if is_new {
                    *last = Some(*record);
                }
                is_new
            }
            Value::Stream { seen, publisher } => {
                let hash = content_hash(of.payload);
                let is_new = match record.ts_event {
                    UnixNanos::UNKNOWN => seen.note_untimed(record, hash),
                    at => seen.note(hash, at),
                };
                if is_new {
                    publisher.push(record);
                }
                is_new
            }
            _ => return,
        };
        if !is_new {
            return self.on_duplicate(at, writer, now);
        }
        self.publish(at, now);
        let Some(topic) = self.topics.get(at) else { return };
        let subscription_id = topic.id;
        let topic = topic.subscription.topic();
        let update = RecordUpdate { subscription_id, ..RecordUpdate::new(topic, record) };
        self.sink.on_event(&Event::Record(update));
    }

    /// A value that is shown already, or is older, still makes up for what its writer has dropped
    /// before.
    fn on_duplicate(&mut self, at: usize, writer: WriterId, now: MonoNanos) {
        SourceStats::count(&self.shared.stats.duplicates);
        if let Some(topic) = self.topics.get_mut(at) {
            topic.note_value_of(writer);
        }
        self.update_state(at, now);
    }

    fn on_trade(
        &mut self,
        (at, writer): (usize, WriterId),
        trade: &Trade,
        (replayed, origin, renamed_to): (bool, Origin, Option<&str>),
        now: MonoNanos,
    ) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let Value::Trades { seen, publisher } = &mut topic.value else { return };
        let before = seen.last();
        if !seen.note(trade.first_id(), trade.trade_id, trade.ts_event) {
            return self.on_duplicate(at, writer, now);
        }
        publisher.push(trade);
        let is_dense = topic.subscription.channel().has_dense_trade_ids();
        let missed = before.filter(|_| is_dense).map_or(0, |last| trade.missing_since(last));
        self.publish(at, now);
        let Some(topic) = self.topics.get(at) else { return };
        let mut of = topic.subscription.topic();
        let renamed_from = renamed_to.map(|_| of.inst_id);
        of.inst_id = renamed_to.unwrap_or(of.inst_id);
        let update = TradeUpdate {
            subscription_id: topic.id,
            replayed,
            origin,
            missed,
            renamed_from,
            ..TradeUpdate::new(of, trade)
        };
        self.sink.on_event(&Event::Trade(update));
    }

    fn on_depth(&mut self, (at, writer): (usize, WriterId), depth: &DepthPayload, now: MonoNanos) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let Value::Depth { book, .. } = &mut topic.value else { return };
        let stats = &self.shared.stats;
        let applied = match apply(book, topic.subscription.topic(), depth) {
            DepthOutcome::Old => return self.on_duplicate(at, writer, now),
            DepthOutcome::Same => {
                SourceStats::count(&stats.compared);
                return self.on_duplicate(at, writer, now);
            }
            DepthOutcome::Different(applied) => {
                SourceStats::count(&stats.compared);
                SourceStats::count(&stats.different);
                applied
            }
            DepthOutcome::Applied(applied) => applied,
        };
        self.publish(at, now);
        let Some(topic) = self.topics.get(at) else { return };
        let Value::Depth { book, .. } = &topic.value else { return };
        let update = update(topic.subscription.topic(), depth);
        let change = DepthChange {
            update: &update,
            subscription_id: topic.id,
            outcome: applied,
            book,
            origin: Origin::Live,
        };
        self.sink.on_event(&Event::DepthBook(change));
    }

    /// Publishes a new value with its state, and emits the state if it has changed.
    fn publish(&mut self, at: usize, now: MonoNanos) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        topic.note_value();
        let state = topic.derive_state(&self.writers, self.is_current, now);
        topic.value.publish(state);
        self.set_state(at, state);
    }

    /// Publishes and emits the state of a topic if it has changed.
    fn update_state(&mut self, at: usize, now: MonoNanos) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let state = topic.derive_state(&self.writers, self.is_current, now);
        if state != topic.state {
            topic.value.publish_state(state);
            self.set_state(at, state);
        }
    }

    fn set_state(&mut self, at: usize, to: BookState) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        if topic.state == to {
            return;
        }
        let from = std::mem::replace(&mut topic.state, to);
        self.shared.with(|all| {
            if let Some(readers) = all.get_mut(&topic.subscription) {
                readers.state = to;
            }
        });
        let change = StateChange {
            subscription: &topic.subscription,
            subscription_id: topic.id,
            from,
            to,
            ts_recv: time_of(&topic.value),
        };
        self.sink.on_event(&Event::State(change));
    }

    /// Handles a heartbeat: `writer.okx.A`.
    pub(super) fn on_heartbeat(&mut self, payload: &[u8], now: MonoNanos) {
        let beat = serde_json::from_slice::<Beat<'_>>(payload).ok();
        let Some(beat) = beat.filter(|beat| is_writer_name(beat.writer)) else {
            return SourceStats::count(&self.shared.stats.malformed);
        };
        let writer = self.writers.id(beat.writer);
        let interval = Duration::from_millis(beat.interval_ms.min(60_000));
        let (session, uptime) = (beat.session, beat.uptime_ns);
        let has_changed = self.writers.beat(writer, Heartbeat { session, interval, uptime }, now);
        let had_refused = self.writers.note_refused(writer, !beat.refused.is_empty());
        if had_refused || !beat.refused.is_empty() {
            self.on_refused(writer, &beat);
        }
        if has_changed || had_refused || !beat.refused.is_empty() {
            self.on_time(now);
        }
    }

    /// Handles a watermark: `md.okx.writer.A`, behind all that the writer had at a time.
    fn on_watermark(&mut self, message: &Received<'_>, now: MonoNanos) {
        #[derive(serde::Deserialize)]
        struct Watermark {
            uptime_ns: u64,
        }
        let head = Head::parse(message.head);
        let watermark = serde_json::from_slice::<Watermark>(message.payload).ok();
        let (Some(head), Some(watermark)) = (head, watermark) else {
            return SourceStats::count(&self.shared.stats.malformed);
        };
        let writer = self.writers.id(head.writer);
        if self.writers.read(writer, (head.session, watermark.uptime_ns), now) {
            self.on_time(now);
        }
    }

    /// Notes which topics of a writer have refused messages.
    #[cold]
    fn on_refused(&mut self, writer: WriterId, beat: &Beat<'_>) {
        let is_named = |topic: &Topic| {
            let subject = TopicSubjects::of(&topic.subscription).events;
            beat.refused.get(without_prefix(&subject)).copied()
        };
        for topic in &mut self.topics {
            match is_named(topic) {
                Some(at) if topic.note_refused(writer, beat.session, at) => {
                    SourceStats::count(&self.shared.stats.gaps);
                }
                Some(_) => {}
                None => topic.note_none_refused(writer),
            }
        }
    }

    /// Updates the states of all topics: a writer may have become silent.
    pub(super) fn on_time(&mut self, now: MonoNanos) {
        (0..self.topics.len()).for_each(|at| self.update_state(at, now));
    }

    /// All that the stream has was read, or no longer so.
    pub(super) fn set_current(&mut self, is_current: bool, now: MonoNanos) {
        self.is_current = is_current;
        self.shared.stats.is_current.store(is_current, Ordering::Relaxed);
        if !is_current {
            self.writers.forget();
        }
        self.on_time(now);
    }

    /// The source ends.
    pub(super) fn stop(&mut self) {
        for at in 0..self.topics.len() {
            let Some(topic) = self.topics.get_mut(at) else { return };
            topic.value.publish_state(STOPPED);
            self.set_state(at, STOPPED);
        }
    }

    /// Messages may be lost: every value that can't show it is dropped.
    pub(super) fn invalidate(&mut self, now: MonoNanos) {
        self.topics.iter_mut().for_each(|topic| topic.value.invalidate());
        self.on_time(now);
    }

    /// Trades and records that do not replace one another are read from after a position.
    pub(super) const fn resume_after(&mut self, position: u64) {
        self.trades_after = position;
    }

    /// The stream has begun again: its positions too.
    pub(super) fn forget_positions(&mut self) {
        self.topics.iter_mut().for_each(|topic| topic.position = 0);
        self.trades_after = 0;
    }

    /// There is no further message now.
    pub(super) fn on_drained(&mut self) {
        self.sink.on_drained();
    }

    /// The place of a subject's topic, made at its first message.
    fn place(&mut self, subject: &str) -> Option<(usize, SubjectKind)> {
        if let Some(place) = self.places.get(subject) {
            return Some(place.clone());
        }
        let stats = &self.shared.stats;
        let Some((subscription, kind)) = parse(subject) else {
            SourceStats::count(&stats.malformed);
            return None;
        };
        let at = match self.by_subscription.get(&subscription) {
            Some(at) => *at,
            None if self.topics.len() >= self.options.max_topics => {
                SourceStats::count(&stats.left_out);
                return None;
            }
            None => {
                let at = self.topics.len();
                let mut topic = Topic::new(subscription, at, &self.options)?;
                if matches!(topic.value, Value::Trades { .. } | Value::Stream { .. }) {
                    topic.position = self.trades_after;
                }
                let readers = topic.value.readers();
                self.shared.with(|all| all.insert(subscription, readers));
                self.topics.push(topic);
                self.by_subscription.insert(subscription, at);
                at
            }
        };
        // Names of writers are bounded in length, but not in number: those are not kept.
        if matches!(kind, SubjectKind::Event | SubjectKind::Snapshot) {
            self.places.insert(subject.to_owned(), (at, kind.clone()));
        }
        Some((at, kind))
    }
}
