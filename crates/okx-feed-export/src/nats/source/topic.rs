//! One topic: its value, what its writers say of it, and the state that follows.

use okx_feed::{BookState, DownReason, MonoNanos, Subscription, SubscriptionId};

use super::options::SourceOptions;
use super::values::Value;
use super::writers::{MOST, WriterId, Writers};

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) subscription: Subscription,
    pub(super) id: SubscriptionId,
    pub(super) value: Value,
    /// The state that is shown.
    pub(super) state: BookState,
    /// The position of its last message in the stream. What is not after it was read before.
    pub(super) position: u64,
    writers: Vec<AtWriter>,
    /// Whether events of this writer are missing since the last value, and no other has them.
    short_of: Option<WriterId>,
}

/// How many sessions of a writer are kept.
const SESSIONS: usize = 2;

/// The topic at one session of a writer.
#[derive(Clone, Copy, Debug)]
struct AtWriter {
    writer: WriterId,
    session: u64,
    state: BookState,
    /// The number of its last event.
    sequence: u64,
    /// The server has refused messages of it: a later event than that of this number is needed.
    refused_at: Option<u64>,
}

impl AtWriter {
    /// Whether nothing of the topic is known that came after what was refused.
    fn is_refused(&self) -> bool {
        self.refused_at.is_some_and(|at| self.sequence <= at)
    }
}

impl Topic {
    pub(super) fn new(
        subscription: Subscription,
        number: usize,
        options: &SourceOptions,
    ) -> Option<Self> {
        Some(Self {
            value: Value::new(subscription.channel(), options)?,
            id: SubscriptionId::new(number),
            subscription,
            state: BookState::Connecting,
            position: 0,
            writers: Vec::new(),
            short_of: None,
        })
    }

    /// Notes the state of the topic at a writer.
    pub(super) fn note_state(
        &mut self,
        writers: &Writers,
        (writer, session): (WriterId, u64),
        state: BookState,
    ) {
        if self.writers.len() >= SESSIONS * MOST {
            self.writers.retain(|at| writers.knows(at.writer));
        }
        self.at_writer(writer, session).state = state;
    }

    /// Whether another session of a writer is known, and this one is not.
    pub(super) fn is_new_session(&self, writer: WriterId, session: u64) -> bool {
        let mut own = self.writers.iter().filter(|at| at.writer == writer).peekable();
        own.peek().is_some() && own.all(|at| at.session != session)
    }

    /// Notes the number of an event of a writer. True if events before it are missing.
    pub(super) fn note_sequence(&mut self, writer: WriterId, session: u64, sequence: u64) -> bool {
        let at = self.at_writer(writer, session);
        let is_gap = at.sequence > 0 && sequence > at.sequence.saturating_add(1);
        at.sequence = at.sequence.max(sequence);
        is_gap
    }

    /// The topic at a session of a writer. Two sessions of each are kept: a writer that has started
    /// again may have an earlier clock, and its last heartbeat says which of them runs.
    fn at_writer(&mut self, writer: WriterId, session: u64) -> &mut AtWriter {
        let known = self.writers.iter().position(|at| at.writer == writer && at.session == session);
        let place = known.unwrap_or_else(|| {
            let own = |at: &AtWriter| at.writer == writer;
            if self.writers.iter().filter(|at| own(at)).count() == SESSIONS
                && let Some(oldest) = self.writers.iter().position(own)
            {
                self.writers.remove(oldest);
            }
            let state = BookState::Connecting;
            let (sequence, refused_at) = (0, None);
            self.writers.push(AtWriter { writer, session, state, sequence, refused_at });
            self.writers.len() - 1
        });
        // Just found or pushed.
        #[expect(clippy::indexing_slicing, reason = "the place was found just above")]
        &mut self.writers[place]
    }

    /// Notes after which event of a writer, if any, messages were refused. True if that is news.
    pub(super) fn note_refused(&mut self, writer: WriterId, session: u64, at: u64) -> bool {
        let of_writer = self.at_writer(writer, session);
        let was_refused = of_writer.is_refused();
        of_writer.refused_at = Some(at);
        !was_refused && of_writer.is_refused()
    }

    /// Notes that nothing is missing at a writer any more.
    pub(super) fn note_none_refused(&mut self, writer: WriterId) {
        let own = self.writers.iter_mut().filter(|at| at.writer == writer);
        own.for_each(|at| at.refused_at = None);
    }

    /// Notes that a writer has dropped events, or that they were lost.
    pub(super) fn note_missing(&mut self, writer: WriterId) {
        self.short_of = Some(writer);
    }

    /// Notes a value, which makes up for what is missing before it.
    pub(super) fn note_value(&mut self) {
        self.short_of = None;
    }

    /// Notes a value of a writer that is not newer: it makes up for what is missing of this writer.
    pub(super) fn note_value_of(&mut self, writer: WriterId) {
        self.short_of = self.short_of.filter(|short| *short != writer);
    }

    /// The state that follows from all that is known.
    pub(super) fn derive_state(
        &self,
        writers: &Writers,
        is_current: bool,
        now: MonoNanos,
    ) -> BookState {
        if !is_current {
            let had_none = self.state == BookState::Connecting;
            return if had_none { BookState::Connecting } else { BookState::Stale };
        }
        let runs = |at: &&AtWriter| !at.is_refused() && writers.runs(at.writer, at.session, now);
        let running = || self.writers.iter().filter(runs);
        let best = running().map(|at| at.state).min_by_key(|state| rank(*state));
        match best {
            None if self.state == BookState::Connecting => BookState::Connecting,
            None => BookState::Stale,
            Some(BookState::Live) if self.value.is_broken() => BookState::Resyncing,
            Some(BookState::Live) if !self.value.is_valid() => BookState::AwaitingSnapshot,
            Some(BookState::Live) => {
                let others = |short| running().any(|at| at.writer != short && at.state.is_live());
                match self.short_of {
                    Some(short) if !others(short) => BookState::Stale,
                    _ => BookState::Live,
                }
            }
            Some(state) => state,
        }
    }
}

/// The order of states: of two writers, the topic has the better one.
const fn rank(state: BookState) -> u8 {
    match state {
        BookState::Live => 0,
        BookState::Stale => 1,
        BookState::Resyncing => 2,
        BookState::AwaitingSnapshot => 3,
        BookState::Connecting => 4,
        BookState::Down(DownReason::Rejected) => 5,
        BookState::Down(_) => 6,
    }
}
