//! The topics of a writer: their subjects, numbers and states, and the messages that they get.

use std::collections::HashMap;
use std::io::Write;

use async_nats::Subject;
use bytes::BytesMut;

use super::encode::{write_key, write_payload};
use super::head::Head;
use super::outbox::Outgoing;
use super::subject::{PREFIX, TopicSubjects};
use crate::events::Message;
use okx_feed::{BookState, Subscription, UnixNanos};

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
}

/// One topic.
#[derive(Debug)]
struct Topic {
    /// Of its events, of its whole books and of its states.
    subjects: [Subject; 3],
    /// The number of the last message on each of them.
    sent: [u64; 3],
    state: BookState,
}

/// The places of the subjects.
const EVENTS: usize = 0;
const SNAPSHOTS: usize = 1;
const STATES: usize = 2;

impl Topics {
    pub(super) fn new(writer: String, session: u64, has_ids: bool) -> Self {
        let (topics, text, block) = (HashMap::default(), Vec::new(), BytesMut::new());
        Self { writer, session, has_ids, topics, text, block }
    }

    pub(super) const fn session(&self) -> u64 {
        self.session
    }

    /// Begins another session: what was sent before may be lost, the last of a topic too, so
    /// readers must have no topic live until a message of it comes.
    pub(super) fn begin_session(&mut self) {
        self.session += 1;
        self.topics.values_mut().for_each(|topic| topic.sent = [0; 3]);
    }

    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    /// The messages of an event: one, or two where events are missing and the state is with them.
    pub(super) fn messages(&mut self, event: &Message<'_>) -> [Option<Outgoing>; 2] {
        let (subscription, place) = match event {
            Message::Book(subscription, _)
            | Message::Trade { subscription, .. }
            | Message::Record(subscription, _)
            | Message::Missed(subscription, ..) => (*subscription, EVENTS),
            Message::State(subscription, ..) => (*subscription, STATES),
            Message::Depth(depth) if depth.is_repeated => (depth.subscription, SNAPSHOTS),
            Message::Depth(depth) => (depth.subscription, EVENTS),
        };
        let first = Some(self.message(&subscription, event, place));
        let second = match event {
            Message::Missed(of, _, state) => {
                let state = Message::State(*of, *state, UnixNanos::UNKNOWN);
                Some(self.message(&subscription, &state, STATES))
            }
            _ => None,
        };
        [first, second]
    }

    fn message(
        &mut self,
        subscription: &Subscription,
        event: &Message<'_>,
        place: usize,
    ) -> Outgoing {
        let Self { writer, session, has_ids, topics, text, block } = self;
        let topic = topics.entry(*subscription).or_insert_with(|| Topic::of(subscription, writer));
        if let Message::State(_, state, _) | Message::Missed(_, _, state) = event {
            topic.state = *state;
        }
        #[expect(clippy::indexing_slicing, reason = "a place is one of three")]
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
            if !write_key(text, event, payload_len) {
                text.truncate(key_at);
                // Writing to memory does not fail.
                let _ = write!(text, "{}:{writer}.{session}.{number}", without_prefix(subject));
            }
            key_at
        } else {
            text.push(b' ');
            if !write_key(text, event, payload_len) {
                text.truncate(key_at);
            }
            text.len()
        };
        let head_len = head_end - payload_len;
        if block.capacity() < text.len() {
            block.reserve(text.len().max(BLOCK));
        }
        block.extend_from_slice(text);
        Outgoing::new(subject.clone(), block.split().freeze(), (payload_len, head_len))
    }
}

impl Topic {
    fn of(subscription: &Subscription, writer: &str) -> Self {
        let subjects = TopicSubjects::of(subscription);
        let state = subjects.state(writer);
        Self {
            subjects: [subjects.events, subjects.snapshot, state].map(Subject::from),
            sent: [0; 3],
            state: BookState::Connecting,
        }
    }
}

fn without_prefix(subject: &str) -> &str {
    subject.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')).unwrap_or(subject)
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
                let [message, _] = topics.messages(&Message::Record(of, record));
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
            let [message, _] = topics.messages(&Message::Record(of, Record::EMPTY));
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
            let [message, _] = topics.messages(&Message::Record(of, record));
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
}
