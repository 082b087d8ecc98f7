//! The topics of a writer: their subjects, numbers and states, and the messages that they get.

use std::collections::HashMap;

use async_nats::Subject;
use bytes::Bytes;

use super::encode::{write_message, write_state};
use super::head::Head;
use super::outbox::Outgoing;
use super::subject::{PREFIX, TopicSubjects};
use crate::events::Message;
use okx_feed::{BookState, Subscription, UnixNanos};

/// Makes messages of events.
#[derive(Debug)]
pub(super) struct Topics {
    writer: String,
    session: u64,
    topics: HashMap<Subscription, Topic>,
    buffer: Vec<u8>,
}

/// One topic.
#[derive(Debug)]
struct Topic {
    events: Subject,
    snapshot: Subject,
    state_subject: Subject,
    state: BookState,
    /// The numbers of the last message on each subject.
    sent: Sent,
}

#[derive(Debug, Default)]
struct Sent {
    events: u64,
    snapshots: u64,
    states: u64,
}

impl Topics {
    pub(super) fn new(writer: String, session: u64) -> Self {
        Self { writer, session, topics: HashMap::new(), buffer: Vec::new() }
    }

    pub(super) const fn session(&self) -> u64 {
        self.session
    }

    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    /// The messages of an event: one, or two where events are missing and the state is with them.
    pub(super) fn messages(&mut self, event: &Message<'_>) -> [Option<Outgoing>; 2] {
        let subscription = match event {
            Message::Book(subscription, _)
            | Message::Trade { subscription, .. }
            | Message::Record(subscription, _)
            | Message::State(subscription, ..)
            | Message::Missed(subscription, ..) => *subscription,
            Message::Depth(depth) => depth.subscription,
        };
        let Self { writer, session, topics, buffer } = self;
        let topic = topics.entry(subscription).or_insert_with(|| Topic::of(&subscription, writer));
        let head = |sequence: &mut u64, state| {
            *sequence += 1;
            Head { writer, session: *session, sequence: *sequence, state }.to_string()
        };
        let key = write_message(buffer, event);
        if let Message::State(_, state, _) | Message::Missed(_, _, state) = event {
            topic.state = *state;
        }
        let (subject, number) = match event {
            Message::State(..) => (&topic.state_subject, &mut topic.sent.states),
            Message::Depth(depth) if depth.is_repeated => {
                (&topic.snapshot, &mut topic.sent.snapshots)
            }
            _ => (&topic.events, &mut topic.sent.events),
        };
        let first = Outgoing {
            head: head(number, topic.state),
            // Without the part that all subjects have.
            id: match key {
                Some(key) => format!("{}:{key}", topic.name()),
                None => format!("{}:{writer}.{session}.{number}", without_prefix(subject)),
            },
            subject: subject.clone(),
            payload: Bytes::copy_from_slice(buffer),
        };
        let second = matches!(event, Message::Missed(..)).then(|| {
            buffer.clear();
            write_state(buffer, &subscription, topic.state, UnixNanos::UNKNOWN);
            let number = &mut topic.sent.states;
            let head = head(number, topic.state);
            let id =
                format!("{}:{writer}.{session}.{number}", without_prefix(&topic.state_subject));
            let payload = Bytes::copy_from_slice(buffer);
            Outgoing { subject: topic.state_subject.clone(), head, id, payload }
        });
        [Some(first), second]
    }
}

impl Topic {
    fn of(subscription: &Subscription, writer: &str) -> Self {
        let subjects = TopicSubjects::of(subscription);
        Self {
            state_subject: Subject::from(subjects.state(writer)),
            events: Subject::from(subjects.events),
            snapshot: Subject::from(subjects.snapshot),
            state: BookState::Connecting,
            sent: Sent::default(),
        }
    }

    fn name(&self) -> &str {
        without_prefix(&self.events)
    }
}

fn without_prefix(subject: &str) -> &str {
    subject.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')).unwrap_or(subject)
}
