//! Which request is sent next: split by the limits, within the hour's quota.

use std::collections::VecDeque;

use super::Subscriptions;
use crate::model::{MonoNanos, Subscription};
use crate::session::config::SessionConfig;
use crate::session::subscription_state::{Batching, NEVER, Stage, SubscriptionState};
use crate::session::types::{SessionEvent, SessionStats};
use crate::wire::{RequestOp, argument_len, request_text, sbe_request_text};

impl Subscriptions {
    /// The next request that may be sent at `now`, split by the limits; `None` where there is none,
    /// or the hour's quota is spent.
    pub(in crate::session) fn next_request(
        &mut self,
        config: &SessionConfig,
        stats: &mut SessionStats,
        events: &mut VecDeque<SessionEvent>,
        now: MonoNanos,
    ) -> Option<String> {
        self.start_repeats(config, stats, now);
        let request = self.build_request(config, events, now);
        stats.requests += u64::from(request.is_some());
        self.plan(config);
        request
    }

    /// Until when nothing can be sent though something waits, where that was not reported yet: the
    /// hour's requests are spent, or those that resynchronisation may have.
    pub(in crate::session) fn take_quota_spent(
        &mut self,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Option<MonoNanos> {
        let waits = !self.unsubscribes.unsent().is_empty() || self.next_batching().is_some();
        let repeats =
            self.states.iter().filter_map(SubscriptionState::repeat_due).any(|at| at <= now);
        let reserve = if waits { 0 } else { config.resync_reserve() };
        let until = self.quota.ready_at(reserve);
        let spent = (waits || repeats) && until > now;
        let is_new = spent && !self.quota_reported;
        self.quota_reported = spent;
        is_new.then_some(until)
    }

    /// How many requests may still be sent at `now`.
    pub(in crate::session) fn requests_left(&self, now: MonoNanos) -> usize {
        self.quota.left(now)
    }

    /// Acquires a request of another kind, a login, from the quota.
    pub(in crate::session) fn try_acquire_request(&mut self, now: MonoNanos) -> bool {
        self.quota.try_acquire(now)
    }

    /// When [`Subscriptions::try_acquire_request`] has one again.
    pub(in crate::session) fn request_ready_at(&self) -> MonoNanos {
        self.quota.ready_at(0)
    }

    /// When [`Subscriptions::on_timeout`] or [`Subscriptions::next_request`] have something to do.
    pub(in crate::session) const fn due(&self) -> MonoNanos {
        self.due
    }

    /// Starts resynchronisations and retries that are due. Neither takes the last quarter of the
    /// hour's requests.
    fn start_repeats(&mut self, config: &SessionConfig, stats: &mut SessionStats, now: MonoNanos) {
        if self.quota.ready_at(config.resync_reserve()) > now {
            return;
        }
        let Self { states, unsubscribes, .. } = self;
        let is_due = |w: &SubscriptionState| w.repeat_due().is_some_and(|at| at <= now);
        let retries = states.iter().any(|w| w.is_refused() && is_due(w));
        let resyncs = states.iter().any(|w| !w.is_refused() && is_due(w));
        for state in states {
            match state.stage {
                // A first push that never came goes along with any other, so that channels that
                // stay silent take no more requests than one of them.
                Stage::Acknowledged
                    if resyncs && state.resync_at.is_some_and(|at| at <= now || state.late > 0) =>
                {
                    stats.resyncs += 1;
                    state.restart(unsubscribes);
                }
                // What has waited for most of its pause goes along, so that one request serves all.
                Stage::Refused { at, until, .. }
                    if retries && until.since(now) <= now.since(at) / 2 =>
                {
                    stats.retries += 1;
                    state.stage = Stage::Pending(Batching::Retried);
                }
                _ => {}
            }
        }
    }

    fn build_request(
        &mut self,
        config: &SessionConfig,
        events: &mut VecDeque<SessionEvent>,
        now: MonoNanos,
    ) -> Option<String> {
        let something = !self.unsubscribes.unsent().is_empty() || self.next_batching().is_some();
        if !something || !self.quota.try_acquire(now) {
            return None;
        }
        if !self.unsubscribes.unsent().is_empty() {
            let count = fitting(self.unsubscribes.unsent().iter(), config.request_len);
            let batch = self.unsubscribes.send(count, self.next_id, now);
            return Some(self.request(config, RequestOp::Unsubscribe, &batch));
        }
        let (with, batch) = self.next_batch(config.request_len)?;
        let sent = Stage::Sent { at: now, id: self.next_id, isolated: with == Batching::Isolated };
        for state in &mut self.states {
            if state.stage == Stage::Pending(with) && batch.contains(&state.subscription) {
                (state.stage, state.requested_by) = (sent, self.next_id);
                events.extend(state.chain_begins(config));
            }
        }
        Some(self.request(config, RequestOp::Subscribe, &batch))
    }

    /// Finds when the next timeout is due.
    fn plan(&mut self, config: &SessionConfig) {
        let by_time = self.states.iter().map(|state| state.due(config));
        let mut due = by_time.min().unwrap_or(NEVER);
        if let Some(left) = self.unsubscribes.due(config) {
            due = due.min(left);
        }
        if let Some(repeat) = self.states.iter().filter_map(SubscriptionState::repeat_due).min() {
            due = due.min(repeat.max(self.quota.ready_at(config.resync_reserve())));
        }
        if self.next_batching().is_some() || !self.unsubscribes.unsent().is_empty() {
            due = due.min(self.quota.ready_at(0));
        }
        self.due = due;
    }

    /// What is sent next: all that is new at once, then what was refused before, then isolated ones
    /// one at a time; `None` where nothing may be requested now.
    fn next_batching(&self) -> Option<Batching> {
        let has = |with| self.states.iter().any(|w| w.stage == Stage::Pending(with));
        let isolated = || self.states.iter().any(SubscriptionState::is_isolated);
        let first = [Batching::Normal, Batching::Retried].into_iter().find(|with| has(*with));
        first.or_else(|| (has(Batching::Isolated) && !isolated()).then_some(Batching::Isolated))
    }

    /// The next subscriptions that go into one request.
    fn next_batch(&self, limit: usize) -> Option<(Batching, Vec<Subscription>)> {
        let with = self.next_batching()?;
        let unsent = || self.states.iter().filter(|w| w.stage == Stage::Pending(with));
        if with == Batching::Isolated {
            // One that is never answered must not keep the others waiting.
            let next = unsent().min_by_key(|state| state.unanswered)?;
            return Some((with, vec![next.subscription]));
        }
        let subscriptions = || unsent().map(|state| &state.subscription);
        let count = fitting(subscriptions(), limit);
        Some((with, subscriptions().take(count).copied().collect()))
    }

    fn request(&mut self, config: &SessionConfig, op: RequestOp, batch: &[Subscription]) -> String {
        let id = self.next_id;
        self.next_id += 1;
        match &config.sbe {
            Some(codes) => sbe_request_text(op, id, batch, codes),
            None => request_text(config.dialect, op, id, batch),
        }
    }
}

/// How many of the subscriptions fit into one request: at least one.
fn fitting<'a>(subscriptions: impl Iterator<Item = &'a Subscription>, limit: usize) -> usize {
    let mut len = 0;
    let fit = subscriptions.take_while(|subscription| {
        len += argument_len(subscription);
        len <= limit
    });
    fit.count().max(1)
}
