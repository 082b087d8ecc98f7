//! The state machine of a session.

mod attempt;
mod liveness;
mod login;
mod subscribing;

use std::collections::VecDeque;
use std::time::Duration;

use super::activity::Activity;
use super::config::SessionConfig;
use super::reconnect_backoff::ReconnectBackoff;
use super::reply_match::answers_login;
use super::subscription_state::NEVER;
use super::subscriptions::Subscriptions;
use super::types::{Action, DisconnectReason, SessionEvent, SessionStats};
use crate::event::{Control, ControlKind};
use crate::model::MonoNanos;

/// v5's notice that the connection will soon be closed for a service upgrade.
const SERVICE_UPGRADE: i64 = 64008;

/// The error to a request that the exchange can't read, such as a `ping` on SBE's path.
const INVALID_REQUEST: i64 = 60012;

/// The time window of [`SessionConfig::controls_per_sec`].
const CONTROL_SPAN: Duration = Duration::from_secs(1);

/// The state of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// No connection; the next attempt is at `until`.
    Waiting { until: MonoNanos },
    /// Looking up the host's name.
    Resolving { since: MonoNanos },
    /// Opening a TCP connection.
    Connecting { since: MonoNanos },
    /// TLS and the upgrade to a WebSocket.
    Handshaking { since: MonoNanos },
    /// Open.
    Open {
        since: MonoNanos,
        /// When text or binary frames came.
        activity: Activity,
        /// When a ping was sent and how long a frame may take, while none has come since.
        pinged: Option<(MonoNanos, Duration)>,
        /// When the login was sent, until it is answered.
        login: Option<MonoNanos>,
        /// Whether data of a subscription has come.
        useful: bool,
    },
    /// Stopped for good.
    Stopped,
}

/// One connection's conversation with the exchange.
///
/// Sans-IO, in the style of `quinn-proto`. The owner reports what happened with the `handle_*`
/// methods, then takes actions from [`Session::poll_action`] and events from
/// [`Session::poll_event`] until both are empty, and calls [`Session::handle_timeout`] at
/// [`Session::poll_timeout`]. Time is an argument, randomness a seed. Allocates only outside the
/// hot path: [`Session::handle_inbound`] does not.
///
/// # Example
/// ```
/// use okx_feed::session::{Action, SessionConfig};
/// use okx_feed::{Dialect, MonoNanos, Session};
///
/// let now = MonoNanos::ZERO;
/// let mut session = Session::new(SessionConfig::new(Dialect::V5), 1);
/// session.subscribe("books5:BTC-USDT".parse()?, now);
/// session.handle_timeout(now);
/// assert!(matches!(session.poll_action(), Some(Action::Connect)));
///
/// // The owner has connected.
/// session.handle_connected(now);
/// let Some(Action::Send(request)) = session.poll_action() else { panic!("it subscribes") };
/// assert!(request.contains("books5"));
/// # Ok::<(), okx_feed::model::SubscriptionError>(())
/// ```
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    link: Link,
    subscriptions: Subscriptions,
    backoff: ReconnectBackoff,
    /// When the login is retried on this connection, and how often it was refused on it.
    relogin: Option<MonoNanos>,
    refusals: u32,
    /// The connections in a row on which the key was refused.
    key_refusals: u32,
    /// Control messages: start of the current one-second window, and its count.
    controls: (MonoNanos, u32),
    /// When the last ping without a pong was sent, and the last round trip with its time.
    ping_sent: Option<MonoNanos>,
    round_trip: Option<(MonoNanos, Duration)>,
    stats: SessionStats,
    actions: VecDeque<Action>,
    events: VecDeque<SessionEvent>,
}

impl Session {
    /// A session that is due to connect at once. `seed` decides the jitter of its pauses.
    #[must_use]
    pub fn new(config: SessionConfig, seed: u64) -> Self {
        Self {
            backoff: ReconnectBackoff::new(config.backoff.clone(), seed),
            subscriptions: Subscriptions::new(config.requests_per_hour),
            config,
            link: Link::Waiting { until: MonoNanos::ZERO },
            relogin: None,
            refusals: 0,
            key_refusals: 0,
            controls: (MonoNanos::ZERO, 0),
            ping_sent: None,
            round_trip: None,
            stats: SessionStats::default(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Reports that the connection of [`Action::Connect`] is open. Ignored if no attempt is in
    /// progress.
    pub fn handle_connected(&mut self, now: MonoNanos) {
        if !self.is_attempting() {
            return;
        }
        self.subscriptions.on_connected();
        self.controls = (now, 0);
        (self.relogin, self.refusals) = (None, 0);
        (self.ping_sent, self.round_trip) = (None, None);
        let activity = Activity::new(now, self.config.ping_interval);
        self.link = Link::Open { since: now, activity, pinged: None, login: None, useful: false };
        self.events.push_back(SessionEvent::Connected);
        // An exchange may close the connection after a wrong key: channels that need none must come
        // all the same.
        if self.may_log_in() {
            self.login(now);
        }
        self.send_requests(now);
    }

    /// The connection, or the attempt at one, has failed or was closed by the other side.
    pub fn handle_disconnected(&mut self, now: MonoNanos) {
        match self.link {
            Link::Open { .. } => self.lose(DisconnectReason::Closed, now),
            Link::Resolving { .. } | Link::Connecting { .. } | Link::Handshaking { .. } => {
                self.lose(DisconnectReason::ConnectFailed, now);
            }
            Link::Waiting { .. } | Link::Stopped => {}
        }
    }

    /// Closes the open connection for a new one, such as after an announced service upgrade.
    pub fn reconnect(&mut self, reason: DisconnectReason, now: MonoNanos) {
        if self.is_open() {
            self.close(reason, now);
        }
    }

    /// Counts a control message; false where it exceeds the limit of a second, for which the
    /// connection is closed.
    pub(super) fn count_control(&mut self, now: MonoNanos) -> bool {
        let (since, count) = self.controls;
        let is_new = now.since(since) >= CONTROL_SPAN;
        self.controls = if is_new { (now, 1) } else { (since, count.saturating_add(1)) };
        let is_flood = self.is_open() && self.controls.1 > self.config.controls_per_sec;
        if is_flood {
            self.close(DisconnectReason::ControlFlood, now);
        }
        !is_flood
    }

    /// A reply or a notice has come.
    pub fn handle_control(&mut self, control: &Control<'_>, now: MonoNanos) {
        let control = &self.as_pong(control);
        // Answers to our own requests do not count.
        if self.answer(control, now) {
            return self.send_requests(now);
        }
        if !self.count_control(now) || !self.is_open() {
            return;
        }
        match control.kind {
            ControlKind::Login => {
                self.login_answered(control.success != Some(false), control, now);
            }
            ControlKind::Error if self.login_waits() && answers_login(control) => {
                self.login_answered(false, control, now);
            }
            ControlKind::Error => {
                let events = self.subscriptions.on_error(control, &self.config, now);
                self.events.extend(events);
            }
            ControlKind::Notice if control.code == Some(SERVICE_UPGRADE) => {
                self.events.push_back(SessionEvent::UpgradeAnnounced);
            }
            ControlKind::Pong => {
                let sent = self.ping_sent.take();
                self.round_trip = sent.map(|at| (at, now.since(at))).or(self.round_trip);
            }
            _ => {}
        }
        self.send_requests(now);
    }

    /// On SBE's path a text `ping` is answered with an error, which proves as much as a pong.
    ///
    /// Source: `docs/PROTOCOL.md` 12.2.
    fn as_pong<'t>(&self, control: &Control<'t>) -> Control<'t> {
        let is_answer = control.kind == ControlKind::Error
            && control.code == Some(INVALID_REQUEST)
            && control.id.is_none()
            && self.config.sbe.is_some()
            && self.ping_sent.is_some();
        if is_answer { Control { kind: ControlKind::Pong, ..*control } } else { *control }
    }

    /// Handles an answer to a request of ours; false where it is none.
    fn answer(&mut self, control: &Control<'_>, now: MonoNanos) -> bool {
        if !self.is_open() {
            return false;
        }
        match control.kind {
            ControlKind::Subscribe => {
                let events = self.subscriptions.on_acknowledged(control, &self.config, now);
                let answers = !events.is_empty();
                self.events.extend(events);
                answers
            }
            ControlKind::Unsubscribe => {
                let (answers, events) =
                    self.subscriptions.on_unsubscribed(control, &self.config, now);
                self.events.extend(events);
                answers
            }
            _ => false,
        }
    }

    /// Stops for good: closes the connection if there is one.
    pub fn stop(&mut self) {
        if !matches!(self.link, Link::Waiting { .. } | Link::Stopped) {
            self.actions.push_back(Action::Close);
        }
        self.link = Link::Stopped;
    }

    /// The next action; `None` when there is none now.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next event; `None` when there is none now.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] is to be called; `None` where time changes nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<MonoNanos> {
        match self.link {
            Link::Waiting { until } => Some(until),
            Link::Resolving { since } => Some(since + self.config.resolve_timeout),
            Link::Connecting { since } => Some(since + self.config.connect_timeout),
            Link::Handshaking { since } => Some(since + self.config.handshake_timeout),
            Link::Open { activity, pinged, login, .. } => {
                let silence = match pinged {
                    Some((at, within)) => at + within,
                    None => activity.at() + activity.limit(&self.config),
                };
                let request = match login {
                    Some(at) => at + self.config.ack_timeout,
                    None => self.subscriptions.due().min(self.relogin.unwrap_or(NEVER)),
                };
                Some(silence.min(request))
            }
            Link::Stopped => None,
        }
    }

    /// Does what is due at `now`. Calling it too early does no harm.
    pub fn handle_timeout(&mut self, now: MonoNanos) {
        match self.link {
            Link::Waiting { until } if until <= now => {
                self.link = Link::Connecting { since: now };
                self.stats.attempts += 1;
                self.actions.push_back(Action::Connect);
            }
            Link::Resolving { since } if since + self.config.resolve_timeout <= now => {
                self.close(DisconnectReason::ResolveTimeout, now);
            }
            Link::Connecting { since } if since + self.config.connect_timeout <= now => {
                self.close(DisconnectReason::ConnectTimeout, now);
            }
            Link::Handshaking { since } if since + self.config.handshake_timeout <= now => {
                self.close(DisconnectReason::HandshakeTimeout, now);
            }
            Link::Open { activity, pinged, login, .. } => {
                self.heartbeat(activity, pinged, now);
                let late = login.is_some_and(|at| at + self.config.ack_timeout <= now);
                if late && self.is_open() {
                    self.stats.late_acks += 1;
                    self.close(DisconnectReason::AckTimeout, now);
                }
                self.open_timeout(now);
            }
            _ => {}
        }
    }

    fn open_timeout(&mut self, now: MonoNanos) {
        if !self.is_open() || self.login_waits() {
            return;
        }
        let Self { subscriptions, config, stats, events, .. } = self;
        if subscriptions.on_timeout(config, stats, events, now) {
            return self.close(DisconnectReason::AckTimeout, now);
        }
        if self.relogin.take_if(|at| *at <= now).is_some() {
            self.login(now);
        }
        self.send_requests(now);
    }

    /// Closes the connection, or ends the attempt at one.
    pub(super) fn close(&mut self, reason: DisconnectReason, now: MonoNanos) {
        self.actions.push_back(Action::Close);
        self.lose(reason, now);
    }

    /// The connection is gone: nothing is acknowledged any more, and the next attempt is planned.
    fn lose(&mut self, reason: DisconnectReason, now: MonoNanos) {
        // A connection without data has not proved itself, however long it lasted.
        if let Link::Open { since, useful, .. } = self.link
            && (useful || self.subscriptions.iter().next().is_none())
        {
            self.backoff.closed(since, now);
        }
        let pause = self.backoff.pause();
        self.link = Link::Waiting { until: now + pause };
        self.subscriptions.on_disconnected(&self.config, now);
        // Requests for the old connection must not be sent on the next.
        self.actions.retain(|action| matches!(action, Action::Connect | Action::Close));
        self.events.push_back(SessionEvent::Disconnected(reason));
    }

    /// Sends pending requests, as far as the hour's quota allows.
    fn send_requests(&mut self, now: MonoNanos) {
        if !self.is_open() || self.login_waits() {
            return;
        }
        while let Some((subscription, id)) = self.subscriptions.next_snapshot(&self.config, now) {
            self.stats.snapshots += 1;
            self.actions.push_back(Action::RequestSnapshot { subscription, id });
        }
        let Self { subscriptions, config, stats, events, .. } = self;
        while let Some(text) = subscriptions.next_request(config, stats, events, now) {
            self.actions.push_back(Action::Send(text));
        }
        if let Some(until) = self.subscriptions.take_quota_spent(&self.config, now) {
            self.events.push_back(SessionEvent::RequestsSpent { until });
        }
    }
}
