//! What is wanted of the exchange, how far each has come, and which request is next.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::SessionConfig;
use super::leaving::Leaving;
use super::replies::{About, about};
use super::requests::{RequestBudget, answers, is_transient, needs_login};
use super::types::{SessionEvent, SessionStats};
use super::wanted::{NEVER, Stage, Wanted, With};
use crate::event::Control;
use crate::model::{ChannelKind, MonoNanos, Subscription};

/// How often one that does not answer is asked for alone before it counts as refused.
const LONE_ASKS: u8 = 3;

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
pub(super) struct Asks {
    pub(super) wanted: Vec<Wanted>,
    pub(super) leaving: Leaving,
    pub(super) budget: RequestBudget,
    pub(super) next_id: u64,
    /// Whether a request was answered on this connection.
    answered: bool,
    /// Whether it was told that the hour's requests are spent.
    pub(super) spent: bool,
    /// The last error that was about nobody, for whoever is never answered.
    unmatched: Option<String>,
    /// Whether such an error asked for a login.
    wants_login: bool,
    /// When time alone changes something: kept, since it is asked for after every frame.
    pub(super) due: MonoNanos,
}

impl Asks {
    pub(super) fn new(requests_per_hour: usize) -> Self {
        Self {
            wanted: Vec::new(),
            leaving: Leaving::default(),
            budget: RequestBudget::new(requests_per_hour),
            next_id: 1,
            answered: false,
            spent: false,
            unmatched: None,
            wants_login: false,
            due: NEVER,
        }
    }

    /// Wants a subscription. One whose end was not sent yet is still in force: nothing needs to be
    /// sent, except for the snapshot of a deep book.
    pub(super) fn subscribe(
        &mut self,
        subscription: Subscription,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        let known = self.wanted.iter_mut().find(|wanted| wanted.subscription == subscription);
        if let Some(wanted) = known {
            if wanted.is_refused() {
                let (stage, asked_by) = (Stage::Unsent(With::Refused), wanted.asked_by);
                *wanted = Wanted { stage, asked_by, ..Wanted::new(subscription) };
            }
            return None;
        }
        let mut wanted = Wanted::new(subscription);
        let in_force = self.leaving.keep(&subscription);
        let is_deep = subscription.channel().kind() == ChannelKind::Depth;
        let kept = (in_force && !is_deep).then(|| {
            wanted.acknowledge(now);
            SessionEvent::Subscribed(subscription)
        });
        self.wanted.push(wanted);
        kept
    }

    pub(super) fn unsubscribe(&mut self, subscription: &Subscription, open: bool) {
        let found = self.wanted.iter().position(|wanted| wanted.subscription == *subscription);
        if let Some(at) = found {
            let wanted = self.wanted.remove(at);
            if wanted.asked() && open {
                self.leaving.push(*subscription);
            }
        }
    }

    pub(super) fn resubscribe(&mut self, subscription: &Subscription, open: bool) {
        let Self { wanted, leaving, .. } = self;
        if let Some(wanted) = wanted.iter_mut().find(|w| w.subscription == *subscription) {
            wanted.ask_again(leaving, open);
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
        let found = self.wanted.iter_mut().find(|wanted| wanted.subscription == *subscription);
        // One that is being asked for brings a first push anyway.
        let whole = |w: &&mut Wanted| w.stage == Stage::Acknowledged && w.resync_at.is_none();
        let Some(wanted) = found.filter(whole) else { return false };
        wanted.resync_at = Some(now + wanted.pace.pause(&config.resync, now));
        true
    }

    /// Whether a subscription is acknowledged and nothing is awaited or planned for it, so that its
    /// silence means something.
    pub(super) fn is_steady(&self, subscription: &Subscription) -> bool {
        let found = self.wanted.iter().find(|wanted| wanted.subscription == *subscription);
        let steady = |w: &Wanted| {
            w.stage == Stage::Acknowledged && w.resync_at.is_none() && w.awaits.is_none()
        };
        found.is_some_and(steady)
    }

    /// Whether a subscription waits for its first push.
    pub(super) fn is_awaited(&self, subscription: &Subscription) -> bool {
        let found = self.wanted.iter().find(|wanted| wanted.subscription == *subscription);
        found.is_some_and(|wanted| wanted.awaits.is_some())
    }

    /// Whether a subscription brought nothing though it was subscribed again.
    pub(super) fn is_late(&self, subscription: &Subscription) -> bool {
        let found = self.wanted.iter().find(|wanted| wanted.subscription == *subscription);
        found.is_some_and(|wanted| wanted.late >= LATE_PUSHES)
    }

    /// Notes that data has shown a subscription to be in force and its book whole.
    pub(super) fn synced(
        &mut self,
        subscription: &Subscription,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        let Self { wanted, leaving, .. } = self;
        let found = wanted.iter_mut().find(|wanted| wanted.subscription == *subscription);
        // What still comes of a subscription that is about to be given up says nothing of the next.
        let wanted = found.filter(|w| w.may_be_answered(leaving))?;
        wanted.pace.well(now);
        wanted.refusals.well(now);
        (wanted.awaits, wanted.resync_at, wanted.late, wanted.closes) = (None, None, 0, 0);
        let told = wanted.stage != Stage::Acknowledged;
        (wanted.stage, wanted.silences, self.answered) = (Stage::Acknowledged, 0, true);
        told.then_some(SessionEvent::Subscribed(wanted.subscription))
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.iter().map(|wanted| &wanted.subscription)
    }

    /// Whether each has been answered.
    pub(super) fn is_settled(&self) -> bool {
        let answered = |w: &Wanted| w.stage == Stage::Acknowledged || w.is_refused();
        self.leaving.unsent().is_empty() && self.wanted.iter().all(answered)
    }

    /// How many wanted subscriptions are refused now.
    pub(super) fn refused_now(&self) -> usize {
        self.wanted.iter().filter(|wanted| wanted.is_refused()).count()
    }

    /// A new connection has a new budget.
    pub(super) fn connected(&mut self) {
        self.budget.reset();
        (self.answered, self.spent) = (false, false);
        (self.unmatched, self.wants_login) = (None, false);
    }

    /// A login has succeeded: what was refused for want of one is asked for again.
    pub(super) fn logged_in(&mut self) {
        let wants_login = std::mem::take(&mut self.wants_login);
        for wanted in &mut self.wanted {
            match wanted.stage {
                Stage::Refused { login: true, .. } => {}
                Stage::Sent { .. } if wants_login => {}
                _ => continue,
            }
            wanted.stage = Stage::Unsent(With::Refused);
        }
    }

    /// Nothing is acknowledged any more. What was refused is asked for on the next connection, but
    /// not what ends connections: that keeps its pause.
    pub(super) fn lost(&mut self, config: &SessionConfig, now: MonoNanos) {
        self.leaving.clear();
        for wanted in &mut self.wanted {
            (wanted.resync_at, wanted.awaits) = (None, None);
            (wanted.silences, wanted.late, wanted.asked_by) = (0, 0, 0);
            wanted.stage = match wanted.stage {
                Stage::Refused { login, .. }
                    if wanted.error_at.is_some_and(|at| now.since(at) <= CLOSES_WITHIN) =>
                {
                    wanted.closes = wanted.closes.saturating_add(1).min(10);
                    let until = now + config.resync.cap * u32::from(wanted.closes);
                    Stage::Refused { at: now, until, login }
                }
                refused @ Stage::Refused { until, .. } if wanted.closes > 0 && until > now => {
                    refused
                }
                Stage::Refused { .. } => Stage::Unsent(With::Refused),
                _ => Stage::Unsent(With::Others),
            };
        }
        self.due = NEVER;
    }

    pub(super) fn acknowledged(
        &mut self,
        control: &Control<'_>,
        now: MonoNanos,
    ) -> Vec<SessionEvent> {
        self.answered = true;
        let Self { wanted, leaving, .. } = self;
        let of_reply = wanted.iter_mut().filter(|w| answers(control, &w.subscription));
        // One that was thought to be refused, or to be late, is not.
        let open = |w: &&mut Wanted| w.stage != Stage::Acknowledged && w.may_be_answered(leaving);
        let answered: Vec<_> = of_reply.filter(open).collect();
        let tell = |wanted: &mut Wanted| {
            if let Some(id) = wanted.request() {
                leaving.answered_before(id);
            }
            wanted.acknowledge(now);
            SessionEvent::Subscribed(wanted.subscription)
        };
        answered.into_iter().map(tell).collect()
    }

    /// The end of a subscription was acknowledged, or came unasked: then what the exchange has ended
    /// is told, and is asked for again later. False where it is about nothing of ours.
    pub(super) fn left(
        &mut self,
        control: &Control<'_>,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> (bool, Option<SessionEvent>) {
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let is_answer = echoed.is_some_and(|id| id < self.next_id);
        if self.leaving.acknowledged(control) {
            return (true, None);
        }
        // One that repeats the id of the request that subscribed it answers no request to end it.
        let is_unasked = |w: &Wanted| !is_answer || echoed == Some(w.asked_by);
        let live = |w: &&mut Wanted| w.stage == Stage::Acknowledged && is_unasked(w);
        let mut live = self.wanted.iter_mut().filter(live);
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
    pub(super) fn refused(
        &mut self,
        control: &Control<'_>,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        self.answered = true;
        let message = control.message.unwrap_or_default();
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let is_transient = is_transient(control.code);
        let next = self.wanted.iter().filter_map(Wanted::request).min();
        if let Some(left) = self.leaving.refused(echoed, message, next) {
            // One that is wanted all the same is asked for once more, which brings its book without an
            // end before it; an end that came later would be its own.
            let wanted = self.wanted.iter().any(|wanted| wanted.subscription == left);
            if is_transient && !wanted {
                self.leaving.later(left, config, now);
            }
            return None;
        }
        match about(&mut self.wanted, echoed, message) {
            About::Nobody if is_transient => {
                // About requests, not about what they asked for.
                let waiting = self.wanted.iter_mut().filter(|w| w.request().is_some());
                pause(waiting.filter(|w| w.is_meant(message)), config, now);
            }
            About::Nobody => {
                self.wants_login |= needs_login(control.code);
                self.unmatched = Some(message.chars().take(MAX_KEPT).collect());
            }
            About::All(all) if is_transient => pause(all.into_iter(), config, now),
            // One bad argument has spoilt the request: each is asked for in one of its own.
            About::All(all) => all.into_iter().for_each(|w| w.stage = Stage::Unsent(With::Nobody)),
            About::One(one) if is_transient => pause([one].into_iter(), config, now),
            About::One(one) => {
                let (subscription, request) = (one.subscription, one.request());
                one.error_at = Some(now);
                one.refuse(needs_login(control.code), config, now);
                // Some exchanges answer nothing more of a request with an error in it.
                let rest = self.wanted.iter_mut().filter(|w| w.request().is_some());
                for wanted in rest.filter(|w| w.request() == request) {
                    wanted.stage = Stage::Paused { until: now + REST_WITHIN };
                }
                let message = message.to_owned();
                return Some(SessionEvent::Rejected { subscription, code: control.code, message });
            }
        }
        None
    }

    /// Does what is due but sending, and tells what is given up; true where the connection proves
    /// to be no good.
    pub(super) fn timeout(
        &mut self,
        config: &SessionConfig,
        stats: &mut SessionStats,
        told: &mut VecDeque<SessionEvent>,
        now: MonoNanos,
    ) -> bool {
        if self.due > now {
            return false;
        }
        self.leaving.timeout(config, now);
        let mut lost = false;
        for wanted in &mut self.wanted {
            match wanted.stage {
                Stage::Sent { at, alone, .. } if at + config.ack_within <= now => {
                    stats.late_acks += 1;
                    wanted.silences += u8::from(alone);
                    // Where nothing was answered, the connection is no good.
                    lost |= alone && !self.answered;
                    if wanted.silences < LONE_ASKS {
                        // One bad argument may have spoilt the answers to a whole request.
                        wanted.stage = Stage::Unsent(With::Nobody);
                    } else {
                        // All else goes on: this one is not worth a connection.
                        wanted.refuse(false, config, now);
                        let message = match &self.unmatched {
                            Some(error) => format!("never answered; an error was: {error}"),
                            None => "never answered".to_owned(),
                        };
                        let subscription = wanted.subscription;
                        told.push_back(SessionEvent::Rejected {
                            subscription,
                            code: None,
                            message,
                        });
                    }
                }
                Stage::Paused { until } if until <= now => {
                    wanted.stage = Stage::Unsent(With::Others);
                }
                Stage::Acknowledged
                    if wanted.awaits.is_some_and(|at| at + config.snapshot_within <= now) =>
                {
                    wanted.awaits = None;
                    wanted.late = wanted.late.saturating_add(1);
                    stats.late_snapshots += 1;
                    let at = now + wanted.pace.pause(&config.resync, now);
                    wanted.resync_at.get_or_insert(at);
                }
                _ => {}
            }
        }
        lost
    }
}

/// Has subscriptions asked for later: the exchange was too busy for them.
fn pause<'w>(all: impl Iterator<Item = &'w mut Wanted>, config: &SessionConfig, now: MonoNanos) {
    for wanted in all {
        let until = now + wanted.refusals.grow(&config.resync, now);
        wanted.stage = Stage::Paused { until };
    }
}
