//! What is wanted of the exchange, how far each has come, and which request is next.

mod requests;

use std::collections::VecDeque;
use std::time::Duration;

use super::config::SessionConfig;
use super::error_target::{ErrorTarget, find_target};
use super::reply_match::{answers, is_transient, needs_login};
use super::request_quota::RequestQuota;
use super::subscription_state::{Batching, NEVER, Stage, SubscriptionState};
use super::types::{SessionEvent, SessionStats};
use super::unsubscribes::PendingUnsubscribes;
use crate::event::Control;
use crate::model::{ChannelKind, MonoNanos, Subscription};

/// How often one that does not answer is asked for alone before it counts as refused.
const MAX_ISOLATED_ATTEMPTS: u8 = 3;

/// How soon after a refusal the end of the connection is taken for its consequence.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// How long the rest of a request may take to be answered after an error about one of it.
const REST_WITHIN: Duration = Duration::from_secs(1);

/// How much of an error that is about nobody is kept, in characters.
const MAX_KEPT: usize = 200;

/// After how many first pushes in a row that did not come in time a channel counts as silent.
const LATE_PUSHES: u8 = 2;

/// All that is wanted, and the budget of requests.
#[derive(Debug)]
pub(super) struct Subscriptions {
    states: Vec<SubscriptionState>,
    unsubscribes: PendingUnsubscribes,
    quota: RequestQuota,
    next_id: u64,
    /// Whether a request was answered on this connection.
    answered: bool,
    /// Whether it was told that the hour's requests are spent.
    quota_reported: bool,
    /// The last error that was about nobody, for whoever is never answered.
    unmatched: Option<String>,
    /// Whether such an error asked for a login.
    wants_login: bool,
    /// When time alone changes something: kept, since it is asked for after every frame.
    due: MonoNanos,
}

impl Subscriptions {
    pub(super) fn new(requests_per_hour: usize) -> Self {
        Self {
            states: Vec::new(),
            unsubscribes: PendingUnsubscribes::default(),
            quota: RequestQuota::new(requests_per_hour),
            next_id: 1,
            answered: false,
            quota_reported: false,
            unmatched: None,
            wants_login: false,
            due: NEVER,
        }
    }

    /// Wants a subscription. One whose end was not sent yet is still in force: nothing needs to be
    /// sent, except for the snapshot of a deep book.
    pub(super) fn add(
        &mut self,
        subscription: Subscription,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        let known = self.states.iter_mut().find(|state| state.subscription == subscription);
        if let Some(state) = known {
            if state.is_refused() {
                let (stage, requested_by) = (Stage::Pending(Batching::Retried), state.requested_by);
                *state = SubscriptionState {
                    stage,
                    requested_by,
                    ..SubscriptionState::new(subscription)
                };
            }
            return None;
        }
        let mut state = SubscriptionState::new(subscription);
        let in_force = self.unsubscribes.cancel(&subscription);
        let is_deep = subscription.channel().kind() == ChannelKind::Depth;
        let kept = (in_force && !is_deep).then(|| {
            state.acknowledge(now);
            SessionEvent::Subscribed(subscription)
        });
        self.states.push(state);
        kept
    }

    pub(super) fn remove(&mut self, subscription: &Subscription, open: bool) {
        let found = self.states.iter().position(|state| state.subscription == *subscription);
        if let Some(at) = found {
            let state = self.states.remove(at);
            if state.is_requested() && open {
                self.unsubscribes.push(*subscription);
            }
        }
    }

    pub(super) fn resubscribe(&mut self, subscription: &Subscription, open: bool) {
        let Self { states, unsubscribes, .. } = self;
        if let Some(state) = states.iter_mut().find(|w| w.subscription == *subscription) {
            state.request_again(unsubscribes, open);
        }
    }

    /// Plans to subscribe again: at once the first time, later each time that it happens again. True
    /// where that is new.
    pub(super) fn resync(
        &mut self,
        subscription: &Subscription,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> bool {
        let found = self.states.iter_mut().find(|state| state.subscription == *subscription);
        // One that is being asked for brings a first push anyway.
        let whole =
            |w: &&mut SubscriptionState| w.stage == Stage::Acknowledged && w.resync_at.is_none();
        let Some(state) = found.filter(whole) else { return false };
        state.resync_at = Some(now + state.resyncs.next_pause(&config.resync, now));
        true
    }

    /// Whether a subscription is acknowledged and nothing is awaited or planned for it, so that its
    /// silence means something.
    pub(super) fn is_steady(&self, subscription: &Subscription) -> bool {
        let found = self.states.iter().find(|state| state.subscription == *subscription);
        let steady = |w: &SubscriptionState| {
            w.stage == Stage::Acknowledged && w.resync_at.is_none() && w.awaits.is_none()
        };
        found.is_some_and(steady)
    }

    /// Whether a subscription waits for its first push.
    pub(super) fn is_awaited(&self, subscription: &Subscription) -> bool {
        let found = self.states.iter().find(|state| state.subscription == *subscription);
        found.is_some_and(|state| state.awaits.is_some())
    }

    /// Whether a subscription brought nothing though it was subscribed again.
    pub(super) fn is_late(&self, subscription: &Subscription) -> bool {
        let found = self.states.iter().find(|state| state.subscription == *subscription);
        found.is_some_and(|state| state.late >= LATE_PUSHES)
    }

    /// Notes that data has shown a subscription to be in force and its book whole.
    pub(super) fn on_live(
        &mut self,
        subscription: &Subscription,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        let Self { states, unsubscribes, .. } = self;
        let found = states.iter_mut().find(|state| state.subscription == *subscription);
        // What still comes of a subscription that is about to be given up says nothing of the next.
        let state = found.filter(|w| w.may_be_answered(unsubscribes))?;
        state.resyncs.mark_healthy(now);
        state.refusals.mark_healthy(now);
        (state.awaits, state.resync_at, state.late, state.closes) = (None, None, 0, 0);
        let is_new = state.stage != Stage::Acknowledged;
        (state.stage, state.unanswered, self.answered) = (Stage::Acknowledged, 0, true);
        is_new.then_some(SessionEvent::Subscribed(state.subscription))
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = &Subscription> {
        self.states.iter().map(|state| &state.subscription)
    }

    /// Whether each has been answered.
    pub(super) fn is_settled(&self) -> bool {
        let answered = |w: &SubscriptionState| w.stage == Stage::Acknowledged || w.is_refused();
        self.unsubscribes.unsent().is_empty() && self.states.iter().all(answered)
    }

    /// How many wanted subscriptions are refused now.
    pub(super) fn refused_now(&self) -> usize {
        self.states.iter().filter(|state| state.is_refused()).count()
    }

    /// A new connection has a new budget.
    pub(super) fn on_connected(&mut self) {
        self.quota.reset();
        (self.answered, self.quota_reported) = (false, false);
        (self.unmatched, self.wants_login) = (None, false);
    }

    /// A login has succeeded: what was refused for want of one is asked for again.
    pub(super) fn on_logged_in(&mut self) {
        let wants_login = std::mem::take(&mut self.wants_login);
        for state in &mut self.states {
            match state.stage {
                Stage::Refused { login: true, .. } => {}
                Stage::Sent { .. } if wants_login => {}
                _ => continue,
            }
            state.stage = Stage::Pending(Batching::Retried);
        }
    }

    /// Nothing is acknowledged any more. What was refused is asked for on the next connection, but
    /// not what ends connections: that keeps its pause.
    pub(super) fn on_disconnected(&mut self, config: &SessionConfig, now: MonoNanos) {
        self.unsubscribes.clear();
        for state in &mut self.states {
            (state.resync_at, state.awaits) = (None, None);
            (state.unanswered, state.late, state.requested_by) = (0, 0, 0);
            state.stage = match state.stage {
                Stage::Refused { login, .. }
                    if state.error_at.is_some_and(|at| now.since(at) <= CLOSES_WITHIN) =>
                {
                    state.closes = state.closes.saturating_add(1).min(10);
                    let until = now + config.resync.cap * u32::from(state.closes);
                    Stage::Refused { at: now, until, login }
                }
                refused @ Stage::Refused { until, .. } if state.closes > 0 && until > now => {
                    refused
                }
                Stage::Refused { .. } => Stage::Pending(Batching::Retried),
                _ => Stage::Pending(Batching::Normal),
            };
        }
        self.due = NEVER;
    }

    pub(super) fn on_acknowledged(
        &mut self,
        control: &Control<'_>,
        now: MonoNanos,
    ) -> Vec<SessionEvent> {
        self.answered = true;
        let Self { states, unsubscribes, .. } = self;
        let of_reply = states.iter_mut().filter(|w| answers(control, &w.subscription));
        // One that was thought to be refused, or to be late, is not.
        let open = |w: &&mut SubscriptionState| {
            w.stage != Stage::Acknowledged && w.may_be_answered(unsubscribes)
        };
        let answered: Vec<_> = of_reply.filter(open).collect();
        let acknowledge = |state: &mut SubscriptionState| {
            if let Some(id) = state.request() {
                unsubscribes.answered_before(id);
            }
            state.acknowledge(now);
            SessionEvent::Subscribed(state.subscription)
        };
        answered.into_iter().map(acknowledge).collect()
    }

    /// The end of a subscription was acknowledged, or came unasked: then what the exchange has ended
    /// is told, and is asked for again later. False where it is about nothing of ours.
    pub(super) fn on_unsubscribed(
        &mut self,
        control: &Control<'_>,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> (bool, Option<SessionEvent>) {
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let is_answer = echoed.is_some_and(|id| id < self.next_id);
        if self.unsubscribes.acknowledged(control) {
            return (true, None);
        }
        // One that repeats the id of the request that subscribed it answers no request to end it.
        let is_unasked = |w: &SubscriptionState| !is_answer || echoed == Some(w.requested_by);
        let live = |w: &&mut SubscriptionState| w.stage == Stage::Acknowledged && is_unasked(w);
        let mut live = self.states.iter_mut().filter(live);
        let Some(ended) = live.find(|w| answers(control, &w.subscription)) else {
            return (is_answer, None);
        };
        ended.refuse(false, config, now);
        let message = "the exchange has ended the subscription".to_owned();
        let subscription = ended.subscription;
        (true, Some(SessionEvent::Rejected { subscription, code: control.code, message }))
    }

    /// Takes an error: what it is about is asked for again after a pause, at once but alone where it
    /// may be spoilt by another, or left to the acknowledgement's time-out where it is about nobody.
    pub(super) fn on_error(
        &mut self,
        control: &Control<'_>,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        self.answered = true;
        let message = control.message.unwrap_or_default();
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let is_transient = is_transient(control.code);
        let next = self.states.iter().filter_map(SubscriptionState::request).min();
        if let Some(left) = self.unsubscribes.refused(echoed, message, next) {
            // One that is wanted all the same is asked for once more, which brings its book without an
            // end before it; an end that came later would be its own.
            let is_wanted = self.states.iter().any(|state| state.subscription == left);
            if is_transient && !is_wanted {
                self.unsubscribes.retry_later(left, config, now);
            }
            return None;
        }
        match find_target(&mut self.states, echoed, message) {
            ErrorTarget::None if is_transient => {
                // About requests, not about what they asked for.
                let waiting = self.states.iter_mut().filter(|w| w.request().is_some());
                pause(waiting.filter(|w| w.is_meant(message)), config, now);
            }
            ErrorTarget::None => {
                self.wants_login |= needs_login(control.code);
                self.unmatched = Some(message.chars().take(MAX_KEPT).collect());
            }
            ErrorTarget::All(all) if is_transient => pause(all.into_iter(), config, now),
            // One bad argument has spoilt the request: each is asked for in one of its own.
            ErrorTarget::All(all) => {
                all.into_iter().for_each(|w| w.stage = Stage::Pending(Batching::Isolated))
            }
            ErrorTarget::One(one) if is_transient => pause([one].into_iter(), config, now),
            ErrorTarget::One(one) => {
                let (subscription, request) = (one.subscription, one.request());
                one.error_at = Some(now);
                one.refuse(needs_login(control.code), config, now);
                // Some exchanges answer nothing more of a request with an error in it.
                let rest = self.states.iter_mut().filter(|w| w.request().is_some());
                for state in rest.filter(|w| w.request() == request) {
                    state.stage = Stage::Paused { until: now + REST_WITHIN };
                }
                let message = message.to_owned();
                return Some(SessionEvent::Rejected { subscription, code: control.code, message });
            }
        }
        None
    }

    /// Does what is due but sending, and tells what is given up; true where the connection proves
    /// to be no good.
    pub(super) fn on_timeout(
        &mut self,
        config: &SessionConfig,
        stats: &mut SessionStats,
        events: &mut VecDeque<SessionEvent>,
        now: MonoNanos,
    ) -> bool {
        if self.due > now {
            return false;
        }
        self.unsubscribes.timeout(config, now);
        let mut lost = false;
        for state in &mut self.states {
            match state.stage {
                Stage::Sent { at, isolated, .. } if at + config.ack_timeout <= now => {
                    stats.late_acks += 1;
                    state.unanswered += u8::from(isolated);
                    // Where nothing was answered, the connection is no good.
                    lost |= isolated && !self.answered;
                    if state.unanswered < MAX_ISOLATED_ATTEMPTS {
                        // One bad argument may have spoilt the answers to a whole request.
                        state.stage = Stage::Pending(Batching::Isolated);
                    } else {
                        // All else goes on: this one is not worth a connection.
                        state.refuse(false, config, now);
                        let message = match &self.unmatched {
                            Some(error) => format!("never answered; an error was: {error}"),
                            None => "never answered".to_owned(),
                        };
                        let subscription = state.subscription;
                        events.push_back(SessionEvent::Rejected {
                            subscription,
                            code: None,
                            message,
                        });
                    }
                }
                Stage::Paused { until } if until <= now => {
                    state.stage = Stage::Pending(Batching::Normal);
                }
                Stage::Acknowledged
                    if state.awaits.is_some_and(|at| at + config.snapshot_timeout <= now) =>
                {
                    state.awaits = None;
                    state.late = state.late.saturating_add(1);
                    stats.late_snapshots += 1;
                    let at = now + state.resyncs.next_pause(&config.resync, now);
                    state.resync_at.get_or_insert(at);
                }
                _ => {}
            }
        }
        lost
    }
}

/// Has subscriptions asked for later: the exchange was too busy for them.
fn pause<'w>(
    all: impl Iterator<Item = &'w mut SubscriptionState>,
    config: &SessionConfig,
    now: MonoNanos,
) {
    for state in all {
        let until = now + state.refusals.next_nonzero_pause(&config.resync, now);
        state.stage = Stage::Paused { until };
    }
}
