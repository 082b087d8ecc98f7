//! One subscription and its state on this connection.

use std::time::Duration;

use super::config::SessionConfig;
use super::reply_match::names;
use super::resync_backoff::ResyncBackoff;
use super::types::SessionEvent;
use super::unsubscribes::{PendingUnsubscribes, names_one};
use crate::model::{FirstPush, MonoNanos, Subscription};

pub(super) const NEVER: MonoNanos = MonoNanos(u64::MAX);

/// One subscription.
#[derive(Clone, Debug)]
pub(super) struct SubscriptionState {
    pub(super) subscription: Subscription,
    pub(super) stage: Stage,
    /// The last request on this connection that subscribed it; 0 before the first.
    pub(super) requested_by: u64,
    /// The pauses between resyncs.
    pub(super) resyncs: ResyncBackoff,
    /// The pauses after refusals.
    pub(super) refusals: ResyncBackoff,
    /// When it is to be resynchronised, for a snapshot or because it is silent.
    pub(super) resync_at: Option<MonoNanos>,
    /// Since when the first push after the acknowledgement is awaited.
    pub(super) awaits: Option<MonoNanos>,
    /// When a REST snapshot is requested next, while the order book is not live.
    pub(super) snapshot_at: Option<MonoNanos>,
    /// The first request for a snapshot whose answer may be used.
    pub(super) snapshots_from: u64,
    /// The pauses between such requests.
    pub(super) snapshots: ResyncBackoff,
    /// How often in a row the first push did not come in time.
    pub(super) late: u8,
    /// How often an isolated request for it was not answered on this connection.
    pub(super) unanswered: u8,
    /// When the exchange refused it by an error last.
    pub(super) error_at: Option<MonoNanos>,
    /// How often in a row the exchange closed the connection right after such an error.
    pub(super) closes: u8,
}

/// Which other subscriptions may share its request: one bad argument may spoil the answers to a
/// whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batching {
    /// All others that are new.
    Normal,
    /// Others that were refused before.
    Retried,
    /// None: a request of its own.
    Isolated,
}

/// The stage of a subscription on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// To be requested.
    Pending(Batching),
    /// To be requested at `until`: the exchange was too busy.
    Paused { until: MonoNanos },
    /// Requested and not answered.
    Sent { at: MonoNanos, id: u64, isolated: bool },
    /// Acknowledged.
    Acknowledged,
    /// Refused or ended by the exchange at `at`. Requested again at `until`, after a login that
    /// succeeds where it was refused for lack of one, and on the next connection.
    Refused { at: MonoNanos, until: MonoNanos, login: bool },
}

impl SubscriptionState {
    pub(super) const fn new(subscription: Subscription) -> Self {
        Self {
            subscription,
            stage: Stage::Pending(Batching::Normal),
            requested_by: 0,
            resyncs: ResyncBackoff::NEW,
            refusals: ResyncBackoff::NEW,
            resync_at: None,
            awaits: None,
            snapshot_at: None,
            snapshots_from: 0,
            snapshots: ResyncBackoff::NEW,
            late: 0,
            unanswered: 0,
            error_at: None,
            closes: 0,
        }
    }

    /// Whether the exchange may send data for it, as far as is known.
    pub(super) const fn is_requested(&self) -> bool {
        matches!(self.stage, Stage::Sent { .. } | Stage::Acknowledged)
    }

    /// Whether an answer or data can be its own: it was requested on this connection, and no
    /// unsubscribe request is pending.
    pub(super) fn may_be_answered(&self, unsubscribes: &PendingUnsubscribes) -> bool {
        self.is_requested() || self.requested_by != 0 && !unsubscribes.has(&self.subscription)
    }

    /// Whether it is refused now.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.stage, Stage::Refused { .. })
    }

    /// The request for it that is not answered.
    pub(super) const fn request(&self) -> Option<u64> {
        match self.stage {
            Stage::Sent { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether it is in flight in a request of its own.
    pub(super) const fn is_isolated(&self) -> bool {
        matches!(self.stage, Stage::Sent { isolated: true, .. })
    }

    /// The exchange has acknowledged it; most channels send a first push.
    pub(super) fn acknowledge(&mut self, config: &SessionConfig, now: MonoNanos) {
        (self.stage, self.unanswered) = (Stage::Acknowledged, 0);
        self.awaits = match self.subscription.channel().first_push() {
            FirstPush::Value | FirstPush::LastKnown => Some(now),
            FirstPush::Nothing => None,
        };
        if config.requests_snapshots(&self.subscription) {
            self.request_snapshot(config, now);
        }
    }

    /// Plans a request for a snapshot, unless one is planned.
    pub(super) fn request_snapshot(&mut self, config: &SessionConfig, now: MonoNanos) {
        if self.snapshot_at.is_none() {
            let pause = self.snapshots.next_pause(&config.snapshot_requests, now);
            self.snapshot_at = Some(now + pause.max(config.snapshot_age));
        }
    }

    /// A chain of updates begins that the next snapshot is to be joined with: what was requested
    /// before may be older. The next request has the number `next`.
    pub(super) fn begin_chain(&mut self, next: u64, config: &SessionConfig, now: MonoNanos) {
        self.snapshots_from = next;
        self.request_snapshot(config, now);
        self.snapshot_at = self.snapshot_at.max(Some(now + config.snapshot_age));
    }

    /// The event where an order book's updates begin another chain: its old stream and its new one
    /// may have a sequence reset between them, after which numbers recur.
    pub(super) fn chain_begins(&self, config: &SessionConfig) -> Option<SessionEvent> {
        let begins = config.requests_snapshots(&self.subscription);
        begins.then_some(SessionEvent::ChainBegins(self.subscription))
    }

    /// How long the first push may take.
    const fn push_timeout(&self, config: &SessionConfig) -> Duration {
        match config.requests_snapshots(&self.subscription) {
            true => config.sbe_update_timeout,
            false => config.snapshot_timeout,
        }
    }

    /// Whether the first push has not come in time.
    pub(super) fn is_push_late(&self, config: &SessionConfig, now: MonoNanos) -> bool {
        self.awaits.is_some_and(|at| at + self.push_timeout(config) <= now)
    }

    /// The exchange has refused it or ended it: it is requested again after a pause that grows with
    /// each refusal.
    pub(super) fn refuse(&mut self, login: bool, config: &SessionConfig, now: MonoNanos) {
        let until = now + self.refusals.next_nonzero_pause(&config.resync, now);
        self.stage = Stage::Refused { at: now, until, login };
        (self.resync_at, self.awaits, self.unanswered) = (None, None, 0);
        self.snapshot_at = None;
    }

    /// Requests it again, and unsubscribes it first where it is active.
    pub(super) fn restart(&mut self, unsubscribes: &mut PendingUnsubscribes) {
        if self.is_requested() {
            unsubscribes.push(self.subscription);
        }
        self.request_again();
    }

    /// Requests it again, as if it were not active.
    pub(super) const fn request_again(&mut self) {
        self.stage = Stage::Pending(Batching::Normal);
        (self.resync_at, self.awaits, self.snapshot_at) = (None, None, None);
    }

    /// Whether an error about a request may be about this part of it: its text names it, or names
    /// none.
    pub(super) fn is_meant(&self, message: &str) -> bool {
        !names_one(message) || names(message, &self.subscription)
    }

    /// When a timeout is due that is not a resynchronisation.
    pub(super) fn due(&self, config: &SessionConfig) -> MonoNanos {
        match self.stage {
            // A refused one waits for the quota too, see `Subscriptions::plan`.
            Stage::Pending(_) | Stage::Refused { .. } => NEVER,
            Stage::Paused { until } => until,
            Stage::Sent { at, .. } => at + config.ack_timeout,
            Stage::Acknowledged => {
                let push = self.awaits.map_or(NEVER, |at| at + self.push_timeout(config));
                push.min(self.snapshot_at.unwrap_or(NEVER))
            }
        }
    }

    /// When it is to be resynchronised, or requested again after a refusal.
    pub(super) fn repeat_due(&self) -> Option<MonoNanos> {
        match self.stage {
            Stage::Acknowledged => self.resync_at,
            Stage::Refused { until, .. } => Some(until),
            _ => None,
        }
    }
}
