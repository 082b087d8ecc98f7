//! What is given up, and which of the requests for that are not answered yet.

use super::config::SessionConfig;
use super::requests::{answers, names};
use crate::model::{Control, MonoNanos, Subscription};

/// Subscriptions that are not wanted any more.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    unsent: Vec<Subscription>,
    sent: Vec<Sent>,
}

/// One whose end was asked for.
#[derive(Debug)]
struct Sent {
    subscription: Subscription,
    at: MonoNanos,
    id: u64,
}

impl Leaving {
    pub(super) fn push(&mut self, subscription: Subscription) {
        self.unsent.push(subscription);
    }

    /// Keeps one after all, where that can still be.
    pub(super) fn keep(&mut self, subscription: &Subscription) {
        self.unsent.retain(|leaving| leaving != subscription);
    }

    pub(super) fn clear(&mut self) {
        (self.unsent, self.sent) = (Vec::new(), Vec::new());
    }

    /// What is still to be sent.
    pub(super) fn unsent(&self) -> &[Subscription] {
        &self.unsent
    }

    /// Whether each request was answered, or its answer is not waited for any more.
    pub(super) const fn is_answered(&self) -> bool {
        self.sent.is_empty()
    }

    /// The first `count` go into request `id`.
    pub(super) fn send(&mut self, count: usize, id: u64, at: MonoNanos) -> Vec<Subscription> {
        let batch: Vec<_> = self.unsent.drain(..count).collect();
        self.sent.extend(batch.iter().map(|&subscription| Sent { subscription, at, id }));
        batch
    }

    pub(super) fn acknowledged(&mut self, control: &Control<'_>) {
        let found = self.sent.iter().position(|sent| answers(control, &sent.subscription));
        if let Some(at) = found {
            self.sent.remove(at);
        }
    }

    /// Notes that request `id` was answered: the exchange answers in order.
    pub(super) fn answered_before(&mut self, id: u64) {
        self.sent.retain(|sent| sent.id > id);
    }

    /// Takes an error that is about the end of a subscription rather than about a later request,
    /// the first of which is `next`: by the request's id, by name, or as the oldest that waits.
    pub(super) fn refused(
        &mut self,
        echoed: Option<u64>,
        message: &str,
        next: Option<u64>,
    ) -> bool {
        let older = |sent: &Sent| next.is_none_or(|next| sent.id < next);
        let found = match echoed {
            Some(echoed) => self.sent.iter().position(|sent| sent.id == echoed),
            None => {
                let named = |sent: &Sent| older(sent) && names(message, &sent.subscription);
                let unnamed = !names_one(message);
                let named = self.sent.iter().position(named);
                named.or_else(|| self.sent.iter().position(|sent| unnamed && older(sent)))
            }
        };
        // It is not asked for once more: what still comes is not kept, or a new book.
        found.map(|at| self.sent.remove(at)).is_some()
    }

    /// Forgets what was not answered in time. Nothing depends on such an answer.
    pub(super) fn timeout(&mut self, config: &SessionConfig, now: MonoNanos) {
        self.sent.retain(|sent| sent.at + config.ack_within > now);
    }

    /// When [`Leaving::timeout`] has something to do.
    pub(super) fn due(&self, config: &SessionConfig) -> Option<MonoNanos> {
        self.sent.iter().map(|sent| sent.at + config.ack_within).min()
    }
}

/// Whether an error's text names a subscription.
pub(super) fn names_one(message: &str) -> bool {
    message.contains("channel") || message.contains(':')
}
