//! What is wanted of the exchange, how far each has come, and which request is next.

use super::config::SessionConfig;
use super::pace::Pace;
use super::requests::{RequestBudget, answers, is_transient, names};
use super::types::{SessionEvent, SessionStats};
use crate::model::{ChannelKind, Control, MonoNanos, Subscription};
use crate::wire::{RequestOp, argument_len, request_text};

const NEVER: MonoNanos = MonoNanos(u64::MAX);

/// One wanted subscription.
#[derive(Clone, Debug)]
struct Wanted {
    subscription: Subscription,
    stage: Stage,
    pace: Pace,
    /// When the deep book is to be fetched anew.
    resync_at: Option<MonoNanos>,
    /// Since when a deep book's snapshot is awaited.
    awaits: Option<MonoNanos>,
}

/// How far a subscription has come on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To be asked for; alone in its request where `alone`.
    Unsent { alone: bool },
    /// To be asked for later: the exchange was too busy.
    Paused { until: MonoNanos },
    /// Asked for and not answered.
    Sent { at: MonoNanos, id: u64, alone: bool },
    /// Acknowledged.
    Acknowledged,
    /// Refused; not asked for again.
    Rejected,
}

impl Wanted {
    const fn new(subscription: Subscription) -> Self {
        let stage = Stage::Unsent { alone: false };
        Self { subscription, stage, pace: Pace::NEW, resync_at: None, awaits: None }
    }

    /// Whether the exchange may send for it, as far as we know.
    const fn asked(&self) -> bool {
        matches!(self.stage, Stage::Sent { .. } | Stage::Acknowledged)
    }

    fn acknowledge(&mut self, now: MonoNanos) {
        self.stage = Stage::Acknowledged;
        // Other channels bring the next book or trade of themselves.
        let deep = self.subscription.channel().kind() == ChannelKind::Depth;
        self.awaits = deep.then_some(now);
    }

    /// When something is to be done about it without anything coming in.
    fn due(&self, config: &SessionConfig) -> MonoNanos {
        match self.stage {
            Stage::Unsent { .. } | Stage::Rejected => NEVER,
            Stage::Paused { until } => until,
            Stage::Sent { at, .. } => at + config.ack_within,
            Stage::Acknowledged => {
                let snapshot = self.awaits.map_or(NEVER, |since| since + config.snapshot_within);
                snapshot.min(self.resync_at.unwrap_or(NEVER))
            }
        }
    }
}

/// All that is wanted, and the budget of requests.
#[derive(Debug)]
pub(super) struct Asks {
    wanted: Vec<Wanted>,
    leaving: Vec<Subscription>,
    budget: RequestBudget,
    next_id: u64,
    /// When time alone changes something: kept, since it is asked for after every frame.
    due: MonoNanos,
}

impl Asks {
    pub(super) fn new(requests_per_hour: usize) -> Self {
        Self {
            wanted: Vec::new(),
            leaving: Vec::new(),
            budget: RequestBudget::new(requests_per_hour),
            next_id: 1,
            due: NEVER,
        }
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription) {
        self.leaving.retain(|leaving| *leaving != subscription);
        match self.wanted.iter_mut().find(|wanted| wanted.subscription == subscription) {
            Some(wanted) if wanted.stage == Stage::Rejected => {
                wanted.stage = Stage::Unsent { alone: true };
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
            ask_anew(wanted, leaving, open);
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
        wanted.stage = Stage::Acknowledged;
        told.then_some(SessionEvent::Subscribed(wanted.subscription))
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.iter().map(|wanted| &wanted.subscription)
    }

    /// Whether each has been answered.
    pub(super) fn is_settled(&self) -> bool {
        let answered = |w: &Wanted| matches!(w.stage, Stage::Acknowledged | Stage::Rejected);
        self.leaving.is_empty() && self.wanted.iter().all(answered)
    }

    /// A new connection has a new budget.
    pub(super) fn connected(&mut self) {
        self.budget.reset();
    }

    /// Nothing is acknowledged any more.
    pub(super) fn lost(&mut self) {
        self.leaving.clear();
        for wanted in &mut self.wanted {
            (wanted.resync_at, wanted.awaits) = (None, None);
            if wanted.stage != Stage::Rejected {
                wanted.stage = Stage::Unsent { alone: false };
            }
        }
        self.due = NEVER;
    }

    pub(super) fn acknowledged(
        &mut self,
        control: &Control<'_>,
        now: MonoNanos,
    ) -> Vec<SessionEvent> {
        let sent = |wanted: &&mut Wanted| matches!(wanted.stage, Stage::Sent { .. });
        let of_reply = self.wanted.iter_mut().filter(sent);
        let answered = of_reply.filter(|wanted| answers(control, &wanted.subscription));
        let tell = |wanted: &mut Wanted| {
            wanted.acknowledge(now);
            SessionEvent::Subscribed(wanted.subscription)
        };
        answered.map(tell).collect()
    }

    /// Finds whom an error is about: by name in its text, by the request's id, or as the only one
    /// that waits. One that is about nobody is left to the acknowledgement's time-out.
    pub(super) fn refused(
        &mut self,
        control: &Control<'_>,
        config: &SessionConfig,
        now: MonoNanos,
    ) -> Vec<SessionEvent> {
        let message = control.message.unwrap_or_default();
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let mut waiting: Vec<&mut Wanted> = self
            .wanted
            .iter_mut()
            .filter(|wanted| match wanted.stage {
                Stage::Sent { id, .. } => echoed.is_none_or(|echoed| echoed == id),
                _ => false,
            })
            .collect();
        if is_transient(control.code) {
            // About the request, not about what it asked for: later once more.
            for wanted in waiting.iter_mut().filter(|w| message_fits(message, w)) {
                let until = now + wanted.pace.later(&config.resync);
                wanted.stage = Stage::Paused { until };
            }
            return Vec::new();
        }
        let named = waiting.iter().position(|wanted| names(message, &wanted.subscription));
        let only = (waiting.len() == 1).then_some(0);
        let Some(wanted) = named.or(only).and_then(|at| waiting.get_mut(at)) else {
            return Vec::new();
        };
        wanted.stage = Stage::Rejected;
        vec![SessionEvent::Rejected {
            subscription: wanted.subscription,
            code: control.code,
            message: message.to_owned(),
        }]
    }

    /// Does what is due but sending; true where the connection proves to be no good.
    pub(super) fn timeout(
        &mut self,
        config: &SessionConfig,
        stats: &mut SessionStats,
        now: MonoNanos,
    ) -> bool {
        if self.due > now {
            return false;
        }
        let mut lost = false;
        for wanted in &mut self.wanted {
            match wanted.stage {
                Stage::Sent { at, alone, .. } if at + config.ack_within <= now => {
                    // One bad argument may have spoilt the answers to a whole request: once more,
                    // each alone. Silence to that means that the connection is no good.
                    lost |= alone;
                    stats.late_acks += 1;
                    wanted.stage = Stage::Unsent { alone: true };
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
        self.plan(config, now);
        request
    }

    /// Takes a request of another kind, a login, from the budget.
    pub(super) fn take_budget(&mut self, now: MonoNanos) -> bool {
        self.budget.take(now)
    }

    /// When [`Asks::timeout`] or [`Asks::next_request`] have something to do.
    pub(super) const fn due(&self) -> MonoNanos {
        self.due
    }

    fn start_resyncs(&mut self, config: &SessionConfig, stats: &mut SessionStats, now: MonoNanos) {
        if self.budget.ready_at(config.resync_reserve()) > now {
            return;
        }
        let Self { wanted, leaving, .. } = self;
        for wanted in wanted {
            let due = wanted.resync_at.is_some_and(|at| at <= now);
            if due && wanted.stage == Stage::Acknowledged {
                stats.resyncs += 1;
                ask_anew(wanted, leaving, true);
            }
        }
    }

    fn take_request(&mut self, config: &SessionConfig, now: MonoNanos) -> Option<String> {
        let something = !self.leaving.is_empty() || self.has_unsent();
        if !something || !self.budget.take(now) {
            return None;
        }
        if !self.leaving.is_empty() {
            let count = fitting(self.leaving.iter(), config.request_len);
            let batch: Vec<_> = self.leaving.drain(..count).collect();
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
    fn plan(&mut self, config: &SessionConfig, now: MonoNanos) {
        let by_time = self.wanted.iter().map(|wanted| wanted.due(config));
        let mut due = by_time.min().unwrap_or(NEVER);
        if due <= now {
            // Only a resync for which the budget has no room can be overdue now.
            due = self.budget.ready_at(config.resync_reserve()).max(now);
        }
        if self.has_unsent() || !self.leaving.is_empty() {
            due = due.min(self.budget.ready_at(0));
        }
        self.due = due;
    }

    fn has_unsent(&self) -> bool {
        self.wanted.iter().any(|wanted| matches!(wanted.stage, Stage::Unsent { .. }))
    }

    /// The next subscriptions that go into one request.
    fn next_batch(&self, limit: usize) -> Vec<Subscription> {
        let unsent = |alone: bool| {
            let wanted = self.wanted.iter().filter(move |w| w.stage == Stage::Unsent { alone });
            wanted.map(|w| &w.subscription)
        };
        match unsent(true).next() {
            Some(alone) => vec![*alone],
            None => {
                let count = fitting(unsent(false), limit);
                unsent(false).take(count).copied().collect()
            }
        }
    }

    fn request(&mut self, config: &SessionConfig, op: RequestOp, batch: &[Subscription]) -> String {
        let id = self.next_id;
        self.next_id += 1;
        request_text(config.dialect, op, id, batch)
    }
}

fn ask_anew(wanted: &mut Wanted, leaving: &mut Vec<Subscription>, open: bool) {
    if wanted.asked() && open {
        leaving.push(wanted.subscription);
    }
    wanted.stage = Stage::Unsent { alone: false };
    (wanted.resync_at, wanted.awaits) = (None, None);
}

/// Whether an error that is about a request may be about this part of it: its text names it, or
/// nothing at all.
fn message_fits(message: &str, wanted: &Wanted) -> bool {
    let names_one = message.contains("channel") || message.contains(':');
    !names_one || names(message, &wanted.subscription)
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
