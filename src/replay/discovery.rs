//! Subscriptions that are found in the frames themselves, where nothing names them.

use crate::event::Event;
use crate::model::{Dialect, Subscription, SubscriptionId, Topic};

/// What becomes of messages without a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unsubscribed {
    /// They are events, as for the client that was recorded.
    #[default]
    Emitted,
    /// They are left out: what is played was named.
    LeftOut,
    /// They are subscribed.
    Found,
}

/// Holds back what has no subscription yet, and notes which it needs.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    pub(super) unsubscribed: Unsubscribed,
    /// What was named and was not found yet.
    pub(super) missing: Vec<Subscription>,
    /// Those of the last frame.
    found: Vec<Subscription>,
    /// Whether the last frame is run again, for those alone that were found in it.
    is_again: bool,
}

impl Discovery {
    /// Whether an event is to be passed on.
    #[inline]
    pub(super) fn passes(&mut self, event: &Event<'_>, dialect: Dialect) -> bool {
        if self.unsubscribed == Unsubscribed::Emitted {
            return true;
        }
        if !self.missing.is_empty() {
            self.note_found(event);
        }
        let topic = match event {
            Event::Book(_)
            | Event::Trade(_)
            | Event::Depth(_)
            | Event::DepthBook(_)
            | Event::Record(_)
            | Event::Raw(_) => event.topic(),
            Event::State(change) => Some(change.subscription.topic()),
            // Of a channel that is not decoded, and was not named.
            Event::Skipped(_) if self.unsubscribed == Unsubscribed::LeftOut => return false,
            Event::Skipped(_) | Event::Control(_) | Event::Malformed(_) | Event::Gap(_) => None,
        };
        let Some(topic) = topic else { return !self.is_again };
        if self.is_again {
            return self.has(&topic);
        }
        if event.subscription_id() != SubscriptionId::NONE {
            return true;
        }
        if self.unsubscribed == Unsubscribed::Found {
            self.note(&topic, dialect);
        }
        false
    }

    #[cold]
    fn note_found(&mut self, event: &Event<'_>) {
        let Some(topic) = event.topic() else { return };
        self.missing.retain(|subscription| subscription.topic() != topic);
    }

    fn has(&self, topic: &Topic<'_>) -> bool {
        self.found.iter().any(|subscription| subscription.topic() == *topic)
    }

    #[cold]
    fn note(&mut self, topic: &Topic<'_>, dialect: Dialect) {
        // Topics of the decoder have a form that reads back.
        let subscription = Subscription::parse(dialect, &topic.to_string()).ok();
        self.found.extend(subscription.filter(|_| !self.has(topic)));
    }

    /// Whether the last frame had anything without a subscription.
    #[inline]
    pub(super) const fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// What the last frame had without a subscription.
    pub(super) fn take(&mut self) -> Vec<Subscription> {
        std::mem::take(&mut self.found)
    }

    /// Begins the second run of a frame, for these alone.
    pub(super) fn begin_again(&mut self, subscribed: Vec<Subscription>) {
        (self.is_again, self.found) = (true, subscribed);
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.is_again = false;
        self.found.clear();
    }
}
