//! What the session of a connection reports, and whether the connection has all that it is to have.

use std::time::Duration;

use super::ConnectionDriver;
use crate::client::credentials;
use crate::client::messages::ConnectionEvent;
use crate::client::recorder::Noted;
use crate::client::stats::ConnectionStats;
use crate::event::{Event, EventSink};
use crate::feed::Slot;
use crate::model::{BookState, DownReason, FirstPush, MonoNanos, Subscription, UnixNanos};
use crate::session::{DisconnectReason, SessionEvent};
use crate::transport::Transport;

/// How much of the exchange's own text is logged, in characters.
const MAX_LOGGED: usize = 200;

/// How often the counters are published while frames come; else with each check for being stale.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(250);

/// How long a replacement waits for every book to come before it completes the handover without.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(30);

impl<T: Transport, S: EventSink> ConnectionDriver<T, S> {
    /// Brings what the session reports to states, log and counters.
    pub(super) fn drain_session_events(&mut self) {
        let mut any = false;
        while let Some(event) = self.session.poll_event() {
            any = true;
            self.on_session_event(event);
        }
        if any {
            self.states_changed = true;
            self.publish_stats(self.clock.mono());
        }
    }

    fn on_session_event(&mut self, event: SessionEvent) {
        let wall = self.clock.now().1;
        match event {
            SessionEvent::Connected => {
                tracing::info!("connected");
                self.stats.connects += 1;
                self.requested = self.handler.slots().len();
                self.stats.connected = true;
                self.shared.lock().handle.health.connected();
                self.record(Noted::Open, wall, || self.transport.address().to_string());
            }
            SessionEvent::Subscribed(subscription) => self.on_subscribed(&subscription, wall),
            SessionEvent::ChainBegins(subscription) => self.begin_chain(&subscription, wall),
            SessionEvent::Rejected { subscription, code, message } => {
                let message: String = message.chars().take(MAX_LOGGED).collect();
                tracing::error!(%subscription, code, reason = %message, "subscription refused");
                self.stats.rejections += 1;
                let down = BookState::Down(DownReason::Rejected);
                self.set_state(&subscription, down, wall);
            }
            SessionEvent::LoginRefused { code, message } => self.on_login_refused(code, &message),
            SessionEvent::RequestsSpent { until } => {
                let minutes = until.since(self.clock.mono()).as_secs() / 60;
                tracing::warn!(minutes, "the hour's requests of a connection are spent");
                self.stats.requests_spent += 1;
                // A connection has a budget of its own: another one replaces this.
                self.request_replacement();
            }
            SessionEvent::UpgradeAnnounced => {
                self.stats.upgrades += 1;
                let upgrades = self.stats.upgrades;
                if upgrades.is_power_of_two() {
                    tracing::info!(upgrades, "the exchange announces a service upgrade");
                }
                self.request_replacement();
            }
            SessionEvent::Disconnected(reason) => self.on_lost(reason, wall),
        }
    }

    pub(super) fn on_login_refused(&mut self, code: Option<i64>, message: &str) {
        let message: String = message.chars().take(MAX_LOGGED).collect();
        self.stats.logins_refused += 1;
        self.stats.last_login_refusal = Some(credentials::refusal(code, &message));
        let refused = self.stats.logins_refused;
        if refused.is_power_of_two() {
            tracing::error!(code, reason = %message, refused, "login refused");
        }
    }

    fn on_lost(&mut self, reason: DisconnectReason, wall: UnixNanos) {
        tracing::info!(?reason, "not connected");
        self.stats.losses += 1;
        if !matches!(reason, DisconnectReason::Closed | DisconnectReason::ConnectFailed) {
            self.stats.last_loss = Some(reason.to_string());
        }
        let was_open = std::mem::take(&mut self.stats.connected);
        let reason = self.stats.last_loss.as_deref().unwrap_or("closed");
        self.shared.lock().handle.health.lost(was_open, reason, wall);
        self.record(Noted::Lost, wall, || reason);
        #[cfg(feature = "rest")]
        self.book_joins.clear();
        self.set_all_states(BookState::Connecting);
    }

    fn request_replacement(&mut self) {
        self.with_all_commands_applied(|shared, handler, id, _| {
            shared.request_replacement(id, handler);
        });
    }

    fn on_subscribed(&mut self, subscription: &Subscription, wall: UnixNanos) {
        tracing::debug!(%subscription, "subscribed");
        let state = self.handler.slots().get(subscription).map(Slot::state);
        // One that was refused may be accepted when it is requested again; one that was live or
        // stale brings a first push again, which may be as old as the last change.
        let refused = BookState::Down(DownReason::Rejected);
        let is_awaited = self.session.is_awaited(subscription);
        let waits = |state| match state {
            BookState::Connecting => true,
            BookState::Live | BookState::Stale => is_awaited,
            _ => state == refused,
        };
        if state.is_some_and(waits) {
            self.set_state(subscription, BookState::AwaitingSnapshot, wall);
        }
    }

    fn begin_chain(&mut self, subscription: &Subscription, wall: UnixNanos) {
        let Self { handler, shared, id, .. } = self;
        let mut shared = shared.lock();
        let sink = &mut |event: &Event<'_>| shared.on_event(*id, event);
        if let Some(state) = handler.begin_chain(subscription, wall, sink) {
            shared.recorder.state(*id, subscription, state, wall);
        }
    }

    fn set_state(&mut self, subscription: &Subscription, state: BookState, wall: UnixNanos) {
        let Self { handler, shared, id, .. } = self;
        let mut shared = shared.lock();
        shared.recorder.state(*id, subscription, state, wall);
        let sink = &mut |event: &Event<'_>| shared.on_event(*id, event);
        handler.set_state(subscription, state, wall, sink);
    }

    pub(super) fn set_all_states(&mut self, state: BookState) {
        let wall = self.clock.now().1;
        let Self { handler, shared, id, .. } = self;
        let mut shared = shared.lock();
        shared.recorder.note(*id, Noted::States, wall, || state.name());
        handler.set_all_states(state, wall, &mut |event: &Event<'_>| shared.on_event(*id, event));
    }

    /// Has this connection, a replacement, report once it is ready.
    pub(in crate::client) fn request_ready_report(&mut self) {
        self.ready_report = Some(self.clock.mono());
    }

    /// Reports to the supervisor, where it waits for that, that this connection is ready.
    pub(super) fn report_ready(&mut self) {
        let is_due = self.ready_report.is_some() && std::mem::take(&mut self.states_changed);
        if is_due && self.is_ready() {
            self.complete_handover();
        }
    }

    /// Completes a handover that has taken too long without a book that does not come: it may not
    /// come to the other connection either.
    pub(super) fn check_handover_timeout(&mut self, now: MonoNanos) {
        let waited = self.ready_report.map(|since| now.since(since));
        if waited.is_some_and(|waited| waited >= HANDOVER_TIMEOUT) && self.session.is_settled() {
            self.complete_handover();
        }
    }

    fn complete_handover(&mut self) {
        self.ready_report = None;
        self.shared.lock().report(ConnectionEvent::Ready(self.id));
    }

    /// Whether everything that is subscribed has come on this connection, and is not in doubt.
    fn is_ready(&self) -> bool {
        let has_come = |slot: &Slot| match slot.state() {
            BookState::Live | BookState::Down(_) => true,
            // There is no snapshot of trades, nor of what has no first push. From the
            // acknowledgement on none is missed.
            BookState::AwaitingSnapshot => {
                let first = slot.subscription().channel().first_push();
                slot.trades().is_some() || first == FirstPush::Nothing
            }
            BookState::Stale | BookState::Connecting | BookState::Resyncing => false,
        };
        self.session.is_settled() && self.handler.slots().iter().all(has_come)
    }

    pub(super) fn stats(&mut self) -> ConnectionStats {
        self.renew_stats(self.clock.mono());
        self.stats.clone()
    }

    /// Publishes the counters, where that was long ago by the time of the last frame.
    pub(super) fn publish_due(&mut self) {
        let last = self.thread.last_frame.get();
        if last.since(self.published_at) >= PUBLISH_INTERVAL {
            self.publish_stats(last);
        }
    }

    /// Publishes the counters for other threads. Allocates nothing but for the reason of a loss.
    pub(super) fn publish_stats(&mut self, now: MonoNanos) {
        self.published_at = now;
        self.renew_stats(now);
        self.published.publish(|to| to.copy_from(&self.stats));
    }

    /// Brings the counters that others keep into those of the connection.
    fn renew_stats(&mut self, now: MonoNanos) {
        let ready = self.is_ready();
        let Self { stats, handler, session, .. } = self;
        stats.feed = *handler.stats();
        stats.session = *session.stats();
        stats.live = handler.slots().iter().filter(|slot| slot.state().is_live()).count();
        stats.ts_event = handler.slots().iter().map(Slot::ts_event).max().unwrap_or_default();
        stats.refused = session.refused_now();
        stats.requests_left = session.requests_left(now);
        stats.lag = handler.lag();
        stats.round_trip = session.round_trip();
        stats.ready = ready;
    }
}
