//! Subscriptions that are being ended: what is still to be sent, and what is not answered yet.

use super::config::SessionConfig;
use super::reply_match::{answers, names};
use crate::event::Control;
use crate::model::{MonoNanos, Subscription};

/// Removed subscriptions whose unsubscribe request is pending or unanswered.
#[derive(Debug, Default)]
pub(super) struct PendingUnsubscribes {
    unsent: Vec<Subscription>,
    sent: Vec<Sent>,
    again: Vec<Again>,
}

/// How often the unsubscribe request of one subscription is retried.
const RETRIES: u32 = 3;

/// One whose unsubscribe request was refused by an exchange that was too busy.
#[derive(Debug)]
struct Again {
    subscription: Subscription,
    /// How often it was refused.
    times: u32,
    /// When it is retried; `None` where it has been.
    at: Option<MonoNanos>,
}

/// One whose unsubscribe request was sent.
#[derive(Debug)]
struct Sent {
    subscription: Subscription,
    at: MonoNanos,
    id: u64,
}

impl PendingUnsubscribes {
    pub(super) fn push(&mut self, subscription: Subscription) {
        self.unsent.push(subscription);
    }

    /// Cancels a pending unsubscribe; true where the request was not sent yet, so that the
    /// subscription is still active.
    pub(super) fn cancel(&mut self, subscription: &Subscription) -> bool {
        let unsent = self.unsent.len();
        self.unsent.retain(|unsubscribes| unsubscribes != subscription);
        self.again.retain(|again| again.subscription != *subscription);
        self.unsent.len() < unsent
    }

    /// Whether the unsubscribe request of a subscription is pending or unanswered.
    pub(super) fn has(&self, subscription: &Subscription) -> bool {
        self.unsent.contains(subscription)
            || self.sent.iter().any(|sent| sent.subscription == *subscription)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What is still to be sent.
    pub(super) fn unsent(&self) -> &[Subscription] {
        &self.unsent
    }

    /// The first `count` go into request `id`.
    pub(super) fn send(&mut self, count: usize, id: u64, at: MonoNanos) -> Vec<Subscription> {
        let batch: Vec<_> = self.unsent.drain(..count).collect();
        self.sent.extend(batch.iter().map(|&subscription| Sent { subscription, at, id }));
        batch
    }

    /// Handles an acknowledgement; false where no request waits for it.
    pub(super) fn acknowledged(&mut self, control: &Control<'_>) -> bool {
        let found = self.sent.iter().position(|sent| answers(control, &sent.subscription));
        if let Some(at) = found {
            let left = self.sent.remove(at).subscription;
            self.again.retain(|again| again.subscription != left);
        }
        found.is_some()
    }

    /// Notes that request `id` was answered: the exchange answers in order.
    pub(super) fn answered_before(&mut self, id: u64) {
        self.sent.retain(|sent| sent.id > id);
    }

    /// Handles an error about an unsubscribe request rather than about a later request, the first
    /// of which is `next`: by the request's id, by name, or as the oldest that waits.
    pub(super) fn refused(
        &mut self,
        echoed: Option<u64>,
        message: &str,
        next: Option<u64>,
    ) -> Option<Subscription> {
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
        found.map(|at| self.sent.remove(at).subscription)
    }

    /// Retries an unsubscribe request after a pause that doubles; a few times only, since what
    /// still comes is ignored.
    pub(super) fn retry_later(
        &mut self,
        subscription: Subscription,
        config: &SessionConfig,
        now: MonoNanos,
    ) {
        let known = self.again.iter().position(|again| again.subscription == subscription);
        let times = known.map_or(0, |at| self.again.swap_remove(at).times) + 1;
        if times <= RETRIES {
            let at = Some(now + config.resync.first.saturating_mul(1 << (times - 1)));
            self.again.push(Again { subscription, times, at });
        }
    }

    /// Drops requests that were not answered in time, since nothing depends on such an answer, and
    /// starts retries that are due.
    pub(super) fn timeout(&mut self, config: &SessionConfig, now: MonoNanos) {
        self.sent.retain(|sent| sent.at + config.ack_timeout > now);
        let Self { unsent, again, .. } = self;
        for again in again.iter_mut().filter(|again| again.at.is_some_and(|at| at <= now)) {
            again.at = None;
            unsent.push(again.subscription);
        }
    }

    /// When [`PendingUnsubscribes::timeout`] has something to do.
    pub(super) fn due(&self, config: &SessionConfig) -> Option<MonoNanos> {
        let answers = self.sent.iter().map(|sent| sent.at + config.ack_timeout);
        answers.chain(self.again.iter().filter_map(|again| again.at)).min()
    }
}

/// Whether an error's text names a subscription.
pub(super) fn names_one(message: &str) -> bool {
    message.contains("channel") || message.contains(':')
}
