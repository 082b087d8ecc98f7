//! All subscriptions of a connection, their states, and what is to be requested next.

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
use crate::model::{ChannelKind, MonoNanos, Subscription, Topic};

/// How often an isolated request goes unanswered before the subscription counts as refused.
const MAX_ISOLATED_ATTEMPTS: u8 = 3;

/// How soon after a refusal the end of the connection is taken for its consequence.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// How long the rest of a request may take to be answered after an error about one of it.
const REST_WITHIN: Duration = Duration::from_secs(1);

/// How much of an error about no known subscription is kept, in characters.
const MAX_KEPT: usize = 200;

/// How many books that were unsubscribed are remembered, in case that they are renamed.
const MAX_ENDED: usize = 256;

/// After how many missing first pushes in a row a channel counts as silent.
const LATE_PUSHES: u8 = 2;

/// Whether there is a connection on which an unsubscribe can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    Open,
    Closed,
}

/// All subscriptions, and the quota of requests.
#[derive(Debug)]
pub(super) struct Subscriptions {
    states: Vec<SubscriptionState>,
    unsubscribes: PendingUnsubscribes,
    /// The last books that were unsubscribed on this connection.
    ended: VecDeque<Subscription>,
    quota: RequestQuota,
    next_id: u64,
    /// The number of the last request for a snapshot.
    snapshot_requests: u64,
    /// Whether a request was answered on this connection.
    answered: bool,
    /// Whether it was reported that the hour's requests are spent.
    quota_reported: bool,
    /// The last error about no known subscription, for those that are never answered.
    unmatched: Option<String>,
    /// Whether such an error asked for a login.
    wants_login: bool,
    /// When the next timeout is due: kept, since it is read after every frame.
    due: MonoNanos,
}

impl Subscriptions {
    pub(super) fn new(requests_per_hour: usize) -> Self {
        Self {
            states: Vec::new(),
            unsubscribes: PendingUnsubscribes::default(),
            ended: VecDeque::new(),
            quota: RequestQuota::new(requests_per_hour),
            next_id: 1,
            snapshot_requests: 0,
            answered: false,
            quota_reported: false,
            unmatched: None,
            wants_login: false,
            due: NEVER,
        }
    }

    /// Adds a subscription. One whose unsubscribe request was not sent yet is still active: nothing
    /// needs to be sent, except for the snapshot of an order book.
    pub(super) fn add(
        &mut self,
        subscription: Subscription,
        config: &SessionConfig,
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
            state.acknowledge(config, now);
            SessionEvent::Subscribed(subscription)
        });
        self.states.push(state);
        kept
    }

    pub(super) fn remove(&mut self, subscription: &Subscription, link: LinkState) {
        let found = self.states.iter().position(|state| state.subscription == *subscription);
        if let Some(at) = found {
            let state = self.states.remove(at);
            if state.is_requested() && link == LinkState::Open {
                self.unsubscribes.push(*subscription);
                self.ended.push_back(*subscription);
                if self.ended.len() > MAX_ENDED {
                    self.ended.pop_front();
                }
            }
        }
    }

    /// The instrument of a subscription that was ended has a new id, under which its book goes on
    /// until it is unsubscribed by that. If that is wanted too, it is requested again.
    pub(super) fn handle_rename(&mut self, old: &Subscription, new: Subscription) {
        let Some(at) = self.ended.iter().position(|ended| ended == old) else { return };
        self.ended.remove(at);
        self.unsubscribes.push(new);
        if let Some(state) = self.states.iter_mut().find(|state| state.subscription == new) {
            state.request_again();
        }
    }

    pub(super) fn resubscribe(&mut self, subscription: &Subscription, link: LinkState) {
        let Self { states, unsubscribes, .. } = self;
        if let Some(state) = states.iter_mut().find(|w| w.subscription == *subscription) {
            match link {
                LinkState::Open => state.restart(unsubscribes),
                LinkState::Closed => state.request_again(),
            }
        }
    }

    /// Plans to resynchronise: at once the first time, later each time that it happens again. True
    /// where that is new.
    pub(super) fn resync(
        &mut self,
        subscription: &Subscription,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> bool {
        let found = self.states.iter_mut().find(|state| state.subscription == *subscription);
        // One that is being requested brings a first push anyway.
        let whole =
            |w: &&mut SubscriptionState| w.stage == Stage::Acknowledged && w.resync_at.is_none();
        let Some(state) = found.filter(whole) else { return false };
        state.resync_at = Some(now + state.resyncs.next_pause(&config.resync, now));
        true
    }

    /// The next subscription for which a snapshot is to be requested at `now`, and the number of
    /// the request. The next request for it is planned, since an answer may fail or be too old.
    pub(super) fn next_snapshot(
        &mut self,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Option<(Subscription, u64)> {
        let is_due = |state: &&mut SubscriptionState| {
            state.stage == Stage::Acknowledged && state.snapshot_at.is_some_and(|at| at <= now)
        };
        let state = self.states.iter_mut().find(is_due)?;
        state.snapshot_at =
            Some(now + state.snapshots.next_nonzero_pause(&config.snapshot_requests, now));
        self.snapshot_requests += 1;
        Some((state.subscription, self.snapshot_requests))
    }

    /// A chain of updates begins that the next snapshot is to be joined with.
    pub(super) fn begin_chain(&mut self, topic: Topic<'_>, config: &SessionConfig, now: MonoNanos) {
        let next = self.snapshot_requests + 1;
        let found = self.states.iter_mut().find(|state| state.subscription.topic() == topic);
        if let Some(state) = found.filter(|w| config.requests_snapshots(&w.subscription)) {
            state.begin_chain(next, config, now);
        }
    }

    /// Whether the answer to a request for a snapshot may be used.
    pub(super) fn accepts_snapshot(&self, subscription: &Subscription, id: u64) -> bool {
        let found = self.states.iter().find(|state| state.subscription == *subscription);
        found.is_some_and(|state| id >= state.snapshots_from)
    }

    /// Requests a snapshot of a broken order book, whose subscription goes on. False where the book
    /// begins with no REST snapshot.
    pub(super) fn request_snapshot(
        &mut self,
        subscription: &Subscription,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> bool {
        if !config.requests_snapshots(subscription) {
            return false;
        }
        let found = self.states.iter_mut().find(|state| state.subscription == *subscription);
        if let Some(state) = found.filter(|state| state.stage == Stage::Acknowledged) {
            state.request_snapshot(config, now);
        }
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

    /// Whether a subscription brought nothing though it was resynchronised.
    pub(super) fn is_late(&self, subscription: &Subscription) -> bool {
        let found = self.states.iter().find(|state| state.subscription == *subscription);
        found.is_some_and(|state| state.late >= LATE_PUSHES)
    }

    /// Data has shown a subscription to be active and its book whole.
    pub(super) fn on_live(
        &mut self,
        subscription: &Subscription,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        let Self { states, unsubscribes, .. } = self;
        let found = states.iter_mut().find(|state| state.subscription == *subscription);
        // Data of a subscription that is being ended says nothing of the next.
        let state = found.filter(|w| w.may_be_answered(unsubscribes))?;
        state.resyncs.mark_healthy(now);
        state.refusals.mark_healthy(now);
        state.snapshots.mark_healthy(now);
        (state.awaits, state.resync_at, state.late, state.closes) = (None, None, 0, 0);
        state.snapshot_at = None;
        let is_new = state.stage != Stage::Acknowledged;
        (state.stage, state.unanswered, self.answered) = (Stage::Acknowledged, 0, true);
        is_new.then_some(SessionEvent::Subscribed(state.subscription))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.states.iter().map(|state| &state.subscription)
    }

    /// Whether each has been answered.
    pub(super) fn is_settled(&self) -> bool {
        let answered = |w: &SubscriptionState| w.stage == Stage::Acknowledged || w.is_refused();
        self.unsubscribes.unsent().is_empty() && self.states.iter().all(answered)
    }

    /// How many subscriptions are refused now.
    pub(super) fn refused_now(&self) -> usize {
        self.states.iter().filter(|state| state.is_refused()).count()
    }

    /// A new connection has a new quota.
    pub(super) fn on_connected(&mut self) {
        self.quota.reset();
        (self.answered, self.quota_reported) = (false, false);
        (self.unmatched, self.wants_login) = (None, false);
    }

    /// A login has succeeded: what was refused for lack of one is requested again.
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

    /// Nothing is acknowledged any more. What was refused is requested on the next connection,
    /// except for what ends connections: that keeps its pause.
    pub(super) fn on_disconnected(&mut self, config: &SessionConfig, now: MonoNanos) {
        self.unsubscribes.clear();
        self.ended.clear();
        for state in &mut self.states {
            (state.resync_at, state.awaits, state.snapshot_at) = (None, None, None);
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
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Vec<SessionEvent> {
        self.answered = true;
        let Self { states, unsubscribes, .. } = self;
        let of_reply = states.iter_mut().filter(|w| answers(control, &w.subscription));
        // One that was taken for refused, or for late, is not.
        let open = |w: &&mut SubscriptionState| {
            w.stage != Stage::Acknowledged && w.may_be_answered(unsubscribes)
        };
        let answered: Vec<_> = of_reply.filter(open).collect();
        let acknowledge = |state: &mut SubscriptionState| {
            if let Some(id) = state.request() {
                unsubscribes.answered_before(id);
            }
            state.acknowledge(config, now);
            let subscribed = SessionEvent::Subscribed(state.subscription);
            state.chain_begins(config).into_iter().chain([subscribed])
        };
        answered.into_iter().flat_map(acknowledge).collect()
    }

    /// An unsubscribe request was acknowledged, or the exchange has ended a subscription unasked;
    /// then that is reported, and it is requested again later. False where it is about no
    /// subscription here.
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
        // One that repeats the id of the request that subscribed it answers no unsubscribe request.
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

    /// Handles an error. What it is about is requested again: after a pause; at once but isolated
    /// where another may have spoilt it; or after the timeout of the acknowledgement where the
    /// error is about no known subscription.
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
            // One that was added again is requested once more, which brings its book without an
            // unsubscribe request before it; one that came later would end the new subscription.
            let is_subscribed = self.states.iter().any(|state| state.subscription == left);
            if is_transient && !is_subscribed {
                self.unsubscribes.retry_later(left, config, now);
            }
            return None;
        }
        match find_target(&mut self.states, echoed, message) {
            ErrorTarget::None if is_transient => {
                // About requests, not about what they requested.
                let waiting = self.states.iter_mut().filter(|w| w.request().is_some());
                pause(waiting.filter(|w| w.is_meant(message)), config, now);
            }
            ErrorTarget::None => {
                self.wants_login |= needs_login(control.code);
                self.unmatched = Some(message.chars().take(MAX_KEPT).collect());
            }
            ErrorTarget::All(all) if is_transient => pause(all.into_iter(), config, now),
            // One bad argument has spoilt the request: each is requested in one of its own.
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

    /// Handles timeouts, and reports what is given up; true where the connection proves to be
    /// useless.
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
                    // Where nothing was answered, the connection is useless.
                    lost |= isolated && !self.answered;
                    if state.unanswered < MAX_ISOLATED_ATTEMPTS {
                        // One bad argument may have spoilt the answers to a whole request.
                        state.stage = Stage::Pending(Batching::Isolated);
                    } else {
                        // All else works: this one is not worth a connection.
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
                Stage::Acknowledged if state.is_push_late(config, now) => {
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

/// Requests subscriptions later: the exchange was too busy for them.
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
