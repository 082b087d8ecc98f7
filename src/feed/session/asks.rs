//! What is wanted of the exchange, how far each has come, and which request is next.

use std::collections::VecDeque;

use super::config::SessionConfig;
use super::leaving::Leaving;
use super::requests::{RequestBudget, answers, is_transient, names, needs_login};
use super::types::{SessionEvent, SessionStats};
use super::wanted::{NEVER, Refusal, Stage, Wanted};
use crate::model::{Control, MonoNanos, Subscription};
use crate::wire::{RequestOp, argument_len, request_text};

/// How often one that does not answer is asked for alone before it is given up.
const LONE_ASKS: u8 = 3;

/// All that is wanted, and the budget of requests.
#[derive(Debug)]
pub(super) struct Asks {
    wanted: Vec<Wanted>,
    leaving: Leaving,
    budget: RequestBudget,
    next_id: u64,
    /// Whether a request was answered on this connection.
    answered: bool,
    /// When time alone changes something: kept, since it is asked for after every frame.
    due: MonoNanos,
}

impl Asks {
    pub(super) fn new(requests_per_hour: usize) -> Self {
        Self {
            wanted: Vec::new(),
            leaving: Leaving::default(),
            budget: RequestBudget::new(requests_per_hour),
            next_id: 1,
            answered: false,
            due: NEVER,
        }
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription) {
        self.leaving.keep(&subscription);
        match self.wanted.iter_mut().find(|wanted| wanted.subscription == subscription) {
            Some(wanted) if matches!(wanted.stage, Stage::Rejected(_)) => {
                (wanted.stage, wanted.silences) = (Stage::Unsent { alone: true }, 0);
            }
            Some(_) => {}
            None => self.wanted.push(Wanted::new(subscription)),
        }
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
            wanted.ask_anew(leaving, open);
        }
    }

    /// Plans to fetch a book anew: at once the first time, later each time that it happens again.
    pub(super) fn resync(
        &mut self,
        subscription: &Subscription,
        config: &SessionConfig,
        now: MonoNanos,
    ) {
        let found = self.wanted.iter_mut().find(|wanted| wanted.subscription == *subscription);
        // One that is being asked for brings a snapshot anyway.
        let whole = |w: &&mut Wanted| w.stage == Stage::Acknowledged && w.resync_at.is_none();
        if let Some(wanted) = found.filter(whole) {
            wanted.resync_at = Some(now + wanted.pace.pause(&config.resync, now));
        }
    }

    /// Notes that data has shown a subscription to be in force and its book whole.
    pub(super) fn synced(
        &mut self,
        subscription: &Subscription,
        now: MonoNanos,
    ) -> Option<SessionEvent> {
        let found = self.wanted.iter_mut().find(|wanted| wanted.subscription == *subscription);
        let wanted = found.filter(|wanted| wanted.asked())?;
        wanted.pace.well(now);
        (wanted.awaits, wanted.resync_at) = (None, None);
        let told = matches!(wanted.stage, Stage::Sent { .. });
        (wanted.stage, wanted.silences, self.answered) = (Stage::Acknowledged, 0, true);
        told.then_some(SessionEvent::Subscribed(wanted.subscription))
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.iter().map(|wanted| &wanted.subscription)
    }

    /// Whether each has been answered.
    pub(super) fn is_settled(&self) -> bool {
        let answered = |w: &Wanted| matches!(w.stage, Stage::Acknowledged | Stage::Rejected(_));
        self.leaving.unsent().is_empty() && self.wanted.iter().all(answered)
    }

    /// A new connection has a new budget.
    pub(super) fn connected(&mut self) {
        self.budget.reset();
        self.answered = false;
    }

    /// A login has succeeded: what was refused for want of one is asked for again.
    pub(super) fn logged_in(&mut self) {
        for wanted in &mut self.wanted {
            if wanted.stage == Stage::Rejected(Refusal::Login) {
                wanted.stage = Stage::Unsent { alone: false };
            }
        }
    }

    /// Nothing is acknowledged any more.
    pub(super) fn lost(&mut self) {
        self.leaving.clear();
        for wanted in &mut self.wanted {
            (wanted.resync_at, wanted.awaits) = (None, None);
            wanted.silences = 0;
            wanted.stage = match wanted.stage {
                Stage::Rejected(Refusal::Silence) => Stage::Unsent { alone: true },
                Stage::Rejected(refusal) => Stage::Rejected(refusal),
                _ => Stage::Unsent { alone: false },
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
        // One that is paused was thought to be refused, and is not.
        let open = |w: &&mut Wanted| matches!(w.stage, Stage::Sent { .. } | Stage::Paused { .. });
        let Self { wanted, leaving, .. } = self;
        let of_reply = wanted.iter_mut().filter(open);
        let answered = of_reply.filter(|wanted| answers(control, &wanted.subscription));
        let tell = |wanted: &mut Wanted| {
            if let Some(id) = wanted.request() {
                leaving.answered_before(id);
            }
            wanted.acknowledge(now);
            SessionEvent::Subscribed(wanted.subscription)
        };
        answered.map(tell).collect()
    }

    /// The end of a subscription was acknowledged.
    pub(super) fn left(&mut self, control: &Control<'_>) {
        self.leaving.acknowledged(control);
    }

    /// Finds whom an error is about: by name in its text, by the request's id, or as the only one
    /// that waits. One that is about nobody is left to the acknowledgement's time-out.
    pub(super) fn refused(
        &mut self,
        control: &Control<'_>,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Vec<SessionEvent> {
        self.answered = true;
        let message = control.message.unwrap_or_default();
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let next = self.wanted.iter().filter_map(Wanted::request).min();
        if let Some(left) = self.leaving.refused(echoed, message, next) {
            // One that is wanted all the same is asked for anew, which brings its book without an end
            // before it; an end that came later would be its own.
            let wanted = self.wanted.iter().any(|wanted| wanted.subscription == left);
            if is_transient(control.code) && !wanted {
                self.leaving.later(left, config, now);
            }
            return Vec::new();
        }
        let mut waiting: Vec<&mut Wanted> = self
            .wanted
            .iter_mut()
            .filter(|w| w.request().is_some_and(|id| echoed.is_none_or(|echoed| echoed == id)))
            .collect();
        if is_transient(control.code) {
            // About the request, not about what it asked for: later once more.
            for wanted in waiting.iter_mut().filter(|w| w.is_meant(message)) {
                let until = now + wanted.pace.later(&config.resync);
                wanted.stage = Stage::Paused { until };
            }
            return Vec::new();
        }
        let is_named = |wanted: &&mut Wanted| names(message, &wanted.subscription);
        let [wanted] = &mut match waiting.len() {
            0 | 1 => waiting,
            // A text that repeats the request names all of it, good and bad, and so nobody: each is
            // asked for alone when the answer does not come.
            _ => waiting.into_iter().filter(is_named).collect(),
        }[..] else {
            return Vec::new();
        };
        let login = needs_login(control.code);
        wanted.stage = Stage::Rejected(if login { Refusal::Login } else { Refusal::Answer });
        vec![SessionEvent::Rejected {
            subscription: wanted.subscription,
            code: control.code,
            message: message.to_owned(),
        }]
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
                        wanted.stage = Stage::Unsent { alone: true };
                    } else {
                        // All else goes on: this one is not worth a connection.
                        wanted.stage = Stage::Rejected(Refusal::Silence);
                        let message = "never answered".to_owned();
                        let subscription = wanted.subscription;
                        told.push_back(SessionEvent::Rejected {
                            subscription,
                            code: None,
                            message,
                        });
                    }
                }
                Stage::Paused { until } if until <= now => {
                    wanted.stage = Stage::Unsent { alone: false };
                }
                Stage::Acknowledged
                    if wanted.awaits.is_some_and(|at| at + config.snapshot_within <= now) =>
                {
                    wanted.awaits = None;
                    stats.late_snapshots += 1;
                    let at = now + wanted.pace.pause(&config.resync, now);
                    wanted.resync_at.get_or_insert(at);
                }
                _ => {}
            }
        }
        lost
    }

    /// The next request that may go at `now`, split by the limits; `None` where there is none, or
    /// the hour's budget does not go so far.
    pub(super) fn next_request(
        &mut self,
        config: &SessionConfig,
        stats: &mut SessionStats,
        now: MonoNanos,
    ) -> Option<String> {
        self.start_resyncs(config, stats, now);
        let request = self.take_request(config, now);
        stats.requests += u64::from(request.is_some());
        self.plan(config);
        request
    }

    /// Takes a request of another kind, a login, from the budget.
    pub(super) fn take_budget(&mut self, now: MonoNanos) -> bool {
        self.budget.take(now)
    }

    /// When [`Asks::take_budget`] has one again.
    pub(super) fn budget_ready_at(&self) -> MonoNanos {
        self.budget.ready_at(0)
    }

    /// When [`Asks::timeout`] or [`Asks::next_request`] have something to do.
    pub(super) const fn due(&self) -> MonoNanos {
        self.due
    }

    fn start_resyncs(&mut self, config: &SessionConfig, stats: &mut SessionStats, now: MonoNanos) {
        // What follows a lone request waits for its answer, and a book must not be given up for that
        // long.
        let lone = self.wanted.iter().any(Wanted::is_lone);
        if lone || self.budget.ready_at(config.resync_reserve()) > now {
            return;
        }
        let Self { wanted, leaving, .. } = self;
        for wanted in wanted {
            let due = wanted.resync_at.is_some_and(|at| at <= now);
            if due && wanted.stage == Stage::Acknowledged {
                stats.resyncs += 1;
                wanted.ask_anew(leaving, true);
            }
        }
    }

    fn take_request(&mut self, config: &SessionConfig, now: MonoNanos) -> Option<String> {
        let something = !self.leaving.unsent().is_empty() || self.turn().is_some();
        if !something || !self.budget.take(now) {
            return None;
        }
        if !self.leaving.unsent().is_empty() {
            let count = fitting(self.leaving.unsent().iter(), config.request_len);
            let batch = self.leaving.send(count, self.next_id, now);
            return Some(self.request(config, RequestOp::Unsubscribe, &batch));
        }
        let batch = self.next_batch(config.request_len);
        let id = self.next_id;
        for wanted in &mut self.wanted {
            match wanted.stage {
                Stage::Unsent { alone } if batch.contains(&wanted.subscription) => {
                    wanted.stage = Stage::Sent { at: now, id, alone };
                }
                _ => {}
            }
        }
        Some(self.request(config, RequestOp::Subscribe, &batch))
    }

    /// Finds when time alone changes something next.
    fn plan(&mut self, config: &SessionConfig) {
        let by_time = self.wanted.iter().map(|wanted| wanted.due(config));
        let mut due = by_time.min().unwrap_or(NEVER);
        if let Some(left) = self.leaving.due(config) {
            due = due.min(left);
        }
        let resync = self.wanted.iter().filter_map(Wanted::resync_due).min();
        if let Some(resync) = resync.filter(|_| !self.wanted.iter().any(Wanted::is_lone)) {
            due = due.min(resync.max(self.budget.ready_at(config.resync_reserve())));
        }
        if self.turn().is_some() || !self.leaving.unsent().is_empty() {
            due = due.min(self.budget.ready_at(0));
        }
        self.due = due;
    }

    /// Whether one alone is next or a batch; `None` where nothing may be asked for now.
    ///
    /// An error may name nobody. One that is asked for alone is also the only one in flight, so
    /// that it is its own.
    fn turn(&self) -> Option<bool> {
        let has = |stage| self.wanted.iter().any(|wanted| wanted.stage == stage);
        if self.wanted.iter().any(Wanted::is_lone) {
            return None;
        }
        if has(Stage::Unsent { alone: false }) {
            return Some(false);
        }
        let in_flight = self.wanted.iter().any(|wanted| wanted.request().is_some());
        let may = !in_flight && self.leaving.is_answered();
        (may && has(Stage::Unsent { alone: true })).then_some(true)
    }

    /// The next subscriptions that go into one request.
    fn next_batch(&self, limit: usize) -> Vec<Subscription> {
        let Some(alone) = self.turn() else { return Vec::new() };
        let unsent = || self.wanted.iter().filter(|w| w.stage == Stage::Unsent { alone });
        if alone {
            // One that is silent does not keep the others from their turn.
            let next = unsent().min_by_key(|wanted| wanted.silences);
            return next.map(|wanted| wanted.subscription).into_iter().collect();
        }
        let subscriptions = || unsent().map(|wanted| &wanted.subscription);
        let count = fitting(subscriptions(), limit);
        subscriptions().take(count).copied().collect()
    }

    fn request(&mut self, config: &SessionConfig, op: RequestOp, batch: &[Subscription]) -> String {
        let id = self.next_id;
        self.next_id += 1;
        request_text(config.dialect, op, id, batch)
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
