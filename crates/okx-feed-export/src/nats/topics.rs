//! The topics of a writer: their subjects, numbers and states, and the messages that they get.

use std::collections::HashMap;
use std::io::Write;

use async_nats::Subject;
use bytes::{Bytes, BytesMut};

use super::decode::{Payload, read};
use super::encode::{write_key, write_payload};
use super::head::Head;
use super::outbox::{Outgoing, Use};
use super::subject::{SubjectKind, TopicSubjects, WATERMARK_PREFIX, parse, without_prefix};
use crate::events::Message;
use crate::json::SCHEMA;
use okx_feed::model::ChannelKind;
use okx_feed::{Book5, BookState, MonoNanos, Record, Subscription, UnixNanos};

/// How many bytes of messages are allocated at once.
const BLOCK: usize = 64 << 10;

/// Makes messages of events.
#[derive(Debug)]
pub(super) struct Topics {
    writer: String,
    session: u64,
    /// Messages have an id, by which a stream drops what it has.
    has_ids: bool,
    topics: HashMap<Subscription, Topic>,
    /// The text of one message.
    text: Vec<u8>,
    /// Room for the texts of the next messages, which share it.
    block: BytesMut,
    /// Whether a topic was refused a message since the last heartbeat.
    is_refused: bool,
    /// Of how many topics [`Topic::refused_at`] is set.
    refused: usize,
    /// The sum of [`Topic::unmarked`].
    unmarked: u64,
    /// In the order of their first events.
    order: Vec<Subscription>,
    /// The topics with values that were left out.
    left_out: Vec<Subscription>,
    /// The place of the topic that is repeated next.
    next: usize,
    watermark: Subject,
    /// The number of the last one.
    watermarks: u64,
    /// The feed has pushed what comes next at this time or later.
    pub(super) since: MonoNanos,
}

/// One topic.
#[derive(Debug)]
struct Topic {
    /// Of its events, of its whole books, of its states and of its last values.
    subjects: [Subject; 4],
    /// The number of the last message on each of them.
    sent: [u64; 4],
    state: BookState,
    /// Events that were refused and are not marked yet.
    unmarked: u64,
    /// The number of the last event when a message was refused: readers know the topic again with
    /// a later one.
    refused_at: Option<u64>,
    last: Option<LastValue>,
    is_left_out: bool,
}

/// The last value of a topic whose values replace one another.
#[derive(Clone, Copy, Debug)]
enum LastValue {
    Book(Book5),
    Record(Record),
}

/// The places of the subjects.
const EVENTS: usize = 0;
const SNAPSHOTS: usize = 1;
const STATES: usize = 2;
const LAST_VALUES: usize = 3;

impl Topics {
    pub(super) fn new(writer: String, session: u64, has_ids: bool) -> Self {
        let watermark = Subject::from(format!("{WATERMARK_PREFIX}.{writer}"));
        Self {
            writer,
            session,
            has_ids,
            topics: HashMap::default(),
            text: Vec::new(),
            block: BytesMut::new(),
            is_refused: false,
            refused: 0,
            unmarked: 0,
            order: Vec::new(),
            left_out: Vec::new(),
            next: 0,
            watermark,
            watermarks: 0,
            since: MonoNanos::ZERO,
        }
    }

    pub(super) const fn session(&self) -> u64 {
        self.session
    }

    /// Begins another session: what was sent before may be lost, the last of a topic too, so
    /// readers must have no topic live until a message of it comes.
    pub(super) fn begin_session(&mut self) {
        self.session += 1;
        self.refused = 0;
        self.topics.values_mut().for_each(|topic| (topic.sent, topic.refused_at) = ([0; 4], None));
    }

    /// Notes that the server has refused a message. False if that is a mark, whose events were
    /// counted before.
    ///
    /// A refused event is marked before the next one. A refused mark is marked again. A whole book
    /// is repeated by itself, and what follows shows whether a reader has it.
    pub(super) fn note_refused(&mut self, message: &Outgoing) -> bool {
        let Some((subscription, kind)) = parse(&message.subject) else { return true };
        let (count, is_mark) = match kind {
            SubjectKind::Snapshot | SubjectKind::Last(_) => return true,
            kind => match read(subscription.channel(), &message.payload()) {
                Some(Payload::Missed(count)) => (count, true),
                _ => (u64::from(kind == SubjectKind::Event), false),
            },
        };
        self.note_short(&subscription, count);
        !is_mark
    }

    /// Notes that the server has refused a message on a subject.
    pub(super) fn note_refused_on(&mut self, subject: &str) {
        match parse(subject) {
            Some((subscription, SubjectKind::Event)) => self.note_short(&subscription, 1),
            Some((subscription, SubjectKind::State(_))) => self.note_short(&subscription, 0),
            Some((_, SubjectKind::Snapshot | SubjectKind::Last(_))) | None => {}
        }
    }

    /// Notes so many events as missing, and that readers do not know the topic's last.
    fn note_short(&mut self, of: &Subscription, count: u64) {
        let Some(topic) = self.topics.get_mut(of) else { return };
        // What a mark says that was read back may be any number.
        let count = count.min(u64::from(u32::MAX));
        topic.unmarked += count;
        self.unmarked += count;
        let [number, ..] = topic.sent;
        if topic.refused_at.replace(number).is_none() {
            self.refused += 1;
            self.is_refused = true;
        }
    }

    /// Notes that readers get a message: an event says all that a refused message before it did,
    /// or that it is missing.
    #[inline]
    pub(super) fn note_taken(&mut self, message: &Outgoing) {
        if self.refused > 0 {
            self.note_known(message);
        }
    }

    #[cold]
    fn note_known(&mut self, message: &Outgoing) {
        let Some((subscription, SubjectKind::Event)) = parse(&message.subject) else { return };
        let Some(topic) = self.topics.get_mut(&subscription) else { return };
        let Some(Head { session, sequence, .. }) = Head::parse(message.head()) else { return };
        if session == self.session && topic.refused_at.is_some_and(|at| sequence > at) {
            topic.refused_at = None;
            self.refused -= 1;
        }
    }

    /// Whether a topic was refused a message since this was asked last.
    pub(super) const fn take_refused(&mut self) -> bool {
        std::mem::replace(&mut self.is_refused, false)
    }

    /// How many topics readers do not know the last of.
    pub(super) const fn refused_len(&self) -> usize {
        self.refused
    }

    /// These topics, without the part of their subjects that all have, and the number of the event
    /// after which readers know each again.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&str, u64)> {
        let all = self.topics.values();
        all.filter_map(|topic| Some((without_prefix(&topic.subjects[EVENTS]), topic.refused_at?)))
    }

    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    /// The messages of an event: one, behind a mark where events before it were refused, and before
    /// the state where it is a mark itself.
    pub(super) fn messages(&mut self, event: &Message<'_>) -> [Option<Outgoing>; 3] {
        let (subscription, place) = match event {
            Message::Book(subscription, _)
            | Message::Trade { subscription, .. }
            | Message::Record(subscription, _) => (*subscription, EVENTS),
            Message::State(subscription, ..) => (*subscription, STATES),
            // In a stream, the last event of a topic must be a value.
            Message::Missed(subscription, ..) if self.has_ids => (*subscription, STATES),
            Message::Missed(subscription, ..) => (*subscription, EVENTS),
            Message::Depth(depth) if depth.is_repeated => (depth.subscription, SNAPSHOTS),
            Message::Depth(depth) => (depth.subscription, EVENTS),
        };
        let mark = if place == EVENTS { self.mark(&subscription) } else { None };
        let first = Some(self.message(&subscription, event, place));
        let second = match event {
            Message::Missed(of, _, state) => {
                let state = Message::State(*of, *state, UnixNanos::UNKNOWN);
                Some(self.message(&subscription, &state, STATES))
            }
            _ => None,
        };
        [mark, first, second]
    }

    /// The mark of events that were refused.
    #[inline]
    fn mark(&mut self, of: &Subscription) -> Option<Outgoing> {
        if self.unmarked == 0 {
            return None;
        }
        let topic = self.topics.get_mut(of)?;
        let (count, state) = (std::mem::take(&mut topic.unmarked), topic.state);
        self.unmarked -= count;
        (count > 0).then(|| self.message(of, &Message::Missed(*of, count, state), EVENTS))
    }

    /// The topics that come next of all that are repeated in turn.
    pub(super) fn next_in_turn(&mut self, count: usize) -> Vec<Subscription> {
        let (order, from) = (&self.order, self.next);
        let next = order.iter().cycle().skip(from).take(count.min(order.len()));
        let next: Vec<_> = next.copied().collect();
        self.next = (from + next.len()).checked_rem(order.len()).unwrap_or_default();
        next
    }

    /// The state of a topic again, and its last value, each with an id of its own.
    pub(super) fn repeat(&mut self, of: &Subscription, needs_live: bool) -> [Option<Outgoing>; 3] {
        let Some(Topic { state, last, .. }) = self.topics.get(of) else {
            return [None, None, None];
        };
        let (state, last) = (*state, last.filter(|_| !needs_live || state.is_live()));
        let first = self.message(of, &Message::State(*of, state, UnixNanos::UNKNOWN), STATES);
        let second = last.map(|last| match last {
            LastValue::Book(book) => self.message(of, &Message::Book(*of, book), LAST_VALUES),
            LastValue::Record(record) => {
                self.message(of, &Message::Record(*of, record), LAST_VALUES)
            }
        });
        [Some(first), second, None].map(|message| {
            let mut message = message?;
            message.of_use = Use::Repeat;
            Some(message)
        })
    }

    /// Leaves an event out if later ones replace it. False if they do not.
    pub(super) fn leave_out(&mut self, event: &Message<'_>) -> bool {
        let of = match event {
            Message::Book(of, _) | Message::Record(of, _) => of,
            // The ring repeats it.
            Message::Depth(depth) => return depth.is_repeated,
            _ => return false,
        };
        let Self { writer, order, topics, .. } = self;
        let topic = topics.entry(*of).or_insert_with(|| {
            order.push(*of);
            Topic::of(of, writer)
        });
        let is_value = topic.keep(event);
        if is_value && !std::mem::replace(&mut topic.is_left_out, true) {
            self.left_out.push(*of);
        }
        is_value
    }

    /// A message with a value is not sent again: the last one of its topic is to be repeated.
    pub(super) fn leave_out_message(&mut self, message: &Outgoing) {
        let Some((of, SubjectKind::Event | SubjectKind::Last(_))) = parse(&message.subject) else {
            return;
        };
        let topic = self.topics.get_mut(&of);
        if topic.is_some_and(|topic| !std::mem::replace(&mut topic.is_left_out, true)) {
            self.left_out.push(of);
        }
    }

    /// The topics whose last value is to be repeated.
    pub(super) fn take_left_out(&mut self) -> Vec<Subscription> {
        let all = std::mem::take(&mut self.left_out);
        for of in &all {
            if let Some(topic) = self.topics.get_mut(of) {
                topic.is_left_out = false;
            }
        }
        all
    }

    /// The mark behind all events until a time of this writer's clock.
    pub(super) fn watermark(&mut self, uptime: MonoNanos) -> Outgoing {
        self.watermarks += 1;
        let Self { writer, session, text, watermarks: sequence, .. } = self;
        text.clear();
        // Writing to memory does not fail.
        let _ = write!(
            text,
            "{{\"schema\":\"{SCHEMA}\",\"event\":\"watermark\",\"uptime_ns\":{}}}",
            uptime.0
        );
        let payload_len = text.len();
        let (session, sequence, state) = (*session, *sequence, BookState::Live);
        Head { writer, session, sequence, state, key: None }.write(text);
        let head_len = text.len() - payload_len;
        let _ = write!(text, "{}:{session}.{sequence}", without_prefix(&self.watermark));
        let text = self.block();
        let subject = self.watermark.clone();
        Outgoing::new(subject, text, (payload_len, head_len), (Use::Watermark, uptime))
    }

    fn message(
        &mut self,
        subscription: &Subscription,
        event: &Message<'_>,
        place: usize,
    ) -> Outgoing {
        let Self { writer, session, has_ids, topics, text, order, .. } = self;
        let topic = topics.entry(*subscription).or_insert_with(|| {
            order.push(*subscription);
            Topic::of(subscription, writer)
        });
        if let Message::State(_, state, _) | Message::Missed(_, _, state) = event {
            topic.state = *state;
        }
        let is_value = (place == EVENTS && topic.keep(event)) || place == SNAPSHOTS;
        #[expect(clippy::indexing_slicing, reason = "a place is one of four")]
        let (subject, number) = (&topic.subjects[place], &mut topic.sent[place]);
        *number += 1;
        text.clear();
        write_payload(text, event);
        let payload_len = text.len();
        let (session, sequence, state) = (*session, *number, topic.state);
        Head { writer, session, sequence, state, key: None }.write(text);
        let key_at = text.len();
        let head_end = if *has_ids {
            // The events' subject, or that of what is a writer's own, without the part that all
            // have.
            text.extend_from_slice(without_prefix(&topic.subjects[EVENTS]).as_bytes());
            text.push(b':');
            if place == LAST_VALUES || !write_key(text, event, payload_len) {
                text.truncate(key_at);
                // Writing to memory does not fail.
                let _ = write!(text, "{}:{writer}.{session}.{number}", without_prefix(subject));
            }
            key_at
        } else {
            text.push(b' ');
            if place == LAST_VALUES || !write_key(text, event, payload_len) {
                text.truncate(key_at);
            }
            text.len()
        };
        let head_len = head_end - payload_len;
        let subject = subject.clone();
        let of_use = if is_value { Use::Value } else { Use::Event };
        let text = self.block();
        Outgoing::new(subject, text, (payload_len, head_len), (of_use, self.since))
    }

    /// The text as a part of a block.
    fn block(&mut self) -> Bytes {
        let Self { text, block, .. } = self;
        if block.capacity() < text.len() {
            block.reserve(text.len().max(BLOCK));
        }
        block.extend_from_slice(text);
        block.split().freeze()
    }
}

impl Topic {
    fn of(subscription: &Subscription, writer: &str) -> Self {
        let subjects = TopicSubjects::of(subscription);
        let (state, last) = (subjects.state(writer), subjects.last(writer));
        Self {
            subjects: [subjects.events, subjects.snapshot, state, last].map(Subject::from),
            sent: [0; 4],
            state: BookState::Connecting,
            unmarked: 0,
            refused_at: None,
            last: None,
            is_left_out: false,
        }
    }

    /// Keeps an event as the last value if a later one replaces it. Whether it is one.
    fn keep(&mut self, event: &Message<'_>) -> bool {
        self.last = Some(match event {
            Message::Book(_, book) => LastValue::Book(*book),
            Message::Record(of, record)
                if matches!(of.channel().kind(), ChannelKind::Latest(_)) =>
            {
                LastValue::Record(*record)
            }
            _ => return false,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use okx_feed::model::{FieldValue, RecordData, RecordKind};
    use okx_feed::{Record, Subscription};

    #[test]
    fn a_value_without_a_time_that_comes_back_is_no_duplicate() {
        let of: Subscription = "index-candle1m:A-B".parse().unwrap();
        let ids = |writer: &str, time: u64| {
            let mut topics = Topics::new(writer.to_owned(), 7, true);
            let id = |close: &str| {
                let mut record = Record::EMPTY;
                record.ts_event = UnixNanos(time);
                record.data = RecordData::empty(RecordKind::Candle);
                assert!(record.data.set_field("close", FieldValue::Text(close)));
                let [_, message, _] = topics.messages(&Message::Record(of, record));
                message.unwrap().id().to_owned()
            };
            ["1", "2", "1"].map(id)
        };
        let [first, second, again] = ids("A", 0);
        assert!(first != second && first != again, "{first} {again}");
        assert_eq!(first, "v5.index-candle1m.A-B:A.7.1");
        assert_ne!(ids("B", 0)[0], first);
        // Another session numbers from the start.
        let mut topics = Topics::new("A".to_owned(), 7, true);
        let mut next = || {
            let [_, message, _] = topics.messages(&Message::Record(of, Record::EMPTY));
            let head = message.unwrap().head().to_owned();
            topics.begin_session();
            head
        };
        assert_eq!(next(), "okx-feed/1 A 7 1 connecting");
        assert_eq!(next(), "okx-feed/1 A 8 1 connecting");
        // With a time, two writers' are one.
        assert_eq!(ids("A", 5), ids("B", 5));
    }

    #[test]
    fn without_a_stream_the_key_is_in_the_header() {
        let of: Subscription = "index-candle1m:A-B".parse().unwrap();
        let head = |writer: &str, time: u64, has_ids: bool| {
            let mut topics = Topics::new(writer.to_owned(), 7, has_ids);
            let record = Record { ts_event: UnixNanos(time), ..Record::EMPTY };
            let [_, message, _] = topics.messages(&Message::Record(of, record));
            let message = message.unwrap();
            (message.head().to_owned(), message.id().to_owned())
        };
        let key = |writer: &str| {
            let (text, id) = head(writer, 5, false);
            assert_eq!(id, "");
            Head::parse(&text).unwrap().key.unwrap().to_owned()
        };
        assert_eq!(key("A"), key("B"));
        // With a stream, the same key ends the message id.
        let (text, id) = head("A", 5, true);
        assert_eq!(Head::parse(&text).unwrap().key, None);
        assert_eq!(id, format!("v5.index-candle1m.A-B:{}", key("A")));
        // What is a writer's own has none.
        assert_eq!(head("A", 0, false).0, "okx-feed/1 A 7 1 connecting");
    }

    #[test]
    fn what_was_refused_is_marked_before_the_next_event_and_named_until_that_is_taken() {
        let of: Subscription = "tickers:A-B".parse().unwrap();
        let other: Subscription = "tickers:C-D".parse().unwrap();
        let mut topics = Topics::new("A".to_owned(), 7, true);
        let event = |topics: &mut Topics, of| {
            topics.messages(&Message::Record(of, Record::EMPTY)).into_iter().flatten().collect()
        };
        let texts = |messages: &[Outgoing]| {
            let text = |of: &Outgoing| String::from_utf8_lossy(&of.payload()).into_owned();
            messages.iter().map(text).collect::<Vec<_>>()
        };
        let refused = |topics: &Topics| {
            topics.refused().map(|(of, at)| format!("{of} {at}")).collect::<Vec<_>>()
        };
        let [first, second]: [Vec<Outgoing>; 2] = [event(&mut topics, of), event(&mut topics, of)];
        let before: Vec<Outgoing> = event(&mut topics, other);
        assert!(first.iter().chain(&second).all(|message| topics.note_refused(message)));
        assert!(topics.take_refused() && !topics.take_refused());
        assert_eq!(refused(&topics), ["v5.tickers.A-B 2"]);
        // Neither one from before the refusal nor one of another topic says anything of it.
        before.iter().chain(&second).for_each(|message| topics.note_taken(message));
        assert_eq!((refused(&topics).len(), topics.refused_len()), (1, 1));

        // The mark and the event are refused too: the next mark has all of them.
        let third: Vec<Outgoing> = event(&mut topics, of);
        assert!(texts(&third)[0].contains(r#""event":"missed","#), "{third:?}");
        assert!(texts(&third)[0].ends_with(r#""count":2}"#), "{third:?}");
        let counted = third.iter().map(|message| topics.note_refused(message));
        assert_eq!(counted.collect::<Vec<_>>(), [false, true]);
        assert_eq!(refused(&topics), ["v5.tickers.A-B 4"]);
        let fourth: Vec<Outgoing> = event(&mut topics, of);
        assert!(texts(&fourth)[0].ends_with(r#""count":3}"#), "{fourth:?}");
        fourth.iter().for_each(|message| topics.note_taken(message));
        assert_eq!((refused(&topics).len(), topics.refused_len()), (0, 0));
        assert_eq!(event(&mut topics, of).len(), 1);

        // A state that is refused is said by the next event; a whole book is repeated by itself.
        topics.note_refused_on("md.okx.v5.tickers.A-B.state.A");
        topics.note_refused_on("md.okx.v5.tickers.C-D.snapshot");
        topics.note_refused_on("writer.okx.A");
        assert_eq!(refused(&topics), ["v5.tickers.A-B 7"]);
        let next: Vec<Outgoing> = event(&mut topics, of);
        assert_eq!(next.len(), 1);
        next.iter().for_each(|message| topics.note_taken(message));
        assert_eq!(topics.refused_len(), 0);
    }
}
