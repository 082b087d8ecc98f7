//! A sink that publishes what it receives to a segment, before it passes it on.

use super::error::ShmError;
use super::writer::{ShmWriter, WriterSlot};
use crate::book::BOOK5_LEVELS;
use crate::event::{BookUpdate, DepthChange, Event, EventSink, RecordUpdate, StateChange};
use crate::model::{BookState, SubscriptionId, Topic};

/// A sink that publishes books, trades, records and their states to a segment, and then passes each
/// event to another sink.
///
/// A subscription's slot is made at its first event; this allocates. After it, nothing does. A book
/// or a record is live from the value that made it so, never by a change of state alone.
#[derive(Debug)]
pub struct ShmSink<S> {
    published: Published,
    next: S,
}

/// The published subscriptions.
#[derive(Debug)]
struct Published {
    writer: ShmWriter,
    /// By the number of the subscription.
    slots: Vec<Entry>,
    failure: Option<ShmError>,
}

/// What is known of a subscription.
#[derive(Debug, Default)]
enum Entry {
    /// No event yet.
    #[default]
    Unknown,
    /// It has no slot: a raw channel, or no room was left.
    Absent,
    Made(StatefulSlot),
}

/// The slot of a subscription.
#[derive(Debug)]
struct StatefulSlot {
    slot: WriterSlot,
    /// The subscription's state.
    state: BookState,
    /// The state that readers see.
    published: BookState,
}

impl<S> ShmSink<S> {
    /// Publishes by `writer`, and passes events to `next`.
    pub const fn new(writer: ShmWriter, next: S) -> Self {
        Self { published: Published { writer, slots: Vec::new(), failure: None }, next }
    }

    /// The first failure to make a slot: the segment is full, or the system's memory. Subscriptions
    /// without a slot are passed on all the same. Each such failure is logged as a warning too.
    #[must_use]
    pub const fn failure(&self) -> Option<&ShmError> {
        self.published.failure.as_ref()
    }
}

impl<S: EventSink> EventSink for ShmSink<S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        let published = &mut self.published;
        match event {
            Event::Book(update) => published.book(update),
            Event::DepthBook(change) => published.depth(change),
            Event::Trade(update) => {
                if let Some((writer, made)) = published.made(update.subscription_id, update.topic) {
                    writer.push(&mut made.slot, update.trade);
                }
            }
            Event::Record(update) => published.record(update),
            Event::State(change) => published.state(change),
            // Not published. `Depth` is what a decoder emits, without a subscription.
            Event::Depth(_)
            | Event::Raw(_)
            | Event::Control(_)
            | Event::Skipped(_)
            | Event::Malformed(_)
            | Event::Gap(_) => {}
        }
        self.next.on_event(event);
    }

    fn on_drained(&mut self) {
        self.next.on_drained();
    }

    fn on_text(&mut self, text: &[u8]) {
        self.next.on_text(text);
    }
}

impl Published {
    #[inline]
    fn book(&mut self, update: &BookUpdate<'_>) {
        if let Some((writer, made)) = self.made(update.subscription_id, update.topic) {
            writer.set(&made.slot, update.book, made.state);
            made.published = made.state;
        }
    }

    #[inline]
    fn depth(&mut self, change: &DepthChange<'_>) {
        if let Some((writer, made)) = self.made(change.subscription_id, change.update.topic)
            && (made.state != made.published || changes_top(change))
        {
            writer.set(&made.slot, &change.book.view().top5(), made.state);
            made.published = made.state;
        }
    }

    #[inline]
    fn record(&mut self, update: &RecordUpdate<'_>) {
        let Some((writer, made)) = self.made(update.subscription_id, update.topic) else { return };
        if made.slot.is_ring() {
            writer.push(&mut made.slot, update.record);
        } else {
            writer.set(&made.slot, update.record, made.state);
            made.published = made.state;
        }
    }

    fn state(&mut self, change: &StateChange<'_>) {
        let topic = change.subscription.topic();
        let Some((writer, made)) = self.made(change.subscription_id, topic) else { return };
        made.state = change.to;
        // The value that makes a book or a record live comes next.
        if !change.to.is_live() || made.slot.is_ring() {
            writer.set_state(&made.slot, change.to);
            made.published = change.to;
        }
    }

    /// The slot of a subscription, made at its first event.
    #[inline]
    fn made(
        &mut self,
        id: SubscriptionId,
        topic: Topic<'_>,
    ) -> Option<(&mut ShmWriter, &mut StatefulSlot)> {
        let at = id.index()?;
        if self.slots.get(at).is_none_or(|entry| matches!(entry, Entry::Unknown)) {
            self.make(at, topic);
        }
        match self.slots.get_mut(at)? {
            Entry::Made(made) => Some((&mut self.writer, made)),
            Entry::Unknown | Entry::Absent => None,
        }
    }

    #[cold]
    fn make(&mut self, at: usize, topic: Topic<'_>) {
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, Entry::default);
        }
        let made = self.writer.add(topic).unwrap_or_else(|error| {
            tracing::warn!(%topic, %error, "not published to shared memory");
            self.failure.get_or_insert(error);
            None
        });
        if let Some(entry) = self.slots.get_mut(at) {
            let (state, published) = (BookState::Connecting, BookState::Connecting);
            *entry = match made {
                Some(slot) => Entry::Made(StatefulSlot { slot, state, published }),
                None => Entry::Absent,
            };
        }
    }
}

/// Whether a message changed one of the levels that are published.
fn changes_top(change: &DepthChange<'_>) -> bool {
    change.outcome.first_changed.is_some_and(|first| first < BOOK5_LEVELS)
}
