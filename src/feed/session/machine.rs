//! The state machine of a session.

use std::collections::VecDeque;
use std::fmt;

use super::backoff::Backoff;
use super::config::SessionConfig;
use super::requests::{RequestBudget, Stage, Wanted, answers, names};
use crate::model::{Control, ControlKind, MonoNanos, Subscription};
use crate::wire::{PING, RequestOp, argument_len, request_text};

/// v5's notice that the connection will soon be closed for a service upgrade.
const SERVICE_UPGRADE: i64 = 64008;

/// What the owner of the socket has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection, then call [`Session::connected`] or [`Session::lost`].
    Connect,
    /// Send this as a text message.
    Send(String),
    /// Close the connection. It counts as closed already.
    Close,
}

/// What became of the session, for its owner to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The exchange has acknowledged a subscription.
    Subscribed(Subscription),
    /// The exchange has refused a subscription. It is not asked for again.
    Rejected {
        /// What was asked for.
        subscription: Subscription,
        /// The exchange's code, where it sent one.
        code: Option<i64>,
        /// The exchange's text, where it sent one.
        message: String,
    },
    /// The connection is open.
    Connected,
    /// The connection, or the attempt at one, has come to an end.
    Lost(LostReason),
}

/// Why a connection came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LostReason {
    /// Connecting failed.
    ConnectFailed,
    /// Connecting took too long.
    ConnectTimeout,
    /// The other side closed, or the transport failed.
    Closed,
    /// Nothing came in time after a ping.
    PongTimeout,
    /// A subscription was asked for twice and never answered.
    AckTimeout,
    /// The exchange announced that it will close for a service upgrade.
    ServiceUpgrade,
}

impl fmt::Display for LostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ConnectFailed => "connecting failed",
            Self::ConnectTimeout => "connecting took too long",
            Self::Closed => "the connection was closed",
            Self::PongTimeout => "the exchange did not answer a ping",
            Self::AckTimeout => "the exchange did not answer a subscription",
            Self::ServiceUpgrade => "the exchange announced a service upgrade",
        })
    }
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug)]
enum Link {
    /// No connection; the next attempt is at `until`.
    Waiting { until: MonoNanos },
    /// Connecting.
    Connecting { since: MonoNanos },
    /// Open.
    Open { since: MonoNanos, last_inbound: MonoNanos, pinged: Option<MonoNanos> },
    /// Given up for good.
    Stopped,
}

/// One connection's conversation with the exchange.
///
/// Sans-IO, after the manner of `quinn-proto`: the owner calls in what happened (`connected`,
/// `lost`, `inbound`, `control`), then takes what there is to do from [`Session::poll_action`] and
/// to know from [`Session::poll_event`], and calls [`Session::timeout`] when
/// [`Session::poll_timeout`] says. Time is an argument, randomness a seed. The control plane: it
/// may allocate, except that [`Session::inbound`] does not.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    link: Link,
    wanted: Vec<Wanted>,
    leaving: Vec<Subscription>,
    backoff: Backoff,
    budget: RequestBudget,
    next_id: u64,
    actions: VecDeque<Action>,
    events: VecDeque<SessionEvent>,
}

impl Session {
    /// Makes a session that wants to connect at once. `seed` decides the jitter of its pauses.
    #[must_use]
    pub fn new(config: SessionConfig, seed: u64) -> Self {
        Self {
            backoff: Backoff::new(config.backoff.clone(), seed),
            budget: RequestBudget::new(config.requests_per_hour),
            config,
            link: Link::Waiting { until: MonoNanos::ZERO },
            wanted: Vec::new(),
            leaving: Vec::new(),
            next_id: 1,
            actions: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Wants a subscription from now on: on this connection and on each later one. Does nothing
    /// where it is wanted already; one that was refused is asked for once more.
    pub fn subscribe(&mut self, subscription: Subscription, now: MonoNanos) {
        self.leaving.retain(|leaving| *leaving != subscription);
        match self.wanted.iter_mut().find(|wanted| wanted.subscription == subscription) {
            Some(wanted) if wanted.stage == Stage::Rejected => {
                wanted.stage = Stage::Unsent { alone: true };
            }
            Some(_) => {}
            None => {
                self.wanted.push(Wanted { subscription, stage: Stage::Unsent { alone: false } });
            }
        }
        self.send_requests(now);
    }

    /// Does not want a subscription any more.
    pub fn unsubscribe(&mut self, subscription: &Subscription, now: MonoNanos) {
        let asked =
            |wanted: &Wanted| matches!(wanted.stage, Stage::Sent { .. } | Stage::Acknowledged);
        let found = self.wanted.iter().position(|wanted| wanted.subscription == *subscription);
        if let Some(at) = found {
            let wanted = self.wanted.remove(at);
            if asked(&wanted) && matches!(self.link, Link::Open { .. }) {
                self.leaving.push(*subscription);
            }
        }
        self.send_requests(now);
    }

    /// Gives a subscription up and asks for it anew, so that the exchange sends a snapshot.
    pub fn resubscribe(&mut self, subscription: &Subscription, now: MonoNanos) {
        let found = self.wanted.iter_mut().find(|wanted| wanted.subscription == *subscription);
        if let Some(wanted) = found {
            let asked = matches!(wanted.stage, Stage::Sent { .. } | Stage::Acknowledged);
            if asked && matches!(self.link, Link::Open { .. }) {
                self.leaving.push(*subscription);
            }
            wanted.stage = Stage::Unsent { alone: false };
        }
        self.send_requests(now);
    }

    /// What is wanted now, refused ones included.
    pub fn wanted(&self) -> impl Iterator<Item = &Subscription> {
        self.wanted.iter().map(|wanted| &wanted.subscription)
    }

    /// Whether the connection is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.link, Link::Open { .. })
    }

    /// Whether each wanted subscription has been answered on this connection.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let answered = |w: &Wanted| matches!(w.stage, Stage::Acknowledged | Stage::Rejected);
        self.is_open() && self.leaving.is_empty() && self.wanted.iter().all(answered)
    }

    /// The connection that [`Action::Connect`] asked for is open.
    pub fn connected(&mut self, now: MonoNanos) {
        self.link = Link::Open { since: now, last_inbound: now, pinged: None };
        self.budget.reset();
        self.events.push_back(SessionEvent::Connected);
        self.send_requests(now);
    }

    /// The connection, or the attempt at one, has failed or was closed by the other side.
    pub fn lost(&mut self, now: MonoNanos) {
        match self.link {
            Link::Open { .. } => self.lose(LostReason::Closed, now),
            Link::Connecting { .. } => self.lose(LostReason::ConnectFailed, now),
            Link::Waiting { .. } | Link::Stopped => {}
        }
    }

    /// Something came in: a frame, whatever it holds, or a WebSocket ping. Allocates nothing.
    #[inline]
    pub const fn inbound(&mut self, now: MonoNanos) {
        if let Link::Open { last_inbound, pinged, .. } = &mut self.link {
            *last_inbound = now;
            *pinged = None;
        }
    }

    /// A reply or a notice came in.
    pub fn control(&mut self, control: &Control<'_>, now: MonoNanos) {
        match control.kind {
            ControlKind::Subscribe => self.acknowledged(control),
            ControlKind::Error => self.refused(control),
            ControlKind::Notice if control.code == Some(SERVICE_UPGRADE) && self.is_open() => {
                self.actions.push_back(Action::Close);
                self.lose(LostReason::ServiceUpgrade, now);
            }
            _ => {}
        }
        self.send_requests(now);
    }

    /// Stops for good: closes the connection if there is one and wants nothing more.
    pub fn stop(&mut self) {
        if matches!(self.link, Link::Open { .. } | Link::Connecting { .. }) {
            self.actions.push_back(Action::Close);
        }
        self.link = Link::Stopped;
    }

    /// The next thing to do; `None` when there is nothing now.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to know; `None` when there is nothing now.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// When [`Session::timeout`] is to be called; `None` where time changes nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<MonoNanos> {
        match self.link {
            Link::Waiting { until } => Some(until),
            Link::Connecting { since } => Some(since + self.config.connect_within),
            Link::Open { last_inbound, pinged, .. } => {
                let silence = match pinged {
                    Some(at) => at + self.config.pong_within,
                    None => last_inbound + self.config.ping_after,
                };
                let sent = self.wanted.iter().filter_map(|wanted| wanted.stage.sent_at()).min();
                let acknowledgement = sent.map(|at| at + self.config.ack_within);
                let unsent = self.has_unsent().then(|| self.budget.ready_at());
                [Some(silence), acknowledgement, unsent].into_iter().flatten().min()
            }
            Link::Stopped => None,
        }
    }

    /// Does what is due at `now`. Calling it too early does no harm.
    pub fn timeout(&mut self, now: MonoNanos) {
        match self.link {
            Link::Waiting { until } if until <= now => {
                self.link = Link::Connecting { since: now };
                self.actions.push_back(Action::Connect);
            }
            Link::Connecting { since } if since + self.config.connect_within <= now => {
                self.actions.push_back(Action::Close);
                self.lose(LostReason::ConnectTimeout, now);
            }
            Link::Open { last_inbound, pinged, .. } => self.open_timeout(last_inbound, pinged, now),
            _ => {}
        }
    }

    fn open_timeout(&mut self, last_inbound: MonoNanos, pinged: Option<MonoNanos>, now: MonoNanos) {
        match pinged {
            Some(at) if at + self.config.pong_within <= now => {
                self.actions.push_back(Action::Close);
                return self.lose(LostReason::PongTimeout, now);
            }
            None if last_inbound + self.config.ping_after <= now => {
                self.actions.push_back(Action::Send(PING.to_owned()));
                if let Link::Open { pinged, .. } = &mut self.link {
                    *pinged = Some(now);
                }
            }
            _ => {}
        }
        let mut lost = false;
        for wanted in &mut self.wanted {
            match wanted.stage {
                Stage::Sent { at, alone, .. } if at + self.config.ack_within <= now => {
                    // One bad argument may have spoilt the answers to a whole request: once more,
                    // each alone. Silence to that means that the connection is no good.
                    lost |= alone;
                    wanted.stage = Stage::Unsent { alone: true };
                }
                _ => {}
            }
        }
        if lost {
            self.actions.push_back(Action::Close);
            return self.lose(LostReason::AckTimeout, now);
        }
        self.send_requests(now);
    }

    /// The connection is gone: nothing is acknowledged any more, and the next attempt is planned.
    fn lose(&mut self, reason: LostReason, now: MonoNanos) {
        if let Link::Open { since, .. } = self.link {
            self.backoff.closed(since, now);
        }
        let pause = self.backoff.pause();
        self.link = Link::Waiting { until: now + pause };
        self.leaving.clear();
        for wanted in &mut self.wanted {
            if wanted.stage != Stage::Rejected {
                wanted.stage = Stage::Unsent { alone: false };
            }
        }
        self.events.push_back(SessionEvent::Lost(reason));
    }

    fn acknowledged(&mut self, control: &Control<'_>) {
        for wanted in &mut self.wanted {
            let sent = matches!(wanted.stage, Stage::Sent { .. });
            if sent && answers(control, &wanted.subscription) {
                wanted.stage = Stage::Acknowledged;
                self.events.push_back(SessionEvent::Subscribed(wanted.subscription));
            }
        }
    }

    /// Finds whom an error is about: by name in its text, by the request's id, or as the only one
    /// that waits. One that is about nobody is left to the acknowledgement's time-out.
    fn refused(&mut self, control: &Control<'_>) {
        let message = control.message.unwrap_or_default();
        let echoed = control.id.and_then(|id| id.parse::<u64>().ok());
        let waiting: Vec<usize> = self
            .wanted
            .iter()
            .enumerate()
            .filter(|(_, wanted)| match wanted.stage {
                Stage::Sent { id, .. } => echoed.is_none_or(|echoed| echoed == id),
                _ => false,
            })
            .map(|(at, _)| at)
            .collect();
        let named = waiting.iter().copied().find(|at| {
            self.wanted.get(*at).is_some_and(|wanted| names(message, &wanted.subscription))
        });
        let only = match waiting[..] {
            [at] => Some(at),
            _ => None,
        };
        let Some(wanted) = named.or(only).and_then(|at| self.wanted.get_mut(at)) else { return };
        wanted.stage = Stage::Rejected;
        self.events.push_back(SessionEvent::Rejected {
            subscription: wanted.subscription,
            code: control.code,
            message: message.to_owned(),
        });
    }

    fn has_unsent(&self) -> bool {
        !self.leaving.is_empty() || self.wanted.iter().any(|wanted| wanted.stage.unsent())
    }

    /// Sends what is to be sent, split by the limits, as far as the hour's budget goes.
    fn send_requests(&mut self, now: MonoNanos) {
        if !self.is_open() {
            return;
        }
        while !self.leaving.is_empty() && self.budget.take(now) {
            let count = fitting(self.leaving.iter(), self.config.request_len);
            let batch: Vec<_> = self.leaving.drain(..count).collect();
            self.request(RequestOp::Unsubscribe, &batch);
        }
        while self.has_unsent() && self.leaving.is_empty() && self.budget.take(now) {
            let batch = self.next_batch();
            let id = self.request(RequestOp::Subscribe, &batch);
            for wanted in &mut self.wanted {
                match wanted.stage {
                    Stage::Unsent { alone } if batch.contains(&wanted.subscription) => {
                        wanted.stage = Stage::Sent { at: now, id, alone };
                    }
                    _ => {}
                }
            }
        }
    }

    /// The next subscriptions that go into one request.
    fn next_batch(&self) -> Vec<Subscription> {
        let unsent = |alone: bool| {
            let wanted = self.wanted.iter().filter(move |w| w.stage == Stage::Unsent { alone });
            wanted.map(|w| &w.subscription)
        };
        match unsent(true).next() {
            Some(alone) => vec![*alone],
            None => {
                let count = fitting(unsent(false), self.config.request_len);
                unsent(false).take(count).copied().collect()
            }
        }
    }

    fn request(&mut self, op: RequestOp, batch: &[Subscription]) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let text = request_text(self.config.dialect, op, id, batch);
        self.actions.push_back(Action::Send(text));
        id
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
